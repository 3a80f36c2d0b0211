"""What every reduction promises, whatever the text and whichever reducer made it."""

import json
import logging
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SAMPLES

from coatcheck.reducers import (
    HEADER_BYTES,
    HEADER_TOKENS,
    STEPS,
    allowance,
    first_fit,
    is_fit,
    reduce,
)
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction
from coatcheck.view import render

REF = "cc_7f3k9m2q4x1b"
TEXT = "\n".join(f"The {i}th line of a long story about ship {i * 37}." for i in range(400))
AIM = Aim(300)
GOOD = Reduction("short", "test", "selected", [Omission("lines", 1, 400)])
# What nobody makes up: long hex runs with digits, URLs.
NAME = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{10,}\b|https?://[\w./-]+\w")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=120,
)
records = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(), "name": st.text(max_size=30), "state": st.sampled_from("abc")},
        optional={"more": json_values},
    ),
    min_size=5,
    max_size=60,
)
sampled = st.lists(st.sampled_from([text for _, text in SAMPLES.values()]), max_size=30)
TEXTS = st.one_of(
    st.text(max_size=3000),
    json_values.map(json.dumps),
    records.map(lambda rows: json.dumps(rows, indent=1)),
    sampled.map("\n".join),
    st.tuples(sampled, st.text(max_size=300)).map(lambda two: "\n\n".join([*two[0], two[1]])),
)
FOCUSES = st.sampled_from(["", "n3 failed", "what is 7", "\x00'\"", "worker 12 price"])


def offering(reduction: Reduction | None) -> Any:
    return lambda text, aim: reduction


def failing(text: str, aim: Aim) -> Reduction | None:
    raise RecursionError(f"too deep: {text[:3]} {aim.focus}")


def keeps_the_laws(text: str, aim: Aim) -> Reduction | None:
    """Assert laws 2, 4, 6 and 10 for what reduce makes of text."""
    reduction = reduce(text, aim)
    assert reduction == reduce(text, aim)
    if reduction is None:
        return None
    view = render(reduction, REF)
    assert len(view.encode("utf-8", "replace")) < len(text.encode("utf-8", "replace"))
    assert estimate(view) < estimate(text)
    assert reduction.level != "lossless" or not reduction.omissions
    assert all(0 <= o.shown <= o.total for o in reduction.omissions)
    if aim.lossless:
        assert reduction.level == "lossless"
    if reduction.omissions:
        assert estimate(reduction.text) <= allowance(reduction, aim) * aim.budget_tokens
    return reduction


