"""A file read by ref and written by ref: the real filesystem server behind a real coatcheck."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Agent
from outside import npm_server

from coatcheck.counting import TokenCounter
from coatcheck.view import ref_in

pytestmark = pytest.mark.slow

TEXT = "".join(f"record {n}: something «to» keep exactly\t{n * 7}\r\n" for n in range(7_000))
PAIR = 'refs_into = [{ from = "self", to = "fs.write_file" }]\n'


class Session:
    """An agent, a folder with a file of 300 kB, and the filesystem server for that folder."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        (folder / "data/big.txt").write_bytes(TEXT.encode())
        (folder / "config.toml").write_text(settings)
        server = npm_server("server-filesystem", str(folder / "data"))
        wrapper = [sys.executable, "-m", "coatcheck.cli", "run", "--name", "fs"]
        settings_at = ["--config", str(folder / "config.toml")]
        command = [*wrapper, *settings_at, "--", *server]
        self.agent = Agent(command, {"COATCHECK_HOME": str(folder / "home"), "COATCHECK": ""})
        self.agent.greet()
        self.ask("tools/list")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result; requests of the server are not answered."""
        self.agent.send(id=1, method=method, params=params)
        while True:
            message = self.agent.read()
            if message.get("id") == 1 and "result" in message:
                result = message["result"]
                assert isinstance(result, dict)
                return result

    def call(self, tool: str, **arguments: str) -> dict[str, Any]:
        return self.ask("tools/call", name=tool, arguments=arguments)


@pytest.fixture
def settings() -> str:
    return PAIR


@pytest.fixture
def session(tmp_path: Path, settings: str) -> Iterator[Session]:
    session = Session(tmp_path, settings)
    yield session
    session.agent.end()


def read_then_write(session: Session) -> tuple[dict[str, Any], int]:
    """Return the answer to the write, and the tokens that passed the model in both calls."""
    source, target = (str(session.folder / "data" / name) for name in ("big.txt", "copy.txt"))
    view = session.call("read_text_file", path=source)["content"][0]["text"]
    uri = f"coatcheck://artifact/{ref_in(view)}"
    answer = session.call("write_file", path=target, content=uri)
    said = answer["content"][0]["text"]
    passed = "\n".join([source, view, target, uri, said])
    return answer, TokenCounter().count(passed).tokens


def test_a_big_file_is_copied_byte_for_byte_and_never_passes_the_model(session: Session) -> None:
    answer, tokens = read_then_write(session)
    assert not answer.get("isError")
    assert (session.folder / "data/copy.txt").read_bytes() == TEXT.encode()
    assert tokens < 1_000


@pytest.mark.parametrize("settings", ["", 'refs_into = [{ from = "self", to = "fs.write_*" }]\n'])
def test_without_a_pair_that_names_the_tool_nothing_is_written(session: Session) -> None:
    answer, _ = read_then_write(session)
    assert answer["isError"] and "did not send this call" in answer["content"][0]["text"]
    assert not (session.folder / "data/copy.txt").exists()
