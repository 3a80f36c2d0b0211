"""What was spent and seen so far, as far as a decision about a request needs it."""

from dataclasses import dataclass

from coatcheck.types import SummarizerSettings


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger and the session know when a summary is decided on."""

    turns: int = 5
    context_tokens: int = 20_000
    refetch_rate: float = 0.05
    spent_today_usd: float = 0.0
    spent_month_usd: float = 0.0


def over_caps(history: History, settings: SummarizerSettings, usd: float) -> str:
    """Return which cap so many dollars more would break, "" for none."""
    if history.spent_today_usd + usd > settings.daily_usd:
        return f"summarizer over its daily cap: {settings.daily_usd:g} USD"
    if history.spent_month_usd + usd > settings.monthly_usd:
        return f"summarizer over its monthly cap: {settings.monthly_usd:g} USD"
    return ""
