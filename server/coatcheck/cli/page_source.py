"""What the web page shows, read from the home of this user."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coatcheck.cli.books import HomeBooks, since_of
from coatcheck.cli.home import Sources
from coatcheck.figures import (
    ALL_TIME,
    By,
    CallReport,
    Figures,
    Overview,
    Recorded,
    Savings,
    SessionReport,
    Window,
)
from coatcheck.ledger import calls, metrics, overview, report
from coatcheck.ledger.reader import reading
from coatcheck.types import Artifact, StoreError
from coatcheck.web.page.source import Wanted

if TYPE_CHECKING:
    from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class HomeSource:
    """The Source Protocol over what the reporting commands read from; findings are doctor's."""

    sources: Sources
    findings: Callable[[], Sequence[tuple[str, str, str]]]

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return time.time()

    def window(self, since: str) -> Window:
        """Return the window that since names. Raises: ValueError."""
        return ALL_TIME if since == "all" else Window(since_of(since))

    def overview(self, window: Window) -> Overview:
        """Return the totals of a window, and what they are made of. Raises: LedgerError."""
        rates = self.sources.rates()
        with self._read() as db:
            return overview.overview(db, window, rates) if db else overview.empty(window, rates)

    def savings(self, window: Window, by: By) -> Savings:
        """Return the report of a window. Raises: LedgerError."""
        with self._read() as db:
            if db is None:
                return Savings(window, by, Figures(), ())
            return report.savings(db, window, by)

    def calls(self, wanted: Wanted) -> Sequence[Recorded]:
        """Return calls and fetches, newest first. Raises: LedgerError."""
        with self._read() as db:
            if db is None:
                return ()
            return calls.calls(
                db,
                tool=wanted.tool,
                session=wanted.session,
                before=wanted.before,
                after=wanted.after,
                limit=wanted.limit,
            )

    def call(self, id: int) -> CallReport | None:
        """Return one call, and what came of it. Raises: LedgerError."""
        with self._read() as db:
            return calls.one_call(db, id) if db else None

    def sessions(self, window: Window) -> Sequence[SessionReport]:
        """Return the sessions of a window, newest first. Raises: LedgerError."""
        with self._read() as db:
            return calls.sessions(db, window) if db else ()

    def artifact(self, ref: str) -> Artifact:
        """Return an artifact, its life unchanged. Raises: UnknownRef, StoreError."""
        if self.sources.open_artifacts is None:
            raise StoreError("no store was given.")
        return self.sources.open_artifacts().peek(ref)

    def health(self) -> Sequence[tuple[str, str, str]]:
        """Return what doctor finds."""
        return self.findings()

    def metrics(self) -> str:
        """Return the books in Prometheus' exposition format. Raises: LedgerError."""
        with self._read() as db:
            return metrics.metrics(db) if db else ""

    def as_json(self, asked: Mapping[str, str]) -> str:
        """Return the report that asked names, as JSON. Raises: ValueError, LedgerError."""
        return HomeBooks(self.sources.home, self.sources.rates).as_json(asked)

    @contextmanager
    def _read(self) -> "Iterator[Connection | None]":
        """Give a snapshot of the ledger, None when nothing was ever written."""
        try:
            found = reading(self.sources.home)
            db = found.__enter__()
        except FileNotFoundError:
            yield None
            return
        try:
            yield db
        finally:
            found.__exit__(None, None, None)
