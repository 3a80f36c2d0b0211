"""Give the books as Prometheus text, bounded in size whatever the upstreams call their tools.

Calls, fetches, errors, turns and added seconds only grow and are counters. Tokens and dollars are
gauges: exact counts replace estimates, and a saving may be lost again. Everything is of all time
and of every process that used this home.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from coatcheck.figures import ALL_TIME, Figures
from coatcheck.ledger.report import savings

if TYPE_CHECKING:
    from sqlite3 import Connection

# Tools with series of their own, by when they were first used; all others are "other".
MOST_TOOLS = 100
MOST_UPSTREAMS = 25
OTHER = "other"
# Upper ends of the histogram's buckets, in microseconds; all are among schema.BOUNDS.
BUCKETS_US = (
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
)  # fmt: skip

Labels = tuple[tuple[str, str], ...]
Series = Mapping[Labels, float]

SEEN = """SELECT upstream, tool, min(day) AS day FROM rollup WHERE kind <> 'definitions'
    GROUP BY upstream, tool ORDER BY day, upstream, tool"""
CALLS = """SELECT upstream, tool, kind, outcome, verb, sum(calls) AS calls, sum(errors) AS errors,
        sum(fetches) AS fetches, sum(turns) AS turns, sum(original_tokens) AS original,
        sum(counterfactual_tokens) AS counterfactual, sum(view_tokens) AS view,
        sum(fetched_tokens) AS fetched, sum(own_tokens) AS own
    FROM rollup GROUP BY upstream, tool, kind, outcome, verb"""
TIMES = "SELECT upstream, most_us, sum(calls) FROM times GROUP BY upstream, most_us"

# Metric, type, help.
METRICS = (
    ("calls_total", "counter", "Tool calls, by how the result went out."),
    ("errors_total", "counter", "Tool calls that the upstream answered with an error."),
    ("fetches_total", "counter", "Answers of fetch_artifact."),
    ("original_tokens", "gauge", "Tokens of the results as the upstreams gave them."),
    ("counterfactual_tokens", "gauge", "Tokens of them that the clients would have shown."),
    ("view_tokens", "gauge", "Tokens of what the agents got instead."),
    ("fetched_tokens", "gauge", "Tokens of the answers of fetch_artifact."),
    ("own_tokens", "gauge", "Tokens of our own tool definitions."),
    ("net_tokens", "gauge", "Tokens saved, net, on both bases; below zero when it cost more."),
    ("turns_total", "counter", "Requests of the agents' models, as far as calls show them."),
    ("carried_tokens", "gauge", "Net tokens that later turns did not read again."),
    ("summarizer_usd", "gauge", "What the summarizer cost, in US dollars."),
)


def metrics(db: "Connection") -> str:
    """Return the books as text in Prometheus' exposition format 0.0.4."""
    totals = savings(db, ALL_TIME, "client").totals
    series = _series(db, _Names(db)) | _totals(totals)
    lines = [line for name, kind, what in METRICS for line in _metric(name, kind, what, series)]
    return "\n".join([*lines, *_histogram(db, totals), ""])


class _Names:
    """Says under which labels an upstream and a tool are counted."""

    def __init__(self, db: "Connection") -> None:
        seen = [(row["upstream"], row["tool"]) for row in db.execute(SEEN)]
        upstreams = list(dict.fromkeys(upstream for upstream, _ in seen))
        self._upstreams = frozenset(upstreams[:MOST_UPSTREAMS])
        self._tools = frozenset(seen[:MOST_TOOLS])

    def of(self, upstream: str, tool: str) -> Labels:
        known = (upstream, tool) in self._tools or not tool
        return (*self.upstream(upstream), ("tool", tool if known else OTHER))

    def upstream(self, upstream: str) -> Labels:
        known = upstream in self._upstreams or not upstream
        return (("upstream", upstream if known else OTHER),)


def _series(db: "Connection", names: _Names) -> dict[str, dict[Labels, float]]:
    """Return what is counted by tool, by metric and labels."""
    found: defaultdict[str, defaultdict[Labels, float]] = defaultdict(lambda: defaultdict(float))
    for row in db.execute(CALLS):
        labels = names.of(row["upstream"], row["tool"])
        if row["kind"] == "call":
            found["calls_total"][(*labels, ("outcome", row["outcome"]))] += row["calls"]
            found["errors_total"][labels] += row["errors"]
            for name in ("original", "counterfactual", "view"):
                found[f"{name}_tokens"][labels] += row[name]
        elif row["kind"] == "fetch":
            found["fetches_total"][(*labels, ("verb", row["verb"]))] += row["fetches"]
            found["fetched_tokens"][labels] += row["fetched"]
        elif row["kind"] == "definitions":
            found["own_tokens"][labels[:1]] += row["own"]
        found["turns_total"][labels[:1]] += row["turns"]
    return {name: dict(values) for name, values in found.items()}


def _totals(totals: Figures) -> dict[str, dict[Labels, float]]:
    return {
        "net_tokens": {
            (("base", "original"),): totals.net_original_tokens,
            (("base", "client"),): totals.net_counterfactual_tokens,
        },
        "carried_tokens": {
            (("base", "original"),): totals.carried_original_tokens,
            (("base", "client"),): totals.carried_counterfactual_tokens,
        },
        "summarizer_usd": {(): totals.summary_micro_usd / 1e6},
    }


def _metric(name: str, kind: str, what: str, series: Mapping[str, Series]) -> Iterator[str]:
    full = f"coatcheck_{name}"
    yield f"# HELP {full} {what}"
    yield f"# TYPE {full} {kind}"
    for labels, value in sorted(series.get(name, {}).items()):
        yield _sample(full, labels, value)


def _histogram(db: "Connection", totals: Figures) -> Iterator[str]:
    """Yield the time that was added to calls, by upstream."""
    names, full = _Names(db), "coatcheck_added_seconds"
    by_upstream: defaultdict[Labels, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for upstream, most_us, calls in db.execute(TIMES):
        by_upstream[names.upstream(upstream)][most_us] += calls
    sums = _sums(db, names)
    yield f"# HELP {full} Time that was added to calls, at most 12.5 % too long."
    yield f"# TYPE {full} histogram"
    for labels, times in sorted(by_upstream.items()):
        for most in BUCKETS_US:
            below = sum(calls for most_us, calls in times.items() if most_us <= most)
            yield _sample(f"{full}_bucket", (*labels, ("le", f"{most / 1e6:g}")), below)
        whole = sum(times.values())
        yield _sample(f"{full}_bucket", (*labels, ("le", "+Inf")), whole)
        yield _sample(f"{full}_sum", labels, sums.get(labels, 0) / 1e6)
        yield _sample(f"{full}_count", labels, whole)


def _sums(db: "Connection", names: _Names) -> Mapping[Labels, float]:
    sums: defaultdict[Labels, float] = defaultdict(float)
    asked = "SELECT upstream, sum(added_us) FROM rollup WHERE kind = 'call' GROUP BY upstream"
    for upstream, added_us in db.execute(asked):
        sums[names.upstream(upstream)] += added_us
    return sums


def _sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    number = str(int(value)) if value == int(value) else repr(value)
    return f"{name}{{{written}}} {number}" if written else f"{name} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
