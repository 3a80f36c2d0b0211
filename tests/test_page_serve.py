"""The page as processes serve it: dashboard, and coatcheck serve --http beside MCP."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from conftest import BOUND_SECONDS, UPSTREAMS
from ledgers import CALL, written

COMMAND = (sys.executable, "-m", "coatcheck.cli")


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a process that serves the page, and its link."""
    environment = {**os.environ, "COATCHECK_HOME": str(home)}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http\S+token=\S+", line):
                    yield process, found[0]
                    break
        finally:
            process.kill()


def get(link: str, path: str, cookie: str = "") -> tuple[int, str, str]:
    """Return status, cookie and body of an answer."""
    connection = http.client.HTTPConnection(urlsplit(link).netloc, timeout=BOUND_SECONDS)
    try:
        connection.request("GET", path, headers={"cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        return answer.status, (answer.getheader("set-cookie") or "").partition(";")[0], body
    finally:
        connection.close()


def entered(link: str) -> str:
    """Return the cookie that the link gives, and see that it gives none again."""
    path = link[link.index("/enter") :]
    status, cookie, _ = get(link, path)
    assert (status, bool(cookie)) == (200, True)
    assert get(link, path)[:2] == (401, "")
    return cookie


def test_the_dashboard_is_there_when_its_link_is_printed_and_ends_when_told(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    with served(tmp_path, "dashboard") as (process, link):
        assert link.startswith("http://127.0.0.1:")
        assert get(link, "/calls")[0] == 401
        cookie = entered(link)
        status, _, body = get(link, "/calls", cookie)
        assert status == 200 and CALL.tool in body.replace("<wbr>", "")
        assert json.loads(get(link, "/savings.json", cookie)[2])["totals"]["calls"] == 1
        assert get(link, "/healthz", cookie)[2] == '{"status":"ok"}'
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_SECONDS) == 0


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with served(tmp_path, "dashboard") as (_, link):
        port = str(urlsplit(link).port)
        done = run(tmp_path, "dashboard", "--port", port)
    assert done.returncode == 1 and "take another" in done.stderr


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "COATCHECK_HOME": str(home)}
    command: Sequence[str] = [*COMMAND, *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=BOUND_SECONDS
    )


def test_the_page_stands_beside_mcp(tmp_path: Path) -> None:
    program, server = json.dumps(sys.executable), json.dumps(str(UPSTREAMS / "plain.py"))
    settings = f"[upstreams.plain]\ncommand = {program}\nargs = [{server}]\n"
    (tmp_path / "config.toml").write_text(settings)
    with served(tmp_path, "serve", "--http", "127.0.0.1:0") as (_, link):
        assert get(link, "/")[0] == 401
        cookie = entered(link)
        status, _, body = get(link, "/", cookie)
        assert status == 200 and "Savings" in body
        assert get(link, "/mcp")[0] == 400
        assert json.loads(get(link, "/healthz")[2]) == {"status": "ok", "sessions": 0}
