"""One upstream that is a URL: what goes over the wire, what comes back, what goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import Reply, Seen, served

from coatcheck.types import Transport
from coatcheck_adapters.upstreams.channel import Endpoint
from coatcheck_adapters.upstreams.url import UrlUpstream

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
LOGIN = "wants a login; run `coatcheck login up`"


class Front:
    """What a link sees of an upstream."""

    def __init__(self, upstream: UrlUpstream) -> None:
        self.upstream = upstream
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.full: list[bool] = []

    async def start(self) -> None:
        await self.upstream.start(self._feed, self.ended.put_nowait, self.full.append)

    def _feed(self, lines: list[bytes]) -> None:
        for line in lines:
            self.lines.put_nowait(line)

    def send(self, **message: Any) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        self.upstream.send(line)

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            found = json.loads(await self.lines.get())
        assert isinstance(found, dict)
        return found

    async def greet(self) -> None:
        self.send(id=1, method="initialize", params={})
        assert (await self.read())["id"] == 1
        self.send(method="notifications/initialized")


@asynccontextmanager
async def front_of(url: str, transport: Transport = "auto", **headers: str) -> AsyncIterator[Front]:
    async with asyncio.TaskGroup() as tasks:
        endpoint = Endpoint("up", url, headers, login=LOGIN)
        front = Front(UrlUpstream(endpoint, tasks, transport=transport))
        await front.start()
        try:
            yield front
        finally:
            async with asyncio.timeout(20):
                await front.upstream.stop()


def answer_to(seen: Seen, **result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": seen.message["id"], "result": result}).encode()


async def shake(seen: Seen, reply: Reply) -> bool:
    """Do the handshake of a server that keeps sessions and says nothing of itself."""
    method = seen.message.get("method")
    if seen.method == "GET":
        reply.whole(405)
    elif seen.method == "DELETE":
        reply.whole(200)
    elif method == "initialize":
        body = answer_to(seen, protocolVersion="2025-11-25")
        reply.whole(200, body, Mcp_Session_Id="s-1")
    elif "id" not in seen.message:
        reply.whole(202)
    else:
        return False
    return True


def plain(last: Callable[[Seen, Reply], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return a server that leaves all but the handshake to last."""

    async def answer(seen: Seen, reply: Reply) -> None:
        if not await shake(seen, reply):
            await last(seen, reply)

    return answer


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - many different things are waited for
            await asyncio.sleep(0)


