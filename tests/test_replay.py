"""Other rules on kept artifacts: what the views would cost and which fetches they would spare."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes import MemoryArtifacts

from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip, reduce
from coatcheck.replay import Fetch, Replayed, Verdict, replay, rule_with, verdict
from coatcheck.types import Artifact, Call, Omission, Rule

ROWS = [{"number": n, "title": f"Crash number {n}", "note": "z" * 30} for n in range(200)]
LEFT_OUT = (Omission("rows", 1, 9),)


def shortened(focus: str = "crash number 7") -> tuple[Pipeline, Artifact]:
    artifacts = MemoryArtifacts()
    line = Pipeline(artifacts, reduce, clip.reduce)
    content = [{"type": "text", "text": json.dumps(ROWS)}]
    call = Call("github", "list_issues", b"{}", focus)
    sent = line.shorten(call, json.dumps({"content": content}).encode(), Rule())
    return line, artifacts.peek(sent.ref)


def tried(rule: Rule, *fetches: Fetch) -> Replayed:
    line, artifact = shortened()
    return replay(artifact, line, rule, fetches)


def test_the_rule_of_its_time_gives_the_view_of_its_time() -> None:
    line, artifact = shortened()
    found = replay(artifact, line, Rule())
    assert found.view == artifact.view == found.then_view
    assert found.now_tokens == found.then_tokens and found.now_outcome == artifact.outcome


def test_a_trial_keeps_nothing_and_prolongs_no_life() -> None:
    line, artifact = shortened()
    before = dict(line.artifacts.kept)  # type: ignore[attr-defined]  # a MemoryArtifacts
    replay(artifact, line, Rule(budget_tokens=400))
    assert line.artifacts.kept == before  # type: ignore[attr-defined]


def test_a_smaller_budget_gives_a_smaller_view_and_off_none() -> None:
    line, artifact = shortened("")
    whole, small = (replay(artifact, line, rule) for rule in (Rule("off"), Rule("auto", 100)))
    assert small.now_tokens < small.then_tokens < whole.now_tokens == whole.original_tokens
    assert whole.now_outcome == "passed" and whole.net_now_tokens == 0


@pytest.mark.parametrize(
    ("fetch", "omissions", "expected"),
    [
        (Fetch("grep", 30, part="Crash number 7"), LEFT_OUT, "spared"),
        (Fetch("grep", 30, part="Crash number 8888"), LEFT_OUT, "needed"),
        (Fetch("page", 900, is_whole=True), LEFT_OUT, "needed"),
        (Fetch("query", 30), LEFT_OUT, "not known"),
        (Fetch("query", 30), (), "spared"),
        (Fetch("page", 900, is_whole=True), (Omission("rows", 9, 9),), "spared"),
    ],
)
def test_a_fetch_is_spared_by_a_view_that_shows_what_it_gave(
    fetch: Fetch, omissions: Sequence[Omission], expected: Verdict
) -> None:
    assert verdict(fetch, "title\nCrash number 7", omissions) == expected


def test_fetches_that_are_spared_are_not_paid_again() -> None:
    fetch = Fetch("grep", 500, part="Crash number 150")
    kept, off = tried(Rule(), fetch), tried(Rule(mode="off"), fetch)
    assert kept.net_then_tokens == kept.net_now_tokens
    assert [weighed.verdict for weighed in off.fetches] == ["spared"]
    assert off.net_now_tokens == 0 and off.fetched_tokens("spared") == 500


def test_settings_are_read_as_people_write_them() -> None:
    asked = {
        "budget_tokens": " 800 ",
        "drop_fields": "*_url, node_id\nid",
        "mode": "trim",
        "x": "y",
    }
    expected = replace(Rule(), budget_tokens=800, drop_fields=("*_url", "node_id", "id"))
    assert rule_with(Rule(), asked) == replace(expected, mode="trim")
    assert rule_with(expected, {"drop_fields": ""}).drop_fields == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"budget_tokens": "0"}, "budget_tokens is '0'; use a whole number"),
        ({"budget_tokens": "many"}, "budget_tokens is 'many'"),
        ({"mode": "loud"}, "mode is 'loud'; use one of"),
    ],
)
def test_a_setting_that_is_none_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rule_with(Rule(), asked)
