"""The examples with the libraries they show, a public server and a scripted model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import bench, example_python, npm_server, run

EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = [{"id": n, "title": f"Issue {n}", "body": f"{n} lorem ipsum " * 8} for n in range(600)]

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a large file and a server that reads it."""
    (tmp_path / "big.json").write_text(json.dumps(ROWS, indent=1))
    command, *args = npm_server("server-filesystem", str(tmp_path))
    env = {"COATCHECK_HOME": str(tmp_path / "state")}
    servers = {"files": {"command": command, "args": args, "env": env}}
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    return tmp_path


class Model:
    """A scripted model that reads the file and fetches a row of it."""

    def __init__(self, folder: Path, prefix: str) -> None:
        path = str(folder / "big.json")
        plan = [
            {"tool": f"{prefix}read_text_file", "input": {"path": path}},
            {
                "tool": f"{prefix}fetch_artifact",
                "input": {"ref": "$ID", "grep": "Issue 417"},
                "extract": {"ID": "cc_[0-9a-z]{12,}"},
            },
            {"text": "the end"},
        ]
        (folder / "plan.json").write_text(json.dumps(plan))
        self.log = folder / "log.jsonl"
        port = folder / "port"
        os.mkfifo(port)
        command = [sys.executable, bench("clients/fake_model.py"), "--log", str(self.log)]
        command += ["--plan", str(folder / "plan.json"), "--port-file", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port.read_text()}/agent"

    @property
    def seen(self) -> str:
        """Return all that the model was sent, as text."""
        return self.log.read_text()


@pytest.fixture
def model(project: Path, request: pytest.FixtureRequest) -> Iterator[Model]:
    scripted = Model(project, request.param)
    try:
        yield scripted
    finally:
        scripted.process.terminate()
        scripted.process.wait()


def assert_shortened_and_fetched(seen: str) -> None:
    assert "of 600 rows shown" in seen
    assert "417 lorem ipsum" in seen
    assert "223 lorem ipsum" not in seen


@pytest.mark.parametrize("model", ["mcp__files__"], indirect=True)
def test_the_claude_agent_sdk_gets_views_and_fetches(project: Path, model: Model) -> None:
    environ = {
        "HOME": str(project / "home"),
        "IS_SANDBOX": "1",
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "dummy",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    example = [example_python("claude-agent-sdk"), str(EXAMPLES / "claude_agent.py"), "go"]
    assert "the end" in "".join(run(example, environ, folder=project))
    assert_shortened_and_fetched(model.seen)


@pytest.mark.parametrize("model", [""], indirect=True)
def test_pydantic_ai_gets_views_and_fetches(project: Path, model: Model) -> None:
    environ = {"OPENAI_BASE_URL": f"{model.url}/v1", "OPENAI_API_KEY": "dummy"}
    script = str(EXAMPLES / "pydantic_agent.py")
    example = [example_python("pydantic-ai-slim"), script, "openai-chat:fake", "go"]
    assert run(example, environ, folder=project) == ["the end"]
    assert_shortened_and_fetched(model.seen)


def test_langchain_gets_views(project: Path) -> None:
    ours = shutil.which("coatcheck", path=str(Path(sys.executable).parent))
    if ours is None:
        pytest.skip("coatcheck is not installed as a command")
    environ = {"PATH": f"{Path(ours).parent}:{os.environ['PATH']}"}
    arguments = json.dumps({"path": str(project / "big.json")})
    script = str(EXAMPLES / "langchain_tools.py")
    example = [example_python("langchain-mcp-adapters"), script, "read_text_file", arguments]
    assert "of 600 rows shown" in run(example, environ, folder=project)[0]
