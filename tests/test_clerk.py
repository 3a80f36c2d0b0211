"""What the relay asks of a desk, and what a failing desk costs: nothing."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coatcheck.front import Relay
from coatcheck.types import Call, RequestError

BOUND_SECONDS = 5


class Pipe:
    """The agent's or the upstream's end: what was sent there, line by line."""

    principal = ""

    name = "up"
    unsent_bytes = 0

    def __init__(self) -> None:
        self.running = True
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.held: list[bool] = []
        self.feed: Callable[[list[bytes]], None] = lambda lines: None
        self.ended: Callable[[str], None] = lambda reason: None
        self.full: Callable[[bool], None] = lambda on: None

    async def start(
        self,
        feed: Callable[[list[bytes]], None],
        ended: Callable[[str], None],
        full: Callable[[bool], None],
    ) -> None:
        self.feed, self.ended, self.full = feed, ended, full

    async def stop(self) -> None:
        self.running = False

    def send(self, data: bytes) -> None:
        for line in data.splitlines():
            self.lines.put_nowait(line)

    def hold(self, on: bool) -> None:
        self.held.append(on)

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(BOUND_SECONDS):
            message = json.loads(await self.lines.get())
        assert isinstance(message, dict)
        return message


class FakeDesk:
    """Answers fetch_artifact, tags every call, shortens results of 50 bytes and more."""

    def __init__(self) -> None:
        self.seconds = 600.0
        self.greeted: list[Mapping[str, object]] = []
        self.noted: list[tuple[str, int, bool]] = []
        self.revised: list[tuple[str, str, bytes]] = []
        self.closed = False

    def greet(self, params: Mapping[str, object]) -> None:
        self.greeted.append(params)

    def answers(self, method: str, params: Mapping[str, object]) -> bool:
        return method == "tools/call" and params.get("name") == "fetch_artifact"

    def answer(self, method: str, params: Mapping[str, object]) -> bytes:
        if "arguments" in params:
            raise RequestError(-32602, "no such thing")
        return json.dumps({"fetched": params["name"]}).encode()

    def take(self, params: Mapping[str, object], raw: bytes) -> tuple[Call, bytes | None]:
        refs = (str(params["name"]),) if str(params["name"]).startswith("ref") else ()
        call = Call("up", str(params["name"]), timeout_seconds=self.seconds, refs=refs)
        return call, b'{"name":"new"}' if params["name"] == "old" else None

    def fill(self, call: Call, params: Mapping[str, object], raw: bytes) -> tuple[bytes, bool]:
        if call.tool == "ref broken":
            raise RuntimeError("fill")
        return (b'{"filled":%b}' % raw, True) if call.tool == "ref" else (b'{"refused":1}', False)

    def wants(self, method: str, call: Call | None, size_bytes: int, line: bytes = b"") -> bool:
        return method == "tools/list" or (method == "tools/call" and size_bytes >= 120)

    def revise(
        self, method: str, call: Call | None, result: bytes, upstream_ms: float
    ) -> bytes | None:
        self.revised.append((method, call.tool if call else "", result))
        return b'{"short":true}' if call and call.tool == "big" else None

    def passed(self, call: Call, size_bytes: int, is_error: bool, upstream_ms: float) -> None:
        self.noted.append((call.tool, size_bytes, is_error))

    def close(self) -> None:
        self.closed = True


class BrokenDesk(FakeDesk):
    """Wants everything and raises everywhere."""

    def greet(self, params: Mapping[str, object]) -> None:
        raise RuntimeError("greet")

    def answers(self, method: str, params: Mapping[str, object]) -> bool:
        raise RuntimeError("answers")

    def take(self, params: Mapping[str, object], raw: bytes) -> tuple[Call, bytes | None]:
        raise RuntimeError("take")

    def revise(
        self, method: str, call: Call | None, result: bytes, upstream_ms: float
    ) -> bytes | None:
        raise RuntimeError("revise")

    def close(self) -> None:
        super().close()
        raise RuntimeError("close")


class Talk:
    """A relay between an agent and an upstream that the test plays itself."""

    def __init__(self, relay: Relay, agent: Pipe, upstream: Pipe) -> None:
        self.relay, self.agent, self.upstream = relay, agent, upstream

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request of the agent; return it as it reached the upstream."""
        message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        self.relay.from_agent([json.dumps(message).encode()])
        return await self.upstream.read()

    def reply(self, request: dict[str, Any], result: str) -> None:
        self.upstream.feed(
            [b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (request["id"], result.encode())]
        )

    async def answer(self) -> bytes:
        async with asyncio.timeout(BOUND_SECONDS):
            return await self.agent.lines.get()


