"""What the tests of the ledger share: an entry, ways to write it and to look at the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from coatcheck.ledger import LedgerWriter, schema
from coatcheck.types import Entry

CALL = Entry(
    kind="call",
    at=1_790_000_000.25,
    session="s1",
    client="claude-code",
    client_version="2.1",
    context="ctx",
    call_id="toolu_1",
    upstream="github",
    tool="list_issues",
    arguments_digest="ab12",
    focus=True,
    ref="cc_000000000001",
    outcome="selected",
    is_error=False,
    reason="store: full",
    original_bytes=4000,
    original_tokens=1000,
    counterfactual_tokens=800,
    view_bytes=400,
    view_tokens=100,
    upstream_ms=12.5,
    added_ms=0.75,
    summary_ms=0.001,
    summary_input_tokens=7,
    summary_output_tokens=8,
    summary_micro_usd=9,
)


def written(home: Path, *many: Entry) -> LedgerWriter:
    ledger = LedgerWriter(home)
    for entry in many:
        ledger.append(entry)
    ledger.close(30)
    return ledger


def rows(home: Path, query: str = "SELECT * FROM entries ORDER BY id") -> list[sqlite3.Row]:
    with closing(sqlite3.connect(home / schema.FILE)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(query).fetchall()


def assert_sound(home: Path) -> None:
    """The file is undamaged and its roll-ups hold exactly the sums of its rows."""
    assert [tuple(row) for row in rows(home, "PRAGMA integrity_check")] == [("ok",)]
    for name, (keys, measures, counted) in schema.ROLLUPS.items():
        by, sums = ", ".join(keys), ", ".join(f"sum({measure})" for measure in measures)
        both = ", ".join((*keys, *measures))
        summed = f"SELECT {by}, {sums} FROM booked WHERE {counted} GROUP BY {by} ORDER BY {by}"
        found = rows(home, f"SELECT {both} FROM {name} ORDER BY {by}")
        assert [tuple(row) for row in found] == [tuple(row) for row in rows(home, summed)]
