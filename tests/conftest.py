"""What several tests need: an agent that speaks to a real coatcheck over pipes."""

import json
import os
import queue
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from listed import UPSTREAMS as UPSTREAMS
from listed import Listed, collect, gateway_to
from users import User

# How long an example takes says nothing on a busy machine. The examples are the same every time,
# so that a run says something of the change; .ci/full sets COATCHECK_SEARCH and looks for new ones.
settings.register_profile(
    "steady", deadline=None, derandomize="COATCHECK_SEARCH" not in os.environ, database=None
)
settings.load_profile("steady")

BOUND_SECONDS = 30
# A plain wire, unless the test says otherwise.
MAIN = (
    "import os; os.environ.setdefault('COATCHECK', 'off');"
    "from coatcheck.cli import main; raise SystemExit(main())"
)


class Agent:
    """A bare client of a plain wire: lines out, lines in, every wait bounded."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environ},
        )
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.log: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._threads = [
            collect(self.process.stdout, self.lines),
            collect(self.process.stderr, self.log),
        ]

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **message: Any) -> None:
        """Send one message."""
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def line(self) -> bytes:
        """Return the next line as received; empty at the end."""
        return self.lines.get(timeout=BOUND_SECONDS)

    def read(self) -> dict[str, Any]:
        """Return the next message."""
        message = json.loads(self.line())
        assert isinstance(message, dict)
        return message

    def call(self, tool: str, request_id: object = 1, **arguments: Any) -> None:
        """Send a tools/call."""
        params = {"name": tool, "arguments": arguments}
        self.send(id=request_id, method="tools/call", params=params)

    def said(self, tool: str, **arguments: Any) -> str:
        """Call a tool and return the text of its result, the next message."""
        self.call(tool, **arguments)
        return str(self.read()["result"]["content"][0]["text"])

    def greet(self) -> dict[str, Any]:
        """Do the handshake."""
        info = {"name": "test", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        self.send(id="hello", method="initialize", params=params)
        answer = self.read()
        self.send(method="notifications/initialized")
        return answer

    def logged(self, wanted: bytes) -> bytes:
        """Wait for a line of stderr that contains wanted."""
        while wanted not in (line := self.log.get(timeout=BOUND_SECONDS)):
            assert line, f"the log ended without {wanted!r}"
        return line

    def close(self) -> int:
        """Close stdin and return the exit code."""
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        return self.process.wait(BOUND_SECONDS)

    def end(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(BOUND_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for thread in self._threads:
                thread.join(BOUND_SECONDS)


def coatcheck(*upstream: str, name: str = "up") -> list[str]:
    """Return the command line of a coatcheck around a server of tests/upstreams."""
    server = [sys.executable, str(UPSTREAMS / upstream[0]), *upstream[1:]]
    return [sys.executable, "-c", MAIN, "run", "--name", name, "--", *server]


def over(url: str, *more: str, name: str = "up") -> list[str]:
    """Return the command line of a coatcheck in front of a URL."""
    return [sys.executable, "-c", MAIN, "run", "--name", name, "--url", url, *more]


@contextmanager
def reached(way: str, *upstream: str) -> Iterator[Agent]:
    """Give an agent with a server of tests/upstreams behind coatcheck, by stdio or over HTTP."""
    gateway = None if way == "stdio" else gateway_to(way, *upstream)
    path = "/sse" if way == "sse" else "/mcp"
    agent = Agent(coatcheck(*upstream) if gateway is None else over(gateway.url(path)), {})
    try:
        yield agent
    finally:
        agent.end()
        if gateway is not None:
            gateway.end()


@pytest.fixture
def listed() -> Iterator[Callable[[Listed], Listed]]:
    """End a server with the test."""
    servers: list[Listed] = []

    def keep(server: Listed) -> Listed:
        servers.append(server)
        return server

    yield keep
    for server in servers:
        server.end()


@pytest.fixture
def gateway(listed: Callable[[Listed], Listed]) -> Callable[..., Listed]:
    """Start a server over HTTP: gateway("stream", "plain.py")."""
    return lambda *words, port=0: listed(gateway_to(*words, port=port))


@pytest.fixture
def guarded(listed: Callable[[Listed], Listed]) -> Callable[..., Listed]:
    """Start a server that asks for a login: guarded("60")."""
    return lambda *words: listed(Listed(str(UPSTREAMS / "guarded.py"), *words))


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, which the relay is written for."""
    return "asyncio"


@pytest.fixture
def command() -> Callable[..., list[str]]:
    """Give the command line of a coatcheck: command("plain.py", "--flag")."""
    return coatcheck


@pytest.fixture
def start() -> Iterator[Callable[..., Agent]]:
    """Start an agent with a wrapped server: start("plain.py", "--flag", NAME="value").

    A list in place of the server is the whole command line.
    """
    agents: list[Agent] = []

    def started(first: str | list[str], *more: str, **environ: str) -> Agent:
        words = first if isinstance(first, list) else coatcheck(first, *more)
        agents.append(Agent(words, environ))
        return agents[-1]

    yield started
    for agent in agents:
        agent.end()


@pytest.fixture(scope="module")
def way() -> str:
    """Say how the upstream is reached; a module may have more ways."""
    return "stdio"


@pytest.fixture
def agent(way: str) -> Iterator[Agent]:
    """Return an agent with the plain server behind coatcheck, before the handshake."""
    with reached(way, "plain.py") as agent:
        yield agent


@pytest.fixture(scope="module")
def shared(way: str) -> Iterator[Agent]:
    """Return an agent after the handshake that the tests of a module share."""
    with reached(way, "plain.py") as agent:
        agent.greet()
        yield agent


@pytest.fixture
def wait_gone() -> Callable[..., None]:
    """Wait until processes have ended; fails when one is left."""

    def wait(*pids: int, seconds: float = BOUND_SECONDS) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                try:
                    ended, _, _ = select.select([descriptor], [], [], seconds)
                    assert ended, f"process {pid} is left after {seconds} s"
                finally:
                    os.close(descriptor)

    return wait


@pytest.fixture
def user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> User:
    made = User(tmp_path, capsys)
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "COPILOT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("COATCHECK_HOME", str(made.home / "state"))
    monkeypatch.chdir(made.project)
    return made
