"""Offer the summarizer where its key is there already, with what a day of it may cost."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import click

from coatcheck import config
from coatcheck.cli.config import WHAT_LEAVES, write_consent
from coatcheck.cli.home import home
from coatcheck.ledger.reader import reading
from coatcheck.types import LedgerError, SummarizerSettings

LOOK_BACK_DAYS = 30
# Before anything was measured: an afternoon's work with an agent that reads a lot.
USUAL_RESULTS, USUAL_TOKENS = 40, 8_000

LONG = """SELECT count(*), coalesce(sum(min(original_tokens, :most)), 0) FROM entries
    WHERE kind = 'call' AND NOT is_error AND original_tokens >= :least AND at >= :since"""
DAYS = "SELECT count(DISTINCT CAST(at / 86400 AS INTEGER)) FROM entries WHERE at >= :since"


@dataclass(frozen=True, slots=True)
class Day:
    """How many long results a day has, and how many of their tokens a model would read."""

    results: float
    tokens: float
    source: str


def offer() -> None:
    """Ask once whether results may be read by a model; only where there is a key for it."""
    from coatcheck.summarize.keys import has_key

    found = config.find(None, os.environ, home())
    settings = config.load(found, os.environ).summarizer
    env, file, command = settings.key_env, settings.key_file, settings.key_command
    if was_asked(found) or not has_key(os.environ, env=env, file=file, command=command):
        return
    click.echo()
    what = {"model": settings.model, "daily": settings.daily_usd, "monthly": settings.monthly_usd}
    click.echo(WHAT_LEAVES.format(**what) + said(day_of(home(), settings, time.time()), settings))
    agreed = click.confirm("May results be sent?", default=False)
    target = found or home() / "config.toml"
    try:
        write_consent(target, agreed=agreed)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    click.echo(f"{target}: summarizer.consent = {str(agreed).lower()}")


def was_asked(path: Path | None) -> bool:
    """Tell whether the settings have an answer already."""
    import tomllib

    table = tomllib.loads(path.read_text("utf-8")) if path else {}
    return "consent" in table.get("summarizer", {})


def day_of(where: Path, settings: SummarizerSettings, now: float) -> Day:
    """Return a usual day: of the last 30 that the ledger knows, else an assumed one."""
    since = {"since": now - LOOK_BACK_DAYS * 86_400}
    limits = {"least": settings.least_tokens, "most": settings.prompt_tokens, **since}
    try:
        with reading(where) as db:
            results, tokens = db.execute(LONG, limits).fetchone()
            (days,) = db.execute(DAYS, since).fetchone()
    except (OSError, LedgerError):
        days = 0
    if not days:
        return Day(USUAL_RESULTS, USUAL_RESULTS * USUAL_TOKENS, "assumed, nothing was measured yet")
    plural = "s" if days > 1 else ""
    return Day(results / days, tokens / days, f"the mean of the {days} day{plural} in the ledger")


def said(day: Day, settings: SummarizerSettings) -> str:
    """Say what a day may cost at most: if every long result were read."""
    from coatcheck.summarize.economics import SUMMARY_OUTPUT_TOKENS, Usage, cost_usd, prices

    known = prices(settings.prices)
    usage = Usage(round(day.tokens), round(day.results * SUMMARY_OUTPUT_TOKENS))
    # The price of long prompts does not hold for the sum of many short ones.
    price = known.of(settings.model)
    usd = cost_usd(usage, price) / price.factor(usage.prompt_tokens)
    return (
        f"At most about {min(usd, settings.daily_usd):.2f} USD a day:"
        f" {day.results:,.0f} results over {settings.least_tokens:,} tokens ({day.source}), all"
        f" read, at the prices of {known.date}. Those that would not pay are not read.\n"
    )
