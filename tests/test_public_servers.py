"""Public MCP servers behind coatcheck, compared with the same servers spoken to directly."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import anyio
import pytest
from outside import COATCHECK, bench, installed, node_bin, npm_server, program, pypi_server, run

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import Tool

pytestmark = pytest.mark.slow

Mode = Literal["auto", "legacy"]
SECONDS = 60
FETCH = "fetch_artifact"
NAMES = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
PLAIN_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
COMMITS = "git init -qb main && for i in $(seq 100); do git commit -q --allow-empty -m c$i; done"
OUR_PROMPT = "savings"


@dataclass(frozen=True, slots=True)
class Server:
    """A public server, its calls with small results, and one whose result is shortened.

    FOLDER in words and arguments stands for a repository with a big file and 100 commits.
    """

    command: Callable[[], list[str]]
    small: Sequence[tuple[str, Mapping[str, Any]]]
    big: tuple[str, Mapping[str, Any]] | None = None


SERVERS = {
    "filesystem": Server(
        lambda: npm_server("server-filesystem", "FOLDER"),
        [
            ("list_allowed_directories", {}),
            ("read_text_file", {"path": "FOLDER/small.txt"}),
            ("read_text_file", {"path": "/nowhere"}),
        ],
        ("read_text_file", {"path": "FOLDER/big.txt"}),
    ),
    "everything": Server(
        lambda: npm_server("server-everything", "stdio"),
        [
            ("echo", {"message": "hi \u00e9"}),
            ("get-sum", {"a": 2, "b": 3}),
            ("get-tiny-image", {}),
            ("get-structured-content", {"location": "Chicago"}),
            ("get-resource-links", {"count": 3}),
            ("get-annotated-message", {"messageType": "error", "includeImage": True}),
            ("trigger-long-running-operation", {"duration": 1, "steps": 4}),
        ],
    ),
    "git": Server(
        lambda: pypi_server("mcp-server-git", "--repository", "FOLDER"),
        [
            ("git_status", {"repo_path": "FOLDER"}),
            ("git_branch", {"repo_path": "FOLDER", "branch_type": "local"}),
            ("git_show", {"repo_path": "FOLDER", "revision": "nowhere"}),
        ],
        ("git_log", {"repo_path": "FOLDER", "max_count": 100}),
    ),
    "time": Server(
        lambda: pypi_server("mcp-server-time", "--local-timezone", "UTC"),
        [
            ("convert_time", {"source_timezone": "UTC", "time": "16:30", "target_timezone": "UTC"}),
            ("get_current_time", {"timezone": "Nowhere/At_All"}),
        ],
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with a big file and a hundred commits."""
    installed("git")
    made = tmp_path_factory.mktemp("repository")
    lines = (f"2026-11-22T03:00:{i % 60:02} INFO worker {i} ok\n" for i in range(3000))
    environ = {**os.environ, **PLAIN_GIT, **dict.fromkeys(NAMES, "a")}
    subprocess.run(["sh", "-c", COMMITS], cwd=made, env=environ, check=True, timeout=SECONDS)
    (made / "big.txt").write_text("".join(lines))
    (made / "small.txt").write_text("small\n")
    return made


def placed(value: Any, folder: Path) -> Any:
    """Return words or arguments with FOLDER replaced."""
    if isinstance(value, str):
        return value.replace("FOLDER", str(folder))
    if isinstance(value, Mapping):
        return {key: placed(member, folder) for key, member in value.items()}
    return [placed(member, folder) for member in value] if isinstance(value, list) else value


async def introduced(client: "Client") -> dict[str, Any]:
    """Return what the server says of itself, without its tools and the prompt that we add."""
    heard: dict[str, Any] = {
        "version": client.protocol_version,
        "server": client.server_info,
        "capabilities": client.server_capabilities,
        "instructions": client.instructions,
    }
    if client.server_capabilities.resources:
        heard["resources"] = (await client.list_resources()).resources
        heard["read"] = [await client.read_resource(r.uri) for r in heard["resources"][:2]]
    if client.server_capabilities.prompts:
        listed = await client.list_prompts()
        theirs = [prompt for prompt in listed.prompts if prompt.name != OUR_PROMPT]
        heard["prompts"] = listed.model_copy(update={"prompts": theirs})
    return heard


async def answered(client: "Client", server: Server, folder: Path) -> list[Any]:
    """Return the answers to the small calls, to an unknown tool, and the progress told."""
    from mcp import MCPError

    steps: list[float] = []

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    answers: list[Any] = [steps]
    for name, arguments in [*server.small, ("nope", {})]:
        given = placed(arguments, folder)
        try:
            answers.append(await client.call_tool(name, given, progress_callback=step))
        except MCPError as error:
            answers.append(error.error)
    return answers


