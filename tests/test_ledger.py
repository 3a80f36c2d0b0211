"""The ledger: one row per entry, roll-ups that equal the rows, and no harm when it fails."""

import logging
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import CALL, assert_sound, rows, written

from coatcheck.ledger import LedgerWriter, Tally, schema, session_line, shortened_tools
from coatcheck.ledger.exact import fill_exact
from coatcheck.ledger.reader import SHORTENED, later, newest, of_ref, reading
from coatcheck.ledger.writer import MOST_WAITING, row_of, store
from coatcheck.types import Entry, LedgerError

names = st.sampled_from(["", "a", "b", "\ud800", "\N{SNOWMAN}"])
tokens = st.integers(min_value=0, max_value=2**40)
entries = st.builds(
    Entry,
    kind=st.sampled_from(["call", "fetch", "definitions"]),
    at=st.floats(min_value=0, max_value=400_000),
    session=names,
    client=names,
    upstream=names,
    tool=names,
    ref=st.sampled_from(["", "cc_1", "cc_2", "cc_3"]),
    outcome=st.sampled_from(["passed", "lossless", "selected", "clipped"]),
    is_error=st.booleans(),
    reason=st.sampled_from(["", "store: full", "nothing gained"]),
    original_bytes=tokens,
    original_tokens=tokens,
    counterfactual_tokens=tokens,
    view_bytes=st.integers(0, 2),
    view_tokens=tokens,
    added_ms=st.floats(min_value=0, max_value=1e6),
)


def until(met: Callable[[], bool]) -> None:
    """Look again until met, for at most some thirty seconds."""
    for _ in range(3000):
        if met():
            return
        Event().wait(0.01)
    raise AssertionError("did not happen")


def test_every_field_of_an_entry_comes_back(tmp_path: Path) -> None:
    assert written(tmp_path, CALL).lost == 0
    [row] = rows(tmp_path)
    for item in fields(Entry):
        expected = getattr(CALL, item.name)
        if item.name.endswith("_ms"):
            assert row[item.name.removesuffix("_ms") + "_us"] == round(expected * 1000)
        else:
            assert row[item.name] == expected


def test_importing_and_making_a_ledger_leaves_sqlite_and_the_disk_alone(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from coatcheck.ledger import LedgerWriter;"
        "ledger = LedgerWriter(pathlib.Path(sys.argv[1])); ledger.close();"
        "assert 'sqlite3' not in sys.modules and 'click' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "home")], check=True, timeout=30)
    assert not (tmp_path / "home").exists()


def test_file_and_folder_are_private(tmp_path: Path) -> None:
    home = tmp_path / "data" / "coatcheck"
    written(home, CALL)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}


def test_a_home_that_cannot_be_written_loses_every_entry_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    ledger = LedgerWriter(tmp_path / "file" / "home")
    with caplog.at_level(logging.WARNING):
        for _ in range(120):
            ledger.append(CALL)
        ledger.close(30)
    assert ledger.lost == 120
    assert len(caplog.records) == 1
    assert shortened_tools(tmp_path / "file" / "home", "github") == frozenset()


def test_a_damaged_ledger_loses_entries_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / schema.FILE).write_bytes(b"not a database" * 100)
    assert written(tmp_path, CALL).lost == 1
    assert (tmp_path / schema.FILE).read_bytes() == b"not a database" * 100
    assert shortened_tools(tmp_path, "github") == frozenset()
    with pytest.raises(LedgerError), reading(tmp_path):
        pass