def test_law_3_a_failing_reducer_gives_way_to_the_next(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert first_fit([failing, offering(GOOD)], TEXT, AIM) is GOOD
    assert "failed on" in caplog.text
    assert TEXT[:40] not in caplog.records[0].getMessage()


@pytest.mark.parametrize(
    "offer",
    [
        None,
        Reduction(TEXT, "test", "selected", [Omission("lines", 1, 400)]),
        Reduction("x " * 900, "test", "selected", [Omission("lines", 1, 400)]),
        Reduction("short", "test", "selected", []),
        Reduction("short", "test", "selected", [Omission("lines", 500, 400)]),
        Reduction("short", "test", "selected", [Omission("lines", -1, 400)]),
        Reduction("short", "test", "lossless", [Omission("lines", 1, 400)]),
    ],
    ids=["none", "bigger", "over budget", "silent", "too much", "negative", "not lossless"],
)
def test_an_offer_that_breaks_a_promise_gives_way_to_the_next(offer: Reduction | None) -> None:
    assert first_fit([offering(offer), offering(GOOD)], TEXT, AIM) is GOOD


def test_a_lossless_offer_must_save_enough() -> None:
    def fits(share: float, budget: int, lossless: bool = True) -> bool:
        offer = Reduction(TEXT[: int(len(TEXT) * share)], "test", "lossless")
        return is_fit(offer, TEXT, Aim(budget, lossless=lossless))

    assert fits(0.8, 300)
    assert not fits(0.9, 300)
    assert fits(0.8, estimate(TEXT), lossless=False)
    assert not fits(0.8, 300, lossless=False)


def test_law_4_an_offer_that_tells_of_no_omission_must_hold_every_word() -> None:
    text = '{"name": "ship", "crew": 7}' + " " * 5000
    assert is_fit(Reduction("name=ship, crew=7", "test", "trimmed"), text, AIM)
    assert not is_fit(Reduction("name=ship", "test", "trimmed"), text, AIM)


def test_with_a_lossless_aim_nothing_may_be_left_out() -> None:
    assert not is_fit(GOOD, TEXT, Aim(300, lossless=True))
    assert reduce(TEXT, Aim(300, lossless=True)) is None


def test_the_header_costs_no_more_than_is_set_aside() -> None:
    lead = Omission("sections", 10_000_000, 99_999_999)
    made = Reduction("", "test", "selected", [lead], "its full_name", weak_focus=True)
    view = render(made, "cc_" + "9" * 16)
    assert len(view) <= HEADER_BYTES
    assert estimate(view) <= HEADER_TOKENS


def test_a_text_that_fits_is_left_alone() -> None:
    assert reduce("hello", AIM) is None
    assert reduce("", AIM) is None


def test_every_kind_ends_with_a_reducer_for_any_text() -> None:
    assert set(STEPS) >= {kind for kind, _ in SAMPLES.values()}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_long_text_of_each_kind_is_reduced(name: str) -> None:
    text = SAMPLES[name][1]
    times = 1 + 12_000 // (len(text) + 1)
    if text.strip() and name != "json in a string":
        many = "".join(f"{text}\n" for _ in range(times))
        assert keeps_the_laws(many, Aim(400, focus="n3")) is not None


@settings(deadline=None, max_examples=150)
@given(TEXTS, FOCUSES, st.integers(60, 600), st.booleans())
def test_laws_2_4_6_10_hold_for_any_text(
    text: str, focus: str, budget: int, lossless: bool
) -> None:
    keeps_the_laws(text, Aim(budget, focus=focus, lossless=lossless))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        " " * 500_000,
        "a" * 500_000,
        "\n" * 200_000,
        "<div>" * 50_000,
        "| a " * 50_000,
        "- x [ref=e1]\n" + "  - y [ref=e2]:\n" * 20_000,
        "```\n" * 40_000,
        "# h\n" * 40_000,
        "{\n" * 40_000,
        "[1] a\n\n" * 30_000,
        "\ud800" * 50_000,
        "\x1b[31m" * 50_000,
        "a: &a [*a]\n" * 20_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_law_10_hostile_texts_are_bounded(text: str) -> None:
    keeps_the_laws(text, Aim(300, focus="x"))


def corpus() -> list[dict[str, Any]]:
    folder = Path(os.environ.get("COATCHECK_CORPUS", "/nowhere"))
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


has_corpus = pytest.mark.skipif(
    "COATCHECK_CORPUS" not in os.environ, reason="COATCHECK_CORPUS is not set"
)


def mutated(text: str, source: random.Random) -> str:
    """Return text cut, doubled, joined with noise or with its lines in disorder."""
    a, b = sorted(source.randrange(len(text) + 1) for _ in range(2))
    lines = text.split("\n")
    source.shuffle(lines)
    return source.choice(
        [text[:b], text[a:], text[a:b] * 2, text[:a] + "\x00�" + text[a:], "\n".join(lines)]
    )


@has_corpus
@pytest.mark.parametrize("focused", [True, False])
def test_the_laws_hold_over_the_corpus(focused: bool) -> None:
    for item in corpus():
        focus = item.get("focus") or "" if focused else ""
        budget = min(1500, max(250, round(0.15 * estimate(item["text"]))))
        aim = Aim(budget, focus=focus, tool=item["tool"])
        reduction = keeps_the_laws(item["text"], aim)
        if reduction is not None and reduction.kind != "records":
            made_up = [n for n in NAME.findall(reduction.text) if n not in item["text"]]
            assert not made_up, item["id"]


@has_corpus
@pytest.mark.slow
def test_the_laws_hold_over_mutations_of_the_corpus() -> None:
    source = random.Random(7)
    for item in corpus():
        for _ in range(3):
            text = mutated(item["text"][:60_000], source)
            keeps_the_laws(text, Aim(400, focus=item.get("focus") or ""))


def test_a_table_without_names_of_columns_is_told_by_its_patterns() -> None:
    text = "".join(f"item {n}: to keep exactly\t{n * 7}\n" for n in range(5_000))
    view = reduce(text, Aim(1_500))
    assert view is not None and view.kind != "clip"
    assert "5,000 @1: item" in view.text and "34993" in view.text
    assert estimate(view.text) < 300
