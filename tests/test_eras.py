"""Every feature through every pair of eras, fronts and transports, with the SDK's own client."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import mcp_types as types
import pytest
from conftest import MAIN, UPSTREAMS
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from pydantic import FileUrl

SERVER = str(UPSTREAMS / "eras.py")
BOUND_SECONDS = 30
Running = Callable[..., str]
MODES = {"modern": "auto", "handshake": "legacy"}
TOOLS = {"echo", "progress", "wait", "elicit", "sample", "roots", "add", "fail", "big"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Who speaks what, and how: an agent of an era through a front to a server of an era."""

    agent: str
    front: str
    transport: str
    server: str

    def __str__(self) -> str:
        return f"{self.agent}-{self.front}-{self.transport}-{self.server}"


# The front run is one upstream on stdio, serve all of a config on stdio, http the same over HTTP.
FRONTS = ("run", "serve", "http")
TRANSPORTS = ("stdio", "http", "sse")


def is_fast(cell: Cell) -> bool:
    """Tell whether a cell is always tried; the others are for .ci/full."""
    near = (cell.front, cell.transport) in {("run", "stdio"), ("run", "http"), ("http", "stdio")}
    return near and (cell.agent, cell.server) == ("handshake", "modern")


def cells() -> Iterator[Any]:
    for front, transport, server, agent in product(FRONTS, TRANSPORTS, MODES, MODES):
        cell = Cell(agent, front, transport, server)
        yield pytest.param(cell, marks=[] if is_fast(cell) else [pytest.mark.slow], id=str(cell))


@dataclass(slots=True)
class Session:
    """A client through coatcheck, and what it was asked and told."""

    cell: Cell
    client: Client
    told: list[object] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def is_modern(self) -> bool:
        return self.client.protocol_version == "2026-07-28"

    async def call(self, tool: str, **arguments: Any) -> types.CallToolResult:
        with anyio.fail_after(BOUND_SECONDS):
            return await self.client.call_tool(tool, arguments)

    async def said(self, tool: str, **arguments: Any) -> str:
        result = await self.call(tool, **arguments)
        assert isinstance(result.content[0], types.TextContent)
        return result.content[0].text


async def accept(context: Any, params: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"answer": "a"})


async def sampled(context: Any, params: types.CreateMessageRequestParams) -> Any:
    assert params.max_tokens == 9
    text = types.TextContent(text="sampled")
    return types.CreateMessageResult(role="assistant", content=text, model="m")


async def two_roots(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=FileUrl(f"file:///{n}")) for n in "ab"])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Share one event loop among the tests, which share their clients."""
    return "asyncio"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Start a server that writes where it listens; give that line. Each is started once."""
    said: dict[tuple[str, ...], str] = {}

    with ExitStack() as stack:

        def begun(*words: str) -> str:
            if words not in said:
                process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
                assert process.stdout is not None
                said[words] = process.stdout.readline()
                rest = Thread(target=process.stdout.read, daemon=True)
                rest.start()
                stack.callback(ended, process, rest)
            return said[words]

        yield begun


def ended(process: "subprocess.Popen[str]", rest: Thread) -> None:
    process.terminate()
    process.wait(BOUND_SECONDS)
    rest.join(BOUND_SECONDS)
    assert process.stdout is not None
    process.stdout.close()


def upstream(cell: Cell, running: Running) -> dict[str, Any]:
    """Return the table of the server in a config; over HTTP and SSE it runs already."""
    if cell.transport == "stdio":
        return {"command": sys.executable, "args": [SERVER, cell.server]}
    port = int(running(sys.executable, SERVER, cell.server, f"--{cell.transport}"))
    path = "sse" if cell.transport == "sse" else "mcp"
    return {"url": f"http://127.0.0.1:{port}/{path}"}


def config(home: Path, **upstreams: dict[str, Any]) -> str:
    """Write a config with these upstreams, under their own names; return its path."""
    lines = ["[serve]", 'names = "flat"', f"wait_seconds = {BOUND_SECONDS}"]
    for name, table in upstreams.items():
        lines += [f"[upstreams.{name}]", *(f"{k} = {json.dumps(v)}" for k, v in table.items())]
    path = home / "config.toml"
    path.write_text("\n".join(lines))
    return str(path)


def coatcheck(*words: str) -> StdioServerParameters:
    """Return how a client starts a coatcheck that lets everything pass."""
    args = ["-c", MAIN, *words]
    return StdioServerParameters(command=sys.executable, args=args, env=dict(os.environ))


def front(cell: Cell, home: Path, running: Running) -> Any:
    """Return what the client of a cell connects to."""
    table = upstream(cell, running)
    if cell.front == "run" and "url" in table:
        return coatcheck("run", "--name", "up", "--url", table["url"])
    if cell.front == "run":
        return coatcheck("run", "--name", "up", "--", table["command"], *table["args"])
    return served(cell.front, config(home, up=table), running)


def served(front_name: str, path: str, running: Running) -> Any:
    """Return what the client of a config connects to."""
    if front_name == "serve":
        return coatcheck("serve", "--config", path)
    shell = f"exec {shlex.join([sys.executable, '-c', MAIN])} serve --config {path} --http 0 2>&1"
    url = re.findall(r"http://\S+", running("sh", "-c", shell))[0]
    return streamable_http_client(url, max_sse_event_size=None)


