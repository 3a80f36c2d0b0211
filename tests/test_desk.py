"""Take results in and hand artifacts out, for one upstream and one agent session."""

import json
from dataclasses import replace

import pytest
from fakes import ListLedger, MemoryArtifacts, first_line

from coatcheck.desk import Desk
from coatcheck.pipeline import Pipeline
from coatcheck.types import Call, RequestError, Rule, Session
from coatcheck.view import ref_in

LONG = "\n".join(f"line {n} of a long text about nothing much" for n in range(400))
RESULT = json.dumps({"content": [{"type": "text", "text": LONG}]}).encode()
TOOLS = json.dumps({"tools": [{"name": "read", "inputSchema": {"type": "object"}}]}).encode()

MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}


def desk_with(rule: Rule | None = None, shortened: tuple[str, ...] = ()) -> tuple[Desk, ListLedger]:
    ledger = ListLedger()
    pipeline = Pipeline(MemoryArtifacts(), first_line, first_line)
    desk = Desk(
        "up", Session("s1"), lambda _: rule or Rule(), pipeline, ledger, shortened, lambda: 7.0
    )
    return desk, ledger


def call_of(desk: Desk, **arguments: object) -> tuple[Call, bytes | None]:
    params = {"name": "read", "arguments": arguments, "_meta": {"claudecode/toolUseId": "t1"}}
    return desk.take(params, json.dumps(params).encode())


def test_the_client_is_learned_from_either_handshake() -> None:
    desk, _ = desk_with()
    desk.greet({"clientInfo": {"name": "codex", "version": "1"}})
    assert desk.session == Session("s1", "codex", "1")
    desk.greet({"_meta": {"io.modelcontextprotocol/clientInfo": {"name": "n", "version": "2"}}})
    assert desk.session == Session("s1", "n", "2")


def test_a_shortened_call_is_booked_with_what_it_was_and_became() -> None:
    desk, ledger = desk_with()
    desk.greet({"clientInfo": {"name": "claude-code", "version": "1"}})
    call, _ = desk.take(
        {"name": "read", "_meta": {"claudecode/toolUseId": "t1"}}, b'{"name":"read"}'
    )
    sent = desk.revise("tools/call", call, RESULT, 12.0)
    (entry,) = ledger.entries
    assert sent and entry.view_bytes == len(sent)
    assert (entry.kind, entry.outcome, entry.tool, entry.call_id) == (
        "call",
        "clipped",
        "read",
        "t1",
    )
    assert entry.original_tokens > entry.view_tokens > 0
    assert entry.counterfactual_tokens == entry.original_tokens
    assert (entry.at, entry.upstream_ms, entry.client) == (7.0, 12.0, "claude-code")


def test_the_counterfactual_is_what_this_client_would_have_shown() -> None:
    desk, ledger = desk_with()
    desk.greet({"clientInfo": {"name": "claude-code"}})
    call, _ = call_of(desk)
    big = json.dumps({"content": [{"type": "text", "text": LONG * 10}]}).encode()
    desk.revise("tools/call", call, big, 0.0)
    (entry,) = ledger.entries
    assert entry.counterfactual_tokens < entry.original_tokens / 10


def test_a_result_that_passed_unseen_is_booked_as_passed() -> None:
    desk, ledger = desk_with()
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    desk.passed(call, 330, True, 1.0)
    (entry,) = ledger.entries
    assert (entry.outcome, entry.is_error, entry.original_tokens, entry.view_tokens) == (
        "passed",
        True,
        100,
        100,
    )


def test_a_fetch_is_answered_and_booked() -> None:
    desk, ledger = desk_with()
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    desk.revise("tools/call", call, RESULT, 0.0)
    ref = ledger.entries[0].ref
    params = {"name": "fetch_artifact", "arguments": {"ref": ref, "grep": "line 77 "}}
    assert desk.answers("tools/call", params)
    text = json.loads(desk.answer("tools/call", params))["content"][0]["text"]
    assert "line 77 of a long text" in text
    entry = ledger.entries[1]
    assert (entry.kind, entry.verb, entry.ref, entry.tool) == ("fetch", "grep", ref, "read")
    assert entry.view_tokens > 0


def test_an_artifact_is_a_resource_too() -> None:
    desk, ledger = desk_with()
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    desk.revise("tools/call", call, RESULT, 0.0)
    params = {"uri": f"coatcheck://artifact/{ledger.entries[0].ref}"}
    assert desk.answers("resources/read", params)
    (content,) = json.loads(desk.answer("resources/read", params))["contents"]
    assert content["text"].endswith(LONG[:8_000].rpartition("\n")[2])
    assert not desk.answers("resources/read", {"uri": "file:///x"})


def shortened(desk: Desk) -> str:
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    sent = desk.revise("tools/call", call, RESULT, 0.0)
    assert sent
    return str(json.loads(sent)["content"][0]["text"])


@pytest.mark.parametrize(("meta", "code"), [({}, -32002), (MODERN, -32602)])
def test_a_resource_of_ours_that_is_not_there_is_an_error(meta: object, code: int) -> None:
    desk, ledger = desk_with()
    params = {"uri": "coatcheck://artifact/cc_000000000000", "_meta": meta}
    with pytest.raises(RequestError, match="cc_000000000000") as caught:
        desk.answer("resources/read", params)
    assert caught.value.code == code
    assert ledger.entries[0].is_error


