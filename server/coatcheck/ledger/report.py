"""Work out the savings of a window of time; every number here is an integer from the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Literal

from coatcheck.ledger import schema

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

By = Literal["tool", "upstream", "session", "client", "day"]

DAY_SECONDS = 86_400
LAST_DAY = 10**7  # beyond any day that a clock gives

# The columns that name a row of the report. Definitions belong to no tool.
GROUPS: Mapping[By, Mapping[str, str]] = {
    "tool": {
        "upstream": "CASE WHEN definitions THEN '' ELSE upstream END",
        "tool": "CASE WHEN definitions THEN '(definitions)' WHEN tool = '' THEN '(no tool)'"
        " ELSE tool END",
    },
    "upstream": {"upstream": "upstream"},
    "session": {"session": "session", "client": "client"},
    "client": {"client": "client"},
    "day": {"day": "day"},
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
    "p50, p95": "time that coatcheck added: half of the calls, and 95 % of them, got by with this.",
    "errors": "calls that the upstream answered with an error.",
    "tokens": "o200k_base; estimated at first, then counted exactly for shortened calls from the"
    " kept artifact. Fetched and own stay estimates. Claude's own tokens differ.",
}


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: since <= at < until, in seconds since the epoch; None means no bound."""

    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group of entries came to. All but the two percentiles add up over groups."""

    calls: int = 0
    shortened: int = 0
    counted: int = 0
    fetches: int = 0
    definitions: int = 0
    errors: int = 0
    original_tokens: int = 0
    counterfactual_tokens: int = 0
    view_tokens: int = 0
    fetched_tokens: int = 0
    own_tokens: int = 0
    half_width_tokens: int = 0
    original_bytes: int = 0
    view_bytes: int = 0
    upstream_us: int = 0
    added_us: int = 0
    summary_us: int = 0
    summary_input_tokens: int = 0
    summary_output_tokens: int = 0
    summary_micro_usd: int = 0
    added_p50_us: int = 0
    added_p95_us: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def net_original_tokens(self) -> int:
        """Tokens saved against the original; never clamped."""
        return self.original_tokens - self.view_tokens - self.fetched_tokens - self.own_tokens

    @property
    def net_counterfactual_tokens(self) -> int:
        """Tokens saved against what the client would have shown; never clamped."""
        return self.counterfactual_tokens - self.view_tokens - self.fetched_tokens - self.own_tokens


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the report: what it is about, by column, and its figures."""

    key: Mapping[str, str]
    figures: Figures

    @property
    def name(self) -> str:
        """What the row is called in a table."""
        between = "." if "tool" in self.key else " "
        return between.join(part for part in self.key.values() if part) or "(none)"


@dataclass(frozen=True, slots=True)
class Savings:
    """The report of one window; the rows sum to the totals."""

    window: Window
    by: By
    totals: Figures
    rows: tuple[Line, ...]


SUMMED = tuple(item.name for item in fields(Figures) if item.name in schema.MEASURES)

SUMS = "SELECT {named}, {sums} FROM {booked} GROUP BY {keys}"
IN_WINDOW = "at >= :since AND at < :until"
# Whole days come from the roll-up, the rest of the window from the rows.
COLUMNS = ", ".join((*schema.KEYS, *schema.MEASURES))
WHOLE_DAYS = f"""(SELECT {COLUMNS} FROM rollup WHERE day >= :first AND day < :last
    UNION ALL SELECT {COLUMNS} FROM booked WHERE at >= :since AND at < min(:until, :first * 86400)
    UNION ALL SELECT {COLUMNS} FROM booked WHERE at >= :last * 86400 AND at < :until)"""  # noqa: S608 (constants)
TIMES = "SELECT {named}, added_us FROM booked WHERE calls AND {where}"
# What follows the first colon of a reason is about one call; in a report only the kind counts.
REASONS = """SELECT {named}, count(*) AS times,
        CASE instr(reason, ':') WHEN 0 THEN reason ELSE substr(reason, 1, instr(reason, ':') - 1)
        END AS why
    FROM booked WHERE reason <> '' AND {where} GROUP BY {keys}, why"""


