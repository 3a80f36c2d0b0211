"""Read what a cell measures, to compare it: numbers, sizes, percentages, durations, dates."""

import math
import re

UNITS = {
    "": 1.0,
    "%": 1.0,
    "b": 1.0,
    "n": 1e-9,
    "ns": 1e-9,
    "u": 1e-6,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "k": 1e3,
    "kb": 1e3,
    "ki": 1024.0,
    "kib": 1024.0,
    "mb": 1e6,
    "mi": 1024.0**2,
    "mib": 1024.0**2,
    "g": 1e9,
    "gb": 1e9,
    "gi": 1024.0**3,
    "gib": 1024.0**3,
    "t": 1e12,
    "tb": 1e12,
    "ti": 1024.0**4,
    "tib": 1024.0**4,
}
SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
QUANTITY = re.compile(
    r"[$€£]?([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?) ?([%a-zA-Zµ]{0,3})"
)
DURATION = re.compile(r"(?:\d+[wdhms])+")
PART = re.compile(r"(\d+)([wdhms])")
DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?\S*")


def measure(text: str) -> float | None:
    """Return a number by which text compares with others of its column, None when it has none."""
    if len(text) > 40:
        return None
    if text.isdecimal():
        return float(text)
    if DURATION.fullmatch(text):
        return float(sum(int(n) * SECONDS[unit] for n, unit in PART.findall(text)))
    quantity = QUANTITY.fullmatch(text)
    if quantity:
        unit = UNITS.get(quantity[2].lower())
        number = float(quantity[1].replace(",", ""))
        return None if unit is None or math.isinf(number) else number * unit
    return moment(text)


def moment(text: str) -> float | None:
    """Return an ISO date or time as a number that grows with it; zones are not looked at."""
    match = DATE.match(text[:40])
    if not match:
        return None
    year, month, day, hour, minute = (int(part or 0) for part in match.groups()[:5])
    days = (year * 12 + month) * 31 + day
    return (days * 24 + hour) * 3_600 + minute * 60 + float(match[6] or 0)
