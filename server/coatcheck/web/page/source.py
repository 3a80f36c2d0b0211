"""What the page is given to show: read anew for each request, in a worker thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coatcheck.figures import By, CallReport, Overview, Recorded, Savings, SessionReport, Window
from coatcheck.replay import Replayed
from coatcheck.types import Artifact, Rule


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls and fetches: of a tool (wildcards) and a session, before or after an id."""

    tool: str = ""
    session: str = ""
    before: int = 0
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule that is tried on the last artifacts of a tool, and what writing it would change.

    diff is "" when the settings say so already. digest tells of which text of the file it speaks.
    trouble says why the rule cannot be written.
    """

    tool: str
    rule: Rule
    rows: Sequence[Replayed]
    path: str = ""
    diff: str = ""
    digest: str = ""
    trouble: str = ""


class Source(Protocol):
    """The books, the store and the settings as the page needs them.

    Every method may raise LedgerError but now, window and health.
    """

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        ...

    def window(self, since: str) -> Window:
        """Return the window of a span back from now or of a date; "all" is all time.

        Raises: ValueError.
        """
        ...

    def overview(self, window: Window) -> Overview:
        """Return the totals of a window, and what they are made of."""
        ...

    def savings(self, window: Window, by: By) -> Savings:
        """Return the report of a window."""
        ...

    def sums(self, window: Window, by: By) -> Savings:
        """Return the report of a window without times and reasons, which is quicker."""
        ...

    def calls(self, wanted: Wanted) -> Sequence[Recorded]:
        """Return calls and fetches, newest first."""
        ...

    def call(self, id: int) -> CallReport | None:
        """Return one call, and what came of it; None when it is not in the ledger."""
        ...

    def sessions(self, window: Window) -> Sequence[SessionReport]:
        """Return the sessions of a window, newest first."""
        ...

    def artifact(self, ref: str) -> Artifact:
        """Return an artifact, its life unchanged. Raises: UnknownRef, StoreError."""
        ...

    def kept_tools(self) -> Sequence[str]:
        """Return the tools of which artifacts are kept, by name. Raises: StoreError."""
        ...

    def trial(self, tool: str, asked: Mapping[str, str], last: int) -> Trial:
        """Return what the settings asked would make of the last artifacts of a tool.

        Raises: ValueError, StoreError, ConfigError.
        """
        ...

    def write(self, tool: str, asked: Mapping[str, str], digest: str) -> None:
        """Write settings of a tool, if the file is still the one of digest.

        Raises: ValueError, StoreError, ConfigError.
        """
        ...

    def settle(self) -> None:
        """Count exactly a part of what is only estimated yet, after a page was sent."""
        ...

    def health(self) -> Sequence[tuple[str, str, str]]:
        """Return what was looked at, what was seen, and how to mend it ("" when all is well)."""
        ...

    def metrics(self) -> str:
        """Return the books in Prometheus' exposition format."""
        ...

    def as_json(self, asked: Mapping[str, str]) -> str:
        """Return the report that `coatcheck savings --json` prints. Raises: ValueError."""
        ...