async def turns(number: int) -> None:
    """Let the loop do what there is to do, so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


# What goes along


async def test_a_session_has_its_headers_and_is_ended() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(200, answer_to(seen, ok=1))

    async with served(plain(answer)) as server:
        async with front_of(server.url, Authorization="Bearer t") as front:
            await front.greet()
            front.send(id=2, method="tools/list")
            assert (await front.read())["result"] == {"ok": 1}
            await until(lambda: "GET" in server.asked())
        hello, *rest = server.seen
        assert "mcp-session-id" not in hello.headers
        assert "mcp-protocol-version" not in hello.headers
        assert [s.headers["mcp-session-id"] for s in rest] == ["s-1"] * 4
        assert [s.headers["mcp-protocol-version"] for s in rest] == ["2025-11-25"] * 4
        assert {s.headers["authorization"] for s in server.seen} == {"Bearer t"}
        assert {s.path for s in server.seen} == {"/mcp?key=SECRET"}
        assert server.asked()[-1] == "DELETE"


async def test_a_request_without_handshake_says_in_headers_what_it_says() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        schema = {"properties": {"to": {"type": "string", "x-mcp-header": "To"}}}
        tools = [{"name": "send", "inputSchema": schema}]
        reply.whole(200, answer_to(seen, tools=tools), Mcp_Session_Id="none")

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=1, method="tools/list", params={"_meta": META})
        await front.read()
        params = {"name": "send", "arguments": {"to": "ä"}, "_meta": META}
        front.send(id=2, method="tools/call", params=params)
        await front.read()
        listed, called = server.seen
        assert listed.headers["mcp-method"] == "tools/list"
        assert called.headers["mcp-protocol-version"] == "2026-07-28"
        assert called.headers["mcp-name"] == "send"
        assert called.headers["mcp-param-to"] == "=?base64?w6Q=?="
        assert "mcp-session-id" not in called.headers


async def test_what_comes_after_the_handshake_waits_until_that_has_arrived() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        if seen.message.get("method") == "notifications/initialized":
            await turns(50)
        if not await shake(seen, reply):
            reply.whole(200, answer_to(seen))

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=1, method="initialize", params={})
        front.send(method="notifications/initialized")
        front.send(id=2, method="tools/list")
        assert [(await front.read())["id"] for _ in range(2)] == [1, 2]
        posts = [asked for asked in server.asked() if asked.startswith("POST")]
        assert posts == ["POST initialize", "POST notifications/initialized", "POST tools/list"]
        listed = next(s for s in server.seen if s.message.get("method") == "tools/list")
        assert listed.headers["mcp-session-id"] == "s-1"


# What comes back


@pytest.mark.parametrize(
    "spelled",
    [
        b'{"jsonrpc":"2.0","id":%d,"result":{"a":1.0}}',
        b'\xef\xbb\xbf {\r\n "id": %d,\n"result":{}}',
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_is_one_line_of_the_received_bytes(spelled: bytes, stream: bool) -> None:
    body = spelled % 5

    async def answer(seen: Seen, reply: Reply) -> None:
        if stream:
            reply.stream()
            reply.event(body.replace(b"\r\n", b"\n").replace(b"\n", b"\ndata: "))
        else:
            reply.whole(200, body)

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=5, method="x")
        line = await front.lines.get()
        assert b"\n" not in line
        assert json.loads(line.removeprefix(b"\xef\xbb\xbf")) == json.loads(
            body.decode("utf-8-sig")
        )
        if b"1.0" in body:
            assert line == body


async def test_a_batch_of_answers_is_taken_apart_later_and_counts_as_the_answer() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        note = {"jsonrpc": "2.0", "method": "notifications/x"}
        reply.whole(200, json.dumps([note, json.loads(answer_to(seen))]).encode())

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=5, method="x")
        assert "method" in await front.read()
        assert (await front.read())["id"] == 5


async def test_an_error_that_names_no_request_answers_the_one_that_was_posted() -> None:
    error = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"bad","data":1.0}}'

    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(400, error)

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=5, method="tools/call")
        expected = b'{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"bad","data":1.0}}'
        assert await front.lines.get() == expected


# What goes wrong


@pytest.mark.parametrize(
    ("status", "headers", "kind", "advice"),
    [
        (401, {}, "application/json", "coatcheck login up"),
        (403, {}, "text/html", "account, token and scopes"),
        (
            403,
            {"WWW_Authenticate": 'Bearer error="insufficient_scope", scope="a b"'},
            "text/html",
            "log in again with --scope 'a b'",
        ),
        (404, {}, "text/html", "correct the url"),
        (429, {"Retry_After": "30"}, "application/json", "call again in 30 s"),
        (429, {}, "text/html", "call again later"),
        (500, {}, "text/html", "call again if that is safe"),
        (503, {"Retry_After": "5"}, "text/html", "call again in 5 s"),
        (418, {}, "text/html", "refused the request (HTTP 418)"),
        (
            302,
            {"Location": "https://b.example/x?SECRET"},
            "text/html",
            "to https://b.example/x (HTT",
        ),
        (200, {}, "text/html", "answered with text/html instead of MCP"),
        (202, {}, "", "took the request without an answer"),
        (200, {}, "application/json", "not JSON"),
    ],
)
async def test_a_refused_request_says_where_what_and_what_to_do(
    status: int, headers: dict[str, str], kind: str, advice: str
) -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(status, b"<html>BODY</html>", kind, **headers)

    async with (
        served(plain(answer)) as server,
        front_of(server.url, Authorization="Bearer TOKEN") as front,
    ):
        front.send(id=5, method="tools/call")
        error = await front.read()
        assert error["id"] == 5
        text = error["error"]["message"]
        assert f"upstream 'up' at http://127.0.0.1:{server.port}/mcp " in text
        assert advice in text
        assert not {word for word in ("SECRET", "TOKEN", "BODY") if word in text}
        assert len(server.seen) == 1
        assert front.upstream.running


async def test_a_server_that_is_down_is_an_error_and_used_again_when_it_is_up() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(200, answer_to(seen))

    async with served(answer) as server:
        pass
    async with front_of(server.url) as front:
        front.send(id=5, method="x")
        assert "nothing was sent" in (await front.read())["error"]["message"]
        async with served(answer, server.port):
            front.send(id=6, method="x")
            assert "result" in await front.read()


@pytest.mark.parametrize("after", ["the request", "half an answer", "some events"])
async def test_a_connection_that_breaks_is_an_error_and_nothing_is_sent_twice(after: str) -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        if after == "half an answer":
            reply.whole(200, b'{"jsonrpc"', Content_Length="100")
        elif after == "some events":
            reply.stream()
            reply.event(b'{"jsonrpc":"2.0","method":"notifications/x"}')
        await reply.writer.drain()
        reply.cut()

    async with served(plain(answer)) as server, front_of(server.url) as front:
        front.send(id=5, method="tools/call")
        error = await front.read()
        error = await front.read() if "method" in error else error
        assert "not repeated: call again if that is safe" in error["error"]["message"]
        assert server.asked() == ["POST tools/call"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'),
        (404, b""),
        (400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No valid session"}}'),
    ],
)
async def test_a_forgotten_session_ends_and_another_begins(status: int, body: bytes) -> None:
    forgotten = True

    async def answer(seen: Seen, reply: Reply) -> None:
        if forgotten:
            reply.whole(status, body)
        else:
            reply.whole(200, answer_to(seen))

    async with served(plain(answer)) as server, front_of(server.url) as front:
        await front.greet()
        front.send(id=5, method="tools/list")
        async with asyncio.timeout(20):
            assert f"does not know the session (HTTP {status})" in await front.ended.get()
        assert not front.upstream.running
        forgotten = False
        await front.start()
        await front.greet()
        hellos = [s for s in server.seen if s.message.get("method") == "initialize"]
        assert ["mcp-session-id" in hello.headers for hello in hellos] == [False, False]
        front.send(id=6, method="tools/list")
        assert "result" in await front.read()


async def test_a_404_that_answers_the_request_ends_no_session() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        error = {"code": -32601, "message": "Method not found"}
        body = {"jsonrpc": "2.0", "id": seen.message["id"], "error": error}
        reply.whole(404, json.dumps(body).encode())

    async with served(plain(answer)) as server, front_of(server.url) as front:
        await front.greet()
        front.send(id=5, method="vendor/x")
        assert (await front.read())["error"]["code"] == -32601
        assert front.upstream.running


@pytest.mark.parametrize("body", [b"", b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000}}'])
async def test_a_refused_probe_makes_a_client_try_the_handshake(body: bytes) -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(400, body)

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=1, method="server/discover", params={"_meta": META})
        assert (await front.read())["error"]["code"] == -32601


# Redirects


async def test_a_redirect_within_the_origin_keeps_headers_and_body() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        if seen.path == "/there":
            reply.whole(200, answer_to(seen))
        else:
            reply.whole(307, Location="/there")

    async with served(answer) as server, front_of(server.url, Authorization="Bearer t") as front:
        front.send(id=5, method="x", params={"a": 1})
        assert (await front.read())["result"] == {}
        first, second = server.seen
        assert first.body == second.body
        assert second.headers["authorization"] == "Bearer t"


async def test_a_redirect_to_another_origin_is_not_followed() -> None:
    async def elsewhere(seen: Seen, reply: Reply) -> None:
        reply.whole(200, answer_to(seen))

    async with served(elsewhere) as other:

        async def answer(seen: Seen, reply: Reply) -> None:
            reply.whole(307, Location=other.url)

        async with served(answer) as server, front_of(server.url) as front:
            front.send(id=5, method="x")
            assert "not followed" in (await front.read())["error"]["message"]
            assert not other.seen


async def test_redirects_without_end_are_an_error() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(307, Location="/mcp")

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=5, method="x")
        assert "without end" in (await front.read())["error"]["message"]


# Streams


async def test_what_the_server_says_of_itself_arrives_also_after_a_break() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        if seen.method != "GET":
            await shake(seen, reply)
            return
        reply.stream()
        number = int(seen.headers.get("last-event-id", "0")) + 1
        reply.event(b'{"jsonrpc":"2.0","method":"n%d"}' % number, id=number, retry=1)
        await reply.writer.drain()
        if number < 3:
            reply.cut()
        else:
            await reply.gone()

    async with served(answer) as server, front_of(server.url) as front:
        await front.greet()
        assert [(await front.read())["method"] for _ in range(3)] == ["n1", "n2", "n3"]
        assert server.asked().count("GET") == 3


async def test_a_stream_that_breaks_off_is_taken_up_where_it_was() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        if seen.headers.get("last-event-id") == "e-2":
            reply.stream()
            reply.event(b'{"jsonrpc":"2.0","id":5,"result":{}}', id="e-3")
        elif seen.message.get("method") == "tools/call":
            reply.stream()
            reply.event(b"", id="e-1", retry=1)
            reply.event(b'{"jsonrpc":"2.0","method":"n"}', id="e-2")
        await reply.writer.drain()
        reply.cut()

    async def all_of_it(seen: Seen, reply: Reply) -> None:
        if "last-event-id" in seen.headers or not await shake(seen, reply):
            await answer(seen, reply)

    async with served(all_of_it) as server, front_of(server.url) as front:
        await front.greet()
        front.send(id=5, method="tools/call")
        assert (await front.read())["method"] == "n"
        assert await front.read() == {"jsonrpc": "2.0", "id": 5, "result": {}}
        assert server.asked().count("POST tools/call") == 1


async def test_to_cancel_without_handshake_is_to_close_the_stream() -> None:
    closed = asyncio.Event()

    async def answer(seen: Seen, reply: Reply) -> None:
        reply.stream()
        reply.event(b'{"jsonrpc":"2.0","method":"notifications/progress"}')
        await reply.gone()
        closed.set()

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=5, method="tools/call", params={"_meta": META})
        await front.read()
        front.send(method="notifications/cancelled", params={"requestId": 5})
        async with asyncio.timeout(20):
            await closed.wait()
        assert server.asked() == ["POST tools/call"]
        assert front.lines.empty()


async def test_to_cancel_with_handshake_is_said_once_the_request_has_gone_out() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.stream()
        await reply.gone()

    async with served(plain(answer)) as server, front_of(server.url) as front:
        await front.greet()
        front.send(id=5, method="tools/call")
        await until(lambda: "POST tools/call" in server.asked())
        front.send(method="notifications/cancelled", params={"requestId": 5})
        await until(lambda: "POST notifications/cancelled" in server.asked())


async def test_a_front_that_holds_stops_the_server() -> None:
    written = 0

    async def answer(seen: Seen, reply: Reply) -> None:
        nonlocal written
        reply.stream()
        for _ in range(1000):
            reply.event(b'{"jsonrpc":"2.0","method":"' + b"n" * 100_000 + b'"}')
            await reply.writer.drain()
            written += 1
        reply.event(answer_to(seen))

    async with served(answer) as server, front_of(server.url) as front:
        front.upstream.hold(True)
        front.send(id=5, method="x")
        await until(lambda: written > 0)
        before = -1
        while written > before:  # until the server gets no further
            before = written
            await turns(500)
        assert written < 200
        assert front.lines.qsize() < 10
        front.upstream.hold(False)
        for _ in range(1000):
            await front.read()
        assert (await front.read())["id"] == 5


async def test_a_front_that_sends_too_much_is_asked_to_hold() -> None:
    go = asyncio.Event()

    async def answer(seen: Seen, reply: Reply) -> None:
        await go.wait()
        reply.whole(200, answer_to(seen))

    async with served(answer) as server, front_of(server.url) as front:
        for number in range(300):
            front.send(id=number + 1, method="x", params={"text": "x" * 10_000})
        assert front.full == [True]
        go.set()
        assert {(await front.read())["id"] for _ in range(300)} == set(range(1, 301))
        assert front.full == [True, False]


async def test_what_was_asked_is_still_answered_while_it_ends() -> None:
    asked = asyncio.Event()

    async def answer(seen: Seen, reply: Reply) -> None:
        asked.set()
        await turns(50)
        reply.whole(200, answer_to(seen))

    async with served(answer) as server:
        async with front_of(server.url) as front:
            front.send(id=5, method="x")
            await asked.wait()
        assert (await front.read())["id"] == 5


# The older transport


def older(
    messages: str, events: list[bytes], *, end: bool = False
) -> Callable[..., Awaitable[None]]:
    """Return a server of HTTP+SSE that answers each message with the next event."""
    streams: list[Reply] = []

    async def answer(seen: Seen, reply: Reply) -> None:
        if seen.method == "GET":
            reply.stream()
            reply.event(messages.encode(), event="endpoint")
            streams.append(reply)
            await reply.gone()
        elif seen.path.startswith("/mcp"):
            reply.whole(405)
        else:
            reply.whole(202)
            if events:
                streams[-1].event(events.pop(0), event="message")
            if end:
                await streams[-1].writer.drain()
                streams[-1].cut()

    return answer


async def test_an_endpoint_that_takes_no_initialize_is_spoken_to_as_before() -> None:
    hello = b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-11-05"}}'
    server_of = older("/messages?id=1", [hello])
    async with served(server_of) as server, front_of(server.url, X_Key="k") as front:
        front.send(id=1, method="initialize", params={})
        assert await front.lines.get() == hello
        assert [s.path for s in server.seen][-1] == "/messages?id=1"
        assert all(s.headers["x_key"] == "k" for s in server.seen)


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/x", "//example.com/x", "https://127.0.0.1/"]
)
async def test_messages_go_to_no_other_host(target: str) -> None:
    async with served(older(target, [])) as server, front_of(server.url, "sse") as front:
        front.send(id=1, method="initialize", params={})
        assert "to another host" in (await front.read())["error"]["message"]


async def test_the_end_of_the_stream_ends_the_session() -> None:
    async with (
        served(older("/m", [], end=True)) as server,
        front_of(server.url, "sse") as front,
    ):
        front.send(id=1, method="initialize", params={})
        async with asyncio.timeout(20):
            assert "ended its stream" in await front.ended.get()
        assert not front.upstream.running


async def test_an_endpoint_of_neither_transport_is_an_error() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(404, b"<html>", "text/html")

    async with served(answer) as server, front_of(server.url) as front:
        front.send(id=1, method="initialize", params={})
        assert "correct the url" in (await front.read())["error"]["message"]
        assert server.asked() == ["POST initialize", "GET"]
        front.send(id=2, method="initialize", params={})
        assert "correct the url" in (await front.read())["error"]["message"]


def test_the_settings_of_an_endpoint_show_no_secret() -> None:
    shown = repr(Endpoint("up", "https://a/b", {"Authorization": "Bearer TOKEN"}))
    assert "TOKEN" not in shown


async def test_a_request_that_is_cancelled_at_once_leaves_nothing_behind() -> None:
    async def answer(seen: Seen, reply: Reply) -> None:
        reply.whole(200, answer_to(seen))

    async with served(answer) as server, front_of(server.url) as front:
        for number in range(1, 40):
            front.send(id=number, method="x", params={"text": "x" * 100_000})
            front.send(method="notifications/cancelled", params={"requestId": number})
        front.send(id=40, method="x")
        assert (await front.read())["id"] == 40
        assert front.full == [True, False]
        assert server.asked() == ["POST x"]
