"""Let single rows of the ledger go after a time; the roll-ups keep what they came to."""

from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.ledger import schema
from coatcheck.types import LedgerError

if TYPE_CHECKING:
    from sqlite3 import Connection

DAY_SECONDS = 86_400
# Of one transaction: other writers wait that long, some 20 ms.
ROWS_AT_ONCE = 2_000

NOTE = """INSERT INTO facts VALUES ('kept_from', ?)
    ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"""
FORGET = """DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE at < ? LIMIT ?)"""


def prune(home: Path, keep_seconds: int, now: float) -> int:
    """Remove the rows of whole days (UTC) that ended over keep_seconds ago; return how many.

    What they came to stays: totals never shrink. Raises: LedgerError.
    """
    import sqlite3

    if not (home / schema.FILE).exists():
        return 0
    first = int((now - keep_seconds) // DAY_SECONDS)
    try:
        db = schema.open_writing(home)
        try:
            return _pruned(db, first)
        finally:
            db.close()
    except (OSError, sqlite3.Error) as exc:
        raise LedgerError(f"{home / schema.FILE} cannot be written: {exc}") from exc


def _pruned(db: "Connection", first: int) -> int:
    oldest = db.execute("SELECT min(at) FROM entries").fetchone()[0]
    if oldest is None or oldest >= first * DAY_SECONDS:
        return 0
    removed = 0
    while True:
        with schema.transaction(db):
            schema.check_version(db)
            db.execute(NOTE, (first,))
            found = db.execute(FORGET, (first * DAY_SECONDS, ROWS_AT_ONCE)).rowcount
        removed += found
        if found < ROWS_AT_ONCE:
            return removed
