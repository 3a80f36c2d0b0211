"""Append entries to the ledger from one thread of its own."""

import logging
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING

from coatcheck.ledger import schema
from coatcheck.ledger.session import Tally
from coatcheck.ledger.turns import relate, relate_rows
from coatcheck.types import Entry, LedgerError

if TYPE_CHECKING:
    from sqlite3 import Connection

logger = logging.getLogger(__name__)

MOST_IN_A_BATCH = 500
# A killed process may lose its last 0.2 s: half of that to collect a batch, half to write it.
LINGER_SECONDS = 0.1
# Past this many unwritten entries (about 5 MB) the writer is stuck, and memory must not grow.
MOST_WAITING = 10_000

INSERTED = (*schema.COLUMNS, *schema.RELATED[:4])
INSERT = (
    f"INSERT INTO entries ({', '.join(INSERTED)})"  # noqa: S608 (only our own column names)
    f" VALUES ({', '.join('?' * len(INSERTED))})"
)

texts_of = attrgetter(*schema.TEXTS)
numbers_of = attrgetter(*schema.NUMBERS)
durations_of = attrgetter(*(f"{name}_ms" for name in schema.DURATIONS))


class LedgerWriter:
    """Writes entries to `ledger.db` in home; appending never raises and never waits.

    The thread starts, and sqlite3 is imported, only after the first append.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._changed = Condition()
        self._pending: deque[Entry] = deque()
        self._tally = Tally()
        self._appended = 0
        self._waiting = 0  # in pending, or taken from it and not yet settled
        self._written = 0
        self._closing = False
        self._closed = False
        self._warned = False
        self._thread: Thread | None = None
        self._db: Connection | None = None
        self._inode = 0

    @property
    def lost(self) -> int:
        """Entries that were not written: so far, or for good once closed."""
        with self._changed:
            waiting = 0 if self._closed else self._waiting
            return self._appended - self._written - waiting

    @property
    def tally(self) -> Tally:
        """What was appended so far, written or not."""
        return self._tally

    def append(self, entry: Entry) -> None:
        """Hand entry to the writer thread."""
        with self._changed:
            self._tally = self._tally.plus(entry)
            self._appended += 1
            if self._closing or self._waiting >= MOST_WAITING or not self._started():
                return
            self._waiting += 1
            self._pending.append(entry)
            if len(self._pending) in (1, MOST_IN_A_BATCH):
                self._changed.notify()

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Write what is waiting, for at most timeout_seconds; the rest counts as lost."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        with self._changed:
            self._closed = True
            self._pending.clear()

    def _started(self) -> bool:
        if self._thread is None:
            thread = Thread(target=self._run, name="coatcheck-ledger", daemon=True)
            try:
                thread.start()
            except RuntimeError as exc:
                self._warn(exc)
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while batch := self._take():
            self._write(batch)
        self._disconnect()

    def _take(self) -> list[Entry]:
        """Wait for a batch: full, or lingered long enough. Empty means closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closing)
            self._changed.wait_for(
                lambda: self._closing or len(self._pending) >= MOST_IN_A_BATCH, LINGER_SECONDS
            )
            size = min(MOST_IN_A_BATCH, len(self._pending))
            return [self._pending.popleft() for _ in range(size)]

    def _write(self, batch: Sequence[Entry]) -> None:
        """Write a batch, or as much of it as can be written."""
        import sqlite3

        written = 0
        try:
            try:
                written = self._store(batch)
            except (ValueError, OverflowError, sqlite3.IntegrityError):
                # A value that SQLite cannot hold must not take its neighbours with it.
                written = sum(self._store_alone(entry) for entry in batch)
        except (sqlite3.Error, OSError, LedgerError) as exc:
            self._disconnect()
            self._warn(exc)
        with self._changed:
            self._written += written
            self._waiting -= len(batch)

    def _store_alone(self, entry: Entry) -> int:
        import sqlite3

        try:
            return self._store([entry])
        except (ValueError, OverflowError, sqlite3.Error, OSError, LedgerError) as exc:
            self._warn(exc)
            return 0

    def _store(self, batch: Sequence[Entry]) -> int:
        store(self._connection(), batch)
        return len(batch)

    def _connection(self) -> "Connection":
        path = self._home / schema.FILE
        if self._db is not None and (not path.exists() or path.stat().st_ino != self._inode):
            self._disconnect()  # the file was erased or replaced under us
        if self._db is None:
            self._db = schema.open_writing(self._home)
            self._inode = path.stat().st_ino
        return self._db

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _warn(self, exc: Exception) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "savings are not recorded in %s: %s; calls go on without it, see coatcheck doctor",
                self._home / schema.FILE,
                exc,
            )


def store(db: "Connection", entries: Sequence[Entry]) -> None:
    """Insert entries, related to those before them and booked in the roll-ups, in one transaction.

    Raises: sqlite3.Error, LedgerError when the file was migrated by a newer coatcheck meanwhile.
    """
    rows = [row_of(entry) for entry in entries]
    with schema.transaction(db):
        schema.check_version(db)
        first = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM entries").fetchone()[0])
        last = first + len(rows) - 1
        related = relate(db, entries)
        db.executemany(INSERT, [(*row, *more) for row, more in zip(rows, related, strict=True)])
        relate_rows(db, first, last)
        schema.book(db, first, last, 1)


def row_of(entry: Entry) -> tuple[float | int | str, ...]:
    """Return the columns of entry in the order of schema.COLUMNS."""
    return (
        entry.at,
        *(schema.storable(text) for text in texts_of(entry)),
        *(int(number) for number in numbers_of(entry)),
        *(round(milliseconds * 1000) for milliseconds in durations_of(entry)),
    )
