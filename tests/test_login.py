"""Logging in at a real authorization server, and what becomes of the tokens."""

import asyncio
import json
import os
import queue
import re
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from listed import UPSTREAMS, Listed

from coatcheck_adapters.upstreams.logins import Login, Logins

if TYPE_CHECKING:
    from conftest import Agent

BOUND_SECONDS = 30
MAIN = "from coatcheck.cli import main; raise SystemExit(main())"

Start = Callable[..., "Agent"]
Guarded = Callable[..., "Listed"]


class Home:
    """A folder with the state of coatcheck, and commands that are run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logins = Logins(path / "logins")
        self.environ = {**os.environ, "COATCHECK_HOME": str(path), "COATCHECK": "off"}

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-c", MAIN, *words]

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.words(*words),
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )

    def log_in(self, url: str, *more: str, agree: bool = True) -> "tuple[int, str]":
        """Run a login and be its browser; return its exit code and what it said."""
        words = self.words("login", "up", "--url", url, "--no-browser", *more)
        pipe = subprocess.PIPE
        with subprocess.Popen(
            words, env=self.environ, stdout=pipe, stderr=pipe, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if line.startswith("http") and agree:
                    with urllib.request.urlopen(line.strip(), timeout=BOUND_SECONDS) as page:
                        assert b"close this page" in page.read()
                elif line.startswith("http"):
                    callback = unquote(re.findall(r"redirect_uri=([^&]+)", line)[0])
                    with urllib.request.urlopen(f"{callback}?error=access_denied") as page:
                        page.read()
            said += process.stdout.read()
            return process.wait(BOUND_SECONDS), said

    @property
    def login(self) -> Login:
        """Return what is kept."""
        found = Logins(self.path / "logins").get("up")
        assert found is not None
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def guard() -> Iterator["Listed"]:
    """Start a server whose tokens last an hour, for all tests of this module."""
    started = Listed(str(UPSTREAMS / "guarded.py"))
    yield started
    started.end()


@pytest.fixture
def server(guard: "Listed") -> "Listed":
    """Return that server; what it printed before is forgotten."""
    tokens_given(guard)
    return guard


def tokens_given(server: "Listed") -> list[str]:
    found = []
    while True:
        try:
            found.append(server.requests.get_nowait().decode().strip())
        except queue.Empty:
            return found


def test_a_login_lets_calls_through_and_is_kept_for_its_owner_alone(
    home: Home, server: "Listed", start: Start
) -> None:
    agent = start(home.words("run", "--name", "up", "--url", server.url()), **home.environ)
    agent.send(id=1, method="initialize", params={})
    text = agent.read()["error"]["message"]
    command = f"coatcheck login up --url {server.url()}"
    assert f"HTTP 401); run `{command}` in a terminal" in text
    agent.logged(command.encode())

    code, said = home.log_in(server.url())
    assert code == 0
    assert "logged in at up" in said
    path = home.logins.path("up")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert home.login.access_token not in said
    assert home.login.resource == server.url()

    assert "result" in agent.greet()  # the one that runs already
    assert agent.said("echo", text="in") == "in"
    given = tokens_given(server)
    assert [line.split(",")[0] for line in given] == ["token by code"]


@pytest.mark.parametrize("seconds", [1, 3600])
def test_a_token_is_renewed_before_its_end_and_when_it_is_refused(
    home: Home, guarded: Guarded, start: Start, seconds: int
) -> None:
    server = guarded(str(seconds))
    assert home.log_in(server.url())[0] == 0
    first = home.login
    agent = start(home.words("run", "--name", "up", "--url", server.url()), **home.environ)
    agent.greet()
    if seconds > 1:
        assert home.login == first
        agent.said("forget")
    assert agent.said("echo", text="in") == "in"
    assert home.login.access_token != first.access_token
    assert home.login.refresh_token != first.refresh_token
    assert "token by refresh" in " ".join(tokens_given(server))


def test_several_processes_renew_a_token_once(home: Home, server: "Listed", start: Start) -> None:
    assert home.log_in(server.url())[0] == 0
    words = home.words("run", "--name", "up", "--url", server.url())
    agents = [start(words, **home.environ) for _ in range(3)]
    for agent in agents:
        agent.greet()
    agents[0].said("forget")
    tokens_given(server)
    for agent in agents:
        for number in range(5):
            agent.call("echo", number, text="in")
    for agent in agents:
        assert all("result" in agent.read() for _ in range(5))
    assert len(tokens_given(server)) == 1


def test_a_login_that_is_over_names_the_command(home: Home, server: "Listed", start: Start) -> None:
    assert home.log_in(server.url())[0] == 0
    agent = start(home.words("run", "--name", "up", "--url", server.url()), **home.environ)
    agent.greet()
    agent.said("forget_all")
    agent.call("echo", text="in")
    assert "coatcheck login up" in agent.read()["error"]["message"]
    assert home.login.refresh_token == ""
    assert home.log_in(server.url())[0] == 0
    agent.greet()
    assert agent.said("echo", text="in again") == "in again"


def test_a_token_goes_to_its_own_url_only(home: Home, server: "Listed", start: Start) -> None:
    assert home.log_in(server.url())[0] == 0
    words = home.words("run", "--name", "up", "--url", server.url("/mcp?other"))
    agent = start(words, **home.environ)
    agent.send(id=1, method="initialize", params={})
    assert "HTTP 401" in agent.read()["error"]["message"]


def test_a_registered_client_logs_in_with_its_secret_and_renews(
    home: Home, guarded: Guarded, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = guarded("1", f"http://127.0.0.1:{port}/callback")
    options = ("--client-id", "known", "--client-secret-env", "OUR_SECRET", "--port", str(port))
    assert "OUR_SECRET, which is not set" in home.log_in(server.url(), *options)[1]
    home.environ["OUR_SECRET"] = "SECRET"
    assert home.log_in(server.url(), *options)[0] == 0
    agent = start(home.words("run", "--name", "up", "--url", server.url()), **home.environ)
    agent.greet()
    assert agent.said("echo", text="in") == "in"
    assert home.login.client_id == "known"


def test_a_logout_forgets_the_login_and_tells_the_server(home: Home, server: "Listed") -> None:
    assert home.log_in(server.url())[0] == 0
    tokens_given(server)
    done = home.run("logout", "up")
    assert (done.returncode, done.stdout) == (0, "logged out of up, which was told so\n")
    assert tokens_given(server) == ["revoked"]
    assert not home.logins.path("up").exists()
    assert home.run("logout", "up").returncode == 1


def test_a_login_that_is_refused_keeps_nothing(home: Home, server: "Listed") -> None:
    code, said = home.log_in(server.url(), agree=False)
    assert code == 1
    assert "was refused" in said
    assert not home.logins.path("up").exists()


def test_a_login_nobody_agrees_to_ends(home: Home, server: "Listed") -> None:
    words = ("login", "up", "--url", server.url(), "--no-browser", "--seconds", "0.01")
    done = home.run(*words)
    assert done.returncode == 1
    assert "nobody agreed within 0.01 s" in done.stderr


def test_a_server_that_asks_for_no_login_is_said_so(
    home: Home, gateway: Callable[..., "Listed"]
) -> None:
    done = home.run("login", "up", "--url", gateway("stream", "plain.py").url(), "--no-browser")
    assert done.returncode == 1
    assert "does not ask for a login" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("up",), 2, "upstreams.up.url is not set; give --url URL"),
        (("../up", "--url", "http://127.0.0.1:9/mcp"), 2, "is no name"),
        (("up", "--url", "127.0.0.1:9"), 2, "write it as https://host/path"),
        (("up", "--url", "http://127.0.0.1:9/mcp?key=SECRET"), 1, "failed (ConnectError)"),
    ],
)
def test_a_login_that_cannot_work_says_why(
    home: Home, words: tuple[str, ...], code: int, text: str
) -> None:
    done = home.run("login", *words)
    assert done.returncode == code
    assert text in done.stderr
    assert "SECRET" not in done.stderr


def test_a_damaged_login_is_none(tmp_path: Path) -> None:
    logins = Logins(tmp_path)
    assert logins.get("up") is None
    for text in ("{", "[]", "{}", '{"url": 1}'):
        logins.path("up").write_text(text)
        assert Logins(tmp_path).get("up") is None
    logins.put("up", Login("u", "a"))
    assert logins.get("up") == Login("u", "a")
    assert [path.name for path in tmp_path.iterdir()] == ["up.json"]


def test_a_login_shows_no_secret() -> None:
    login = Login("u", "SECRET", refresh_token="SECRET", client_secret="SECRET")
    assert "SECRET" not in repr(login)


async def test_one_holds_the_lock_at_a_time(tmp_path: Path) -> None:
    order = []
    first = Logins(tmp_path)

    async def second() -> None:
        async with Logins(tmp_path).locked("up"):
            order.append("second")

    async with asyncio.TaskGroup() as tasks, first.locked("up"):
        tasks.create_task(second())
        for _ in range(20):
            await asyncio.sleep(0)
        order.append("first")
    assert order == ["first", "second"]


def test_the_clock_of_a_login_is_that_of_the_world(home: Home, server: "Listed") -> None:
    assert home.log_in(server.url())[0] == 0
    assert 3000 < home.login.expires_at - time.time() <= 3600
    assert json.loads(home.logins.path("up").read_text())["scope"] == "user"
