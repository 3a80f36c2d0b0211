"""coatcheck.wrap_servers puts coatcheck in front of the servers of an agent in Python."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters

import coatcheck
from coatcheck.cli.run import parse

OURS = [sys.executable, "-m", "coatcheck.cli"]
SERVERS: dict[str, Any] = {
    "files": {"command": "npx", "args": ["-y", "server-files", "--", "/x"], "env": {"A": "b"}},
    "bare": {"type": "stdio", "command": "server"},
    "docs": {
        "type": "http",
        "url": "https://x.example/mcp",
        "headers": {"Authorization": "Bearer s"},
    },
    "old": {"transport": "sse", "url": "https://x.example/sse"},
    "new": {"transport": "streamable_http", "url": "https://x.example/mcp", "timeout": 5},
}


def test_every_usual_entry_is_wrapped() -> None:
    before = copy.deepcopy(SERVERS)
    wrapped = coatcheck.wrap_servers(SERVERS)
    assert before == SERVERS
    assert {name: [entry["command"], *entry["args"]] for name, entry in wrapped.items()} == {
        "files": [*OURS, "run", "--name", "files", "--", "npx", *SERVERS["files"]["args"]],
        "bare": [*OURS, "run", "--name", "bare", "--", "server"],
        "docs": [
            *(*OURS, "run", "--name", "docs", "--url", "https://x.example/mcp"),
            *("--header-env", "Authorization=COATCHECK_HEADER_1"),
        ],
        "old": [
            *(*OURS, "run", "--name", "old", "--url", "https://x.example/sse"),
            *("--transport", "sse"),
        ],
        "new": [
            *(*OURS, "run", "--name", "new", "--url", "https://x.example/mcp"),
            *("--transport", "streamable_http"),
        ],
    }
    assert wrapped["files"]["env"] == {"A": "b"}
    assert wrapped["docs"]["env"] == {"COATCHECK_HEADER_1": "Bearer s"}
    kinds = [entry.get("type") or entry.get("transport") for entry in wrapped.values()]
    assert kinds == [None, "stdio", "stdio", "stdio", "stdio"]
    assert "timeout" not in wrapped["new"]  # LangChain hands all of it to what starts a command
    assert not any("url" in entry or "headers" in entry for entry in wrapped.values())


def test_wrapping_twice_changes_nothing() -> None:
    once = coatcheck.wrap_servers(SERVERS)
    assert coatcheck.wrap_servers(once) == once


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "sdk", "name": "x", "instance": object()},
        object(),
        {"url": "https://x.example/mcp", "auth": "oauth"},
        {"url": "https://x.example/mcp?token=abc"},
        {"type": "ws", "url": "wss://x.example/mcp"},
    ],
)
def test_what_only_the_program_can_reach_stays_as_it_is(entry: object) -> None:
    assert coatcheck.wrap_servers({"one": entry})["one"] is entry


def test_coatcheck_may_be_installed_elsewhere() -> None:
    entry = coatcheck.wrap_servers({"a": {"command": "x"}}, command=["/opt/bin/coatcheck"])["a"]
    assert entry == {"command": "/opt/bin/coatcheck", "args": ["run", "--name", "a", "--", "x"]}


@given(st.text(min_size=1).filter(lambda name: not name.startswith("-")), st.lists(st.text()))
def test_every_command_line_is_understood(name: str, args: list[str]) -> None:
    entry = coatcheck.wrap_servers({name: {"command": "x", "args": args}})[name]
    words = entry["args"]
    options = parse(words[words.index("run") + 1 :])
    assert (options.name, list(options.command)) == (name, ["x", *args])


def test_importing_coatcheck_imports_nothing_of_it() -> None:
    code = "import coatcheck, sys; print([m for m in sys.modules if m.startswith('coatcheck.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        _ = coatcheck.something_else


def test_wrapping_needs_the_standard_library_alone() -> None:
    code = "import sys; before = set(sys.modules); import coatcheck; coatcheck.wrap_servers({});"
    code += "print({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "{'coatcheck'}"


SERVER = """
from mcp.server import MCPServer
server = MCPServer("s")
@server.tool()
def lines() -> str:
    return "\\n".join(f"line {n} of something" for n in range(5000))
server.run()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a server and the usual file that names it."""
    (tmp_path / "server.py").write_text(SERVER)
    env = {"COATCHECK_HOME": str(tmp_path / "home")}
    entry = {"command": sys.executable, "args": [str(tmp_path / "server.py")], "env": env}
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": {"one": entry}}))
    return tmp_path


async def test_a_wrapped_entry_starts_the_server_behind_coatcheck(project: Path) -> None:
    servers = json.loads((project / ".mcp.json").read_text())["mcpServers"]
    wrapped = coatcheck.wrap_servers(servers)["one"]
    async with Client(StdioServerParameters(**wrapped)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert tools == ["lines", "fetch_artifact"]
        result = await client.call_tool("lines", {})
        assert "[coatcheck: " in str(result.content[0])


def test_the_example_with_the_sdk_prints_a_view(project: Path) -> None:
    example = Path(__file__).parents[1] / "examples/mcp_client.py"
    done = subprocess.run(
        [sys.executable, str(example), "one", "lines", "{}"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=project,
    )
    assert done.stdout.startswith("[coatcheck: "), done.stderr
