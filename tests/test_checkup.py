"""coatcheck doctor looks at every wrapped server, with and without coatcheck."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from users import User

from coatcheck.cli import launcher
from coatcheck.cli.checkup import Entry, Finding, verdict
from coatcheck.cli.handshake import Greeting
from coatcheck_adapters.clients import claude_code, codex

SERVER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    tools = [{"name": name, "inputSchema": {"type": "object"}} for name in sys.argv[1:]]
    results = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "x", "version": "1"},
        },
        "tools/list": {"tools": tools},
    }
    if asked["method"] in results and "BROKEN" not in os.environ:
        answer["result"] = results[asked["method"]]
    else:
        answer["error"] = {"code": -32601, "message": "no"}
    print(json.dumps(answer), flush=True)
"""


def looked_at(user: User, code: int = 0) -> dict[str, Finding]:
    found = json.loads(user.run("doctor", "--json", code=code))
    return {one["what"]: Finding(**one) for one in found}


def servers(user: User, **entries: object) -> Path:
    return user.write("./.mcp.json", json.dumps({"mcpServers": entries}))


def good(user: User, *tools: str, **env: str) -> dict[str, object]:
    script = user.write("server.py", SERVER)
    return {"command": sys.executable, "args": [str(script), *tools], "env": env}


def test_a_server_with_the_same_tools_is_well(user: User) -> None:
    servers(user, one=good(user, "list", "get"))
    user.run("wrap", "--yes")
    before = list(Path(user.home / "state").rglob("*"))
    seen = looked_at(user)["claude-code one"]
    assert seen.seen.startswith("2 tools, ")
    assert "of them ours" in seen.seen
    assert not seen.fix
    after = {path.name for path in (user.home / "state").rglob("*")}
    assert "ledger.db" not in after - {path.name for path in before}


def test_a_server_that_does_not_answer_by_itself_is_told_from_one_of_ours(
    user: User,
) -> None:
    servers(user, dead={"command": "/bin/false"}, odd=good(user, BROKEN="1"))
    user.run("wrap", "--yes")
    found = looked_at(user, code=1)
    for name in ("dead", "odd"):
        assert "the server itself does not answer" in found[f"claude-code {name}"].seen
    assert found["claude-code dead"].fix == "run its command by hand: /bin/false"


def test_an_entry_whose_coatcheck_does_not_answer_is_told(user: User) -> None:
    servers(user, one=good(user, "list"))
    user.run("wrap", "--yes")
    Path(user.launcher).write_text("#!/bin/sh\nexit 1\n")
    found = looked_at(user, code=1)
    assert "run `coatcheck wrap`" in found["launcher"].fix
    assert "no answer through coatcheck" in found["claude-code one"].seen
    assert "the server alone answers" in found["claude-code one"].seen
    Path(user.launcher).unlink()
    assert looked_at(user, code=1)["claude-code one"].fix == "run `coatcheck wrap`"


def test_an_entry_with_a_coatcheck_of_its_own_needs_no_launcher(user: User) -> None:
    script = str(user.write("server.py", SERVER))
    own = str(Path(sys.executable).with_name("coatcheck"))
    words = ["run", "--name", "one", "--", sys.executable, script, "list", "get"]
    entry = {"command": own, "args": words}
    servers(user, one=entry)
    found = looked_at(user)
    assert found["claude-code one"].seen.startswith("2 tools, ")
    assert "launcher" not in found


