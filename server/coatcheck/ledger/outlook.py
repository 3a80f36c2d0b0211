"""Read from the ledger what a decision about a summary needs: money spent, results re-fetched."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coatcheck.ledger.reader import reading
from coatcheck.types import LedgerError

DAY_SECONDS = 86_400
# Fewer shortened results say nothing of how often an agent comes back for the rest.
LEAST_RESULTS = 5
NEWEST_ENTRIES = 20_000

SPENT = """SELECT coalesce(sum(CASE WHEN day = :today THEN summary_micro_usd END), 0),
    coalesce(sum(summary_micro_usd), 0) FROM rollup WHERE day >= :first"""
# The last line keeps a rare tool from reading a long ledger.
REFETCHED = """SELECT outcome = 'summarized' AS summarized, count(DISTINCT ref) AS results,
    count(DISTINCT CASE WHEN EXISTS (SELECT 1 FROM entries AS fetch WHERE fetch.kind = 'fetch'
        AND fetch.ref = call.ref AND fetch.ref <> '') THEN ref END) AS fetched
    FROM entries AS call WHERE kind = 'call' AND outcome <> 'passed' AND ref <> ''
    AND upstream = :upstream AND tool = :tool
    AND id > (SELECT coalesce(max(id), 0) FROM entries) - :newest GROUP BY summarized"""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Dollars spent on summaries, and the share of a tool's results that was fetched again.

    refetch_rate is None when too little was measured.
    """

    today_usd: float = 0.0
    month_usd: float = 0.0
    refetch_rate: float | None = None


def outlook(home: Path, upstream: str, tool: str, now: float) -> Outlook:
    """Return the outlook for one tool; an absent or damaged ledger knows nothing."""
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0)
    today, month = int(now // DAY_SECONDS), int(first.timestamp() // DAY_SECONDS)
    asked = {"upstream": upstream, "tool": tool, "newest": NEWEST_ENTRIES}
    try:
        with reading(home) as db:
            spent = db.execute(SPENT, {"today": today, "first": month}).fetchone()
            counts = {row["summarized"]: row for row in db.execute(REFETCHED, asked)}
    except (OSError, LedgerError):
        return Outlook()
    rate = None
    for kind in (1, 0):  # summaries tell more about summaries than other views do
        row = counts.get(kind)
        if rate is None and row is not None and row["results"] >= LEAST_RESULTS:
            rate = row["fetched"] / row["results"]
    return Outlook(spent[0] / 1e6, spent[1] / 1e6, rate)
