"""`coatcheck run --url`, as a process in front of a server over HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coatcheck.cli.run import parse
from coatcheck.types import ConfigError

if TYPE_CHECKING:
    from conftest import Agent
    from listed import Listed

BOUND_SECONDS = 30
MAIN = "from coatcheck.cli import main; raise SystemExit(main())"

Start = Callable[..., "Agent"]
Serve = Callable[..., "Listed"]


def words(*more: str) -> list[str]:
    return [sys.executable, "-c", MAIN, "run", "--name", "up", *more]


def run(*more: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words(*more),
        input="",
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )


def test_headers_come_from_the_environment_and_are_on_no_command_line(
    gateway: Serve, start: Start
) -> None:
    server = gateway("stream", "plain.py")
    more = ["--header-env", "X-Key=OUR_KEY", "--bearer-env", "OUR_TOKEN"]
    agent = start(words("--url", server.url(), *more), OUR_KEY="SECRET1", OUR_TOKEN="SECRET2")
    agent.greet()
    seen = server.seen("POST /mcp")
    assert (seen["x-key"], seen["authorization"]) == ("SECRET1", "Bearer SECRET2")
    if sys.platform == "linux":
        shown = Path(f"/proc/{agent.process.pid}/cmdline").read_text()
        assert "SECRET" not in shown


def test_the_settings_say_where_an_upstream_is(
    gateway: Serve, start: Start, tmp_path: Path
) -> None:
    server = gateway("sse", "plain.py")
    settings = tmp_path / "config.toml"
    settings.write_text(
        f'[upstreams.up]\nurl = "{server.url("/sse")}"\ntransport = "sse"\nmode = "off"\n'
        'headers = { X-Key = "${OUR_KEY}!" }\n'
    )
    agent = start(words("--config", str(settings)), OUR_KEY="SECRET")
    agent.greet()
    assert agent.said("echo", text="there") == "there"


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ([], 2, "upstreams.up.url is not set; give --url URL, or a command after --"),
        (["--url", "example.com/mcp"], 2, "write it as https://host/path"),
        (["--url", "ftp://example.com/"], 2, "write it as https://host/path"),
        (["--url", "http://[::1/"], 2, "write it as https://host/path"),
        (["--url", "http://a/", "--header-env", "A=NO_SUCH"], 2, "export NO_SUCH"),
        (["--url", "http://a/", "--header-env", "A=BROKEN"], 2, "no header may"),
        (["--url", "http://a/", "--header-env", "A"], 2, "--header-env A names no variable"),
        (["--url", "http://a/", "--bearer-env", "a b"], 2, "--bearer-env names no variable"),
        (["--url", "http://a/", "--transport", "pigeon"], 2, "use http"),
        (["--url", "http://a/", "--", "x"], 2, "both --url and a command"),
    ],
)
def test_what_cannot_work_is_said_at_once(more: list[str], code: int, text: str) -> None:
    done = run(*more, BROKEN="SECRET\r\nX-Other: 1")
    assert done.returncode == code
    assert text in done.stderr
    assert "SECRET" not in done.stderr


@pytest.mark.parametrize(
    ("word", "transport"),
    [("sse", "sse"), ("http", "http"), ("streamable-http", "http"), ("streamableHttp", "http")],
)
def test_a_transport_may_be_called_as_clients_call_it(word: str, transport: str) -> None:
    options = parse(["--name", "up", "--url", "http://a/", "--transport", word])
    assert options.transport == transport


def test_a_url_needs_a_name() -> None:
    with pytest.raises(ConfigError, match="--name"):
        parse(["--url", "http://a/"])


@pytest.mark.parametrize("kind", ["stream", "json"])
def test_a_forgotten_session_is_begun_again_with_the_handshake(
    gateway: Serve, start: Start, kind: str
) -> None:
    server = gateway(kind, "plain.py")
    agent = start(words("--url", server.url()), COATCHECK="off")
    agent.greet()
    before = json.loads(agent.said("who"))["pid"]
    server.control(forget=True)
    agent.call("echo", text="lost")
    answer = agent.read()
    if "error" in answer:  # unless the end of the session was seen before
        assert "session" in answer["error"]["message"]
        assert "call again if that is safe" in answer["error"]["message"]
    who = json.loads(agent.said("who"))
    assert who["pid"] != before
    assert who["seen"][:2] == ["initialize", "notifications/initialized"]


def test_a_server_that_is_started_again_is_found_again(gateway: Serve, start: Start) -> None:
    server = gateway("stream", "plain.py")
    agent = start(words("--url", server.url()), COATCHECK="off")
    agent.greet()
    agent.call("sleep", "open")
    agent.said("echo", text="it is on its way")
    server.end()
    answer = agent.read()
    assert answer["id"] == "open"
    assert "call again if that is safe" in answer["error"]["message"]
    agent.call("echo", text="nobody is there")
    assert "cannot be reached" in agent.read()["error"]["message"]
    gateway("stream", "plain.py", port=server.port)
    for _ in range(3):  # the first may be told that the session is gone
        agent.call("echo", text="back")
        if "result" in (answer := agent.read()):
            break
    assert answer["result"]["content"][0]["text"] == "back"


def test_the_end_of_stdin_ends_the_session_of_the_server(gateway: Serve, start: Start) -> None:
    server = gateway("stream", "plain.py")
    agent = start(words("--url", server.url()), COATCHECK="off")
    agent.greet()
    assert agent.close() == 0
    assert server.seen("DELETE /mcp")["mcp-session-id"] == "session-1"


def test_the_sdk_is_not_imported_to_reach_a_url(gateway: Serve, tmp_path: Path) -> None:
    code = (
        "import sys; from coatcheck.cli import main; main(sys.argv[1:]); "
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    url = gateway("stream", "plain.py").url()
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--name", "up", "--url", url],
        input='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n',
        env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=True,
    )
    assert json.loads(done.stdout)["id"] == 1
    loaded = set(done.stderr.splitlines()[-1].split())
    assert not loaded & {"mcp", "pydantic", "starlette", "click", "rich", "anthropic"}


def test_an_agent_that_does_not_read_costs_no_memory(gateway: Serve) -> None:
    url = gateway("stream", "plain.py").url()
    pipe, environ = subprocess.PIPE, {**os.environ, "COATCHECK": "off"}
    with subprocess.Popen(
        words("--url", url), stdin=pipe, stdout=pipe, env=environ, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def send(**message: object) -> None:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

        with os.fdopen(process.stdout.fileno(), "rb", closefd=False) as stdout:
            send(id=0, method="initialize", params={})
            stdout.readline()
            send(method="notifications/initialized")
            for number in range(60):
                params = {"name": "blob", "arguments": {"bytes": 4_000_000}}
                send(id=number + 1, method="tools/call", params=params)
            assert b"jsonrpc" in stdout.readline()
            if sys.platform == "linux":
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0])
                assert peak < 160 * 1024, "of 240 MB"
            for _ in range(59):
                assert len(stdout.readline()) > 4_000_000
        process.stdin.close()


def test_the_doctor_looks_at_urls_too(gateway: Serve, tmp_path: Path) -> None:
    server = gateway("stream", "plain.py")
    settings = tmp_path / "config.toml"
    settings.write_text(
        f'[upstreams.up]\nurl = "{server.url()}?key=SECRET"\n'
        '[upstreams.down]\nurl = "http://127.0.0.1:9/mcp"\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "doctor", "--json"],
        env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS * 2,
        check=False,
    )
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert f"1 tools at {server.url()}, " in found["upstream up"]["seen"]
    assert "cannot be reached" in found["upstream down"]["seen"]
    assert "do what it says" in found["upstream down"]["fix"]
