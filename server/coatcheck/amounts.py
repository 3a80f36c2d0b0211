"""Write amounts for people: counts, shares, times and money, alike on every face."""

from datetime import UTC, datetime


def count(value: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{value:,}"


def percents(value: float | None) -> str:
    """Return a percentage with one decimal, "-" when there is none."""
    return "-" if value is None else f"{value:.1f}"


def milliseconds(microseconds: int) -> str:
    """Return microseconds as milliseconds with one decimal."""
    return f"{microseconds / 1000:,.1f}"


def moment(at: float) -> str:
    """Return a time as UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"


def dollars(nano_usd: int) -> str:
    """Return an amount of money, with more decimals where it is small."""
    usd = abs(nano_usd) / 1e9
    sign = "-" if nano_usd < 0 else ""
    return f"{sign}${usd:,.2f}" if usd >= 1 else f"{sign}${usd:.4f}"
