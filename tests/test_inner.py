"""Tool results that come as those of tasks, and the texts of resources."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fakes import ListLedger, MemoryArtifacts, first_line

from coatcheck import inner
from coatcheck.desk import READ, Desk
from coatcheck.fetch import fetch
from coatcheck.pipeline import Pipeline
from coatcheck.types import Call, Rule, Session
from coatcheck.view import ref_in

LONG = "\n".join(f"line {n} of a long text about nothing much" for n in range(400))
FINAL: dict[str, Any] = {"content": [{"type": "text", "text": LONG}]}
TASK = {"taskId": "t-1", "status": "working", "ttlMs": None}
CREATED = [{"task": TASK}, {**TASK, "resultType": "task"}]


def desk_with(rule: Rule | None = None) -> tuple[Desk, ListLedger, MemoryArtifacts]:
    ledger, kept = ListLedger(), MemoryArtifacts()
    pipeline = Pipeline(kept, first_line, first_line)
    made = Desk("up", Session("s1"), lambda _: rule or Rule(), pipeline, ledger)
    return made, ledger, kept


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def created(desk: Desk, result: object) -> Call:
    """Let desk see a call that gives a task, as a relay does."""
    params = {"name": "read", "arguments": {"path": "x"}}
    call, _ = desk.take(params, raw(params))
    line = raw({"jsonrpc": "2.0", "id": 1, "result": result})
    assert not desk.wants("tools/call", call, line)
    desk.passed(call, len(line), False, 1.0)
    return call


@pytest.mark.parametrize("result", CREATED)
def test_the_result_inside_a_completed_task_is_a_tool_result(result: object) -> None:
    desk, ledger, kept = desk_with()
    created(desk, result)
    done = {"x": 1.0, **TASK, "status": "completed", "result": FINAL, "resultType": "complete"}
    assert desk.wants("tasks/get", None, raw(done))
    sent = json.loads(desk.revise("tasks/get", None, raw(done), 3.0) or b"")
    text = sent["result"]["content"][0]["text"]
    assert {**sent, "result": 0} == {**done, "result": 0}
    assert len(text) < len(LONG)
    (entry,) = ledger.entries
    assert (entry.kind, entry.tool, entry.outcome) == ("call", "read", "clipped")
    assert fetch(kept, {"ref": ref_in(text), "lines": "399-399"}).text.endswith("nothing much")


def test_the_result_of_a_task_is_booked_under_its_tool() -> None:
    desk, ledger, _ = desk_with()
    created(desk, CREATED[0])
    done = FINAL | {"_meta": {inner.RELATED: {"taskId": "t-1"}}}
    assert desk.revise("tasks/result", None, raw(done), 3.0)
    assert [(entry.kind, entry.tool) for entry in ledger.entries] == [("call", "read")]


@pytest.mark.parametrize(
    "state",
    [
        TASK,
        {**TASK, "status": "input_required", "inputRequests": {"a": {"method": "roots/list"}}},
        {**TASK, "status": "failed", "error": {"code": 1, "message": LONG}},
        {**TASK, "status": "completed", "result": "nothing like a result"},
        {**TASK, "status": "completed"},
        [],
    ],
)
def test_a_task_that_has_no_result_passes_and_is_not_booked(state: object) -> None:
    desk, ledger, _ = desk_with()
    created(desk, CREATED[0])
    assert desk.revise("tasks/get", None, raw(state), 3.0) is None
    assert not ledger.entries


def test_a_small_result_of_a_task_passes_and_is_booked() -> None:
    desk, ledger, _ = desk_with()
    created(desk, CREATED[0])
    small = {"content": [{"type": "text", "text": "x"}]}
    done = raw({**TASK, "status": "completed", "result": small})
    assert desk.wants("tasks/get", None, done)
    assert desk.revise("tasks/get", None, done, 3.0) is None
    assert [(entry.tool, entry.outcome) for entry in ledger.entries] == [("read", "passed")]


def test_a_task_nobody_asked_about_again_is_booked_at_the_end() -> None:
    desk, ledger, _ = desk_with()
    created(desk, CREATED[0])
    assert not ledger.entries
    desk.close()
    assert [(entry.tool, entry.outcome) for entry in ledger.entries] == [("read", "passed")]


def test_a_task_of_a_tool_that_is_off_passes() -> None:
    desk, ledger, _ = desk_with()
    desk.rule_of = lambda tool: Rule(mode="off" if tool == "read" else "auto")
    params = {"name": "read"}
    call, _ = desk.take(params, raw(params))
    line = raw({"id": 1, "result": CREATED[0]})
    assert not desk.wants("tools/call", call, line)
    done = raw({**TASK, "status": "completed", "result": FINAL})
    assert desk.revise("tasks/get", None, done, 3.0) is None
    assert [(entry.tool, entry.outcome) for entry in ledger.entries] == [("read", "passed")]


# Resources

TRIM = Rule(resources="trim")
READING = {
    "contents": [
        {"uri": "file:///a", "mimeType": "application/json", "text": LONG, "x": 1.0},
        {"uri": "file:///b", "blob": "AAAA", "mimeType": "image/png"},
        {"uri": "file:///c", "text": "short"},
    ],
    "ttlMs": 5,
}


@pytest.mark.parametrize(
    "rule", [Rule(), replace(TRIM, mode="off"), replace(TRIM, keep="never")], ids=lambda _: ""
)
def test_resources_pass_unless_the_settings_say_trim(rule: Rule) -> None:
    desk, _, _ = desk_with(rule)
    assert not desk.wants(READ, None, bytes(1 << 20))


def test_a_large_text_of_a_resource_becomes_a_view_that_is_kept_and_booked() -> None:
    desk, ledger, kept = desk_with(TRIM)
    assert desk.wants(READ, None, raw(READING))
    sent = json.loads(desk.revise(READ, None, raw(READING), 3.0) or b"")
    first, *others = sent["contents"]
    assert others == READING["contents"][1:]  # type: ignore[index]  # a list
    assert sent["ttlMs"] == 5
    assert (first["uri"], first["mimeType"], first["x"]) == ("file:///a", "text/plain", 1.0)
    assert len(first["text"]) < len(LONG)
    (entry,) = ledger.entries
    assert (entry.kind, entry.tool, entry.outcome) == ("call", READ, "clipped")
    found = fetch(kept, {"ref": ref_in(first["text"]), "lines": "1-400"}).text
    assert found.partition("\n")[2] in LONG + "\n"


@pytest.mark.parametrize(
    "result",
    [
        {"contents": [{"uri": "x:1", "text": "short"}]},
        {"contents": []},
        {"contents": [{"uri": "x:1", "text": 5}]},
        {"contents": None},
        {"resultType": "input_required", "inputRequests": {}},
    ],
)
def test_a_resource_without_a_large_text_passes(result: object) -> None:
    desk, ledger, _ = desk_with(TRIM)
    assert desk.revise(READ, None, raw(result), 3.0) is None
    assert not ledger.entries


def test_the_model_never_reads_a_resource() -> None:
    desk, _, _ = desk_with(TRIM)

    def asked(*_: object) -> Any:
        raise AssertionError

    desk.pipeline = replace(desk.pipeline, summarizer=asked)  # type: ignore[arg-type]  # never called
    assert desk.revise(READ, None, raw(READING), 3.0)
