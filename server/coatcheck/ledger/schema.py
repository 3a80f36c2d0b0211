"""The tables of ledger.db: how they are made, migrated and opened.

`entries` holds one raw row per entry. `booked` is a view that says what each row counts for; it is
the only place where that is decided. The roll-ups hold the sums of `booked` per day, and are only
ever changed by `book`, in the transaction that changes the rows: `rollup` by tool and `visits` by
session, each with how many calls took how long, and with why a simpler step was taken. They stay
when rows go (`facts` has the first day whose rows are still there). `sessions` holds how far each
session is.
"""

import os
from collections.abc import Iterator, Mapping
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
TEXTS = (*FIRST_TEXTS, "decision", "arm", "part")
FIRST_NUMBERS = (
    "focus", "is_error", "original_bytes", "original_tokens", "counterfactual_tokens",
    "view_bytes", "view_tokens", "summary_input_tokens", "summary_output_tokens",
    "summary_micro_usd",
)  # fmt: skip
CACHED = ("summary_cache_write_tokens", "summary_cache_read_tokens")
NUMBERS = (*FIRST_NUMBERS, *CACHED)
DURATIONS = ("upstream", "added", "summary")
COLUMNS = ("at", *TEXTS, *NUMBERS, *(f"{name}_us" for name in DURATIONS))

# What the writer works out of a row and those before it; see turns.py.
RELATED = (
    "turns", "carried_original_tokens", "carried_counterfactual_tokens", "carried_seen_tokens",
    "again", "came_back", "got_whole",
)  # fmt: skip

# What a row of booked belongs to, and what it counts for; the roll-ups have the same columns.
KEYS = ("day", "upstream", "tool", "client", "kind", "outcome", "verb")
VISIT = ("day", "session", "client", "arm")
MEASURES = (
    "entries", "calls", "shortened", "fetches", "definitions", "errors", "counted",
    "original_tokens", "counterfactual_tokens", "view_tokens", "fetched_tokens", "own_tokens",
    "seen_tokens", "half_width_tokens", "original_bytes", "view_bytes", "upstream_us", "added_us",
    "summary_us", "summary_input_tokens", "summary_output_tokens", "summary_micro_usd",
    *CACHED, *RELATED, "expired",
)  # fmt: skip
INTEGER_KEYS = frozenset({"day", "most_us"})

# Of each roll-up: what a row of it belongs to, what it counts, and which rows it counts.
ROLLUPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "rollup": (KEYS, MEASURES, "1"),
    "visits": (VISIT, MEASURES, "1"),
    "times": ((*KEYS, "most_us"), ("calls",), "calls"),
    "reasons": ((*KEYS, "why"), ("entries",), "why <> ''"),
    "visit_times": ((*VISIT, "most_us"), ("calls",), "calls"),
    "visit_reasons": ((*VISIT, "why"), ("entries",), "why <> ''"),
}
FIRST_ROLLUPS = ("rollup", "visits", "times", "reasons")

# Added times are kept as the next of these, in microseconds: at most 12.5 % too long from 0.1 ms
# on. They are the preferred numbers R20, so that usual limits (1, 2.5, 5, 10 ms) are among them.
STEPS = (100, 112, 125, 140, 160, 180, 200, 224, 250, 280,
         315, 355, 400, 450, 500, 560, 630, 710, 800, 900)  # fmt: skip
BOUNDS = (0, 10, 20, 50, *(step * 10**power for power in range(9) for step in STEPS))

# count_state of a row: not tried yet, counted, or not countable (artifact or its view gone).
UNTRIED, COUNTED, UNCOUNTABLE = 0, 1, 2
SHORTENED = "kind = 'call' AND outcome <> 'passed'"
COUNTABLE = f"count_state = {UNTRIED} AND {SHORTENED} AND ref <> ''"

# Net tokens of a session's context by base, and the tokens that its agent saw: of the newest turn,
# and of those before it.
BASES = ("original", "counterfactual", "seen")
AGES = ("older", "newest")

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
# have cut without us too. What was seen of it is that much less. The counterfactual follows an
# exact count in proportion.
BOOKED = f"""CREATE VIEW booked AS SELECT
    id, at, CAST(at / 86400 AS INTEGER) AS day, session, upstream, tool, client, kind, outcome,
    verb, ref, reason, arm, call_id,
    coalesce((SELECT min(most_us) FROM bounds WHERE most_us >= added_us), {BOUNDS[-1]}) AS most_us,
    substr(reason, 1, CASE instr(reason, ':') WHEN 0 THEN 80 ELSE instr(reason, ':') - 1 END)
        AS why,
    1 AS entries,
    kind = 'call' AS calls,
    kind = 'call' AND outcome <> 'passed' AS shortened,
    kind = 'fetch' AS fetches,
    kind = 'definitions' AS definitions,
    kind = 'call' AND is_error AS errors,
    kind = 'fetch' AND reason = 'unknown ref' AS expired,
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
    CASE WHEN kind = 'call' AND outcome = 'passed' THEN counterfactual_tokens
         WHEN kind = 'summary' THEN 0
         ELSE coalesce(view_tokens_exact, view_tokens) END AS seen_tokens,
    coalesce(original_half_width, 0) + coalesce(view_half_width, 0) AS half_width_tokens,
    original_bytes, view_bytes, upstream_us, added_us, summary_us,
    summary_input_tokens, summary_output_tokens, summary_micro_usd,
    {", ".join((*CACHED, *RELATED))}
FROM entries"""  # noqa: S608 (constants)

