"""What a person looks at first: the totals of a window, in tokens and dollars.

The interface of every face of the savings (table, JSON, resource, metrics, page). All functions
take a read-only connection of `reader.reading(home)` and give frozen data; nothing is written:

* `overview(db, window, rates)`: totals, dollars, tools, quality, advice;
* `report.savings(db, window, by)`: the same totals, and rows by tool, upstream, session, client,
  day, week or level; `as_object(overview, report)` is both as JSON;
* `calls.calls(db, ...)`: single calls and fetches, newest first, page by page;
* `calls.sessions(db, ...)`: sessions, newest first;
* `calls.one_call(db, id)`: a call and what came of it.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

from coatcheck.figures import Figures, Money, Overview, Quality, Rates, Savings, Window
from coatcheck.ledger.money import money
from coatcheck.ledger.quality import advice, quality
from coatcheck.ledger.report import as_json, savings

if TYPE_CHECKING:
    from sqlite3 import Connection


def overview(db: "Connection", window: Window, rates: Rates) -> Overview:
    """Return the overview of a window; an empty one has totals of 0."""
    return overview_of(db, savings(db, window, "tool"), rates)


def overview_of(db: "Connection", by_tool: Savings, rates: Rates) -> Overview:
    """Return the overview to which a report by tool belongs."""
    window, totals = by_tool.window, by_tool.totals
    return Overview(
        window,
        totals,
        rates,
        money(totals, rates),
        money(totals, rates, "original"),
        by_tool.rows,
        quality(db, window, totals),
        advice(by_tool.rows),
    )


def empty(window: Window, rates: Rates) -> Overview:
    """Return the overview of a ledger that is not there yet."""
    none = Quality(0, None, None, None, 0, 0, 0)
    return Overview(window, Figures(), rates, Money(), Money(), (), none, ())


def as_object(found: Overview, report: Savings) -> dict[str, object]:
    """Return a report, with the dollars and the quality of its window, as a JSON object.

    Raw integers under stable keys; shares are numbers from 0 to 1, null where there is no base.
    """
    return {
        **as_json(report),
        "dollars": {
            "model": found.rates.model,
            "prices_of": found.rates.date,
            "cache_write_usd_per_million": found.rates.cache_write,
            "cache_read_usd_per_million": found.rates.cache_read,
            "client": _dollars(found.money),
            "original": _dollars(found.money_original),
        },
        "quality": asdict(found.quality),
        "advice": [asdict(item) for item in found.advice],
    }


def _dollars(amount: Money) -> dict[str, int]:
    return {**asdict(amount), "net_nano_usd": amount.net_nano_usd}
