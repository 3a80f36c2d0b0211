"""From a fresh machine to a shortened result in Claude Code, as the README shows it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import bench, installed, npm_server, program, run

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import first_token  # noqa: E402 - a script, not a package

ROWS = [
    {"id": n, "title": f"Issue {n}", "body": ("the retry budget is 42" if n == 417 else str(n)) * 8}
    for n in range(900)
]

pytestmark = pytest.mark.slow


def uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("uv is not installed")
    return found


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and the source distribution of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    run([uv(), "build", "-q", "-o", str(folder), str(ROOT)])
    assert sorted(path.suffix for path in folder.glob("coatcheck-*")) == [".gz", ".whl"]
    return folder


@pytest.fixture
def machine(tmp_path: Path, wheels: Path) -> Iterator[dict[str, str]]:
    """Give the environment of a user who has Claude Code, one server, and nothing of ours."""
    me, project = tmp_path / "me", tmp_path / "me/project"
    project.mkdir(parents=True)
    (project / "issues.json").write_text(json.dumps(ROWS, indent=1))
    command, *args = npm_server("server-filesystem", str(project))
    servers = {"files": {"command": command, "args": args}}
    (me / ".claude.json").write_text(json.dumps({"mcpServers": servers}))
    read = {
        "tool": "mcp__files__read_text_file",
        "input": {"path": str(project / "issues.json")},
    }
    (tmp_path / "plan.json").write_text(json.dumps([read, {"text": "Issue 417."}]))
    os.mkfifo(tmp_path / "port")
    model = [sys.executable, bench("clients/fake_model.py"), "--log", str(tmp_path / "log.jsonl")]
    model += ["--plan", str(tmp_path / "plan.json"), "--port-file", str(tmp_path / "port")]
    process = subprocess.Popen(model, stderr=subprocess.DEVNULL)
    run([sys.executable, "-m", "venv", str(tmp_path / "venv")])
    path = [str(tmp_path / "venv/bin"), str(Path(program("claude")).parent), os.environ["PATH"]]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COATCHECK")}
    try:
        yield {
            **kept,
            "HOME": str(me),
            "PATH": ":".join(path),
            "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{(tmp_path / 'port').read_text()}/agent",
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
    finally:
        process.terminate()
        process.wait()


def test_three_commands_lead_from_nothing_to_the_first_saved_token(
    machine: dict[str, str],
) -> None:
    script = [sys.executable, str(ROOT / "scripts/first_token.py")]
    done = subprocess.run(
        script,
        env=machine,
        cwd=Path(machine["HOME"]) / "project",
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    shown = first_token.transcript()
    before_looking = first_token.commands(shown)[:-1]
    assert len(before_looking) == 3
    assert numbers(done.stdout) == numbers(first_token.masked(shown))


def numbers(text: str) -> str:
    """Return text without the sizes, which depend on the file that was made up."""
    return re.sub(r"[\d,]+ -> [\d,]+ tokens", "<tokens>", text)


def test_what_is_published_is_well_formed(wheels: Path) -> None:
    files = [str(path) for path in wheels.glob("coatcheck-*")]
    said = "".join(run([uv(), "tool", "run", "-q", "twine", "check", "--strict", *files]))
    assert said.count("PASSED") == 2


def test_uvx_and_pipx_run_the_wheel(wheels: Path, tmp_path: Path) -> None:
    wheel = str(next(wheels.glob("*.whl")))
    environ = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    environ["COATCHECK_HOME"] = str(tmp_path / "home")
    by_uvx = run([uv(), "tool", "run", "--from", wheel, "coatcheck", "--version"], environ)
    run([uv(), "tool", "run", "-q", "pipx", "install", wheel], environ)
    by_pipx = run([str(tmp_path / "bin/coatcheck"), "--version"], environ)
    assert by_uvx == by_pipx
    assert by_pipx[0].startswith("coatcheck, version ")
    (tmp_path / "text").write_text("".join(f"line {n} of a text\n" for n in range(4000)))
    with (tmp_path / "text").open() as text:
        shown = subprocess.run(
            [str(tmp_path / "bin/coatcheck"), "compact"],
            stdin=text,
            capture_output=True,
            text=True,
            env={**os.environ, **environ},
            timeout=120,
        )
    assert shown.stdout.startswith("[coatcheck: "), shown.stderr


def test_claude_code_takes_the_plugin(tmp_path: Path) -> None:
    installed("node")
    claude, environ = program("claude"), {"HOME": str(tmp_path)}
    for what in (ROOT, ROOT / "plugin"):
        said = run([claude, "plugin", "validate", "--strict", str(what)], environ)
        assert any("Validation passed" in line for line in said)
    run([claude, "plugin", "marketplace", "add", str(ROOT)], environ)
    run([claude, "plugin", "install", "coatcheck@coatcheck"], environ)
    listed = "\n".join(run([claude, "plugin", "details", "coatcheck"], environ))
    assert "doctor, savings, wrap" in listed
