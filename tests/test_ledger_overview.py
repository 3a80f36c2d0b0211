"""The interface of every face: totals, dollars, quality, advice, calls and sessions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import CALL, written

from coatcheck.figures import ALL_TIME, Figures, Money, Overview, Rates, Verb, Window
from coatcheck.ledger.calls import calls, one_call, sessions
from coatcheck.ledger.money import followed, money
from coatcheck.ledger.overview import empty, overview
from coatcheck.ledger.quality import advice
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import savings
from coatcheck.types import Entry

RATES = Rates("agent", "2026-11-22", 5.0, 0.2)
FETCH = replace(
    CALL, kind="fetch", verb="page", outcome="passed", view_tokens=950, reason="", at=CALL.at + 5
)


def seen(home: Path, *many: Entry, window: Window = ALL_TIME) -> Overview:
    written(home, *many)
    with reading(home) as db:
        return overview(db, window, RATES)


def test_dollars_are_net_tokens_written_once_and_carried_ones_read_minus_the_summarizer() -> None:
    figures = Figures(
        original_tokens=1000,
        counterfactual_tokens=800,
        view_tokens=100,
        carried_original_tokens=3000,
        carried_counterfactual_tokens=2000,
        summary_micro_usd=7,
    )
    assert money(figures, RATES) == Money(700 * 5000, 2000 * 200, 7000)
    assert money(figures, RATES, "original") == Money(900 * 5000, 3000 * 200, 7000)
    assert money(figures, RATES).net_nano_usd == 3_500_000 + 400_000 - 7000


def test_a_loss_in_dollars_is_not_clamped() -> None:
    amount = money(Figures(view_tokens=10, summary_micro_usd=5), RATES)
    assert amount.net_nano_usd == -10 * 5000 - 5000


entries = st.builds(
    Entry,
    kind=st.sampled_from(["call", "fetch", "definitions", "summary"]),
    at=st.floats(0, 5 * 86_400),
    session=st.sampled_from(["s1", "s2"]),
    upstream=st.sampled_from(["github", "jira"]),
    tool=st.sampled_from(["search", "get", ""]),
    outcome=st.sampled_from(["passed", "selected"]),
    original_tokens=st.integers(0, 10**6),
    counterfactual_tokens=st.integers(0, 10**6),
    view_tokens=st.integers(0, 10**6),
    summary_micro_usd=st.integers(0, 10**6),
)


@settings(max_examples=25, deadline=None)
@given(many=st.lists(entries, min_size=1, max_size=25))
def test_the_dollars_of_days_sum_to_those_of_all_time(many: list[Entry]) -> None:
    with TemporaryDirectory() as folder:
        whole = seen(Path(folder), *many)
        with reading(Path(folder)) as db:
            for by in ("day", "week", "session", "client", "level"):
                lines = savings(db, ALL_TIME, by).rows
                parts = [money(line.figures, RATES).net_nano_usd for line in lines]
                assert sum(parts) == whole.money.net_nano_usd


def test_a_transcript_says_how_often_a_result_was_carried(tmp_path: Path) -> None:
    written(tmp_path, CALL, replace(CALL, call_id="toolu_2"), replace(CALL, call_id=""))
    with reading(tmp_path) as db:
        found = followed(db, ALL_TIME, RATES, {"toolu_1": 5, "toolu_9": 3})
    assert found.calls == 1
    assert found.money == Money(700 * 5000, 700 * 4 * 200)


def test_quality_counts_those_who_came_back_by_verb_and_what_opened_nothing(tmp_path: Path) -> None:
    lost = replace(FETCH, is_error=True, reason="unknown ref", upstream="", tool="", ref="cc_9")
    guarded = replace(CALL, reason="guard: not in the source, 17", ref="cc_2", at=CALL.at + 300)
    found = seen(tmp_path, CALL, FETCH, replace(FETCH, verb="grep"), lost, guarded).quality
    assert (found.shortened, found.came_back, found.got_whole, found.again) == (2, 0.5, 0.5, 0)
    assert (found.guard_misses, found.expired) == (1, 1)
    assert found.verbs == (Verb("page", 2, 1900, 1), Verb("grep", 1, 950, 0))


def bad(times: int, *more: Entry) -> Sequence[Entry]:
    return [
        replace(entry, ref=f"cc_{number}", at=entry.at + 500 * number)
        for number in range(times)
        for entry in (CALL, *more)
    ]


@pytest.mark.parametrize(
    ("many", "what", "setting"),
    [
        (bad(8, FETCH), "fetched whole in 8 of 8 cases", 'mode = "lossless"'),
        (bad(8, replace(CALL, at=CALL.at + 9)), "called again within", 'mode = "lossless"'),
        (bad(8, replace(FETCH, view_tokens=60)), "fetched from in 8 of 8", "budget_tokens"),
        (bad(8, *[replace(FETCH, view_tokens=300)] * 2, FETCH), "fetched whole", "lossless"),
        ([replace(entry, view_tokens=850) for entry in bad(8)], "400 tokens more", 'mode = "off"'),
    ],
)
def test_a_tool_that_does_badly_gets_one_piece_of_advice(
    tmp_path: Path, many: Sequence[Entry], what: str, setting: str
) -> None:
    [found] = seen(tmp_path, *many).advice
    assert (found.upstream, found.tool) == ("github", "list_issues")
    assert what in found.what and setting in found.setting


def test_a_tool_that_does_well_or_was_hardly_used_gets_none(tmp_path: Path) -> None:
    assert seen(tmp_path, *bad(20), *bad(2, FETCH)).advice == ()
    assert advice([]) == ()


def test_an_empty_window_has_the_overview_of_nothing(tmp_path: Path) -> None:
    window = Window(CALL.at + 10)
    assert seen(tmp_path, CALL, window=window) == empty(window, RATES)


def test_calls_come_newest_first_page_by_page(tmp_path: Path) -> None:
    written(tmp_path, *(replace(CALL, at=CALL.at + number) for number in range(5)))
    with reading(tmp_path) as db:
        first = calls(db, limit=2)
        assert [call.id for call in first] == [5, 4]
        assert [call.id for call in calls(db, before=first[-1].id, limit=9)] == [3, 2, 1]
        assert calls(db, tool="github.get_*") == ()
        assert len(calls(db, tool="github.list_*", session="s1")) == 5
        assert calls(db, session="s2") == ()


def test_one_call_tells_what_came_of_it(tmp_path: Path) -> None:
    written(tmp_path, CALL, FETCH, replace(CALL, ref=""))
    with reading(tmp_path) as db:
        found = one_call(db, 1)
        assert found is not None
        assert [entry.kind for entry in found.around] == ["call", "fetch"]
        assert found.call.net_tokens == 700
        assert found.around[1].net_tokens == -950 and found.around[1].got_whole
        assert found.figures.net_counterfactual_tokens == 700 - 950
        alone = one_call(db, 3)
        assert alone is not None and alone.around == (alone.call,)
        assert alone.figures.net_counterfactual_tokens == 700
        assert one_call(db, 99) is None


def test_sessions_come_newest_first_with_all_they_came_to(tmp_path: Path) -> None:
    later = replace(CALL, session="s2", client="codex", at=CALL.at + 100, arm="held out")
    written(tmp_path, CALL, FETCH, later)
    with reading(tmp_path) as db:
        second, first = sessions(db)
        assert (second.session, second.client, second.arm) == ("s2", "codex", "held out")
        assert (first.began_at, first.last_at) == (CALL.at, FETCH.at)
        assert (first.figures.calls, first.figures.fetched_tokens) == (1, 950)
        assert [found.session for found in sessions(db, Window(CALL.at + 50))] == ["s2"]
        assert [found.session for found in sessions(db, limit=1)] == ["s2"]
