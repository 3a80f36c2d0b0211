"""Write the cells of a view: short, one line each, every cut announced."""

import re

from coatcheck.reducers.codec import NUMBER
from coatcheck.reducers.rawjson import Value, dumps, scalar

CUT = 160
SERIES = 10
UNBROKEN = 100
UNBROKEN_CUT = 40
PLAIN = re.compile(r"[^\s\",=\[{\x00-\x1f](?:[^\",\n\r\x00-\x1f]*[^\s\",\x00-\x1f])?")
BREAKS = re.compile(r"[\r\n\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def cell(value: Value, limit: int = CUT) -> str:
    """Write one value for a reader; a longer text ends in how many characters are left out."""
    if isinstance(value, list):
        return _list(value, limit)
    if isinstance(value, dict):
        return _text(dumps(value), limit)
    if type(value) is str:
        text = _text(value, limit)
        return text if PLAIN.fullmatch(text) else quoted(text)
    return scalar(value)


def quoted(text: str) -> str:
    """Put text that could be misread in a row into double quotes, with JSON escapes."""
    return dumps(text)


def is_cut(value: Value, limit: int = CUT) -> bool:
    """Tell whether cell() leaves a part of value out."""
    if isinstance(value, list):
        return "more)" in _list(value, limit)
    return isinstance(value, str) and len(value) > UNBROKEN_CUT and _text(value, limit) != value


def _text(text: str, limit: int) -> str:
    if len(text) > UNBROKEN + 30 and " " not in text[:UNBROKEN] and "/" not in text[:20]:
        limit = min(limit, UNBROKEN_CUT)
    if len(text) <= limit + 30:
        return text
    return f"{text[:limit].rstrip()}…(+{len(text) - len(text[:limit].rstrip()):,} characters)"


def _list(values: list[Value], limit: int) -> str:
    parts: list[str] = []
    used = 0
    for value in values:
        part = dumps(value) if isinstance(value, list | dict) else _item(value, limit)
        used += len(part) + 2
        if used > limit and parts:
            break
        parts.append(_text(part, limit))
    left = len(values) - len(parts)
    if left and (ends := _extremes(values)):
        return f"[{parts[0]}; … {_item(values[-1], limit)} ({left} of {len(values)} more); {ends}]"
    tail = f"; … {_item(values[-1], limit)} ({left} of {len(values)} more)" if left else ""
    return "[" + "; ".join(parts) + tail + "]"


def _extremes(values: list[Value]) -> str:
    """Return the computed ends of a long list of pairs of a time and a number."""
    seconds = [v[1] for v in values if isinstance(v, list) and len(v) == 2]
    texts = [text for text in seconds if isinstance(text, str) and NUMBER.fullmatch(text)]
    if len(texts) < max(SERIES, len(values)):
        return ""
    ranked = sorted(range(len(texts)), key=lambda i: float(texts[i]))
    return f"computed min {dumps(values[ranked[0]])}, max {dumps(values[ranked[-1]])}"


def _item(value: Value, limit: int) -> str:
    if isinstance(value, list | dict):
        return _text(dumps(value), limit)
    return _text(BREAKS.sub(" ", scalar(value)), limit)


def safe(text: str) -> str:
    """Return text with lone surrogates as JSON escapes, so that it can be sent."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
