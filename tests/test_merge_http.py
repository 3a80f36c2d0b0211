"""Many upstreams behind one HTTP server, for many sessions at once."""

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import BOUND_SECONDS
from http_client import BOTH, INFO, Client

from coatcheck.tokens import Tokens

MANY = Path(__file__).parent / "upstreams" / "many.py"
MAIN = "from coatcheck.cli import main; raise SystemExit(main())"


class Serving:
    """A coatcheck serve --http."""

    def __init__(self, home: Path, text: str) -> None:
        config = home / "config.toml"
        config.write_text(text)
        words = ["serve", "--config", str(config), "--http", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words],
            stderr=subprocess.PIPE,
            env={**os.environ, "COATCHECK_HOME": str(home), "COATCHECK": "on"},
        )
        self._port: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.port = self._port.get(timeout=BOUND_SECONDS)

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                if b"coatcheck: MCP at" in line:
                    self._port.put(int(line.rpartition(b":")[2].split(b"/")[0]))

    def end(self) -> int:
        self.process.terminate()
        status = self.process.wait(BOUND_SECONDS)
        self._thread.join(BOUND_SECONDS)
        return status


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Serving]]:
    """Start a server with a config: serve("[upstreams.a] …")."""
    servers: list[Serving] = []

    def started(text: str) -> Serving:
        servers.append(Serving(tmp_path, text))
        return servers[-1]

    yield started
    for server in servers:
        server.end()


def upstream(name: str, *options: str) -> str:
    words = json.dumps([str(MANY), name, *options])
    return f"[upstreams.{name}]\ncommand = {json.dumps(sys.executable)}\nargs = {words}\n"


TWO = upstream("a", "--era", "both", "--tools", "keep,rows") + upstream("b", "--era", "both")


