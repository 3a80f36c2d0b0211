"""Work out the savings of a window of time; every number here is an integer from the ledger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Literal

from coatcheck.ledger import schema

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

By = Literal["tool", "upstream", "session", "client", "day"]

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

SUMS = "SELECT {named}, {sums} FROM booked WHERE {where} GROUP BY {keys}"
# Nearest rank: the smallest time that at least so many of the calls did not exceed.
TIMES = """WITH ranked AS (
        SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY added_us) AS rank,
               count(*) OVER (PARTITION BY {keys}) AS n
        FROM (SELECT {named}, added_us FROM booked WHERE calls AND {where}))
    SELECT {keys}, min(CASE WHEN rank * 100 >= n * 50 THEN added_us END) AS p50,
           min(CASE WHEN rank * 100 >= n * 95 THEN added_us END) AS p95
    FROM ranked GROUP BY {keys}"""
# What follows the first colon of a reason is about one call; in a report only the kind counts.
REASONS = """SELECT {named}, count(*) AS times,
        CASE instr(reason, ':') WHEN 0 THEN reason ELSE substr(reason, 1, instr(reason, ':') - 1)
        END AS why
    FROM booked WHERE reason <> '' AND {where} GROUP BY {keys}, why ORDER BY why"""


def savings(db: "Connection", window: Window, by: By = "tool") -> Savings:
    """Return the savings of window, the best row first (days in their order)."""
    keys = GROUPS[by]
    bounds = {
        "since": -inf if window.since is None else window.since,
        "until": inf if window.until is None else window.until,
    }
    where = "at >= :since AND at < :until"
    totals = _grouped(db, where, bounds, ["'all'"])
    rows = [
        Line(dict(zip(keys, _named(by, key), strict=True)), figures)
        for key, figures in _grouped(db, where, bounds, keys.values()).items()
    ]
    if by == "day":
        rows.sort(key=lambda line: line.name)
    else:
        rows.sort(key=lambda line: (-line.figures.net_original_tokens, line.name))
    return Savings(window, by, totals.get(("all",), Figures()), tuple(rows))


def figures_of(db: "Connection", ref: str) -> Figures:
    """Return what one artifact came to, over all its calls and fetches."""
    return _grouped(db, "ref = :ref", {"ref": ref}, ["'all'"]).get(("all",), Figures())


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
            f"{datetime.fromtimestamp(int(str(day)) * 86_400, UTC):%Y-%m-%d}" for day in key
        )
    return tuple(str(part) for part in key)


def _grouped(
    db: "Connection", where: str, bounds: Mapping[str, float | str], expressions: Iterable[str]
) -> dict[tuple[object, ...], Figures]:
    """Return the figures of the entries within where, by what the expressions give."""
    named = [f"{expression} AS key{i}" for i, expression in enumerate(expressions)]
    parts = {
        "where": where,
        "named": ", ".join(named),
        "keys": ", ".join(f"key{i}" for i in range(len(named))),
        "sums": ", ".join(f"sum({name}) AS {name}" for name in SUMMED),
    }

    def rows(sql: str) -> "list[tuple[tuple[object, ...], Row]]":
        found = db.execute(sql.format(**parts), bounds).fetchall()
        return [(tuple(row)[: len(named)], row) for row in found]

    reasons: dict[tuple[object, ...], dict[str, int]] = {}
    for key, row in rows(REASONS):
        reasons.setdefault(key, {})[row["why"]] = row["times"]
    times = {
        key: {"added_p50_us": row["p50"], "added_p95_us": row["p95"]} for key, row in rows(TIMES)
    }
    return {
        key: Figures(
            **{name: row[name] for name in SUMMED},
            **times.get(key, {}),
            reasons=reasons.get(key, {}),
        )
        for key, row in rows(SUMS)
    }
