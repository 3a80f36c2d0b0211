"""Read single calls, fetches and sessions from the ledger, newest first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coatcheck.ledger.reader import OF_TOOL
from coatcheck.ledger.report import (
    ALL_TIME,
    Figures,
    Window,
    bounds,
    figures_of,
    figures_of_session,
    figures_where,
)

if TYPE_CHECKING:
    from sqlite3 import Connection, Row


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call, fetch or late summary as it was booked; exact token counts where there are any.

    at is in seconds since the epoch. turns and marks are those of report.Figures.
    """

    id: int
    at: float
    kind: str
    session: str
    client: str
    client_version: str
    context: str
    call_id: str
    upstream: str
    tool: str
    ref: str
    outcome: str
    verb: str
    focus: bool
    is_error: bool
    reason: str
    decision: str
    arm: str
    original_bytes: int
    view_bytes: int
    original_tokens: int
    counterfactual_tokens: int
    view_tokens: int
    is_counted: bool
    upstream_us: int
    added_us: int
    summary_us: int
    summary_micro_usd: int
    again: bool
    came_back: bool
    got_whole: bool

    @property
    def net_tokens(self) -> int:
        """Tokens saved against what the client would have shown; below zero for a fetch."""
        if self.kind == "fetch":
            return -self.view_tokens
        return 0 if self.outcome == "passed" else self.counterfactual_tokens - self.view_tokens


@dataclass(frozen=True, slots=True)
class CallReport:
    """A call, the calls and fetches of its artifact in their order, and what they came to.

    around is the call alone when nothing was kept of it.
    """

    call: Recorded
    around: tuple[Recorded, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session: when, whose, its turns as far as calls show them, and what it came to."""

    session: str
    client: str
    arm: str
    began_at: float
    last_at: float
    figures: Figures


COLUMNS = """entries.id, at, kind, session, client, client_version, context, call_id, upstream,
    tool, ref, outcome, verb, focus, is_error, reason, decision, arm, original_bytes, view_bytes,
    coalesce(original_tokens_exact, original_tokens) AS original_tokens,
    CASE WHEN original_tokens_exact IS NULL OR original_tokens = 0 THEN counterfactual_tokens
         ELSE (counterfactual_tokens * original_tokens_exact + original_tokens / 2)
              / original_tokens END AS counterfactual_tokens,
    coalesce(view_tokens_exact, view_tokens) AS view_tokens,
    original_tokens_exact IS NOT NULL AS is_counted,
    upstream_us, added_us, summary_us, summary_micro_usd, again, came_back, got_whole"""
CALLS = f"""SELECT {COLUMNS} FROM entries WHERE kind <> 'definitions' AND {OF_TOOL}
    AND (:session = '' OR session = :session) AND (:before = 0 OR id < :before)
    ORDER BY id DESC LIMIT :limit"""  # noqa: S608 (constants)
SESSIONS = """SELECT session, min(began_at) AS began_at, max(last_at) AS last_at FROM sessions
    GROUP BY session HAVING max(last_at) >= :since AND min(began_at) < :until
    ORDER BY began_at DESC, session LIMIT :limit"""
FLAGS = ("focus", "is_error", "is_counted", "again", "came_back", "got_whole")


def calls(
    db: "Connection", *, tool: str = "", session: str = "", before: int = 0, limit: int = 100
) -> tuple[Recorded, ...]:
    """Return calls and fetches, newest first: those of a tool (wildcards) and session, if given.

    before is the id of the last one that was seen, for the next page; 0 begins with the newest.
    """
    asked = {"tool": tool, "session": session, "before": before, "limit": limit}
    return tuple(map(recorded, db.execute(CALLS, asked)))


def one_call(db: "Connection", call: int) -> CallReport | None:
    """Return a call by its id, and what came of it; None when it is no longer (or never) there."""
    row = db.execute(f"SELECT {COLUMNS} FROM entries WHERE id = ?", (call,)).fetchone()  # noqa: S608 (constants)
    if row is None:
        return None
    found = recorded(row)
    if not found.ref:
        return CallReport(found, (found,), figures_where(db, "id = :id", {"id": call}))
    of_ref = db.execute(
        f"SELECT {COLUMNS} FROM entries WHERE ref = ? AND ref <> '' ORDER BY at, id",  # noqa: S608 (constants)
        (found.ref,),
    )
    around = tuple(map(recorded, of_ref))
    return CallReport(found, around, figures_of(db, found.ref))


def sessions(
    db: "Connection",
    window: Window = ALL_TIME,
    limit: int = 100,
) -> tuple[SessionReport, ...]:
    """Return the sessions that were there in window, newest first, each with all it came to."""
    values = {**bounds(window), "limit": limit}
    return tuple(_session(db, row) for row in db.execute(SESSIONS, values).fetchall())


def _session(db: "Connection", row: "Row") -> SessionReport:
    who = db.execute(
        "SELECT max(client) AS client, max(arm) AS arm FROM visits WHERE session = ?",
        (row["session"],),
    ).fetchone()
    figures = figures_of_session(db, row["session"])
    return SessionReport(
        row["session"], who["client"], who["arm"], row["began_at"], row["last_at"], figures
    )


def recorded(row: "Row") -> Recorded:
    """Return a row of COLUMNS as data."""
    values = dict(row)
    return Recorded(**{**values, **{name: bool(values[name]) for name in FLAGS}})