def unread() -> TextIO:
    """Return a log that nobody reads."""
    return Path(os.devnull).open("w")


async def connect(
    stack: AsyncExitStack, command: list[str], mode: Mode, **environ: str
) -> "Client":
    """Return a client of a server; the look-ups of git and node need our own surroundings."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    log = stack.enter_context(unread())
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env={**os.environ, **PLAIN_GIT, **environ}
    )
    transport = stdio_client(parameters, log)
    client = Client(transport, mode=mode, read_timeout_seconds=SECONDS)
    return await stack.enter_async_context(client)


async def fetched(client: "Client", ref: str) -> str:
    """Return the whole text of an artifact, page by page."""
    pages: list[str] = []
    header = "page 0 of 1,"
    while (seen := re.search(r"page (\S+) of (\S+),", header)) and seen[1] != seen[2]:
        found = await client.call_tool(FETCH, {"ref": ref, "page": len(pages) + 1})
        header, _, page = text_of(found).partition("\n")
        pages.append(page)
    return "".join(pages)


def text_of(result: Any) -> str:
    """Return the text of a result with one block."""
    (block,) = result.content
    return str(block.text)


def bare(tools: "Sequence[Tool]") -> "list[Tool]":
    """Return tools without the schemas of what they return."""
    return [tool.model_copy(update={"output_schema": None}) for tool in tools]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", SERVERS)
async def test_switched_off_a_public_server_says_what_it_says_directly(
    name: str, mode: Mode, folder: Path
) -> None:
    server = SERVERS[name]
    command = placed(server.command(), folder)
    heard = []
    for words in (command, [*COATCHECK, "--", *command]):
        with anyio.fail_after(SECONDS):
            async with AsyncExitStack() as stack:
                client = await connect(stack, words, mode, COATCHECK="off")
                tools = (await client.list_tools()).tools
                said = await introduced(client)
                heard.append((said, tools, await answered(client, server, folder)))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", SERVERS)
async def test_of_a_public_server_only_tools_and_big_results_change(
    name: str, mode: Mode, folder: Path, tmp_path: Path
) -> None:
    server = SERVERS[name]
    command = placed(server.command(), folder)
    with anyio.fail_after(2 * SECONDS):
        async with AsyncExitStack() as stack:
            direct = await connect(stack, command, mode)
            plain = (await introduced(direct), await answered(direct, server, folder))
            tools = (await direct.list_tools()).tools
            big = server.big and await direct.call_tool(
                server.big[0], placed(server.big[1], folder)
            )
        async with AsyncExitStack() as stack:
            home = str(tmp_path / "home")
            wrapped = await connect(stack, [*COATCHECK, "--", *command], mode, COATCHECK_HOME=home)
            changed = (await introduced(wrapped), await answered(wrapped, server, folder))
            listed = (await wrapped.list_tools()).tools
            if server.big:
                view = await wrapped.call_tool(server.big[0], placed(server.big[1], folder))
                ref = re.search(r"cc_[0-9a-z]{12,}", text_of(view))
                assert ref
                whole = await fetched(wrapped, ref[0])
    assert changed == plain
    assert (listed[-1].name, listed[:-1]) == (FETCH, bare(tools))
    if big:
        assert len(text_of(view)) < len(text_of(big)) / 2
        assert view.structured_content is None
        assert whole == text_of(big)


def test_the_inspector_sees_no_difference_when_switched_off() -> None:
    script = ["bash", bench("proxy/inspect_diff.sh"), program("mcp-inspector"), "off"]
    upstream = npm_server("server-everything", "stdio")
    environ = {"COATCHECK": "off", "PATH": f"{node_bin()}:{os.environ['PATH']}"}
    lines = run([*script, *COATCHECK, "--name", "up", "--", "--", *upstream], environ)
    assert lines[-1] == "off: 12 same of 12"


# What is meant to change: the tools gain fetch_artifact and lose outputSchema, so their count
# changes too, and a big text is shortened.
MEANT = {"tools_list", "modern", "big16"}


@pytest.mark.parametrize(("environ", "changes"), [({"COATCHECK": "off"}, set()), ({}, MEANT)])
def test_fidelity(environ: dict[str, str], changes: set[str], tmp_path: Path) -> None:
    command = shlex.join([*COATCHECK, "--name", "up", "--", "{upstream}"])
    lines = run(
        [sys.executable, bench("proxy/fidelity.py"), "--name", "coatcheck", "--cmd", command],
        {"COATCHECK_HOME": str(tmp_path / "home"), **environ},
    )
    verdicts = [line.split()[1:3] for line in lines[:-1]]
    assert {check for check, verdict in verdicts if verdict not in {"ok", "info"}} == changes
    assert len(verdicts) == 22
