"""The prices that savings are reported in: those of the agent model of the settings."""

from typing import TYPE_CHECKING

from coatcheck.types import SummarizerSettings

if TYPE_CHECKING:
    from coatcheck.figures import Rates


def rates(settings: SummarizerSettings | None = None) -> "Rates":
    """Return what the agent model of settings (default: the usual one) charges."""
    from coatcheck.figures import Rates
    from coatcheck.summarize.economics import prices

    known = settings or SummarizerSettings()
    table = prices(known.prices)
    price = table.of(known.agent_model)
    return Rates(known.agent_model, table.date, price.cache_write, price.cache_read)
