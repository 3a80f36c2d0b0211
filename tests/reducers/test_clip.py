"""What clip promises for any text at all."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers.clip import reduce
from coatcheck.reducers.lines import clean
from coatcheck.sizing import estimate
from coatcheck.types import Aim

BUDGET = 120
LINE = st.text(alphabet=st.characters(codec=None), max_size=120)
TEXTS = st.one_of(
    st.text(alphabet=st.characters(codec=None), min_size=200, max_size=3000),
    st.lists(LINE, min_size=20, max_size=200).map("\n".join),
    st.builds(lambda line, times: "\n".join([line] * times), LINE, st.integers(20, 400)),
)
GAP = re.compile(r" …\[\+[\d,]+ characters\]… ")


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.sampled_from(["", "error 7", "é"]))
def test_law_10_any_text_over_the_budget_fits_it_afterwards(text: str, focus: str) -> None:
    reduction = reduce(text, Aim(BUDGET, focus=focus))
    if estimate(text) <= BUDGET:
        assert reduction is None
    else:
        assert reduction is not None
        assert reduction.text
        assert estimate(reduction.text) <= BUDGET


@settings(deadline=None, max_examples=100)
@given(TEXTS)
def test_law_5_every_shown_line_is_the_line_its_number_says(text: str) -> None:
    reduction = reduce(text, Aim(BUDGET))
    lines = clean(text).split("\n")
    if reduction is None or len(lines) == 1:
        return
    shown, left, number = 0, 0, 0
    for line in reduction.text.split("\n"):
        head = re.fullmatch(r"@(\d+)(?:-(\d+))?:", line) if left == 0 else None
        if head:
            number, last = int(head[1]), int(head[2] or head[1])
            left = last - number + 1
            continue
        source = lines[number - 1]
        assert line == source or all(piece in source for piece in GAP.split(line))
        shown, left, number = shown + 1, left - 1, number + 1
    counted = next((o for o in reduction.omissions if o.unit == "lines"), None)
    assert shown == (counted.shown if counted else len(lines))
    assert counted is None or counted.total == len(lines)


def test_law_6_the_same_text_gives_the_same_clip() -> None:
    text = "\n".join(f"step {i} {'failed' if i % 50 == 0 else 'done'}" for i in range(2000))
    assert reduce(text, Aim(300, focus="step 77")) == reduce(text, Aim(300, focus="step 77"))


def test_law_7_an_error_in_the_middle_stays_with_its_line_number() -> None:
    text = "\n".join(["all quiet"] * 800 + ["ERROR: disk /dev/sdb is gone"] + ["all quiet"] * 800)
    reduction = reduce(text, Aim(250))
    assert reduction is not None
    assert "@801:\nERROR: disk /dev/sdb is gone\n" in reduction.text
    assert reduction.omissions[0].total == 1601


def test_of_a_thousand_equal_errors_the_first_and_the_last_are_shown() -> None:
    text = "\n".join(f"ERROR {i} could not connect" for i in range(3000))
    reduction = reduce(text, Aim(250))
    assert reduction is not None
    assert "ERROR 0 could" in reduction.text
    assert "ERROR 2999 could" in reduction.text


def test_lines_of_the_focus_stay_with_their_neighbours() -> None:
    lines = [f"entry {'abcdefgh'[i % 8] * 3} went by" for i in range(2000)]
    lines[1234] = "the zebra crossed at noon"
    reduction = reduce("\n".join(lines), Aim(250, focus="zebra"))
    assert reduction is not None
    assert "\n".join(lines[1233:1236]) in reduction.text


def test_one_long_line_shows_its_ends_and_what_is_gone() -> None:
    text = "begin " + "x" * 1_000_000 + " needle " + "y" * 1_000_000 + " end"
    reduction = reduce(text, Aim(250, focus="needle"))
    assert reduction is not None
    assert reduction.text.startswith("begin ")
    assert "needle" in reduction.text
    assert reduction.text.endswith(" end")
    lead = reduction.omissions[0]
    gone = sum(int(n.replace(",", "")) for n in re.findall(r"\+([\d,]+) char", reduction.text))
    assert (lead.unit, lead.total - lead.shown) == ("characters", gone)


def test_colours_go_and_a_progress_bar_keeps_its_last_state_and_is_announced() -> None:
    bar = "\r".join(f"fetching {i} %" for i in range(101))
    text = "\x1b[31mred\x1b[0m\n" + bar + "\n" + "plain words\n" * 400
    reduction = reduce(text, Aim(250))
    assert reduction is not None
    assert "\x1b" not in reduction.text
    assert "\nfetching 100 %\n" in reduction.text
    assert any(o.unit == "states" and o.total - o.shown == 100 for o in reduction.omissions)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 2_000_000,
        "\0" * 1_000_000 + "\n" + "\ud800" * 500_000,
        " " * 10_000_000,
        "\x1b]" * 500_000,
        "\r" * 1_000_000 + "a\r\n" * 1000,
        "\n".join(["error abc " * 100_000] * 5),
    ],
    ids=["feeds", "nulls", "spaces", "escapes", "returns", "five long lines"],
)
def test_law_10_hostile_text_is_clipped(text: str) -> None:
    reduction = reduce(text, Aim(250, focus="abc error"))
    assert reduction is not None
    assert estimate(reduction.text) <= 250


def test_a_lossless_aim_is_refused() -> None:
    assert reduce("word\n" * 5000, Aim(250, lossless=True)) is None
