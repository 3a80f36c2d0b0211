"""Wrapped entries go on working when coatcheck is gone or broken."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

import coatcheck
import coatcheck_adapters
from coatcheck.cli import launcher

SAY = "import sys; print('plain', *sys.argv[1:], sys.stdin.readline().strip())"
UPSTREAM = (sys.executable, "-c", SAY, "a b", "--", "'$HOME'")
REQUEST = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def start(
    script: Path, upstream: Sequence[str], text: str = "in\n", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Start upstream through the launcher, as an agent does that passes few variables."""
    return launch(script, ["--", *upstream], text, folder)


def launch(
    script: Path, words: Sequence[str], text: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Start the launcher as an entry that ends with words does."""
    return subprocess.run(
        [script, "run", "--name", "n", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
    )


def python_with(tmp_path: Path, text: str) -> str:
    """Return an interpreter that finds a package coatcheck of this text and not the real one."""
    broken = tmp_path / "broken"
    (broken / "coatcheck/cli").mkdir(parents=True)
    (broken / "coatcheck/__init__.py").touch()
    (broken / "coatcheck/cli/__init__.py").write_text(text)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={broken} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def own_copy(tmp_path: Path) -> tuple[str, list[Path]]:
    """Return an interpreter with a copy of coatcheck of its own, and the folders of that."""
    folders = [tmp_path / "copy/coatcheck", tmp_path / "copy/coatcheck_adapters"]
    for package, folder in zip((coatcheck, coatcheck_adapters), folders, strict=True):
        shutil.copytree(Path(str(package.__file__)).parent, folder)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/copy exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script), folders


@pytest.mark.parametrize("how", ["remove", "spoil"])
async def test_a_running_server_outlives_what_becomes_of_its_installation(
    tmp_path: Path, how: str
) -> None:
    python, folders = own_copy(tmp_path)
    script = launcher.install(tmp_path / "home", python)
    server = Path(__file__).parent / "upstreams/breaking.py"
    words = ["run", "--name", "n", "--", sys.executable, str(server), *map(str, folders)]
    async with Client(StdioServerParameters(command=str(script), args=words)) as agent:
        await agent.list_tools()
        await agent.call_tool(how, {})
        result = await agent.call_tool("lines", {})
    assert not result.is_error
    assert "line 0 of a text" in str(result.content[0])
    assert not folders[0].exists() or "another version" in (folders[0] / "desk.py").read_text()


def test_the_launcher_starts_coatcheck_in_front_of_the_upstream(tmp_path: Path) -> None:
    server = Path(__file__).parent / "upstreams/plain.py"
    script = launcher.install(tmp_path / "ho me")
    lines = [REQUEST, {"jsonrpc": "2.0", "id": 8, "method": "tools/list"}]
    done = start(
        script, [sys.executable, str(server)], "".join(json.dumps(m) + "\n" for m in lines)
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    tools = next(answer for answer in answers if answer["id"] == 8)["result"]["tools"]
    assert tools[-1]["name"] == "fetch_artifact"


def test_the_plain_upstream_starts_when_the_interpreter_is_gone(tmp_path: Path) -> None:
    script = launcher.install(tmp_path, str(tmp_path / "removed/python"))
    assert start(script, UPSTREAM).stdout == "plain a b -- '$HOME' in\n"


@pytest.mark.parametrize(
    "coatcheck",
    [
        "import no_such_module",
        "def main(:",
        "",
        "def main(words): return 2",
    ],
)
def test_the_plain_upstream_starts_when_coatcheck_is_broken(tmp_path: Path, coatcheck: str) -> None:
    script = launcher.install(tmp_path / "home", python_with(tmp_path, coatcheck))
    done = start(script, UPSTREAM)
    assert done.stdout == "plain a b -- '$HOME' in\n"
    assert "runs without it" in done.stderr


def test_settings_that_cannot_be_read_leave_the_plain_upstream(tmp_path: Path) -> None:
    script = launcher.install(tmp_path)
    (tmp_path / "config.toml").write_text("defaults = 1\n")
    assert start(script, UPSTREAM).stdout == "plain a b -- '$HOME' in\n"


def test_the_working_folder_cannot_stand_in_for_coatcheck(tmp_path: Path) -> None:
    script = launcher.install(tmp_path / "home")
    project = tmp_path / "project"
    (project / "coatcheck").mkdir(parents=True)
    (project / "coatcheck/__init__.py").write_text("print('taken over')")
    done = start(script, [sys.executable, "-c", "pass"], folder=project)
    assert "taken over" not in done.stdout


def test_what_coatcheck_ends_with_is_what_the_agent_sees(tmp_path: Path) -> None:
    script = launcher.install(tmp_path)
    done = start(script, ["/no/such/program"])
    assert done.returncode == 1


def test_a_launcher_that_is_up_to_date_is_not_written_again(tmp_path: Path) -> None:
    before = launcher.install(tmp_path).stat().st_ino
    assert launcher.install(tmp_path).stat().st_ino == before
    assert launcher.install(tmp_path, "/other/python").stat().st_ino != before


@pytest.mark.parametrize("python", ["/removed/python", "broken"])
def test_an_agent_is_told_that_its_remote_server_needs_coatcheck(
    tmp_path: Path, python: str
) -> None:
    if python == "broken":
        python = python_with(tmp_path, "import no_such_module")
    script = launcher.install(tmp_path / "home", python)
    asked = [REQUEST, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    asked.append({"jsonrpc": "2.0", "method": "tools/list", "id": "b 1"})
    lines = "".join(json.dumps(message) + "\n" for message in asked)
    done = launch(script, ["--url", "http://127.0.0.1:9/mcp"], lines)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["id"], second["id"]) == (7, "b 1")
    assert "give the entry its address back" in first["error"]["message"]
    assert "give the entry its address back" in done.stderr


@pytest.mark.parametrize(
    ("python", "cached"),
    [
        ("/home/me/.cache/uv/archive-v0/x1/bin/python", True),
        ("/cache/uv/archive-v0/x1/bin/python", True),
        ("/home/me/.local/pipx/.cache/1f/bin/python", True),
        ("/home/me/.local/share/uv/tools/coatcheck/bin/python", False),
        ("/usr/bin/python3", False),
    ],
)
def test_an_installation_in_a_cache_is_known(python: str, cached: bool) -> None:
    assert launcher.is_in_cache(python) is cached


def test_modules_are_compiled_before_the_first_start(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/one.py").write_text("x = 1\n")
    (tmp_path / "package/broken.py").write_text("def\n")
    launcher.compile_modules(tmp_path / "package", tmp_path / "none")
    compiled = [path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")]
    assert compiled == ["one"]
