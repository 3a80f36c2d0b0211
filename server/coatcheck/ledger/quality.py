"""Tell how well views serve the agent, by tool, and what to change where they serve it badly."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from coatcheck.figures import Advice, Figures, Line, Quality, Verb, Window, share
from coatcheck.ledger.report import bounds, places_of, widened

if TYPE_CHECKING:
    from sqlite3 import Connection

# Fewer views say nothing of a tool.
LEAST_VIEWS = 5
# Shares of the views of a tool from which on something should change. Fetched whole, a view cost
# more than it saved; the break-even of coming back is where a fetch and its turn cost the saving.
MOST_WHOLE = 0.3
MOST_BACK = 0.5
MOST_AGAIN = 0.3
SLOW_US = 2_000_000
GUARD = "guard"
SUMS = "sum(fetches), sum(fetched_tokens), sum(came_back)"


def quality(db: "Connection", window: Window, totals: Figures) -> Quality:
    """Return the quality of a window, totals being its figures."""
    return Quality(
        totals.shortened,
        share(totals.came_back, totals.shortened),
        share(totals.got_whole, totals.shortened),
        share(totals.again, totals.shortened),
        guard_misses(totals.reasons),
        totals.expired,
        totals.added_p95_us,
        verbs(db, window),
    )


def guard_misses(reasons: Mapping[str, int]) -> int:
    """Return how many summaries had something in them that is not in their source."""
    return reasons.get(GUARD, 0)


def verbs(db: "Connection", window: Window) -> tuple[Verb, ...]:
    """Return the fetches of a window by verb, the most frequent first."""
    window = widened(db, window)
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for place in places_of("rollup", window):
        sql = f"SELECT verb, {SUMS} FROM {place} AND kind = 'fetch' GROUP BY verb"  # noqa: S608 (constants)
        for verb, *sums in db.execute(sql, bounds(window)):
            found[verb] = [one + other for one, other in zip(found[verb], sums, strict=True)]
    several = (Verb(verb, *sums) for verb, sums in found.items())
    return tuple(sorted(several, key=lambda item: (-item.fetches, item.verb)))


def advice(lines: Iterable[Line]) -> tuple[Advice, ...]:
    """Return what should change, from the lines of a report by tool; the worst reason of each."""
    found = []
    for line in lines:
        figures, tool = line.figures, line.key["tool"]
        if figures.shortened >= LEAST_VIEWS and tool and not tool.startswith("("):
            what, setting = _fault(figures)
            if what:
                found.append(Advice(line.key["upstream"], tool, what, setting))
    return tuple(found)


def _fault(figures: Figures) -> tuple[str, str]:
    views = figures.shortened
    cases = f"of {views:,} cases"
    if figures.got_whole > MOST_WHOLE * views:
        return f"fetched whole in {figures.got_whole:,} {cases}", 'mode = "lossless"'
    if figures.net_counterfactual_tokens < 0:
        return (
            f"cost {-figures.net_counterfactual_tokens:,} tokens more than it saved",
            'mode = "off"',
        )
    if figures.again > MOST_AGAIN * views:
        return f"called again within two minutes in {figures.again:,} {cases}", 'mode = "lossless"'
    if figures.came_back > MOST_BACK * views:
        return f"fetched from in {figures.came_back:,} {cases}", "budget_tokens = 6000"
    if figures.added_p95_us > SLOW_US and guard_misses(figures.reasons):
        slow = f"summaries were slow ({figures.added_p95_us / 1e6:.1f} s) and missed the guard"
        return slow, 'mode = "trim"'
    return "", ""
