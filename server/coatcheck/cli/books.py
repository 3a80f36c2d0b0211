"""Read the savings for every face that shows them: terminal, agent, page."""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coatcheck.figures import By, Overview, Rates, Savings
    from coatcheck.ledger.money import Transcribed
    from coatcheck.ledger.summaries import Fared

BY: "tuple[By, ...]" = ("tool", "upstream", "session", "client", "day", "week", "level")
UNIT_SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True, slots=True)
class HomeBooks:
    """The Books Protocol over the ledger of home; rates are looked up when they are needed."""

    home: Path
    rates: "Callable[[], Rates]"

    def as_json(self, asked: Mapping[str, str]) -> str:
        """Return the report that asked names, as JSON. Raises: ValueError, LedgerError."""
        if unknown := sorted(asked.keys() - {"since", "by"}):
            raise ValueError(f"{unknown[0]} is not known here; use since and by")
        found = [known for known in BY if known == asked.get("by", "tool")]
        if not found:
            raise ValueError(f"by is {asked['by']!r}; use one of {', '.join(BY)}")
        since = since_of(asked["since"]) if asked.get("since") else None
        return json_of(*read(self.home, self.rates(), found[0], since), self.home)

    def as_text(self) -> str:
        """Return the report of all time by tool as plain text. Raises: LedgerError."""
        from coatcheck.cli.savings_text import said

        return said(*read(self.home, self.rates(), "tool", None))


def read(home: Path, rates: "Rates", by: "By", since: float | None) -> "tuple[Savings, Overview]":
    """Return the report of everything since a time; an absent ledger is an empty one.

    Raises: LedgerError.
    """
    from coatcheck.figures import Figures, Savings, Window
    from coatcheck.ledger import overview, report
    from coatcheck.ledger.reader import reading

    window = Window(since)
    try:
        with reading(home) as db:
            by_tool = report.savings(db, window, "tool")
            wanted = by_tool if by == "tool" else report.savings(db, window, by)
            return wanted, overview.overview_of(db, by_tool, rates)
    except FileNotFoundError:
        return Savings(window, by, Figures(), ()), overview.empty(window, rates)


def json_of(
    report: "Savings", found: "Overview", home: Path, known: "Transcribed | None" = None
) -> str:
    """Return a report as JSON text, with what transcripts know if they were read.

    How the summarizer fared stands in it where it had a say. Raises: LedgerError.
    """
    from coatcheck.ledger.overview import as_object

    whole = {"ledger": str(home / "ledger.db"), **as_object(found, report)}
    if asked := fared(home, report.window.since):
        whole["summarizer"] = {tool: one.as_json() for tool, one in asked.items()}
    return json.dumps(whole | ({"transcripts": asdict(known)} if known else {}), indent=1)


def fared(home: Path, since: float | None) -> "dict[str, Fared]":
    """Return by tool how the summarizer fared where it had a say. Raises: LedgerError."""
    from coatcheck.ledger.reader import reading
    from coatcheck.ledger.summaries import by_tool

    try:
        with reading(home) as db:
            return by_tool(db, since)
    except FileNotFoundError:
        return {}


def since_of(text: str) -> float:
    """Return the time of a span back from now (12h, 7d, 2w) or a date (2026-11-15, midnight UTC).

    Raises: ValueError.
    """
    with suppress(ValueError):
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    span = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if span is None:
        raise ValueError(f"{text!r} is neither a span nor a date; write 7d, 12h or 2026-11-15.")
    return time.time() - int(span[1]) * UNIT_SECONDS[span[2]]
