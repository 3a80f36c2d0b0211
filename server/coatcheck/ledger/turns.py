"""Work out how a new entry stands to those before it: turns, what they read again, who came back.

A turn is a request of the agent's model. One is counted for each call or fetch that began after
all earlier ones of its context had ended; requests that called none of our tools are not seen, so
there are at least as many. A result is written to the agent's cache by the request after its turn
and read from there by every later one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from coatcheck.ledger import schema
from coatcheck.types import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

AGAIN_SECONDS = 120
# An agent that got so much of a result has all of it: pages begin with lines of ours.
WHOLE_SHARE = 0.9

Tokens = tuple[int, int, int]
NONE: Tokens = (0, 0, 0)

READ = "SELECT * FROM sessions WHERE session = ?"
WRITE = "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# The same call in the same context, soon after its result was shortened: a view that did not do.
MARK_AGAIN = f"""UPDATE entries SET again = 1
    WHERE id BETWEEN :first AND :last AND {schema.SHORTENED} AND EXISTS (
        SELECT 1 FROM entries AS old WHERE old.kind = 'call' AND old.outcome <> 'passed'
        AND old.session = entries.session AND old.arguments_digest = entries.arguments_digest
        AND old.at >= entries.at - {AGAIN_SECONDS} AND old.id < entries.id
        AND (old.context, old.upstream, old.tool)
            = (entries.context, entries.upstream, entries.tool))"""  # noqa: S608 (constants)
FETCHES = """SELECT id, ref, verb, view_tokens FROM entries WHERE id BETWEEN ? AND ?
    AND kind = 'fetch' AND verb NOT IN ('argument', 'list') AND NOT is_error ORDER BY id"""
EARLIER = """SELECT kind, outcome, original_tokens, view_tokens FROM entries
    WHERE ref = ? AND ref <> '' AND id < ? AND NOT (kind = 'fetch' AND (is_error
    OR verb = 'argument')) ORDER BY id DESC"""


@dataclass(slots=True)
class Standing:
    """How far a session is in one of its contexts; newest and older are tokens by schema.BASES."""

    began_at: float
    last_at: float
    turns: int = 0
    older: Tokens = NONE
    newest: Tokens = NONE

    def carried(self, entry: Entry) -> tuple[int, ...]:
        """Count entry in; return the first four of schema.RELATED for it."""
        related: tuple[int, ...] = (0, *NONE)
        if entry.kind in ("call", "fetch") and entry.verb != "argument":
            took_seconds = (entry.upstream_ms + entry.added_ms) / 1000
            if self.turns == 0 or entry.at - took_seconds >= self.last_at:
                related = (1, *self.older)
                self.turns += 1
                self.older, self.newest = plus(self.older, self.newest), NONE
            self.last_at = max(self.last_at, entry.at)
        self.newest = plus(self.newest, tokens_of(entry))
        return related


def plus(one: Tokens, other: Tokens) -> Tokens:
    """Return the sums by base."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def tokens_of(entry: Entry) -> Tokens:
    """Return by base what an entry saved, and what the agent saw of it; all estimates."""
    view = entry.view_tokens
    if entry.kind == "summary":
        return NONE
    if entry.kind != "call":
        return -view, -view, view
    if entry.outcome == "passed":
        return 0, 0, entry.counterfactual_tokens
    return entry.original_tokens - view, entry.counterfactual_tokens - view, view


def relate(db: "Connection", entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """Return the first four of schema.RELATED for each entry, and note how far sessions are.

    Called before the entries are inserted, in their transaction.
    """
    known = {schema.storable(entry.session) for entry in entries}
    standing = {key: found for session in known for key, found in _read(db, session)}
    related = []
    for entry in entries:
        key = (schema.storable(entry.session), schema.storable(entry.context))
        if key not in standing:
            standing[key] = _begun(entry, standing.get((key[0], "")))
        related.append(standing[key].carried(entry))
    db.executemany(WRITE, (_row(key, found) for key, found in standing.items()))
    return related


def _begun(entry: Entry, session: Standing | None) -> Standing:
    """Return a context that begins; where contexts are named, "" holds the definitions alone."""
    newest = session.newest if session and not session.turns else NONE
    return Standing(entry.at, entry.at, newest=newest)


def _read(db: "Connection", session: str) -> Iterable[tuple[tuple[str, str], Standing]]:
    for row in db.execute(READ, (session,)):
        _, context, began_at, last_at, turns, *tokens = row
        older, newest = tuple(tokens[:3]), tuple(tokens[3:])
        yield (session, context), Standing(began_at, last_at, turns, older, newest)


def _row(key: tuple[str, str], found: Standing) -> tuple[float | int | str, ...]:
    began_at, last_at, turns, older, newest = astuple(found)
    return (*key, began_at, last_at, turns, *older, *newest)


def relate_rows(db: "Connection", first: int, last: int) -> None:
    """Mark rows first to last: calls made again soon, fetches that came back, that got it whole.

    A fetch came back if it is the first of its artifact since the last call that made it; it got
    the whole if it and those since then add up to the artifact. Called after their insertion.
    """
    db.execute(MARK_AGAIN, {"first": first, "last": last})
    for row in db.execute(FETCHES, (first, last)).fetchall():
        came_back, got_whole = (1, 1) if row[2] == "whole" else _returned(db, row)
        if came_back or got_whole:
            marks = (came_back, got_whole, row[0])
            db.execute("UPDATE entries SET came_back = ?, got_whole = ? WHERE id = ?", marks)


def _returned(db: "Connection", fetch: "Row | tuple[int, str, str, int]") -> tuple[int, int]:
    row_id, ref, _, tokens = fetch
    before = 0
    is_first = True
    for kind, outcome, original_tokens, view_tokens in db.execute(EARLIER, (ref, row_id)):
        if kind == "call" and outcome != "passed":
            whole = WHOLE_SHARE * original_tokens
            return int(is_first), int(before < whole <= before + tokens)
        if kind == "fetch":
            is_first = False
            before += view_tokens
    return 0, 0
