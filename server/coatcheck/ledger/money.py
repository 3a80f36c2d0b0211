"""Price the savings: what the agent's model would have cost, minus what the summarizer cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from coatcheck.figures import Figures, Money, Rates, Window
from coatcheck.ledger.report import bounds, widened

if TYPE_CHECKING:
    from sqlite3 import Connection

Base = Literal["original", "counterfactual"]

# What calls whose client names them saved, on both bases.
FOLLOWED = """SELECT call_id,
        sum(original_tokens - view_tokens) AS original,
        sum(counterfactual_tokens - view_tokens) AS counterfactual
    FROM booked WHERE call_id <> '' AND calls AND at >= :since AND at < :until GROUP BY call_id"""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What the calls saved of which a client's transcript says how often they were sent again."""

    calls: int
    money: Money


def money(figures: Figures, rates: Rates, base: Base = "counterfactual") -> Money:
    """Return figures in dollars, against what the client would have shown or the original.

    Tokens are those of o200k_base; the model's own are more, so this is too low rather than high.
    """
    net, carried = (
        (figures.net_original_tokens, figures.carried_original_tokens)
        if base == "original"
        else (figures.net_counterfactual_tokens, figures.carried_counterfactual_tokens)
    )
    return Money(
        net * per_token(rates.cache_write),
        carried * per_token(rates.cache_read),
        figures.summary_micro_usd * 1000,
    )


def per_token(usd_per_million: float) -> int:
    """Return a price in billionths of a dollar for one token; prices have three decimals."""
    return round(usd_per_million * 1000)


def followed(
    db: "Connection",
    window: Window,
    rates: Rates,
    requests: Mapping[str, int],
    base: Base = "counterfactual",
) -> Transcribed:
    """Return what the calls of window that requests knows, by call id, saved in dollars.

    requests says of each call how many requests carried its result, as transcripts tell: the
    first wrote it to the cache, the others read it. Where a transcript is there it knows that
    better than the books. What was fetched, the definitions and the summarizer are not in it.
    """
    calls = written = read = 0
    for row in db.execute(FOLLOWED, bounds(widened(db, window))):
        carried = requests.get(row["call_id"], 0)
        if carried > 0:
            calls += 1
            written += row[base]
            read += row[base] * (carried - 1)
    write, again = per_token(rates.cache_write), per_token(rates.cache_read)
    return Transcribed(calls, Money(written * write, read * again))
