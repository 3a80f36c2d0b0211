"""Real agent clients with entries that `coatcheck wrap` wrote into their own config files."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from outside import bench, npm_server, program, run

import coatcheck
import coatcheck_adapters

AGENTS = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "copilot": "copilot",
    "qwen": "qwen",
}

TRIES = 20
SMALL = {"tool": "fs/read_text_file", "input": {"path": "$CWD/data/small.txt"}}
LONG = {"tool": "fs/read_text_file", "input": {"path": "$CWD/data/long.txt"}}
FETCH = {
    "tool": "fs/fetch_artifact",
    "input": {"ref": "$ID", "grep": "1234"},
    "extract": {"ID": "cc_[0-9a-z]{12,}"},
}

pytestmark = pytest.mark.slow


def wrapping(client: str, folder: Path, *, first: str = "", then: str = "") -> str:
    """Return a program that wraps what it finds in the client's config, then is the client."""
    state = folder / "state"
    command = [sys.executable, "-m", "coatcheck.cli", "wrap", "--yes", "--client", AGENTS[client]]
    script = folder / client
    script.write_text(
        f"#!/bin/sh\n{first}\nCOATCHECK_HOME={shlex.quote(str(state))} {shlex.join(command)}"
        f" >{shlex.quote(str(folder / 'wrapped'))} 2>&1 || exit 9\n{then}\n"
        f'exec {shlex.quote(program(client))} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def play(
    client: str,
    agent: str,
    folder: Path,
    plan: Sequence[object],
    *more: str,
    servers: dict[str, object] | None = None,
) -> list[str]:
    """Let an agent with a plain filesystem server play the plan; return the results it saw."""
    seed = folder / "seed"
    seed.mkdir()
    (seed / "small.txt").write_text("a small file\n")
    (seed / "long.txt").write_text("".join(f"line {n} of a long file\n" for n in range(3000)))
    entry = npm_server("server-filesystem", "$CWD/data")
    servers = servers or {"fs": {"command": entry[0], "args": entry[1:]}}
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    (folder / "plan.json").write_text(json.dumps([*plan, {"text": "done"}]))
    command = [sys.executable, bench("clients/run_agent.py"), "--client", client, "--bin", agent]
    command += ["--mcp", str(folder / "mcp.json"), "--plan", str(folder / "plan.json")]
    run([*command, "--seed", str(seed), "--out", str(folder / "out"), "--quiet", *more])
    results = json.loads((folder / "out/results.json").read_text())["results"]
    return [json.dumps(result) for result in results]


@pytest.mark.parametrize("client", AGENTS)
def test_all_thirteen_checks_hold_with_entries_written_by_wrap(client: str, tmp_path: Path) -> None:
    upstream = ["--fs", shlex.join(npm_server("server-filesystem"))]
    agent = [f"--{client}", wrapping(client, tmp_path)]
    bar = [sys.executable, bench("clients/e2e_bar.py")]
    lines = run([*bar, *upstream, *agent, "--out", str(tmp_path / "out")])
    verdicts = [line.split()[0] for line in lines if line.startswith(("  ok ", "  FAIL "))]
    assert verdicts == ["ok"] * 13
    assert "wrapped: " in (tmp_path / "wrapped").read_text()


@pytest.mark.parametrize("client", AGENTS)
def test_an_agent_still_reaches_its_server_when_coatcheck_is_gone(
    client: str, tmp_path: Path
) -> None:
    launcher = tmp_path / "state/bin/coatcheck"
    gone = f"sed -i s:{sys.executable}:/no/such/python:g {shlex.quote(str(launcher))}"
    results = play(client, wrapping(client, tmp_path, then=gone), tmp_path, [SMALL])
    assert "/no/such/python" in launcher.read_text()
    assert "a small file" in results[0]