def test_sessions_have_upstreams_of_their_own_and_leave_none(
    serve: Callable[[str], Serving], wait_gone: Callable[..., None]
) -> None:
    port = serve(TWO).port
    first, second = Client(port).greet(), Client(port).greet()
    listed = first.request("tools/list").json["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["a__keep", "a__rows", "b__echo", "fetch_artifact"]
    said = [client.said("a__keep", text="mine").split(" ") for client in (first, second)]
    assert said[0][0] != said[1][0]
    assert [before for _, before in said] == ["", ""]
    assert first.said("a__keep", text="x").split(" ") == [said[0][0], "mine"]
    assert first.ask("DELETE").status in (200, 204)
    wait_gone(int(said[0][0]))
    assert second.said("a__keep", text="x").endswith(" mine")


def test_clients_of_the_later_era_get_the_merged_server(serve: Callable[[str], Serving]) -> None:
    client = Client(serve(TWO).port)
    found = client.modern("server/discover").json["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    listed = client.modern("tools/list").json["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["a__keep", "a__rows", "b__echo", "fetch_artifact"]
    answer = client.modern("tools/call", name="b__echo", arguments={"text": "x"})
    assert answer.json["result"]["content"][0]["text"] == "b: echo x"


def test_a_probe_is_refused_where_one_upstream_only_shakes_hands(
    serve: Callable[[str], Serving],
) -> None:
    client = Client(serve(TWO + upstream("old")).port)
    assert client.modern("server/discover").json["error"]["code"] == -32601
    names = [tool["name"] for tool in client.greet().request("tools/list").json["result"]["tools"]]
    assert names == ["a__keep", "a__rows", "b__echo", "old__echo", "fetch_artifact"]


def test_what_is_kept_for_one_token_no_other_can_open(
    serve: Callable[[str], Serving], tmp_path: Path
) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    named = {name: tokens.new(name) for name in ("local", "ann")}
    port = serve('[http]\nhosts = ["box.test"]\n' + TWO).port
    assert Client(port).post({}).status == 401
    clients = {
        name: Client(port, headers={"Authorization": f"Bearer {token}"}).greet()
        for name, token in named.items()
    }
    view = clients["ann"].said("a__rows", n=300)
    ref = "cc_" + view.partition('ref="cc_')[2].partition('"')[0]
    assert '"of": "a"' in clients["ann"].said("fetch_artifact", ref=ref)
    assert "opens nothing here" in clients["local"].said("fetch_artifact", ref=ref)
    assert ref not in clients["local"].said("fetch_artifact")
    assert ref in clients["ann"].said("fetch_artifact")
    assert clients["local"].said("a__rows", n=300) != view


# Many at once


@dataclass(slots=True)
class Soak:
    """Sessions that call, while somebody kills their upstreams."""

    port: int
    upstreams: list[str]
    calls: int
    random: random.Random
    pids: set[int] = field(default_factory=set)
    alive: dict[tuple[int, str], int] = field(default_factory=dict)
    answered: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    async def round(self, sessions: int) -> None:
        import httpx2

        limits = httpx2.Limits(max_connections=sessions)
        base = f"http://127.0.0.1:{self.port}"
        async with (
            httpx2.AsyncClient(base_url=base, limits=limits, timeout=60) as http,
            anyio.create_task_group() as tasks,
        ):
            for number in range(sessions):
                tasks.start_soon(self.session, http, number)

    async def session(self, http: Any, number: int) -> None:
        headers = {"Accept": BOTH}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}
        hello = await self.ask(http, headers, "initialize", params)
        headers |= {"Mcp-Session-Id": hello.headers["mcp-session-id"]}
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await http.post("/mcp", json=note, headers=headers)
        kept: dict[str, str] = {}
        for turn in range(self.calls):
            name, mark = self.random.choice(self.upstreams), f"{number}-{turn}"
            params = {"name": f"{name}__keep", "arguments": {"text": mark}}
            answer = await self.ask(http, headers, "tools/call", params)
            self.check(number, name, mark, kept, answer)
            if self.random.random() < 0.05:
                self.kill()
        await http.delete("/mcp", headers=headers)

    async def ask(self, http: Any, headers: dict[str, str], method: str, params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = await http.post("/mcp", json=message, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    def check(self, number: int, name: str, mark: str, kept: dict[str, str], answer: Any) -> None:
        """Each upstream gives back what this session left there, or nothing if it was killed."""
        text = answer.text
        if "data: " in text:
            text = [line for line in text.splitlines() if line.startswith("data: {")][-1][6:]
        body = json.loads(text)
        if "error" in body:
            self.lost += 1
            kept.pop(name, None)
            if body["error"]["code"] != -32000:
                self.wrong.append(text)
            return
        pid, before = body["result"]["content"][0]["text"].split(" ")
        self.answered += 1
        self.pids.add(int(pid))
        is_same = self.alive.get((number, name)) == int(pid)
        self.alive[number, name] = int(pid)
        if before != (kept.get(name, "") if is_same else ""):
            self.wrong.append(f"{number} {name}: {before!r}, not {kept.get(name)!r}")
        kept[name] = mark

    def kill(self) -> None:
        """Kill the upstream of some session."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(list(self.alive.values())), signal.SIGKILL)


def descriptors(pid: int) -> list[str]:
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return sorted(found)


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def quiet(server: Serving) -> tuple[int, list[str], int]:
    """Return children, descriptors and memory of a server without sessions."""
    client = Client(server.port)
    for _ in range(2_000):  # each is a round trip, so that it gets time to clean up
        sessions = json.loads(client.ask("GET", path="/healthz").body)["sessions"]
        if sessions == 0 and not children(server.process.pid):
            break
    pid = server.process.pid
    return len(children(pid)), descriptors(pid), resident_kib(pid)


MOST_THREADS = 12


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("sessions", "upstreams", "calls", "rounds"),
    [(8, 3, 15, 3), pytest.param(50, 5, 60, 8, marks=pytest.mark.slow)],
)
async def test_many_sessions_share_nothing_and_leave_nothing(
    serve: Callable[[str], Serving],
    wait_gone: Callable[..., None],
    sessions: int,
    upstreams: int,
    calls: int,
    rounds: int,
) -> None:
    names = [f"u{number}" for number in range(upstreams)]
    head = "[serve]\nwait_seconds = 60\n"
    server = serve(head + "".join(upstream(name, "--tools", "keep") for name in names))
    seen = []
    for number in range(rounds):
        soak = Soak(server.port, names, calls, random.Random(number))
        with anyio.fail_after(600):
            await soak.round(sessions)
        assert not soak.wrong
        assert soak.answered > soak.lost
        assert soak.answered + soak.lost == sessions * calls
        wait_gone(*soak.pids)
        seen.append(quiet(server))
    assert [left for left, _, _ in seen] == [0] * rounds
    # A thread that works for the first time opens store or ledger once.
    assert len(seen[-1][1]) <= len(seen[0][1]) + MOST_THREADS, seen[-1][1]
    assert seen[-1][2] < seen[0][2] + 16 * 1024 + seen[0][2] // 4
    assert server.end() == 0


# One upstream for all sessions

SHARED = upstream("a", "--uris", "x:1", "--tools", "keep,wait,ask,progress") + "shared = true\n"


def pid_of(client: Client) -> int:
    return int(client.said("a__keep", text="x").split(" ")[0])


@pytest.mark.parametrize("era", ["handshake", "modern"])
def test_a_shared_upstream_serves_all_sessions_and_ends_with_the_last(
    serve: Callable[[str], Serving], wait_gone: Callable[..., None], era: str
) -> None:
    shared = upstream("a", "--era", era, "--tools", "keep") + "shared = true\n"
    port = serve(shared + upstream("b")).port
    clients = [Client(port).greet(roots={}) for _ in range(3)]
    pids = {pid_of(client) for client in clients}
    assert len(pids) == 1
    assert clients[0].ask("DELETE").status in (200, 204)
    assert {pid_of(client) for client in clients[1:]} == pids
    for client in clients[1:]:
        client.ask("DELETE")
    wait_gone(*pids)
    assert pid_of(Client(port).greet()) not in pids


def test_a_shared_upstream_sees_no_session_and_can_ask_none(
    serve: Callable[[str], Serving],
) -> None:
    port = serve(SHARED + upstream("b")).port
    client = Client(port).greet(elicitation={})
    Client(port).greet(sampling={})
    seen = json.loads(client.said("a__seen"))
    (hello,) = [message for message in seen if message.get("method") == "initialize"]
    assert hello["params"]["capabilities"] == {}
    assert hello["params"]["clientInfo"]["name"] == "coatcheck"
    answer = client.call("a__ask", id=7).json["result"]["content"][0]["text"]
    assert json.loads(answer)[1]["code"] == -32601


def test_what_a_shared_upstream_says_reaches_only_who_asked(
    serve: Callable[[str], Serving],
) -> None:
    port = serve(SHARED + upstream("b")).port
    first, second = Client(port).greet(), Client(port).greet()
    with second.open("GET") as stream:
        meta = {"progressToken": "t"}
        answer = first.request("tools/call", 5, name="a__progress", arguments={}, _meta=meta)
        assert [m["params"]["progressToken"] for m in answer.messages[:-1]] == ["t"]
        assert answer.messages[-1]["id"] == 5
        first.request("resources/subscribe", uri="x:1")
        second.call("a__change")
        line = b""
        while not line.startswith(b"data: {"):
            line = stream.readline()
        assert json.loads(line[6:])["method"] == "notifications/tools/list_changed"


def test_a_shared_upstream_that_dies_comes_back_for_all(serve: Callable[[str], Serving]) -> None:
    port = serve(SHARED + upstream("b")).port
    clients = [Client(port).greet() for _ in range(2)]
    pid = pid_of(clients[0])
    assert "result" in clients[1].call("b__echo").json
    assert "error" in clients[0].call("a__die").json
    again = {pid_of(client) for client in clients}
    assert len(again) == 1
    assert pid not in again
