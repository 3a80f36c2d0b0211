"""Work out the savings of a window of time; every number here is an integer from the ledger."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from math import ceil, floor, inf
from typing import TYPE_CHECKING

from coatcheck.figures import By, Figures, Line, Savings, Window
from coatcheck.ledger import schema

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

DAY_SECONDS = 86_400
LAST_DAY = 10**7  # beyond any day that a clock gives

# The columns that name a row of the report. Definitions belong to no tool. Weeks begin on Monday;
# 1970 began on a Thursday.
GROUPS: Mapping[By, Mapping[str, str]] = {
    "tool": {
        "upstream": "CASE kind WHEN 'definitions' THEN '' ELSE upstream END",
        "tool": "CASE WHEN kind = 'definitions' THEN '(definitions)'"
        " WHEN tool = '' THEN '(no tool)' ELSE tool END",
    },
    "upstream": {"upstream": "upstream"},
    "session": {"session": "session", "client": "client", "arm": "arm"},
    "client": {"client": "client"},
    "day": {"day": "day"},
    "week": {"week": "(day + 3) / 7"},
    "level": {"level": "CASE kind WHEN 'call' THEN outcome ELSE '(' || kind || ')' END"},
}

DEFINITIONS = {
    "calls": "tool calls; shortened: those whose result was replaced by a view.",
    "original": "tokens of the results as the upstreams gave them.",
    "client": "counterfactual: tokens that this client would have shown of them without coatcheck"
    " (clients cut big results themselves).",
    "view": "tokens of what the agent got instead; a passed call counts alike in all three.",
    "fetched": "tokens of the answers of fetch_artifact.",
    "own": "tokens of coatcheck's own tool definitions, once per session.",
    "net": "original - view - fetched - own, in percent of original; client net: client - view -"
    " fetched - own, in percent of client. Below zero, coatcheck cost more than it saved.",
    "dollars": "client net at the agent model's cache-write price, once; cache reads: client net of"
    " earlier turns that later turns of the same session (and context, where the client names it)"
    " read again, at the cache-read price, on a line of its own; minus what the summarizer cost. A"
    " turn is a request that called one of our tools after the last one was answered: a lower bound"
    " of the requests, unless sub-agents share the connection or the client compacts.",
    "p50, p95": "time that coatcheck added: half of the calls, and 95 % of them, took at most this;"
    " kept in steps, so up to 12.5 % too long.",
    "errors": "calls that the upstream answered with an error.",
    "tokens": "o200k_base; estimated at first, then counted exactly for shortened calls from the"
    " kept artifact. Fetched and own stay estimates. Claude's own tokens differ.",
}


SUMMED = tuple(item.name for item in fields(Figures) if item.name in schema.MEASURES)
# The roll-ups that know sessions, by those that know tools.
OF_SESSIONS = {"rollup": "visits", "times": "visit_times", "reasons": "visit_reasons"}


def savings(db: "Connection", window: Window, by: By = "tool") -> Savings:
    """Return the savings of window, the best row first (days and weeks in their order).

    The window of the report begins or ends with a whole day where single rows are gone.
    """
    window = widened(db, window)
    return _report(window, by, _read(db, window, by))


def sums(db: "Connection", window: Window, by: By) -> Savings:
    """Return the savings of window without times and reasons, in less than half the time."""
    window = widened(db, window)
    return _report(window, by, _read(db, window, by, has_times=False))


def _report(window: Window, by: By, groups: "dict[tuple[object, ...], _Group]") -> Savings:
    keys = GROUPS[by]
    rows = [
        Line(dict(zip(keys, _named(by, key), strict=True)), _figures([group]))
        for key, group in groups.items()
    ]
    if by in ("day", "week"):
        rows.sort(key=lambda line: line.name)
    else:
        rows.sort(key=lambda line: (-line.figures.net_original_tokens, line.name))
    return Savings(window, by, _figures(groups.values()), tuple(rows))


def added_times(db: "Connection", window: Window) -> tuple[tuple[int, int], ...]:
    """Return how many calls of window took at most so many microseconds more, in their order.

    A pair is one step of schema.BOUNDS and the calls between it and the step before.
    """
    window = widened(db, window)
    times: Counter[int] = Counter()
    for place in places_of("times", window):
        sql = f"SELECT most_us, sum(calls) FROM {place} AND calls GROUP BY most_us"  # noqa: S608 (constants)
        for most_us, calls in db.execute(sql, bounds(window)):
            times[most_us] += calls
    return tuple(sorted(times.items()))


def widened(db: "Connection", window: Window) -> Window:
    """Return window with whole days (UTC) at its ends where single rows are no longer kept."""
    found = db.execute("SELECT value FROM facts WHERE name = 'kept_from'").fetchone()
    gone = 0 if found is None else int(found[0])
    since, until = window.since, window.until
    if since is not None and since < gone * DAY_SECONDS:
        since = floor(since / DAY_SECONDS) * DAY_SECONDS
    if until is not None and until < gone * DAY_SECONDS:
        until = ceil(until / DAY_SECONDS) * DAY_SECONDS
    return Window(since, until)


def figures_of(db: "Connection", ref: str) -> Figures:
    """Return what one artifact came to, over all its calls and fetches that are still there."""
    # The second half lets SQLite use the index.
    return figures_where(db, "ref = :ref AND ref <> ''", {"ref": ref})


def figures_where(db: "Connection", where: str, values: Mapping[str, float | str]) -> Figures:
    """Return what the rows came to that meet a condition (our own SQL) and are still there."""
    groups = _groups(db, lambda _: [f"booked WHERE {where}"], ["1"], values)
    return _figures(groups.values())


def figures_of_session(db: "Connection", session: str, window: Window) -> Figures:
    """Return what a session came to, whose calls are in window and all else within a day of it."""
    first, last = ((at or 0) // DAY_SECONDS for at in (window.since, window.until))
    days = {"first": first - 1, "last": last + 1}

    def places(name: str) -> list[str]:
        return [f"{OF_SESSIONS[name]} WHERE day BETWEEN :first AND :last AND session = :session"]

    return _figures(_groups(db, places, ["1"], {**days, "session": session}).values())


def as_json(report: Savings) -> dict[str, object]:
    """Return the report as a JSON object: raw integers, stable keys."""
    return {
        "window": {
            "since": None if report.window.since is None else int(report.window.since),
            "until": None if report.window.until is None else int(report.window.until),
        },
        "by": report.by,
        "totals": flat(report.totals),
        "rows": [{"name": row.name, **row.key, **flat(row.figures)} for row in report.rows],
        "definitions": DEFINITIONS,
    }


def flat(figures: Figures) -> dict[str, object]:
    """Return figures as a JSON object, nets included."""
    own = {item.name: getattr(figures, item.name) for item in fields(figures)}
    nets = ("net_original_tokens", "net_counterfactual_tokens")
    return own | {name: getattr(figures, name) for name in nets}


def _named(by: By, key: tuple[object, ...]) -> tuple[str, ...]:
    if by == "day":
        return tuple(f"{_date(int(str(day))):%Y-%m-%d}" for day in key)
    if by == "week":
        return tuple(f"{_date(int(str(week)) * 7 - 3):%G-W%V}" for week in key)
    return tuple(str(part) for part in key)


def _date(day: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(days=day)


def _read(
    db: "Connection", window: Window, by: By, *, has_times: bool = True
) -> "dict[tuple[object, ...], _Group]":
    """Return the groups of a window: whole days from the roll-ups, the rest from the rows."""

    def places(name: str) -> list[str]:
        return places_of(OF_SESSIONS[name] if by == "session" else name, window)

    return _groups(db, places, GROUPS[by].values(), bounds(window), has_times=has_times)


def bounds(window: Window) -> dict[str, float]:
    """Return what the conditions of SQL say of a window: its ends, its first and last whole day."""
    since = -inf if window.since is None else window.since
    until = inf if window.until is None else window.until
    first = ceil(max(since, 0) / DAY_SECONDS)
    last = max(first, floor(min(until, LAST_DAY * DAY_SECONDS) / DAY_SECONDS))
    return {"since": since, "until": until, "first": first, "last": last}


def places_of(name: str, window: Window) -> list[str]:
    """Return where a window is read from: whole days from a roll-up, what is left from the rows.

    One after the other: SQLite takes twice as long over a union of them.
    """
    places = [f"{name} WHERE day >= :first AND day < :last"]
    if window.since is not None:
        places.append("booked WHERE at >= :since AND at < min(:until, :first * 86400)")
    if window.until is not None:
        places.append("booked WHERE at >= :last * 86400 AND at < :until")
    return places


@dataclass(frozen=True, slots=True)
class _Group:
    """What is read of one group: sums by measure, calls by how long they took, and reasons."""

    sums: Counter[str] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def _groups(
    db: "Connection",
    places: Callable[[str], list[str]],
    expressions: Iterable[str],
    values: Mapping[str, float | str],
    *,
    has_times: bool = True,
) -> dict[tuple[object, ...], _Group]:
    """Return the groups of entries, by what the expressions give for them.

    places says where the sums of a roll-up, and of the rows that are in none, are read from.
    """
    named = [f"{expression} AS key{i}" for i, expression in enumerate(expressions)]
    keys = ", ".join(f"key{i}" for i in range(len(named)))
    sums = ", ".join(f"sum({name}) AS {name}" for name in SUMMED)
    groups: defaultdict[tuple[object, ...], _Group] = defaultdict(_Group)

    def rows(name: str, wanted: str, also: str = "") -> "Iterator[tuple[_Group, Row]]":
        for place in places(name):
            counted = f"{place} AND {schema.ROLLUPS[name][2]}"
            sql = f"SELECT {', '.join(named)}, {wanted} FROM {counted} GROUP BY {keys}{also}"  # noqa: S608 (constants)
            for row in db.execute(sql, values):
                yield groups[tuple(row)[: len(named)]], row

    for group, row in rows("rollup", sums):
        group.sums.update({name: row[name] for name in SUMMED})
    if not has_times:
        return groups
    for group, row in rows("times", "most_us, sum(calls) AS times", ", most_us"):
        group.times[row["most_us"]] += row["times"]
    for group, row in rows("reasons", "why, sum(entries) AS times", ", why"):
        group.reasons[row["why"]] += row["times"]
    return groups


def _figures(groups: Iterable[_Group]) -> Figures:
    """Return what groups came to together."""
    sums: Counter[str] = Counter()
    times: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    for group in groups:
        sums.update(group.sums)
        times.update(group.times)
        reasons.update(group.reasons)
    return Figures(
        **sums,
        added_p50_us=quantile(times, 50),
        added_p95_us=quantile(times, 95),
        reasons=dict(sorted(reasons.items())),
    )


def quantile(times: Mapping[int, int], percentage: int) -> int:
    """Return the least time that percentage of the calls do not exceed (nearest rank)."""
    rank = ceil(sum(times.values()) * percentage / 100)
    for most in sorted(times):
        rank -= times[most]
        if rank <= 0:
            return most
    return 0