@pytest.fixture(scope="module", params=cells())
async def session(
    request: Any,
    anyio_backend: str,
    tmp_path_factory: pytest.TempPathFactory,
    running: Running,
) -> AsyncIterator[Session]:
    cell: Cell = request.param
    home = tmp_path_factory.getbasetemp() / f"{cell.transport}-{cell.server}"
    home.mkdir(exist_ok=True)
    told: list[object] = []

    async def take(message: object) -> None:
        told.append(message)
        made.news.set()

    client = Client(
        front(cell, home, running),
        mode=MODES[cell.agent],
        elicitation_callback=accept,
        sampling_callback=sampled,
        list_roots_callback=two_roots,
        message_handler=take,
        cache=None,
        read_timeout_seconds=BOUND_SECONDS,
    )
    made = Session(cell, client, told)
    async with client:
        yield made


async def test_the_eras_of_both_sides_decide_what_the_client_speaks(session: Session) -> None:
    both = session.cell.agent == session.cell.server == "modern" and session.cell.transport != "sse"
    assert session.is_modern is both


async def test_lists_are_whole(session: Session) -> None:
    with anyio.fail_after(BOUND_SECONDS):
        assert {tool.name for tool in (await session.client.list_tools()).tools} >= TOOLS
        assert [p.name for p in (await session.client.list_prompts()).prompts] == ["greet"]
        assert (await session.client.get_prompt("greet")).messages
        resource = (await session.client.list_resources()).resources[0]
        read = await session.client.read_resource(str(resource.uri))
    assert isinstance(read.contents[0], types.TextResourceContents)
    assert read.contents[0].text == "watched text"


async def test_a_call_is_answered_and_the_agent_is_known_as_it_is(session: Session) -> None:
    assert await session.said("echo", text="a é \U0001f600") == "a é \U0001f600"
    version, name, *can = (await session.said("who")).split()
    assert (version, name) == (
        "2026-07-28" if session.cell.server == "modern" else "2025-11-25",
        "mcp",
    )
    assert can == ["elicitation", "roots", "sampling"]


async def test_progress_comes_in_order(session: Session) -> None:
    steps: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    with anyio.fail_after(BOUND_SECONDS):
        await session.client.call_tool("progress", {"steps": 5}, progress_callback=note)
    assert steps == [1, 2, 3, 4, 5]


async def test_a_cancellation_reaches_the_server(session: Session) -> None:
    before = int(await session.said("cancelled"))
    with anyio.fail_after(BOUND_SECONDS), anyio.CancelScope() as scope:

        async def stop(progress: float, total: float | None, message: str | None) -> None:
            scope.cancel()

        await session.client.call_tool("wait", {}, progress_callback=stop)
    assert scope.cancelled_caught
    with anyio.fail_after(BOUND_SECONDS):
        while int(await session.said("cancelled")) == before:
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("elicit", "accept {'answer': 'a'}"),
        ("link", "accept"),
        ("sample", "sampled"),
        ("roots", "file:///a file:///b"),
    ],
)
async def test_the_agent_is_asked(session: Session, tool: str, said: str) -> None:
    assert await session.said(tool) == said


async def test_a_changed_list_is_told(session: Session) -> None:
    session.news = anyio.Event()
    with anyio.fail_after(BOUND_SECONDS):
        if session.is_modern:
            async with session.client.listen(tools_list_changed=True) as changes:
                name = await session.said("add")
                async for _ in changes:
                    break
        else:
            name = await session.said("add")
            while not any(
                isinstance(message, types.ToolListChangedNotification) for message in session.told
            ):
                await session.news.wait()
                session.news = anyio.Event()
        assert name in {tool.name for tool in (await session.client.list_tools()).tools}


async def test_errors_are_those_of_the_server(session: Session) -> None:
    with pytest.raises(MCPError) as raised:
        await session.call("fail")
    error = raised.value.error
    assert (error.code, error.message, error.data) == (-32055, "no such thing", {"n": 1})
    assert (await session.call("wrong")).is_error


async def test_a_result_of_8_megabytes_passes(session: Session) -> None:
    assert len(await session.said("big", bytes=8_000_000)) == 8_000_000


@pytest.mark.parametrize(
    ("front_name", "transport", "server"),
    [*((name, "stdio", "handshake") for name in FRONTS), ("run", "sse", "modern")],
)
async def test_a_client_without_the_handshake_gets_an_error_and_no_empty_list(
    front_name: str, transport: str, server: str, tmp_path: Path, running: Running
) -> None:
    way = front(Cell("modern", front_name, transport, server), tmp_path, running)
    async with Client(way, mode="2026-07-28", read_timeout_seconds=BOUND_SECONDS) as client:
        with pytest.raises(MCPError):
            await client.list_tools()


@pytest.mark.parametrize("agent", MODES)
@pytest.mark.parametrize("front_name", ["serve", pytest.param("http", marks=pytest.mark.slow)])
async def test_servers_of_both_eras_are_served_as_one(
    agent: str, front_name: str, tmp_path: Path, running: Running
) -> None:
    tables = {era: {"command": sys.executable, "args": [SERVER, era]} for era in MODES}
    server = served(front_name, config(tmp_path, **tables), running)
    async with Client(server, mode=MODES[agent], read_timeout_seconds=BOUND_SECONDS) as client:
        versions = set()
        for era in MODES:
            result = await client.call_tool(f"{era}__who", {})
            assert isinstance(result.content[0], types.TextContent)
            versions.add(result.content[0].text.split()[0])
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert versions == {"2025-11-25", "2026-07-28"}
    assert {f"{era}__{tool}" for era in MODES for tool in TOOLS} <= names
