"""Read single calls, fetches and sessions from the ledger, newest first."""

from typing import TYPE_CHECKING

from coatcheck.figures import ALL_TIME, CallReport, Recorded, SessionReport, Window
from coatcheck.ledger.reader import OF_TOOL
from coatcheck.ledger.report import bounds, figures_of, figures_of_session, figures_where

if TYPE_CHECKING:
    from sqlite3 import Connection, Row


COLUMNS = """entries.id, at, kind, session, client, client_version, context, call_id, upstream,
    tool, ref, outcome, verb, focus, is_error, reason, decision, arm, original_bytes, view_bytes,
    coalesce(original_tokens_exact, original_tokens) AS original_tokens,
    CASE WHEN original_tokens_exact IS NULL OR original_tokens = 0 THEN counterfactual_tokens
         ELSE (counterfactual_tokens * original_tokens_exact + original_tokens / 2)
              / original_tokens END AS counterfactual_tokens,
    coalesce(view_tokens_exact, view_tokens) AS view_tokens,
    original_tokens_exact IS NOT NULL AS is_counted,
    upstream_us, added_us, summary_us, summary_micro_usd, again, came_back, got_whole, part"""
CALLS = f"""SELECT {COLUMNS} FROM entries WHERE kind <> 'definitions' AND {OF_TOOL}
    AND (:session = '' OR session = :session) AND (:before = 0 OR id < :before) AND id > :after
    ORDER BY id DESC LIMIT :limit"""  # noqa: S608 (constants)
SESSIONS = """SELECT session, min(began_at) AS began_at, max(last_at) AS last_at FROM sessions
    GROUP BY session HAVING max(last_at) >= :since AND min(began_at) < :until
    ORDER BY began_at DESC, session LIMIT :limit"""
WHO = """SELECT max(client) AS client, max(arm) AS arm FROM visits
    WHERE day BETWEEN CAST(? / 86400 AS INTEGER) AND CAST(? / 86400 AS INTEGER) AND session = ?"""
FLAGS = ("focus", "is_error", "is_counted", "again", "came_back", "got_whole")


def calls(
    db: "Connection",
    *,
    tool: str = "",
    session: str = "",
    before: int = 0,
    after: int = 0,
    limit: int = 100,
) -> tuple[Recorded, ...]:
    """Return calls and fetches, newest first: those of a tool (wildcards) and session, if given.

    before is the id of the last one that was seen, for the next page; 0 begins with the newest.
    after is the id of the newest that was seen, for what came since.
    """
    asked = {"tool": tool, "session": session, "before": before, "after": after, "limit": limit}
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
    session, began_at, last_at = row["session"], row["began_at"], row["last_at"]
    who = db.execute(WHO, (began_at, last_at, session)).fetchone()
    figures = figures_of_session(db, session, Window(began_at, last_at))
    return SessionReport(session, who["client"] or "", who["arm"] or "", began_at, last_at, figures)


def recorded(row: "Row") -> Recorded:
    """Return a row of COLUMNS as data."""
    values = dict(row)
    return Recorded(**{**values, **{name: bool(values[name]) for name in FLAGS}})
