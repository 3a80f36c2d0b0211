"""Rows go after a time; what they came to stays, in every report."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import CALL, rows, written

from coatcheck.figures import ALL_TIME, Window
from coatcheck.ledger import schema
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import GROUPS, savings
from coatcheck.ledger.retention import ROWS_AT_ONCE, prune
from coatcheck.ledger.writer import store
from coatcheck.types import Entry

DAY = 86_400
KEEP = 3 * DAY

entries = st.builds(
    Entry,
    kind=st.sampled_from(["call", "fetch", "definitions"]),
    at=st.floats(0, 9 * DAY),
    session=st.sampled_from(["s1", "s2"]),
    tool=st.sampled_from(["search", ""]),
    outcome=st.sampled_from(["passed", "selected"]),
    reason=st.sampled_from(["", "store: full"]),
    original_tokens=st.integers(0, 10**6),
    counterfactual_tokens=st.integers(0, 10**6),
    view_tokens=st.integers(0, 10**6),
    added_ms=st.floats(0, 1e4),
)


@settings(max_examples=25, deadline=None)
@given(many=st.lists(entries, min_size=1, max_size=25), now=st.floats(4 * DAY, 12 * DAY))
def test_totals_and_rows_are_the_same_after_rows_went(many: list[Entry], now: float) -> None:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        written(home, *many)
        with reading(home) as db:
            before = {by: savings(db, ALL_TIME, by) for by in GROUPS}
        last = int((now - KEEP) // DAY)
        went = prune(home, KEEP, now)
        assert went == sum(entry.at < last * DAY for entry in many)
        with reading(home) as db:
            assert {by: savings(db, ALL_TIME, by) for by in before} == before


def test_a_window_begins_with_a_whole_day_where_rows_are_gone(tmp_path: Path) -> None:
    written(tmp_path, *(replace(CALL, at=at) for at in (0.2 * DAY, 0.6 * DAY, 8.2 * DAY)))
    assert prune(tmp_path, KEEP, 9 * DAY) == 2
    with reading(tmp_path) as db:
        old = savings(db, Window(0.5 * DAY))
        assert (old.window.since, old.totals.calls) == (0, 3)
        assert savings(db, Window(0.5 * DAY, 0.7 * DAY)).window == Window(0, DAY)
        recent = savings(db, Window(8.1 * DAY))
        assert (recent.window.since, recent.totals.calls) == (8.1 * DAY, 1)


def test_rows_within_the_time_stay_and_nothing_is_made_where_no_ledger_is(tmp_path: Path) -> None:
    assert prune(tmp_path, KEEP, 9 * DAY) == 0
    assert not list(tmp_path.iterdir())
    written(tmp_path, replace(CALL, at=6.0 * DAY))
    assert prune(tmp_path, KEEP, 9.9 * DAY) == 0
    assert prune(tmp_path, KEEP, 10 * DAY) == 1
    assert rows(tmp_path) == []


def test_many_rows_go_in_several_steps(tmp_path: Path) -> None:
    with closing(schema.open_writing(tmp_path)) as db:
        store(db, [replace(CALL, at=float(at)) for at in range(2 * ROWS_AT_ONCE + 1)])
    assert prune(tmp_path, KEEP, 9 * DAY) == 2 * ROWS_AT_ONCE + 1
    with reading(tmp_path) as db:
        assert savings(db, ALL_TIME).totals.calls == 2 * ROWS_AT_ONCE + 1
