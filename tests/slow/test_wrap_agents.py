"""Real agent clients with entries that `coatcheck wrap` wrote into their own config files."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from outside import bench, npm_server, program, run

AGENTS = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "copilot": "copilot",
    "qwen": "qwen",
}

pytestmark = pytest.mark.slow


def wrapping(client: str, folder: Path, *, then: str = "") -> str:
    """Return a program that wraps what it finds in the client's config, then is the client."""
    state = folder / "state"
    command = [sys.executable, "-m", "coatcheck.cli", "wrap", "--yes", "--client", AGENTS[client]]
    script = folder / client
    script.write_text(
        f"#!/bin/sh\nCOATCHECK_HOME={shlex.quote(str(state))} {shlex.join(command)}"
        f" >{shlex.quote(str(folder / 'wrapped'))} 2>&1 || exit 9\n{then}\n"
        f'exec {shlex.quote(program(client))} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


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
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "small.txt").write_text("a small file\n")
    entry = npm_server("server-filesystem", "$CWD/data")
    servers = {"fs": {"command": entry[0], "args": entry[1:]}}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    step = {"tool": "fs/read_text_file", "input": {"path": "$CWD/data/small.txt"}}
    (tmp_path / "plan.json").write_text(json.dumps([step, {"text": "done"}]))
    command = [sys.executable, bench("clients/run_agent.py"), "--client", client]
    command += ["--bin", wrapping(client, tmp_path, then=gone), "--seed", str(seed)]
    command += ["--mcp", str(tmp_path / "mcp.json"), "--plan", str(tmp_path / "plan.json")]
    run([*command, "--out", str(tmp_path / "out"), "--quiet"])
    assert "/no/such/python" in launcher.read_text()
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert "a small file" in json.dumps(results)
