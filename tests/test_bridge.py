"""A handshake agent and an upstream that knows only the revision of 2026-07-28."""

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import UPSTREAMS, Agent, coatcheck
from hypothesis import given
from hypothesis import strategies as st
from outside import node_bin, npm_package
from test_conformance import REQUIRED, coatcheck_over, score

from coatcheck import eras, wire
from coatcheck.listening import Listening

if TYPE_CHECKING:
    from pytest import FixtureRequest

INFO = {"name": "test", "version": "1", "x-new": 1.0}
CAN = {"elicitation": {}, "sampling": {}, "roots": {"listChanged": True}}
REFUSES = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        error = {"code": int(sys.argv[1]), "message": message["method"], "data": sys.argv[2:]}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)
"""


def greet(agent: Agent, **capabilities: object) -> dict[str, Any]:
    params = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "clientInfo": INFO}
    agent.send(id="hello", method="initialize", params=params)
    answer = agent.read()
    agent.send(method="notifications/initialized")
    return answer


@pytest.fixture(scope="module", params=["modern", "vetoed"])
def able(request: "FixtureRequest") -> Iterator[Agent]:
    """Return an agent that can do everything, after the handshake."""
    agent = Agent(coatcheck("eras.py", request.param), {})
    greet(agent, **CAN)
    yield agent
    agent.end()


@pytest.fixture(scope="module")
def unable() -> Iterator[Agent]:
    """Return an agent without any capability, after the handshake."""
    agent = Agent(coatcheck("eras.py", "modern"), {})
    greet(agent)
    yield agent
    agent.end()


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["result"]["content"][0]["text"])


def answer(agent: Agent, request_id: object) -> dict[str, Any]:
    """Return the answer to a request, past notifications."""
    while (message := agent.read()).get("id") != request_id:
        assert "id" not in message, message
    return message


@pytest.mark.parametrize("era", ["modern", "vetoed"])
def test_initialize_is_answered_in_the_words_of_the_handshake(
    start: Callable[..., Agent], era: str
) -> None:
    result = greet(start("eras.py", era))["result"]
    assert result["protocolVersion"] == "2025-06-18"
    assert result["serverInfo"] == {"name": "eras", "version": "7"}
    assert result["instructions"] == "how to use it"
    assert result["capabilities"]["tools"] == {"listChanged": True}


def test_an_unknown_version_is_answered_with_the_newest_handshake(
    start: Callable[..., Agent],
) -> None:
    agent = start("eras.py", "modern")
    params = {"protocolVersion": "2031-01-01", "capabilities": {}, "clientInfo": INFO}
    agent.send(id=1, method="initialize", params=params)
    assert agent.read()["result"]["protocolVersion"] == "2025-11-25"


def test_the_upstream_sees_who_the_agent_is_and_what_it_can(able: Agent, unable: Agent) -> None:
    able.call("who", 1)
    assert text_of(answer(able, 1)) == "2026-07-28 test elicitation roots sampling"
    unable.call("who", 1)
    assert text_of(answer(unable, 1)) == "2026-07-28 test"


def test_what_the_revision_removed_is_answered(able: Agent) -> None:
    able.send(id=1, method="ping")
    assert answer(able, 1)["result"] == {}


def test_log_messages_come_once_a_level_is_set(unable: Agent) -> None:
    unable.call("log", 1)
    assert unable.read()["id"] == 1
    unable.send(id=2, method="logging/setLevel", params={"level": "info"})
    assert unable.read()["result"] == {}
    unable.call("log", 3)
    assert unable.read()["params"] == {"level": "info", "data": "logged"}
    assert unable.read()["id"] == 3


@pytest.mark.parametrize(
    ("tool", "method", "result", "said"),
    [
        ("elicit", "elicitation/create", {"action": "accept", "content": {"answer": "b"}}, None),
        ("roots", "roots/list", {"roots": [{"uri": "file:///a"}]}, "file:///a"),
        (
            "sample",
            "sampling/createMessage",
            {"role": "assistant", "content": {"type": "text", "text": "ok"}, "model": "m"},
            "ok",
        ),
    ],
)
def test_what_the_upstream_needs_is_asked_of_the_agent(
    able: Agent, tool: str, method: str, result: dict[str, Any], said: str | None
) -> None:
    able.call(tool, "c1")
    asked = able.read()
    assert asked["method"] == method
    able.send(id=asked["id"], result=result)
    assert text_of(able.read()) == (said or "accept {'answer': 'b'}")


@pytest.mark.parametrize(
    ("tool", "need"),
    [("elicit", "elicitation"), ("sample", "sampling"), ("roots", "roots")],
)
def test_an_agent_that_cannot_be_asked_gets_an_error_that_says_so(
    unable: Agent, tool: str, need: str
) -> None:
    unable.call(tool)
    error = unable.read()["error"]
    assert error["code"] == -32021
    assert f"'up' needs {need} of the agent" in error["message"]


def test_a_url_is_only_shown_by_an_agent_that_can(able: Agent, start: Callable[..., Agent]) -> None:
    able.call("link")
    assert "needs elicitation.url" in able.read()["error"]["message"]
    agent = start("eras.py", "modern")
    greet(agent, elicitation={"url": {}})
    agent.call("link", 2)
    asked = agent.read()
    assert asked["params"]["url"] == "https://a.example/"
    assert asked["params"]["elicitationId"]
    agent.send(id=asked["id"], result={"action": "accept"})
    assert text_of(agent.read()) == "accept"


def test_an_agent_that_refuses_to_answer_ends_the_call(able: Agent) -> None:
    able.call("elicit", "c2")
    able.send(id=able.read()["id"], error={"code": -1, "message": "not now", "data": [1.0]})
    refused = able.read()
    assert (refused["id"], refused["error"]) == (
        "c2",
        {"code": -1, "message": "not now", "data": [1.0]},
    )


def test_an_upstream_that_never_stops_asking_is_given_up(able: Agent) -> None:
    able.call("stubborn", "c3")
    for _ in range(10):
        able.send(id=able.read()["id"], result={"action": "decline"})
    assert "more than 10 times" in able.read()["error"]["message"]


def test_cancelling_a_call_withdraws_its_question(able: Agent) -> None:
    able.call("elicit", "c4")
    asked = able.read()
    able.send(method="notifications/cancelled", params={"requestId": "c4"})
    withdrawn = able.read()
    assert withdrawn["method"] == "notifications/cancelled"
    assert withdrawn["params"]["requestId"] == asked["id"]
    able.call("echo", "c5", text="on")
    assert text_of(answer(able, "c5")) == "on"


def test_changes_of_a_resource_are_heard_while_it_is_subscribed(unable: Agent) -> None:
    uri = {"uri": "test://watched"}
    unable.send(id=1, method="resources/subscribe", params=uri)
    assert unable.read() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    unable.call("touch", 2)
    heard = [unable.read(), unable.read()]
    told = next(m for m in heard if m.get("method") == "notifications/resources/updated")
    assert told["params"]["uri"] == uri["uri"]
    unable.send(id=3, method="resources/unsubscribe", params=uri)
    assert unable.read() == {"jsonrpc": "2.0", "id": 3, "result": {}}
    unable.call("touch", 4)
    assert unable.read()["id"] == 4


def test_after_a_death_the_upstream_is_spoken_to_as_before(start: Callable[..., Agent]) -> None:
    agent = start("eras.py", "modern")
    greet(agent, **CAN)
    agent.call("die", 1)
    assert agent.read()["error"]["code"] == wire.UPSTREAM_GONE
    agent.call("who", 2)
    assert text_of(answer(agent, 2)) == "2026-07-28 test elicitation roots sampling"
    agent.call("add", 3)
    methods = {agent.read().get("method"), agent.read().get("method")}
    assert methods == {None, "notifications/tools/list_changed"}


def test_what_the_agent_wished_for_holds_after_a_death(start: Callable[..., Agent]) -> None:
    agent = start("eras.py", "modern")
    greet(agent)
    agent.send(id=1, method="logging/setLevel", params={"level": "info"})
    agent.send(id=2, method="resources/subscribe", params={"uri": "test://watched"})
    assert [agent.read()["id"], agent.read()["id"]] == [1, 2]
    agent.call("die", 3)
    assert agent.read()["error"]["code"] == wire.UPSTREAM_GONE
    agent.call("log", 4)
    assert agent.read()["params"]["data"] == "logged"
    assert agent.read()["id"] == 4
    agent.call("touch", 5)
    methods = {agent.read().get("method"), agent.read().get("method")}
    assert methods == {None, "notifications/resources/updated"}


def test_a_result_that_is_no_object_is_wrapped_for_the_agent(able: Agent) -> None:
    able.call("rows", 1)
    assert answer(able, 1)["result"]["structuredContent"] == {"result": [1, 2]}
    able.send(id=2, method="tools/list")
    assert not [t for t in answer(able, 2)["result"]["tools"] if "outputSchema" in t]


@pytest.mark.parametrize("code", ["-32601", "-32022", "-32000"])
def test_an_upstream_that_knows_neither_is_heard_with_its_own_refusal(
    start: Callable[..., Agent], code: str
) -> None:
    agent = start([*coatcheck("")[:-2], sys.executable, "-c", REFUSES, code, "why"])
    assert greet(agent)["error"] == {"code": int(code), "message": "initialize", "data": ["why"]}
    agent.send(id=2, method="tools/list")
    assert agent.read()["error"]["message"] == "tools/list"


# The words of the revision, without a process

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)
HELLO = eras.Hello(b"1", "2025-11-25", b'{"name":"n","version":"1"}', b'{"roots":{}}')
STAMP = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "n", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
}


@given(OBJECTS, OBJECTS | st.none(), st.booleans())
def test_a_stamped_request_says_the_same_and_who_asks(
    params: dict[str, Any], meta: dict[str, Any] | None, spaced: bool
) -> None:
    said = {**params, **({} if meta is None else {"_meta": meta})}
    message = {"jsonrpc": "2.0", "id": 5, "method": "m", "params": said}
    separators = (" , ", " : ") if spaced else (",", ":")
    line = json.dumps(message, separators=separators).encode()
    stamped = eras.stamp(wire.read(line), eras.envelope(HELLO))
    assert json.loads(stamped)["params"] == {**said, "_meta": {**(meta or {}), **STAMP}}
    answers = {b'"q\\n"': b'{"action":"accept"}'}
    again = json.loads(eras.repeat(stamped[:-1], b"77", answers, b'"s"'))
    assert again["id"] == 77
    assert again["params"] == {
        **json.loads(stamped)["params"],
        "inputResponses": {"q\n": {"action": "accept"}},
        "requestState": "s",
    }


@pytest.mark.parametrize(
    "params", ["", ',"params":null', ',"params":{}', ',"params":{"_meta":null}']
)
def test_a_request_without_params_is_stamped_too(params: str) -> None:
    line = b'{"jsonrpc":"2.0","id":5,"method":"m"%b}' % params.encode()
    assert json.loads(eras.stamp(wire.read(line), eras.envelope(HELLO)))["params"]["_meta"] == STAMP


def test_a_request_that_is_stamped_already_stays_as_it_is() -> None:
    params = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    line = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "m", "params": params}).encode()
    assert eras.stamp(wire.read(line), eras.envelope(HELLO)) == line + b"\n"


@pytest.mark.parametrize(
    "result",
    [
        {"content": [{"type": "text", "text": '"resultType":"input_required"'}]},
        {"resultType": "complete", "status": "input_required", "inputRequests": {}},
        {"structuredContent": {"resultType": "input_required"}},
    ],
)
def test_only_a_result_that_lacks_input_itself_is_taken_for_one(result: dict[str, Any]) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
    assert eras.lack_of(line) is None


class Stream:
    """An upstream as Listening sees it: what it was sent, what the agent got, what is due."""

    def __init__(self, *lists: str) -> None:
        self.up: list[bytes] = []
        self.down: list[bytes] = []
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.last = 0
        self.listening = Listening(
            lists, {}, self.listen, self.up.append, self.down.append, self.later
        )

    def listen(self, lists: Collection[str], uris: Collection[str]) -> int:
        self.last += 1
        self.up.append(eras.listen(self.last, b"", lists, uris))
        return self.last

    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], None]:
        self.due.append((seconds, do))
        return lambda: None

    def ack(self, stream: int) -> bool:
        return self.notice("notifications/subscriptions/acknowledged", stream)

    def notice(self, method: str, stream: int) -> bool:
        meta = {"_meta": {eras.SUBSCRIPTION: stream}}
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": meta}).encode()
        return self.listening.passes(wire.read(line), method)

    def end(self, stream: int, **outcome: object) -> bool:
        line = json.dumps({"jsonrpc": "2.0", "id": stream, **outcome}).encode()
        found = wire.answer_of(wire.read(line))
        assert found is not None
        return self.listening.is_ours(found)

    def sent(self) -> list[Any]:
        messages = [json.loads(line) for line in self.up]
        self.up.clear()
        return [m.get("id") or m["params"]["requestId"] for m in messages]


def test_nothing_is_opened_when_there_is_nothing_to_hear() -> None:
    stream = Stream()
    stream.listening.begin()
    assert not stream.up


def test_events_of_an_old_stream_pass_until_the_new_one_holds_and_no_longer() -> None:
    stream = Stream("tools")
    changed = "notifications/tools/list_changed"
    stream.listening.begin()
    assert not stream.ack(1)
    stream.listening.subscribe(b"7", "a:b")
    assert stream.notice(changed, 1)
    assert not stream.notice(changed, 2)
    assert not stream.down
    assert not stream.ack(2)
    assert stream.down == [b'{"jsonrpc":"2.0","id":7,"result":{}}\n']
    assert not stream.notice(changed, 1)
    assert stream.notice(changed, 2)
    assert stream.sent() == [1, 2, 1]  # opened, opened, the first one cancelled


def test_a_stream_that_ends_is_opened_again_after_longer_and_longer() -> None:
    stream = Stream("tools")
    stream.listening.begin()
    for number in range(1, 4):
        assert stream.end(number, error={"code": -32000, "message": "gone"})
        stream.due[-1][1]()
    assert [seconds for seconds, _ in stream.due] == [0.5, 1.0, 2.0]
    stream.ack(4)
    assert stream.end(4, result={})
    assert stream.due[-1][0] == 0.5


def test_an_upstream_that_knows_no_streams_is_not_asked_again() -> None:
    stream = Stream("tools")
    stream.listening.begin()
    stream.listening.subscribe(b"7", "a:b")
    assert stream.end(2, error={"code": -32601, "message": "no"})
    assert json.loads(stream.down[0]) == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": -32601, "message": "no"},
    }
    assert not stream.due


def test_the_last_thing_unheard_ends_the_stream() -> None:
    stream = Stream()
    stream.listening.subscribe(b"7", "a:b")
    stream.ack(1)
    stream.listening.unsubscribe(b"8", "a:b")
    assert stream.sent() == [1, 1]
    assert not stream.notice("notifications/resources/updated", 1)
    assert stream.notice("notifications/resources/updated", 0)  # of no stream: passes


def test_results_are_shortened_and_fetched_as_ever(
    start: Callable[..., Agent], tmp_path: Path
) -> None:
    agent = start("eras.py", "modern", COATCHECK="on", COATCHECK_HOME=str(tmp_path))
    greet(agent)
    agent.send(id=1, method="tools/list")
    assert answer(agent, 1)["result"]["tools"][-1]["name"] == "fetch_artifact"
    agent.call("big", 2, bytes=64_000)
    view = text_of(answer(agent, 2))
    assert view.startswith("[coatcheck: ")
    assert len(view) < 8_000
    agent.call("fetch_artifact", 3, ref=re.findall(r"cc_\w+", view)[0], page=1)
    assert "0123456789abcde\n0123456789abcde" in text_of(answer(agent, 3))


MODERN_ONLY = """
const base = process.argv[1] + "/dist/";
const { McpServer } = await import(base + "index.mjs");
const { serveStdio } = await import(base + "stdio.mjs");
const make = () => {
  const server = new McpServer({ name: "modern", version: "1" });
  server.registerTool("hello", {}, async () => ({ content: [{ type: "text", text: "hi" }] }));
  return server;
};
serveStdio(make, { legacy: "reject" });
"""


@pytest.mark.slow
def test_a_server_of_the_public_sdk_that_rejects_the_handshake_is_used(
    start: Callable[..., Agent],
) -> None:
    package = npm_package("@modelcontextprotocol/server")
    command = ["node", "--input-type=module", "-e", MODERN_ONLY, package]
    agent = start([*coatcheck("")[:-2], *command], PATH=f"{node_bin()}:{os.environ['PATH']}")
    assert greet(agent)["result"]["serverInfo"]["name"] == "modern"
    agent.call("hello", 1)
    assert text_of(answer(agent, 1)) == "hi"


@pytest.mark.slow
@pytest.mark.parametrize("revision", REQUIRED)
def test_the_conformance_suite_passes_over_a_modern_only_server(
    revision: str, tmp_path: Path
) -> None:
    server = UPSTREAMS / "conformance_modern.py"
    upstream = f'command = "{sys.executable}"\nargs = ["{server}"]'
    with coatcheck_over(upstream, "auto", tmp_path) as url:
        found = score(url, revision, tmp_path / "out")
    assert (found.passed, found.checks, found.failed) == (*REQUIRED[revision], [])