@asynccontextmanager
async def talk(desk: FakeDesk | None, seconds: float = 600) -> AsyncIterator[Talk]:
    agent, upstream = Pipe(), Pipe()
    if desk is not None:
        desk.seconds = seconds
    async with asyncio.TaskGroup() as tasks:
        relay = Relay(agent, upstream, desk, tasks, call_timeout_seconds=seconds)
        await relay.start()
        yield Talk(relay, agent, upstream)
        await relay.close(BOUND_SECONDS)


BIG = '{"n":1E5,"content":[{"type":"text","text":"%s"}]}' % ("x" * 100)


async def test_a_request_for_us_never_reaches_the_upstream() -> None:
    async with talk(FakeDesk()) as t:
        line = b'{"id":7,"method":"tools/call","params":{"name":"fetch_artifact"}}'
        t.relay.from_agent([line])
        assert (
            await t.answer() == b'{"jsonrpc":"2.0","id":7,"result":{"fetched": "fetch_artifact"}}'
        )
        assert t.upstream.lines.empty()


async def test_an_error_of_the_desk_is_an_error_of_json_rpc() -> None:
    async with talk(FakeDesk()) as t:
        params = b'{"name":"fetch_artifact","arguments":{}}'
        t.relay.from_agent([b'{"id":7,"method":"tools/call","params":' + params + b"}"])
        error = json.loads(await t.answer())["error"]
        assert error == {"code": -32602, "message": "no such thing"}


async def test_the_desk_may_change_the_params_of_a_call() -> None:
    async with talk(FakeDesk()) as t:
        assert (await t.ask("tools/call", name="old"))["params"] == {"name": "new"}


async def test_a_call_with_refs_is_sent_once_they_are_filled() -> None:
    async with talk(FakeDesk()) as t:
        request = await t.ask("tools/call", name="ref")
        assert request["params"] == {"filled": {"name": "ref"}}
        t.reply(request, '{"ok":1}')
        assert await t.answer() == b'{"jsonrpc":"2.0","id":"a","result":{"ok":1}}'


async def test_a_call_whose_refs_are_refused_is_answered_and_not_sent() -> None:
    async with talk(FakeDesk()) as t:
        t.relay.from_agent([b'{"id":7,"method":"tools/call","params":{"name":"ref not"}}'])
        assert await t.answer() == b'{"jsonrpc":"2.0","id":7,"result":{"refused":1}}'
        assert t.upstream.lines.empty()


async def test_a_desk_that_fails_to_fill_sends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with talk(FakeDesk()) as t:
        t.relay.from_agent([b'{"id":7,"method":"tools/call","params":{"name":"ref broken"}}'])
        assert json.loads(await t.answer())["error"]["code"] == -32603
        assert t.upstream.lines.empty()


async def test_a_call_that_is_cancelled_while_it_is_filled_is_not_sent() -> None:
    async with talk(FakeDesk()) as t:
        t.relay.from_agent(
            [
                b'{"id":7,"method":"tools/call","params":{"name":"ref"}}',
                b'{"method":"notifications/cancelled","params":{"requestId":7}}',
            ]
        )
        assert (await t.upstream.read())["method"] == "notifications/cancelled"
        await t.relay.close(BOUND_SECONDS)
        assert t.upstream.lines.empty() and t.agent.lines.empty()


async def test_the_desk_sees_the_exact_result_and_its_own_goes_out() -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        t.reply(await t.ask("tools/call", name="big"), BIG)
        assert await t.answer() == b'{"jsonrpc":"2.0","id":"a","result":{"short":true}}'
    assert desk.revised == [("tools/call", "big", BIG.encode())]
    assert desk.noted == []


async def test_a_result_the_desk_leaves_alone_passes_as_received() -> None:
    async with talk(FakeDesk()) as t:
        t.reply(await t.ask("tools/call", name="other"), BIG)
        assert await t.answer() == b'{"jsonrpc":"2.0","id":"a","result":%b}' % BIG.encode()