def test_appending_waits_for_no_lock_and_nothing_is_lost_when_it_goes(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    with closing(sqlite3.connect(tmp_path / schema.FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ledger = LedgerWriter(tmp_path)
        for _ in range(500):
            ledger.append(CALL)
        other.execute("ROLLBACK")
    ledger.close(30)
    assert ledger.lost == 0
    assert len(rows(tmp_path)) == 501
    assert_sound(tmp_path)


def test_closing_is_bounded_and_counts_what_was_not_written(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    with closing(sqlite3.connect(tmp_path / schema.FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ledger = LedgerWriter(tmp_path)
        for _ in range(120):
            ledger.append(CALL)
        ledger.close(0.2)
        assert ledger.lost == 120
        ledger.append(CALL)
        assert ledger.lost == 121
        other.execute("ROLLBACK")


def test_waiting_entries_are_bounded(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    with closing(sqlite3.connect(tmp_path / schema.FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ledger = LedgerWriter(tmp_path)
        for _ in range(MOST_WAITING + 7):
            ledger.append(CALL)
        assert ledger.lost == 7
        other.execute("ROLLBACK")
    ledger.close(30)
    assert len(rows(tmp_path)) == MOST_WAITING + 1


def test_a_value_that_cannot_be_kept_costs_only_its_own_entry(tmp_path: Path) -> None:
    broken = [replace(CALL, view_tokens=2**70), replace(CALL, added_ms=float("nan"))]
    odd = replace(CALL, tool="\ud800")
    assert written(tmp_path, CALL, *broken, odd, CALL).lost == 2
    assert [row["tool"] for row in rows(tmp_path)] == ["list_issues", "?", "list_issues"]
    assert_sound(tmp_path)


def test_an_erased_ledger_is_begun_anew(tmp_path: Path) -> None:
    ledger = LedgerWriter(tmp_path)
    ledger.append(CALL)
    until(lambda: (tmp_path / schema.FILE).exists() and bool(shortened_tools(tmp_path, "github")))
    for path in tmp_path.iterdir():
        path.unlink()
    ledger.append(replace(CALL, tool="second"))
    ledger.close(30)
    assert ledger.lost == 0
    assert [row["tool"] for row in rows(tmp_path)] == ["second"]


def test_a_replaced_ledger_is_written_from_then_on(tmp_path: Path) -> None:
    ledger = LedgerWriter(tmp_path)
    ledger.append(CALL)
    until(lambda: bool(shortened_tools(tmp_path, "github")))
    other = tmp_path / "other"
    written(other, replace(CALL, tool="second"))
    for path in tmp_path.glob(schema.FILE + "*"):
        path.unlink()
    (other / schema.FILE).replace(tmp_path / schema.FILE)
    ledger.append(replace(CALL, tool="third"))
    ledger.close(30)
    assert [row["tool"] for row in rows(tmp_path)] == ["second", "third"]


class Busy:
    """A connection that is busy for so many statements."""

    def __init__(self, times: int) -> None:
        self.times = times

    def execute(self, statement: str) -> "Busy":
        self.times -= 1
        if self.times >= 0:
            error = sqlite3.OperationalError(statement)
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
            raise error
        return self

    def fetchall(self) -> None:
        return None


def test_a_lock_is_asked_for_again_but_not_for_ever() -> None:
    schema.patiently(cast(sqlite3.Connection, Busy(2)), "BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        schema.patiently(cast(sqlite3.Connection, Busy(9)), "BEGIN IMMEDIATE")


def test_an_older_coatcheck_leaves_a_newer_ledger_alone(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    set_version(tmp_path, len(schema.MIGRATIONS) + 1)
    assert written(tmp_path, CALL, CALL).lost == 2
    assert len(rows(tmp_path)) == 1
    assert shortened_tools(tmp_path, "github") == frozenset()
    with pytest.raises(LedgerError), reading(tmp_path):
        pass
    with pytest.raises(LedgerError):
        fill_exact(tmp_path, lambda text: (1, 0), lambda ref: ("a", "b"))


def test_a_ledger_that_becomes_newer_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with closing(schema.open_writing(tmp_path)) as db:
        store(db, [CALL])
        set_version(tmp_path, len(schema.MIGRATIONS) + 1)
        with pytest.raises(LedgerError):
            store(db, [CALL])
    assert len(rows(tmp_path)) == 1


def set_version(home: Path, version: int) -> None:
    with closing(sqlite3.connect(home / schema.FILE)) as db:
        db.execute(f"PRAGMA user_version = {version}")


def test_an_older_ledger_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    steps = (*schema.MIGRATIONS, ("ALTER TABLE entries ADD COLUMN later TEXT",))
    with closing(schema.open_writing(tmp_path, steps)) as db:
        assert schema.version_of(db) == len(steps)
    assert [row["later"] for row in rows(tmp_path)] == [None]


def test_sums_of_another_form_are_made_anew_from_the_rows(tmp_path: Path) -> None:
    row = dict(zip(schema.COLUMNS, row_of(CALL), strict=True))
    del row["arm"], row["part"]
    with closing(schema.open_writing(tmp_path, schema.MIGRATIONS[:3])) as db:
        db.execute("CREATE VIEW booked AS SELECT * FROM entries")
        db.execute("CREATE TABLE rollup (day INTEGER)")
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO entries ({', '.join(row)}) VALUES ({marks})", [*row.values()])
    assert written(tmp_path, CALL).lost == 0
    assert_sound(tmp_path)
    assert [tuple(found) for found in rows(tmp_path, "SELECT calls FROM rollup")] == [(2,)]


def test_a_failed_migration_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    steps = (*schema.MIGRATIONS, ("ALTER TABLE entries ADD COLUMN later TEXT", "NONSENSE"))
    with pytest.raises(sqlite3.OperationalError):
        schema.open_writing(tmp_path, steps)
    assert written(tmp_path, CALL).lost == 0
    assert_sound(tmp_path)


@settings(max_examples=40, deadline=None)
@given(
    batches=st.lists(st.lists(entries, min_size=1, max_size=12), max_size=4),
    kept=st.dictionaries(st.sampled_from(["cc_1", "cc_2"]), st.just(("original", "view"))),
)
def test_rollups_equal_the_sums_of_rows_always(
    batches: list[list[Entry]], kept: dict[str, tuple[str, str]]
) -> None:
    with TemporaryDirectory() as folder, closing(schema.open_writing(Path(folder))) as db:
        for batch in batches:
            store(db, batch)
            fill_exact(Path(folder), lambda text: (len(text), 1), kept.get, max_rows=5)
            assert_sound(Path(folder))


def test_shortened_tools_are_read_by_an_index_and_make_no_file(tmp_path: Path) -> None:
    assert shortened_tools(tmp_path / "none", "github") == frozenset()
    assert not (tmp_path / "none").exists()
    written(
        tmp_path,
        CALL,
        replace(CALL, tool="get_me", outcome="passed"),
        replace(CALL, upstream="jira", tool="search"),
        replace(CALL, tool="fetched", kind="fetch"),
    )
    assert shortened_tools(tmp_path, "github") == {"list_issues"}
    with reading(tmp_path) as db:
        [plan] = db.execute(f"EXPLAIN QUERY PLAN {SHORTENED}", ("github",)).fetchall()
    assert "USING COVERING INDEX rollup_shortened" in plan["detail"]


def test_a_reader_sees_one_moment_and_cannot_write(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    with reading(tmp_path) as db:
        assert len(newest(db, 10)) == 1
        written(tmp_path, CALL)
        assert len(newest(db, 10)) == 1
    with reading(tmp_path) as db:
        assert len(newest(db, 10)) == 2
        with pytest.raises(sqlite3.OperationalError) as refused:
            db.execute("DELETE FROM entries")
    assert refused.value.sqlite_errorcode == sqlite3.SQLITE_READONLY


def test_a_ledger_that_is_being_made_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / schema.FILE).touch()
    with pytest.raises(FileNotFoundError), reading(tmp_path):
        pass


def test_rows_are_found_by_tool_place_and_ref(tmp_path: Path) -> None:
    other = replace(CALL, tool="get_issue", ref="cc_2")
    written(tmp_path, CALL, other, replace(CALL, kind="fetch"), replace(CALL, kind="definitions"))
    with reading(tmp_path) as db:
        assert [row["id"] for row in newest(db, 2)] == [2, 3]
        assert [row["id"] for row in newest(db, 9, "get_issue")] == [2]
        assert [row["id"] for row in newest(db, 9, "github.list_*")] == [1, 3]
        assert [row["id"] for row in later(db, 1)] == [2, 3]
        assert [row["id"] for row in of_ref(db, "cc_2")] == [2]
        assert of_ref(db, "") == []


def test_the_tally_equals_the_books(tmp_path: Path) -> None:
    ledger = written(
        tmp_path,
        CALL,
        replace(CALL, outcome="passed", original_tokens=50, view_tokens=0),
        replace(CALL, kind="fetch", view_tokens=30),
        replace(CALL, kind="definitions", view_tokens=130),
    )
    sums = "sum(calls), sum(shortened), sum(original_tokens), sum(view_tokens), sum(fetched_tokens)"
    [row] = rows(tmp_path, f"SELECT {sums} FROM booked")
    assert Tally(*row) == ledger.tally == Tally(2, 1, 1050, 150, 30)


def test_a_session_ends_with_one_line() -> None:
    assert session_line(Tally()) == ""
    line = session_line(Tally(2, 1, 1050, 150, 30))
    assert line == (
        "coatcheck: 2 calls, 1 shortened, about 1,050 -> 150 tokens, 30 fetched back."
        " Details: coatcheck savings."
    )
    assert "Entries not recorded: 3" in session_line(Tally(calls=3), lost=3)