def savings(db: "Connection", window: Window, by: By = "tool") -> Savings:
    """Return the savings of window, the best row first (days in their order)."""
    keys = GROUPS[by]
    source, bounds = _source(window, by)
    groups = _groups(db, source, bounds, keys.values())
    rows = [
        Line(dict(zip(keys, _named(by, key), strict=True)), _figures([group]))
        for key, group in groups.items()
    ]
    if by == "day":
        rows.sort(key=lambda line: line.name)
    else:
        rows.sort(key=lambda line: (-line.figures.net_original_tokens, line.name))
    return Savings(window, by, _figures(groups.values()), tuple(rows))


def figures_of(db: "Connection", ref: str) -> Figures:
    """Return what one artifact came to, over all its calls and fetches."""
    where = "ref = :ref AND ref <> ''"  # the second half lets SQLite use the index
    groups = _groups(db, (f"booked WHERE {where}", where), {"ref": ref}, ["ref"])
    return _figures(groups.values())


def percent(net: int, base: int) -> float | None:
    """Return net in percent of base, None when there is no base."""
    return 100 * net / base if base else None


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
        return tuple(
            f"{datetime.fromtimestamp(int(str(day)) * DAY_SECONDS, UTC):%Y-%m-%d}" for day in key
        )
    return tuple(str(part) for part in key)


def _source(window: Window, by: By) -> tuple[tuple[str, str], Mapping[str, float]]:
    """Return where sums are read from, the condition on single rows, and the bounds in both."""
    since = -inf if window.since is None else window.since
    until = inf if window.until is None else window.until
    first = ceil(max(since, 0) / DAY_SECONDS)
    last = floor(min(until, LAST_DAY * DAY_SECONDS) / DAY_SECONDS)
    bounds = {"since": since, "until": until, "first": first, "last": last}
    if by == "session" or first >= last:
        return (f"booked WHERE {IN_WINDOW}", IN_WINDOW), bounds
    return (WHOLE_DAYS, IN_WINDOW), bounds


@dataclass(frozen=True, slots=True)
class _Group:
    """What is read of one group: sums by measure, reasons by kind, added times of its calls."""

    sums: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    added_us: list[int] = field(default_factory=list)


def _groups(
    db: "Connection",
    source: tuple[str, str],
    bounds: Mapping[str, float | str],
    expressions: Iterable[str],
) -> dict[tuple[object, ...], _Group]:
    """Return the groups of entries, by what the expressions give for them."""
    named = [f"{expression} AS key{i}" for i, expression in enumerate(expressions)]
    parts = {
        "booked": source[0],
        "where": source[1],
        "named": ", ".join(named),
        "keys": ", ".join(f"key{i}" for i in range(len(named))),
        "sums": ", ".join(f"sum({name}) AS {name}" for name in SUMMED),
    }
    groups: defaultdict[tuple[object, ...], _Group] = defaultdict(_Group)

    def rows(sql: str) -> "Iterator[tuple[_Group, Row]]":
        for row in db.execute(sql.format(**parts), bounds):
            yield groups[tuple(row)[: len(named)]], row

    for group, row in rows(SUMS):
        group.sums.update({name: row[name] for name in SUMMED})
    for group, row in rows(REASONS):
        group.reasons[row["why"]] = row["times"]
    for group, row in rows(TIMES):
        group.added_us.append(row["added_us"])
    return groups


def _figures(groups: Iterable[_Group]) -> Figures:
    """Return what groups came to together."""
    sums: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    added_us: list[int] = []
    for group in groups:
        sums.update(group.sums)
        reasons.update(group.reasons)
        added_us += group.added_us
    added_us.sort()
    return Figures(
        **sums,
        added_p50_us=_quantile(added_us, 50),
        added_p95_us=_quantile(added_us, 95),
        reasons=dict(sorted(reasons.items())),
    )


def _quantile(ordered: Sequence[int], percentage: int) -> int:
    """Return the least value that percentage of ordered do not exceed (nearest rank)."""
    return ordered[ceil(len(ordered) * percentage / 100) - 1] if ordered else 0
