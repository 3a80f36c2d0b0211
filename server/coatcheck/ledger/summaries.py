"""Say per tool how the summarizer fared: asked, caught, paid, and taken from the cache."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

# What follows the first colon of a reason is about one call; only the kind counts.
WHY = """CASE WHEN instr(reason, ':') = 0 THEN reason
    ELSE substr(reason, 1, instr(reason, ':') - 1) END"""
# A batch is booked as one row of no tool; its answers are counted when they serve a result.
BY_TOOL = f"""SELECT upstream, tool, {WHY} AS why,
        count(*) AS wanted,
        coalesce(sum(summary_input_tokens > 0), 0) AS answered,
        coalesce(sum(kind = 'call' AND outcome = 'summarized'), 0) AS shown,
        coalesce(sum(summary_input_tokens), 0) AS input_tokens,
        coalesce(sum(summary_output_tokens), 0) AS output_tokens,
        coalesce(sum(summary_cache_write_tokens), 0) AS cache_write_tokens,
        coalesce(sum(summary_cache_read_tokens), 0) AS cache_read_tokens,
        coalesce(sum(summary_micro_usd), 0) AS micro_usd
    FROM entries WHERE decision <> '' AND at >= :since AND at < :until
        AND (:ref = '' OR ref = :ref)
        AND (:name = '' OR upstream || '.' || tool = :name)
    GROUP BY upstream, tool, why ORDER BY upstream, tool, why"""  # noqa: S608 (constants)


@dataclass(frozen=True, slots=True)
class Fared:
    """How the summarizer fared with one tool's results, and with questions about them.

    wanted counts the decisions, no included; answered the requests that were paid for; shown the
    views that a summary stands in. fallbacks counts, by kind of reason, why less than planned was
    done: "guard" is an answer that said or pointed at what is not there, "summary does not pay"
    no fault. input_tokens are all of the prompts, from the cache or not.
    """

    wanted: int = 0
    answered: int = 0
    shown: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    micro_usd: int = 0
    fallbacks: Mapping[str, int] = field(default_factory=dict)

    @property
    def guard_misses(self) -> int:
        """Answers that the check has caught."""
        return self.fallbacks.get("guard", 0)

    @property
    def cache_hit_share(self) -> float:
        """The share of all prompt tokens that was read from the cache."""
        return self.cache_read_tokens / self.input_tokens if self.input_tokens else 0.0

    def as_json(self) -> dict[str, object]:
        """Return the figures as a JSON object: raw integers, stable keys."""
        return asdict(self) | {"guard_misses": self.guard_misses}

    def __str__(self) -> str:
        why = ", ".join(f"{reason} {count:,}" for reason, count in self.fallbacks.items())
        cache = (
            f"cache {self.cache_write_tokens:,} written, {self.cache_read_tokens:,} read"
            f" ({100 * self.cache_hit_share:.0f} % of {self.input_tokens:,} prompt tokens)"
        )
        return (
            f"{self.wanted:,} wanted, {self.answered:,} answered, {self.shown:,} shown,"
            f" {self.guard_misses:,} caught; {cache}; ${self.micro_usd / 1e6:,.4f}"
            + (f"; why not: {why}" if why else "")
        )


def by_tool(
    db: "Connection",
    since: float | None = None,
    until: float | None = None,
    *,
    name: str = "",
    ref: str = "",
) -> dict[str, Fared]:
    """Return how the summarizer fared by "upstream.tool", since <= at < until.

    name leaves all but one tool out, ref all but one artifact. Only rows that are still in the
    ledger count.
    """
    bounds = {
        "since": -inf if since is None else since,
        "until": inf if until is None else until,
        "name": name,
        "ref": ref,
    }
    sums: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for row in db.execute(BY_TOOL, bounds):
        tool = ".".join(filter(None, (row["upstream"], row["tool"])))
        seen = {key: row[key] for key in row.keys() if key not in ("upstream", "tool", "why")}  # noqa: SIM118 (a Row)
        sums.setdefault(tool, Counter()).update(seen)
        reasons.setdefault(tool, Counter()).update(
            {row["why"]: row["wanted"]} if row["why"] else {}
        )
    return {tool: Fared(**found, fallbacks=dict(reasons[tool])) for tool, found in sums.items()}
