"""What the web page shows, read from the home of this user."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from coatcheck.cli import rules
from coatcheck.cli.books import HomeBooks, since_of
from coatcheck.cli.home import Sources
from coatcheck.cli.place import Place, place
from coatcheck.cli.savings import count_exactly
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
from coatcheck.protocols import Artifacts
from coatcheck.replay import rule_with
from coatcheck.types import Artifact, ConfigError, StoreError
from coatcheck.web.page.source import Trial, Wanted

if TYPE_CHECKING:
    from sqlite3 import Connection

# After each view: a second or so of counting, so that the process can be stopped at any time.
COUNTED_ROWS, COUNTED_BYTES = 50, 2_000_000


@dataclass(frozen=True, slots=True)
class HomeSource:
    """The Source Protocol over the home of a user.

    findings gives what doctor finds, at the settings as they are when it is called.
    """

    sources: Sources
    findings: Callable[[], Sequence[tuple[str, str, str]]]
    at: Callable[[], Place] = place
    counting: Lock = field(default_factory=Lock)

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

    def sums(self, window: Window, by: By) -> Savings:
        """Return the report of a window without times. Raises: LedgerError."""
        with self._read() as db:
            return report.sums(db, window, by) if db else Savings(window, by, Figures(), ())

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
        return self._kept().peek(ref)

    def kept_tools(self) -> Sequence[str]:
        """Return the tools of which artifacts are kept, by name. Raises: StoreError."""
        return sorted({info.name for info in self._kept().list(rules.MOST_LISTED)})

    def trial(self, tool: str, asked: Mapping[str, str], last: int) -> Trial:
        """Return what the settings asked would make of the last artifacts of a tool.

        Raises: ValueError, StoreError, ConfigError.
        """
        at, kept = self.at(), self._kept()
        rule = rule_with(rules.rule_of(at, kept, tool), asked)
        rows = rules.replayed(at, kept, tool, rule, last)
        try:
            change = rules.change(at, tool, rule, kept.list(rules.MOST_LISTED))
        except ConfigError as error:
            return Trial(tool, rule, rows, trouble=str(error))
        return Trial(tool, rule, rows, str(change.path), change.diff, change.digest)

    def write(self, tool: str, asked: Mapping[str, str], digest: str) -> None:
        """Write settings of a tool, if the file is still the one of digest.

        Raises: ValueError, StoreError, ConfigError.
        """
        at, kept = self.at(), self._kept()
        rule = rule_with(rules.rule_of(at, kept, tool), asked)
        change = rules.change(at, tool, rule, kept.list(rules.MOST_LISTED))
        if change.digest != digest:
            raise ConfigError(f"{change.path} was changed meanwhile; look at the change again")
        rules.write(change)

    def _kept(self) -> Artifacts:
        if self.sources.open_artifacts is None:
            raise StoreError("no store was given.")
        return self.sources.open_artifacts()

    def settle(self) -> None:
        """Count exactly a part of what is only estimated yet; one thread at a time does so."""
        if self.counting.acquire(blocking=False):
            try:
                count_exactly(self.sources, max_rows=COUNTED_ROWS, max_bytes=COUNTED_BYTES)
            finally:
                self.counting.release()

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