def test_references_are_filled_in_as_the_client_does_it(
    user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = good(user, "${FIRST:-list}", NAME="${TOKEN_OF_THIS}")
    servers(user, one=entry)
    user.run("wrap", "--yes")
    assert looked_at(user)["claude-code one"].seen == (
        "not looked at, because TOKEN_OF_THIS is not set here"
    )
    monkeypatch.setenv("TOKEN_OF_THIS", "x")
    assert looked_at(user)["claude-code one"].seen.startswith("1 tool, ")


def test_a_server_of_codex_gets_few_variables(
    user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = user.write("server.py", SERVER)
    command = f"command = {json.dumps(sys.executable)}\nargs = [{json.dumps(str(script))}, 'list']"
    user.write(".codex/config.toml", f"[mcp_servers.one]\n{command}\n")
    user.run("wrap", "--yes")
    monkeypatch.setenv("BROKEN", "it would not answer")
    assert looked_at(user)["codex one"].seen.startswith("1 tool, ")


@pytest.fixture
def far(user: User) -> Iterator[str]:
    """Give the address of a server that is reached over HTTP."""
    server = user.write("server.py", SERVER)
    gateway = Path(__file__).parent / "upstreams/gateway.py"
    command = [sys.executable, str(gateway), "--kind", "json", "--"]
    process = subprocess.Popen(
        [*command, sys.executable, str(server), "list"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_a_remote_server_is_greeted_through_coatcheck(user: User, far: str) -> None:
    servers(
        user,
        near={"type": "http", "url": far, "headers": {"X-Key": "k"}},
        gone={"type": "http", "url": "http://127.0.0.1:9/mcp"},
    )
    user.run("wrap", "--yes")
    found = looked_at(user, code=1)
    assert found["claude-code near"].seen.startswith("1 tool, ")
    assert not found["claude-code near"].fix
    assert "no answer through coatcheck" in found["claude-code gone"].seen
    assert "see its address" in found["claude-code gone"].fix


def test_a_file_that_does_not_parse_is_told(user: User) -> None:
    user.write("./.mcp.json", "{")
    assert looked_at(user, code=1)["Claude Code"].fix == "correct the file"


def test_the_version_of_a_client_is_told_beside_the_one_that_was_tried(
    user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers(user, one={"command": "x"})
    program = user.write("bin/claude", "#!/bin/sh\necho '9.8.7 (Claude Code)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    tried = claude_code.DIALECT.tried
    assert looked_at(user)["client"].seen == f"Claude Code 9.8.7 (tried with {tried})"


def entry(*, client: object = claude_code.DIALECT, remote: bool = False) -> Entry:
    words = ["coatcheck", "run", "--name", "one", *(["--url", "u"] if remote else ["--", "server"])]
    return Entry("one", client, words, {}, None, Path("x"))  # type: ignore[arg-type]  # a Dialect


def test_tools_that_are_not_the_same_are_named() -> None:
    direct, through = Greeting(0.1, {"a": "1", "b": "2"}), Greeting(0.2, {"b": "2", "c": "3"})
    found = verdict("x", entry(), direct, through, len)
    assert found.seen.endswith("; without a, with c")
    assert "coatcheck unwrap --only one" in found.fix


def test_definitions_are_counted_with_ours_apart() -> None:
    through = Greeting(0.2, {"a": "12345", "fetch_artifact": "123"})
    assert "8 tokens of definitions, 3 of them ours" in (
        verdict("x", entry(), Greeting(0.1, {"a": "12345"}), through, len).seen
    )
    alone = verdict("x", entry(remote=True), None, through, len)
    assert alone.seen == "1 tool, 8 tokens of definitions; 0.2 s to start"


@pytest.mark.parametrize(("client", "late"), [(codex.DIALECT, True), (claude_code.DIALECT, False)])
def test_a_start_that_the_client_does_not_wait_for_is_told(client: object, late: bool) -> None:
    found = verdict("x", entry(client=client), Greeting(1.9), Greeting(2.1), len)
    assert bool(found.fix) is late


def test_a_server_that_stands_in_two_files_the_same_is_looked_at_once(
    user: User,
) -> None:
    one = good(user, "list")
    servers(user, one=one)
    user.write(".claude.json", json.dumps({"mcpServers": {"one": one}}))
    user.run("wrap", "--yes")
    found = json.loads(user.run("doctor", "--json"))
    assert [f["what"] for f in found].count("claude-code one") == 1
    assert launcher.is_current(user.home / "state")
    assert shlex.quote(sys.executable) in Path(user.launcher).read_text()
