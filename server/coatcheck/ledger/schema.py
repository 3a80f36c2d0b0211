"""The tables of ledger.db: how they are made, migrated and opened.

`entries` holds one raw row per entry. `booked` is a view that says what each row counts for; it is
the only place where that is decided. `rollup` holds the sums of `booked` per day and tool, and is
only ever changed by `book`, in the transaction that changes the rows.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from coatcheck.types import LedgerError

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "ledger.db"
BUSY_SECONDS = 5.0

# Columns of entries that Entry fills, under its own names; milliseconds are kept as whole
# microseconds, because sums of integers do not depend on their order.
FIRST_TEXTS = (
    "kind", "session", "client", "client_version", "context", "call_id", "upstream", "tool",
    "arguments_digest", "ref", "outcome", "verb", "reason",
)  # fmt: skip
TEXTS = (*FIRST_TEXTS, "decision")
FIRST_NUMBERS = (
    "focus", "is_error", "original_bytes", "original_tokens", "counterfactual_tokens",
    "view_bytes", "view_tokens", "summary_input_tokens", "summary_output_tokens",
    "summary_micro_usd",
)  # fmt: skip
CACHED = ("summary_cache_write_tokens", "summary_cache_read_tokens")
NUMBERS = (*FIRST_NUMBERS, *CACHED)
DURATIONS = ("upstream", "added", "summary")
COLUMNS = ("at", *TEXTS, *NUMBERS, *(f"{name}_us" for name in DURATIONS))

# What a row of booked belongs to, and what it counts for; rollup has the same columns.
KEYS = ("day", "upstream", "tool", "client", "kind", "outcome")
MEASURES = (
    "entries", "calls", "shortened", "fetches", "definitions", "errors", "counted",
    "original_tokens", "counterfactual_tokens", "view_tokens", "fetched_tokens", "own_tokens",
    "half_width_tokens", "original_bytes", "view_bytes", "upstream_us", "added_us", "summary_us",
    "summary_input_tokens", "summary_output_tokens", "summary_micro_usd",
)  # fmt: skip

# count_state of a row: not tried yet, counted, or not countable (artifact or its view gone).
UNTRIED, COUNTED, UNCOUNTABLE = 0, 1, 2
COUNTABLE = f"count_state = {UNTRIED} AND kind = 'call' AND outcome <> 'passed' AND ref <> ''"

ENTRIES = f"""CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    {", ".join(f"{name} TEXT NOT NULL" for name in FIRST_TEXTS)},
    {", ".join(f"{name} INTEGER NOT NULL" for name in FIRST_NUMBERS)},
    {", ".join(f"{name}_us INTEGER NOT NULL" for name in DURATIONS)},
    original_tokens_exact INTEGER,
    original_half_width INTEGER,
    view_tokens_exact INTEGER,
    view_half_width INTEGER,
    count_state INTEGER NOT NULL DEFAULT {UNTRIED}
)"""

# A passed call counts alike in all three token columns: whatever the client cuts from it, it would
# have cut without us too. The counterfactual follows an exact count in proportion.
BOOKED = """CREATE VIEW booked AS SELECT
    id, at, CAST(at / 86400 AS INTEGER) AS day, session, upstream, tool, client, kind, outcome,
    ref, reason,
    1 AS entries,
    kind = 'call' AS calls,
    kind = 'call' AND outcome <> 'passed' AS shortened,
    kind = 'fetch' AS fetches,
    kind = 'definitions' AS definitions,
    kind = 'call' AND is_error AS errors,
    original_tokens_exact IS NOT NULL AS counted,
    CASE WHEN kind <> 'call' THEN 0
         ELSE coalesce(original_tokens_exact, original_tokens) END AS original_tokens,
    CASE WHEN kind <> 'call' THEN 0
         WHEN outcome = 'passed' THEN original_tokens
         WHEN original_tokens_exact IS NULL OR original_tokens = 0 THEN counterfactual_tokens
         ELSE (counterfactual_tokens * original_tokens_exact + original_tokens / 2)
              / original_tokens END AS counterfactual_tokens,
    CASE WHEN kind <> 'call' THEN 0
         WHEN outcome = 'passed' THEN original_tokens
         ELSE coalesce(view_tokens_exact, view_tokens) END AS view_tokens,
    CASE WHEN kind = 'fetch' THEN view_tokens ELSE 0 END AS fetched_tokens,
    CASE WHEN kind = 'definitions' THEN view_tokens ELSE 0 END AS own_tokens,
    coalesce(original_half_width, 0) + coalesce(view_half_width, 0) AS half_width_tokens,
    original_bytes, view_bytes, upstream_us, added_us, summary_us,
    summary_input_tokens, summary_output_tokens, summary_micro_usd
