"""Every feature through every pair of eras, fronts and transports, with the SDK's own client."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from conftest import MAIN, UPSTREAMS
from mcp import Client, MCPError, StdioServerParameters
from pydantic import FileUrl

SERVER = str(UPSTREAMS / "eras.py")
BOUND_SECONDS = 30
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


def cells() -> Iterator[Any]:
    for front in ("stdio",):
        for transport in ("stdio", "http", "sse"):
            for server in ("modern", "handshake"):
                for agent in MODES:
                    cell = Cell(agent, front, transport, server)
                    slow = (front, transport) not in (("stdio", "stdio"), ("stdio", "http"))
                    marks = [pytest.mark.slow] if slow else []
                    yield pytest.param(cell, marks=marks, id=str(cell))


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
def running() -> Iterator[Callable[..., str]]:
    """Start a process that writes its port; give the port. The same words give the same one."""
    started: dict[tuple[str, ...], tuple[subprocess.Popen[str], str]] = {}

    def port(*words: str, **environ: str) -> str:
        if words not in started:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, text=True, env={**os.environ, **environ}
            )
            assert process.stdout is not None
            started[words] = process, process.stdout.readline().strip()
        return started[words][1]

    yield port
    for process, _ in started.values():
        process.terminate()
        process.communicate(timeout=BOUND_SECONDS)


def stdio_front(cell: Cell, home: Path, running: Callable[..., str]) -> Any:
    words = ["-c", MAIN, "run", "--name", "up"]
    if cell.transport == "stdio":
        words += ["--", sys.executable, SERVER, cell.server]
    else:
        port = running(sys.executable, SERVER, cell.server, f"--{cell.transport}")
        path = "sse" if cell.transport == "sse" else "mcp"
        words += ["--url", f"http://127.0.0.1:{port}/{path}"]
    return StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))


@pytest.fixture(scope="module", params=cells())
async def session(
    request: Any,
    anyio_backend: str,
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[..., str],
) -> AsyncIterator[Session]:
    cell: Cell = request.param
    front = stdio_front(cell, tmp_path_factory.mktemp("home"), running)
    told: list[object] = []

    async def take(message: object) -> None:
        told.append(message)
        made.news.set()

    client = Client(
        front,
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


@pytest.mark.parametrize("server", ["handshake"])
async def test_a_client_without_the_handshake_gets_an_error_and_no_empty_list(
    server: str, tmp_path: Path, running: Callable[..., str]
) -> None:
    front = stdio_front(Cell("modern", "stdio", "stdio", server), tmp_path, running)
    async with Client(front, mode="2026-07-28", read_timeout_seconds=BOUND_SECONDS) as client:
        with pytest.raises(MCPError):
            await client.list_tools()