SESSIONS = f"""CREATE TABLE sessions (
    session TEXT NOT NULL,
    context TEXT NOT NULL,
    began_at REAL NOT NULL,
    last_at REAL NOT NULL,
    turns INTEGER NOT NULL,
    {", ".join(f"{age}_{base}_tokens INTEGER NOT NULL" for age in AGES for base in BASES)},
    PRIMARY KEY (session, context)
) WITHOUT ROWID"""


def table(name: str) -> str:
    """Return the statement that makes a roll-up."""
    keys, measures, _ = ROLLUPS[name]
    columns = [f"{key} {'INTEGER' if key in INTEGER_KEYS else 'TEXT'} NOT NULL" for key in keys]
    columns += [f"{measure} INTEGER NOT NULL" for measure in measures]
    return (
        f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY ({', '.join(keys)})) WITHOUT ROWID"
    )


def booking(name: str, sign: str, where: str) -> str:
    """Return the statement that adds the rows of booked that meet where to a roll-up."""
    keys, measures, counted = ROLLUPS[name]
    return f"""INSERT INTO {name} ({", ".join((*keys, *measures))})
    SELECT {", ".join(keys)}, {", ".join(f"{sign} * sum({measure})" for measure in measures)}
    FROM booked WHERE {where} AND {counted} GROUP BY {", ".join(keys)}
    ON CONFLICT DO UPDATE SET {", ".join(f"{item} = {item} + excluded.{item}" for item in measures)}
"""  # noqa: S608 (only our own column names)


# One tuple of statements per step; PRAGMA user_version counts the steps taken. Steps that were
# released are never edited, only followed by new ones. Before the third step the view and the
# roll-up had another form.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        ENTRIES,
        "CREATE INDEX entries_at ON entries (at)",
        "CREATE INDEX entries_ref ON entries (ref) WHERE ref <> ''",
        f"CREATE INDEX entries_countable ON entries (id) WHERE {COUNTABLE}",
    ),
    ("ALTER TABLE entries ADD COLUMN decision TEXT NOT NULL DEFAULT ''",),
    tuple(f"ALTER TABLE entries ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0" for name in CACHED),
    (
        "DROP VIEW IF EXISTS booked",
        "DROP TABLE IF EXISTS rollup",
        "ALTER TABLE entries ADD COLUMN arm TEXT NOT NULL DEFAULT ''",
        *(f"ALTER TABLE entries ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0" for name in RELATED),
        f"CREATE INDEX entries_again ON entries (session, arguments_digest, at) WHERE {SHORTENED}",
        "CREATE INDEX entries_call_id ON entries (call_id) WHERE call_id <> ''",
        "CREATE INDEX entries_session ON entries (session)",
        "CREATE TABLE bounds (most_us INTEGER PRIMARY KEY)",
        f"INSERT INTO bounds VALUES {', '.join(f'({bound})' for bound in BOUNDS)}",  # noqa: S608 (constants)
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
        SESSIONS,
        BOOKED,
        *(table(name) for name in FIRST_ROLLUPS),
        "CREATE INDEX visits_session ON visits (session)",
        f"CREATE INDEX rollup_shortened ON rollup (upstream, tool) WHERE {SHORTENED}",
        *(booking(name, "1", "1") for name in FIRST_ROLLUPS),
    ),
    (
        "DROP INDEX visits_session",
        *(table(name) for name in ROLLUPS if name not in FIRST_ROLLUPS),
        *(booking(name, "1", "1") for name in ROLLUPS if name not in FIRST_ROLLUPS),
    ),
    ("ALTER TABLE entries ADD COLUMN part TEXT NOT NULL DEFAULT ''",),
)

BOOKINGS = [booking(name, ":sign", "id BETWEEN :first AND :last") for name in ROLLUPS]


def book(db: "Connection", first: int, last: int, sign: int) -> None:
    """Add rows first to last to the roll-ups (sign 1), or take them out of them (sign -1)."""
    for statement in BOOKINGS:
        db.execute(statement, {"first": first, "last": last, "sign": sign})


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


def storable(text: str) -> str:
    """Return text without lone surrogates, which SQLite cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
