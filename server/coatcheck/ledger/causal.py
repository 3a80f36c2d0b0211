"""Compare sessions with those held out: what views change in cost, turns and seconds, for real."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, variance
from typing import TYPE_CHECKING

from coatcheck.figures import Rates, Window
from coatcheck.ledger.money import per_token
from coatcheck.ledger.report import bounds

if TYPE_CHECKING:
    from sqlite3 import Connection

# Fewer sessions in an arm say nothing: the interval would be wider than any effect.
LEAST_SESSIONS = 20
Z = 1.959964  # 95 %, both sides

SESSIONS = """SELECT visits.session, arm,
        sum(seen_tokens) AS seen, sum(carried_seen_tokens) AS carried,
        sum(summary_micro_usd) AS summary, sum(turns) AS asked, began_at, last_at
    FROM visits JOIN (
        SELECT session, min(began_at) AS began_at, max(last_at) AS last_at
        FROM sessions GROUP BY session
    ) AS span ON span.session = visits.session
    WHERE arm <> '' AND began_at >= :since AND began_at < :until
    GROUP BY visits.session, arm HAVING asked > 0"""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a measure in both arms, and shortened minus held out with its 95 % interval.

    low and high are None when there is too little data.
    """

    measure: str
    held_out: float
    shortened: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """Below zero when the sessions with views have less."""
        return self.shortened - self.held_out


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sessions of both arms in a window, and how they differ: dollars, turns, seconds."""

    window: Window
    held_out_sessions: int
    shortened_sessions: int
    differences: tuple[Difference, ...]

    @property
    def is_enough(self) -> bool:
        """Tell whether there are enough sessions for an interval."""
        return min(self.held_out_sessions, self.shortened_sessions) >= LEAST_SESSIONS


def compare(db: "Connection", window: Window, rates: Rates) -> Comparison:
    """Compare the sessions that began in window, as they were drawn: by all of their calls.

    The cost of a session is what its tool results cost its agent: tokens that reached it at the
    cache-write price, tokens that later turns read again at the cache-read price, and the
    summarizer. What else the agent read or wrote is in neither arm. Welch's interval.
    """
    arms: dict[str, list[tuple[float, float, float]]] = {"held out": [], "shortened": []}
    write, read = per_token(rates.cache_write), per_token(rates.cache_read)
    for row in db.execute(SESSIONS, bounds(window)):
        nano_usd = row["seen"] * write + row["carried"] * read + row["summary"] * 1000
        seconds = row["last_at"] - row["began_at"]
        arms[row["arm"]].append((nano_usd / 1e9, row["asked"], seconds))
    held, shortened = arms["held out"], arms["shortened"]
    names = ("cost_usd", "turns", "seconds")
    found = [
        difference(name, [one[i] for one in held], [one[i] for one in shortened])
        for i, name in enumerate(names)
    ]
    return Comparison(window, len(held), len(shortened), tuple(found))


def difference(measure: str, held_out: Sequence[float], shortened: Sequence[float]) -> Difference:
    """Return the difference of two means with Welch's 95 % interval, if there are enough values."""
    one, other = (fmean(values) if values else 0.0 for values in (held_out, shortened))
    if min(len(held_out), len(shortened)) < LEAST_SESSIONS:
        return Difference(measure, one, other, None, None)
    parts = [variance(values) / len(values) for values in (held_out, shortened)]
    spread = sum(parts)
    reach = 0.0
    if spread:
        counts = (len(held_out), len(shortened))
        freedom = spread**2 / sum(
            part**2 / (count - 1) for part, count in zip(parts, counts, strict=True)
        )
        reach = student(freedom) * sqrt(spread)
    return Difference(measure, one, other, other - one - reach, other - one + reach)


def student(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t, within 0.001 from 10 degrees of freedom on.

    Source: the Cornish-Fisher expansion, Abramowitz and Stegun 26.7.5.
    """
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / freedom + second / freedom**2 + third / freedom**3


def as_object(found: Comparison) -> dict[str, object]:
    """Return a comparison as a JSON object."""
    return {
        "window": asdict(found.window),
        "sessions": {"held_out": found.held_out_sessions, "shortened": found.shortened_sessions},
        "least_sessions": LEAST_SESSIONS,
        "is_enough": found.is_enough,
        "differences": [
            {**asdict(item), "difference": item.difference} for item in found.differences
        ],
    }