async def test_every_method_the_desk_wants_is_shown_to_it() -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        t.reply(await t.ask("tools/list"), '{"tools":[]}')
        await t.answer()
    assert desk.revised == [("tools/list", "", b'{"tools":[]}')]


@pytest.mark.parametrize(
    ("result", "is_error"), [('{"content":[]}', False), ('{"content":[],"isError":true}', True)]
)
async def test_a_small_result_is_noted(result: str, is_error: bool) -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        request = await t.ask("tools/call", name="t")
        t.reply(request, result)
        await t.answer()
    size = len(b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (request["id"], result.encode()))
    assert desk.noted == [("t", size, is_error)]


async def test_an_error_response_is_noted_and_passes() -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        request = await t.ask("tools/call", name="t")
        error = '{"jsonrpc":"2.0","id":%d,"error":{"code":-1,"message":"%s"}}'
        t.upstream.feed([(error % (request["id"], "x" * 200)).encode()])
        assert json.loads(await t.answer())["error"]["code"] == -1
    assert [(tool, is_error) for tool, _, is_error in desk.noted] == [("t", True)]


async def test_a_death_of_the_upstream_is_noted() -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        await t.ask("tools/call", name="t")
        t.upstream.ended("upstream 'up' died")
        assert json.loads(await t.answer())["error"]["code"] == -32000
    assert desk.noted == [("t", 0, True)]


async def test_a_call_without_an_answer_times_out_and_is_cancelled() -> None:
    desk = FakeDesk()
    async with talk(desk, seconds=0.01) as t:
        request = await t.ask("tools/call", name="t")
        error = json.loads(await t.answer())["error"]
        cancel = await t.upstream.read()
        t.reply(request, '{"late":1}')
        assert t.agent.lines.empty()
    assert error["code"] == -32001
    assert "'up'" in error["message"]
    assert cancel["method"] == "notifications/cancelled"
    assert cancel["params"]["requestId"] == request["id"]
    assert desk.noted == [("t", 0, True)]


async def test_a_cancelled_call_that_is_never_answered_ends_without_a_word() -> None:
    async with talk(None, seconds=0.01) as t:
        await t.ask("tools/call", name="t")
        t.relay.from_agent([b'{"method":"notifications/cancelled","params":{"requestId":"a"}}'])
        assert (await t.upstream.read())["method"] == "notifications/cancelled"
        assert (await t.upstream.read())["method"] == "notifications/cancelled"
        assert t.agent.lines.empty()


async def test_the_desk_is_told_who_the_agent_is() -> None:
    desk = FakeDesk()
    async with talk(desk) as t:
        await t.ask("initialize", clientInfo={"name": "c"})
        await t.ask("server/discover", x=1)
    assert desk.greeted == [{"clientInfo": {"name": "c"}}, {"x": 1}]


async def test_a_broken_desk_fails_no_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with talk(BrokenDesk()) as t:
        await t.ask("initialize")
        request = await t.ask("tools/call", name="big")
        assert request["params"] == {"name": "big"}
        t.reply(request, BIG)
        assert await t.answer() == b'{"jsonrpc":"2.0","id":"a","result":%b}' % BIG.encode()


async def test_the_upstream_waits_while_the_agent_does_not_read() -> None:
    async with talk(None) as t:
        t.relay.agent_full(True)
        t.relay.agent_full(False)
        assert t.upstream.held == [True, False]


async def test_the_agent_waits_while_the_upstream_does_not_read() -> None:
    async with talk(None) as t:
        t.upstream.full(True)
        t.upstream.full(False)
        assert t.agent.held == [True, False]


async def test_an_agent_that_reads_no_answers_of_ours_is_held() -> None:
    async with talk(FakeDesk()) as t:
        t.agent.unsent_bytes = 1 << 30
        t.relay.from_agent([b'{"id":7,"method":"tools/call","params":{"name":"fetch_artifact"}}'])
        await t.answer()
        assert t.agent.held[-1]


@pytest.mark.parametrize("fails", [False, True])
async def test_closing_the_relay_ends_the_upstream_and_closes_the_desk(fails: bool) -> None:
    desk = BrokenDesk() if fails else FakeDesk()
    async with talk(desk) as t:
        pass
    assert desk.closed
    assert not t.upstream.running