FROM entries"""

ROLLUP = f"""CREATE TABLE rollup (
    day INTEGER NOT NULL,
    {", ".join(f"{name} TEXT NOT NULL" for name in KEYS[1:])},
    {", ".join(f"{name} INTEGER NOT NULL" for name in MEASURES)},
    PRIMARY KEY ({", ".join(KEYS)})
) WITHOUT ROWID"""

# One tuple of statements per step; PRAGMA user_version counts the steps taken. Steps that were
# released are never edited, only followed by new ones.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        ENTRIES,
        "CREATE INDEX entries_at ON entries (at)",
        "CREATE INDEX entries_ref ON entries (ref) WHERE ref <> ''",
        f"CREATE INDEX entries_countable ON entries (id) WHERE {COUNTABLE}",
        BOOKED,
        ROLLUP,
        "CREATE INDEX rollup_shortened ON rollup (upstream, tool)"
        " WHERE kind = 'call' AND outcome <> 'passed'",
    ),
    ("ALTER TABLE entries ADD COLUMN decision TEXT NOT NULL DEFAULT ''",),
    tuple(f"ALTER TABLE entries ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0" for name in CACHED),
)

BOOK = f"""INSERT INTO rollup ({", ".join((*KEYS, *MEASURES))})
    SELECT {", ".join(KEYS)}, {", ".join(f":sign * sum({name})" for name in MEASURES)}
    FROM booked WHERE id BETWEEN :first AND :last GROUP BY {", ".join(KEYS)}
    ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in MEASURES)}
"""  # noqa: S608 (only our own column names)


def book(db: "Connection", first: int, last: int, sign: int) -> None:
    """Add rows first to last to the roll-up (sign 1), or take them out of it (sign -1)."""
    db.execute(BOOK, {"first": first, "last": last, "sign": sign})


def version_of(db: "Connection") -> int:
    """Return how many migrations the file has seen."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def open_writing(home: Path, steps: tuple[tuple[str, ...], ...] = MIGRATIONS) -> "Connection":
    """Return a connection to the ledger of home, made or migrated first if need be.

    Raises: OSError, sqlite3.Error, LedgerError when the file is of a newer coatcheck.
    """
    import sqlite3

    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / FILE
    with suppress(FileExistsError):
        # Only ever a new file: closing a second descriptor of an open one would drop its locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if version_of(db) < len(steps):
            patiently(db, "PRAGMA journal_mode = WAL")
            migrate(db, steps)
        db.execute("PRAGMA synchronous = NORMAL")
        check_version(db, len(steps))
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: "Connection", steps: tuple[tuple[str, ...], ...]) -> None:
    """Take the steps that the file has not seen yet, all or none."""
    with transaction(db):
        for number, statements in enumerate(steps[version_of(db) :], version_of(db) + 1):
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")


def check_version(db: "Connection", expected: int = len(MIGRATIONS)) -> None:
    """Raise LedgerError unless the file has the form that this coatcheck knows."""
    found = version_of(db)
    if found != expected:
        raise LedgerError(
            f"{FILE} has form {found}, this coatcheck knows form {expected};"
            " use the same version of coatcheck everywhere."
        )


@contextmanager
def transaction(db: "Connection") -> Iterator[None]:
    """Write all of the block or nothing of it."""
    patiently(db, "BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def patiently(db: "Connection", statement: str) -> None:
    """Execute a statement that takes a lock, again when other processes hold it too long.

    The switch to WAL does not wait for the busy time-out, and among many writers SQLite is not
    fair: with eight of them single waits of 1.5 s were seen.
    """
    import sqlite3

    for _ in range(3):
        try:
            db.execute(statement).fetchall()
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            Event().wait(0.1)
    db.execute(statement).fetchall()
