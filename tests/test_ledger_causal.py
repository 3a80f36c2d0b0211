"""Sessions with views against sessions held out: drawn fairly, compared with an interval."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from ledgers import CALL, written

from coatcheck.cli.place import Place
from coatcheck.cli.trial import arm_of, drawn
from coatcheck.config import Config, LedgerSettings
from coatcheck.figures import ALL_TIME, Rates, Window
from coatcheck.ledger.causal import LEAST_SESSIONS, compare, difference, student
from coatcheck.ledger.reader import reading
from coatcheck.types import Arm, Entry

RATES = Rates("agent", "2026-11-22", 5.0, 0.2)
NOBODY: Mapping[str, str] = {}


def place(home: Path, holdout: float) -> Place:
    return Place(home, Config(ledger=LedgerSettings(holdout=holdout)))


def test_no_session_is_drawn_unless_asked_for_and_no_key_is_made(tmp_path: Path) -> None:
    assert arm_of(place(tmp_path, 0.0), "s1", NOBODY) == ""
    assert not list(tmp_path.iterdir())


def test_about_the_asked_share_is_held_out_and_always_the_same(tmp_path: Path) -> None:
    at = place(tmp_path, 0.25)
    arms = [arm_of(at, f"session {number}", NOBODY) for number in range(800)]
    assert arms == [arm_of(at, f"session {number}", NOBODY) for number in range(800)]
    assert set(arms) == {"held out", "shortened"}
    assert 140 < arms.count("held out") < 260  # five standard deviations
    assert drawn(b"k" * 32, "s") != drawn(b"l" * 32, "s")


def test_all_servers_of_one_session_of_a_client_are_drawn_alike(tmp_path: Path) -> None:
    at = place(tmp_path, 0.5)
    for number in range(9):
        told = {"CLAUDE_CODE_SESSION_ID": f"session {number}"}
        assert len({arm_of(at, f"server {server}", told) for server in range(9)}) == 1


def sessions(arm: Arm, count: int, view_tokens: int) -> list[Entry]:
    outcome = "selected" if arm == "shortened" else "passed"
    return [
        replace(
            CALL,
            session=f"{arm} {number}",
            arm=arm,
            at=CALL.at + 1000 * number + 10 * turn,
            outcome=outcome,  # type: ignore[arg-type]  # one of Outcome
            view_tokens=view_tokens + number % 3,
            counterfactual_tokens=800 + number % 3,
            summary_micro_usd=0,
        )
        for number in range(count)
        for turn in range(3)
    ]


def test_sessions_are_compared_in_cost_turns_and_seconds(tmp_path: Path) -> None:
    written(tmp_path, *sessions("held out", 30, 0), *sessions("shortened", 60, 100))
    written(tmp_path, replace(CALL, session="of no trial", arm=""))
    with reading(tmp_path) as db:
        found = compare(db, ALL_TIME, RATES)
        assert compare(db, ALL_TIME, RATES) == found
        assert compare(db, Window(CALL.at + 29_500), RATES).held_out_sessions == 0
    assert (found.held_out_sessions, found.shortened_sessions, found.is_enough) == (30, 60, True)
    cost, turns, seconds = found.differences
    # Three results written once, and the first of them read again by the third turn.
    assert cost.held_out == pytest.approx((3 * 801 * 5 + 801 * 0.2) / 1e6)
    assert cost.shortened == pytest.approx((3 * 101 * 5 + 101 * 0.2) / 1e6)
    assert cost.low is not None and cost.high is not None
    assert cost.low < cost.difference < cost.high < 0
    assert (turns.difference, turns.low, turns.high) == (0, 0, 0)
    assert (seconds.held_out, seconds.difference) == (20, 0)


def test_too_few_sessions_have_no_interval(tmp_path: Path) -> None:
    few = sessions("held out", LEAST_SESSIONS - 1, 0)
    written(tmp_path, *few, *sessions("shortened", 60, 100))
    with reading(tmp_path) as db:
        found = compare(db, ALL_TIME, RATES)
    assert not found.is_enough
    assert {(item.low, item.high) for item in found.differences} == {(None, None)}


@pytest.mark.parametrize(
    ("freedom", "expected"), [(10, 2.228), (20, 2.086), (30, 2.042), (60, 2.000), (1e9, 1.960)]
)
def test_the_quantiles_of_student_are_those_of_the_tables(freedom: float, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, abs=0.001)


def test_the_interval_holds_the_true_difference_about_95_times_in_100() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(600):
        one = [draw.lognormvariate(0, 0.5) for _ in range(40)]
        other = [draw.lognormvariate(0, 0.5) + 0.3 for _ in range(60)]
        found = difference("x", one, other)
        assert found.low is not None and found.high is not None
        assert found.difference == pytest.approx(fmean(other) - fmean(one))
        held += found.low <= 0.3 <= found.high
    assert 0.92 <= held / 600 <= 0.98