@pytest.mark.parametrize(
    ("arguments", "before", "after"),
    [
        ({"ref": "cc_000000000000"}, True, True),
        ({"ref": "coatcheck://artifact/cc_000000000000", "lines": "5"}, True, True),
        ({"find": "words"}, True, True),
        ({}, True, True),
        (None, True, True),
        ({"ref": "main"}, False, True),
        ({"build": 7}, False, True),
    ],
)
def test_a_call_before_the_tools_are_listed_is_ours_if_it_looks_so(
    arguments: object, before: bool, after: bool
) -> None:
    desk, _ = desk_with()
    params = {"name": "fetch_artifact", "arguments": arguments}
    assert desk.answers("tools/call", params) == before
    desk.revise("tools/list", None, TOOLS, 0.0)
    assert desk.answers("tools/call", params) == after


def test_the_template_of_our_resources_joins_those_of_the_upstream() -> None:
    desk, _ = desk_with()
    sent = desk.revise("resources/templates/list", None, b'{"resourceTemplates":[]}', 0.0)
    assert sent
    (template,) = json.loads(sent)["resourceTemplates"]
    assert template["uriTemplate"] == "coatcheck://artifact/{ref}"


def test_focus_is_stripped_only_where_it_was_offered() -> None:
    desk, _ = desk_with(Rule(focus="always"))
    call, changed = call_of(desk, _focus="x", path="p")
    assert changed is None
    desk.revise("tools/list", None, TOOLS, 0.0)
    params = {"name": "read", "arguments": {"n": 1, "_focus": "two words"}}
    raw = b'{"name":"read","arguments":{"n": 1E5, "_focus":"two words"},"_meta":{}}'
    call, changed = desk.take(params, raw)
    assert changed == b'{"name":"read","arguments":{"n": 1E5},"_meta":{}}'
    assert (call.focus, call.arguments) == ("two words", b'{"n": 1E5}')


def test_the_list_of_tools_is_byte_identical_through_a_session_and_booked_once() -> None:
    desk, ledger = desk_with(shortened=("read",))
    first = desk.revise("tools/list", None, TOOLS, 0.0)
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    desk.revise("tools/call", call, RESULT, 0.0)
    assert desk.revise("tools/list", None, TOOLS, 0.0) == first
    assert [e.kind for e in ledger.entries] == ["definitions", "call"]
    assert ledger.entries[0].view_tokens > 50


def test_an_upstream_with_a_tool_of_our_name_passes_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk, _ = desk_with()
    taken = TOOLS.replace(b'"read"', b'"fetch_artifact"')
    assert desk.revise("tools/list", None, taken, 0.0) is None
    assert "has a tool named fetch_artifact" in caplog.text
    assert not desk.answers("tools/call", {"name": "fetch_artifact"})
    assert not desk.wants("tools/call", None, bytes(1 << 20))


def test_small_results_off_tools_and_other_methods_are_not_looked_at() -> None:
    desk, _ = desk_with()
    call, _ = desk.take({"name": "read"}, b'{"name":"read"}')
    assert desk.wants("tools/call", call, bytes(5_000))
    assert not desk.wants("tools/call", call, bytes(500))
    assert not desk.wants("prompts/get", None, bytes(1 << 20))
    for rule in (Rule(mode="off"), Rule(keep="never")):
        assert not replace_rule(desk, rule).wants("tools/call", call, bytes(1 << 20))


def replace_rule(desk: Desk, rule: Rule) -> Desk:
    return replace(desk, rule_of=lambda _: rule)


def test_the_focus_is_guessed_from_arguments_then_from_what_this_context_grepped_lately() -> None:
    desk, ledger = desk_with()

    def focus_of(context: str, **arguments: object) -> str:
        meta = {"threadId": context} if context else {}
        params = {"name": "read", "arguments": arguments, "_meta": meta}
        call, _ = desk.take(params, json.dumps(params).encode())
        desk.revise("tools/call", call, RESULT, 0.0)
        return desk.pipeline.artifacts.get(ledger.entries[0].ref).call.focus

    assert focus_of("one") == ""
    fetch = {"ref": ledger.entries[0].ref, "grep": "77"}
    for context in ("one", ""):
        params = {"name": "fetch_artifact", "arguments": fetch, "_meta": {"threadId": context}}
        desk.answer("tools/call", params)
    assert focus_of("one", n=1) == "77"
    assert focus_of("two", n=1) == ""
    assert focus_of("", n=1) == ""
    assert "slow requests" in focus_of("one", query="slow requests of worker 6")


def test_a_modern_request_gets_the_members_that_its_revision_asks_for() -> None:
    desk, _ = desk_with()
    meta = MODERN
    called = json.loads(desk.answer("tools/call", {"name": "fetch_artifact", "_meta": meta}))
    assert called["resultType"] == "complete"
    uri = {"uri": f"coatcheck://artifact/{ref_in(shortened(desk))}", "_meta": meta}
    read = json.loads(desk.answer("resources/read", uri))
    assert (read["resultType"], read["cacheScope"], read["ttlMs"]) == ("complete", "private", 0)
    assert "resultType" not in json.loads(desk.answer("tools/call", {"name": "fetch_artifact"}))


def test_a_call_has_the_time_that_its_rule_gives() -> None:
    desk, _ = desk_with(Rule(call_timeout_seconds=7))
    assert desk.take({"name": "read"}, b'{"name":"read"}')[0].timeout_seconds == 7


def test_asking_for_all_of_what_was_shortened_before_is_a_fetch_of_the_whole() -> None:
    desk, ledger = desk_with(Rule(focus="always"))
    desk.revise("tools/list", None, TOOLS, 0.0)
    for focus, path in (("line 7", "a"), ("*", "a"), ("*", "b")):
        call, _ = call_of(desk, path=path, _focus=focus)
        desk.revise("tools/call", call, RESULT, 0.0)
    booked = [(e.kind, e.verb, e.original_tokens > 0) for e in ledger.entries[1:]]
    assert booked == [("call", "", True), ("fetch", "whole", False), ("call", "", True)]
    assert ledger.entries[2].view_tokens == ledger.entries[1].original_tokens
