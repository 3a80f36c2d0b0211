"""Answer a repeated call shorter, where the agent still has the earlier answer before it."""

import json
from dataclasses import replace

from fakes import ListLedger, MemoryArtifacts

from coatcheck import repeats
from coatcheck.desk import Desk
from coatcheck.pipeline import Outgoing, Pipeline
from coatcheck.types import (
    Aim,
    Artifact,
    Call,
    Omission,
    Reduction,
    Rule,
    Session,
    StoreError,
)
from coatcheck.view import ref_in

CALL = Call("up", "read", b'{"path":"a"}', "", "context 1")
BIG = Outgoing("clipped", text="x" * 100_000, view="y" * 999, ref="cc_000000000000")
LINES = [f"line {n} of a long text about nothing much" for n in range(400)]


def result_of(lines: list[str]) -> bytes:
    return json.dumps({"content": [{"type": "text", "text": "\n".join(lines)}]}).encode()


def first_third(text: str, aim: Aim) -> Reduction:
    lines = text.split("\n")
    third = len(lines) // 3
    return Reduction("\n".join(lines[:third]), "lines", "clipped", [Omission("lines", third, 400)])


def new_desk(artifacts: MemoryArtifacts | None = None) -> tuple[Desk, ListLedger]:
    ledger = ListLedger()
    pipeline = Pipeline(artifacts or MemoryArtifacts(), first_third, first_third)
    return Desk("up", Session("s"), lambda _: Rule(), pipeline, ledger), ledger


def asked(desk: Desk, lines: list[str], call: Call = CALL) -> str:
    sent = desk.revise("tools/call", call, result_of(lines), 0.0)
    assert sent
    return str(json.loads(sent)["content"][0]["text"])


def test_an_unchanged_result_is_one_line_with_one_call() -> None:
    desk, ledger = new_desk()
    view = asked(desk, LINES)
    again = asked(desk, LINES)
    ref = ref_in(view)
    assert again == (
        f"[coatcheck: unchanged since {ref}, shown 1 call ago."
        f' Again: fetch_artifact(ref="{ref}", page=1)]'
    )
    assert ledger.entries[1].view_tokens < 0.05 * ledger.entries[1].original_tokens
    assert ledger.entries[1].reason == "a repeat: only what is new"


def test_the_next_identical_call_gets_the_view() -> None:
    desk, _ = new_desk()
    view = asked(desk, LINES)
    assert [asked(desk, LINES) == view for _ in range(4)] == [False, True, False, True]


def test_a_changed_result_is_its_difference_and_both_refs_open() -> None:
    artifacts = MemoryArtifacts()
    desk, ledger = new_desk(artifacts)
    view = asked(desk, LINES)
    changed = [*LINES[:200], "a new line", *LINES[200:]]
    short = asked(desk, changed)
    assert "+a new line" in short and len(short) < 0.05 * len("\n".join(changed))
    old, new = ref_in(view), ref_in(short)
    assert old != new and f"since {old}, shown 1 call ago" in short
    assert json.loads(artifacts.get(new).result)["content"][0]["text"] == "\n".join(changed)
    assert ledger.entries[1].ref == new


def test_a_short_answer_is_known_as_our_own() -> None:
    artifacts = MemoryArtifacts()
    desk, _ = new_desk(artifacts)
    asked(desk, LINES)
    short = asked(desk, LINES)
    assert artifacts.has_view(ref_in(short), short)


def test_a_client_that_names_no_context_always_gets_the_view() -> None:
    desk, _ = new_desk()
    nameless = replace(CALL, context="")
    assert len({asked(desk, LINES, nameless) for _ in range(5)}) == 1


def test_other_contexts_arguments_and_focuses_get_the_view() -> None:
    desk, _ = new_desk()
    view = asked(desk, LINES)
    for other in (
        replace(CALL, context="context 2"),
        replace(CALL, arguments=b"{}"),
        replace(CALL, focus="line 3"),
    ):
        assert asked(desk, LINES, other) == view


def test_after_more_than_twenty_calls_the_view_comes_again() -> None:
    for others, is_view in ((19, False), (20, True)):
        desk, _ = new_desk()
        view = asked(desk, LINES)
        for _ in range(others):
            desk.passed(CALL, 10, False, 0.0)
        assert (asked(desk, LINES) == view) is is_view


def test_when_the_short_answer_cannot_be_kept_the_view_comes() -> None:
    artifacts = MemoryArtifacts()
    desk, _ = new_desk(artifacts)
    view = asked(desk, LINES)
    seen: list[Artifact] = []

    def put_once(artifact: Artifact) -> None:
        if seen:
            raise StoreError("full")
        seen.append(artifact)

    artifacts.put = put_once  # type: ignore[method-assign]  # the second put of the call fails
    assert asked(desk, LINES) == view


def test_an_error_is_never_answered_shorter() -> None:
    desk, _ = new_desk()
    error = json.dumps({"content": [{"type": "text", "text": "\n".join(LINES)}], "isError": True})
    first = desk.revise("tools/call", CALL, error.encode(), 0.0)
    assert first is not None
    assert desk.revise("tools/call", CALL, error.encode(), 0.0) == first


def test_a_status_polled_twenty_times_costs_a_twentieth_every_other_time() -> None:
    desk, ledger = new_desk()
    jobs: list[dict[str, object]] = [
        {"id": n, "name": f"job {n}", "status": "queued", "log": "some words of a log " * 20}
        for n in range(40)
    ]
    for poll in range(20):
        jobs[poll]["status"] = "done"
        asked(desk, [json.dumps(jobs)])
    shares = [entry.view_tokens / entry.original_tokens for entry in ledger.entries]
    assert max(shares[1::2]) <= 0.05


def test_a_summary_that_has_arrived_since_is_sent() -> None:
    kept = repeats.Repeats()
    assert not kept.shorter(CALL, BIG)
    assert not kept.shorter(CALL, replace(BIG, outcome="summarized"))
    assert kept.shorter(CALL, replace(BIG, outcome="summarized"))


def test_what_is_remembered_is_bounded() -> None:
    kept = repeats.Repeats()
    for n in range(400):
        kept.shorter(replace(CALL, arguments=str(n).encode()), BIG)
    assert kept.characters <= repeats.MOST_CHARACTERS
    assert not kept.shorter(replace(CALL, arguments=b"0"), BIG)
    assert kept.shorter(replace(CALL, arguments=b"399"), BIG)
    for n in range(1_000):
        kept.turn(f"context {n}")
    assert not kept.shorter(replace(CALL, arguments=b"399"), BIG)