@pytest.mark.parametrize("client", ["claude", "codex"])
def test_an_agent_still_reaches_its_server_when_coatcheck_is_broken(
    client: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken/coatcheck/cli/__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("import no_such_module\n")
    (broken.parents[1] / "__init__.py").touch()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/broken exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    launcher = tmp_path / "state/bin/coatcheck"
    spoil = f"sed -i s:{sys.executable}:{python}:g {shlex.quote(str(launcher))}"
    results = play(client, wrapping(client, tmp_path, then=spoil), tmp_path, [SMALL])
    assert str(python) in launcher.read_text()
    assert "a small file" in results[0]


@pytest.mark.parametrize("how", ["remove", "spoil"])
@pytest.mark.parametrize("client", ["claude", "codex"])
def test_a_session_goes_on_when_coatcheck_is_removed_or_upgraded_meanwhile(
    client: str, how: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    folders = [copy / "coatcheck", copy / "coatcheck_adapters"]
    for package, folder in zip((coatcheck, coatcheck_adapters), folders, strict=True):
        shutil.copytree(Path(str(package.__file__)).parent, folder)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={copy} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    launcher = tmp_path / "state/bin/coatcheck"
    own = f"sed -i s:{sys.executable}:{python}:g {shlex.quote(str(launcher))}"
    script = Path(__file__).parents[1] / "upstreams/breaking.py"
    entry = {"command": sys.executable, "args": [str(script), *map(str, folders)]}
    plan = [{"tool": f"own/{tool}", "input": {}} for tool in (how, "lines")]
    agent = wrapping(client, tmp_path, then=own)
    done, lines = play(client, agent, tmp_path, plan, servers={"own": entry})
    assert ("removed" if how == "remove" else "spoiled") in done
    assert "line 0 of a text" in lines


def test_claude_code_lets_the_agent_fetch_where_it_may_read(tmp_path: Path) -> None:
    rules = json.dumps({"permissions": {"allow": ["mcp__fs__read_text_file"]}})
    write = f"mkdir -p .claude; echo {shlex.quote(rules)} >.claude/settings.local.json"
    agent = wrapping("claude", tmp_path, first=write)
    read, found = play("claude", agent, tmp_path, [LONG, FETCH], "--arg=--permission-mode=default")
    assert "[coatcheck: " in read
    assert "line 1234 of a long file" in found


@pytest.fixture
def gateway() -> Iterator[tuple[str, Callable[[], str]]]:
    """Give the address of a remote server, and a function that ends it and says what it saw."""
    script = Path(__file__).parents[1] / "upstreams/gateway.py"
    probe = [sys.executable, bench("clients/probe_server.py")]
    command = [sys.executable, str(script), "--kind", "json", "--", *probe]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().strip()

    def seen() -> str:
        process.terminate()
        return process.communicate(timeout=20)[0]

    try:
        yield f"http://127.0.0.1:{port}/mcp", seen
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("client", AGENTS)
def test_an_agent_reaches_its_remote_server_through_coatcheck(
    client: str, tmp_path: Path, gateway: tuple[str, Callable[[], str]]
) -> None:
    url, seen = gateway
    entry = {"type": "http", "url": url, "headers": {"X-Api-Token": "only for the server"}}
    fetch = {**FETCH, "tool": "far/fetch_artifact", "input": {"ref": "$ID", "grep": "L0123"}}
    plan = [{"tool": "far/text", "input": {"n": 60_000}}, fetch]
    view, found = play(client, wrapping(client, tmp_path), tmp_path, plan, servers={"far": entry})
    assert "[coatcheck: " in view
    assert "L0123" in found
    assert "only for the server" in seen()
    assert "wrapped: " in (tmp_path / "wrapped").read_text()


def test_claude_code_prefers_what_was_wrapped_for_one_user_alone(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (home / ".claude.json").write_text("{}")
    entry = npm_server("server-filesystem", str(project))
    shared = json.dumps({"mcpServers": {"fs": {"command": entry[0], "args": entry[1:]}}})
    (project / ".mcp.json").write_text(shared)
    for words in (["init", "-q"], ["add", ".mcp.json"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    environ = {"HOME": str(home), "COATCHECK_HOME": str(tmp_path / "state")}
    wrap = [sys.executable, "-m", "coatcheck.cli", "wrap", "--local", "--yes"]
    run(wrap, environ, folder=project)
    said = "\n".join(run([program("claude"), "mcp", "get", "fs"], environ, folder=project))
    assert "Local config" in said
    assert "Connected" in said
    assert str(tmp_path / "state/bin/coatcheck") in said
    assert (project / ".mcp.json").read_text() == shared


@pytest.fixture
def busy_cores() -> Iterator[None]:
    """Keep every core busy for the time of a test; skip where others do that already."""
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip("this machine is busy with something else")
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


@pytest.mark.usefixtures("busy_cores")
def test_codex_does_not_start_without_a_wrapped_server_more_often_than_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_NOT_REQUIRED", "1")
    present = {}
    for number in range(TRIES):
        for how in ("direct", "wrapped"):
            folder = tmp_path / f"{how}-{number}"
            folder.mkdir()
            agent = program("codex") if how == "direct" else wrapping("codex", folder)
            play("codex", agent, folder, [])
            tools = json.loads((folder / "out/results.json").read_text())["tools"]
            present[how, number] = "read_text_file" in json.dumps(tools)
    missing = [n for n in range(TRIES) if present["direct", n] and not present["wrapped", n]]
    assert sum(present["direct", n] for n in range(TRIES)) > TRIES / 2
    assert not missing
