"""Reduce JSON and its relatives: re-encode without loss, else drop ballast, else select."""

from coatcheck.reducers import HEADER_BYTES
from coatcheck.reducers.cells import safe
from coatcheck.reducers.codec import NARROW, decode, encode
from coatcheck.reducers.digest import digest, whole_room
from coatcheck.reducers.rawjson import Value, dumps, parse
from coatcheck.reducers.shape import sections_of
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

KIND = "json"
WIDE = 1_000
HOPELESS = 8


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of a JSON text within aim, None when text is no JSON.

    With aim.lossless the re-encoding comes back whatever it costs; it is read back and compared
    before it is trusted.
    """
    document = parse(text)
    if document is None:
        return None
    if aim.lossless:
        lossless = safe(_best(document.value))
        return Reduction(lossless, KIND, "lossless") if len(lossless) < len(text) else None
    before = estimate(text)
    room = whole_room(before, aim.budget_tokens)
    if before <= HOPELESS * aim.budget_tokens:
        fitting = _fitting(document.value, room)
        if fitting is not None and len(fitting) + HEADER_BYTES < len(text):
            return Reduction(safe(fitting), KIND, "lossless")
    found = digest(sections_of(document.value), aim, KIND, room)
    return found if 0 < len(found.text) < len(text) else None


def _fitting(value: Value, room: float) -> str | None:
    """Return value as lines of at most room tokens, wide rows with names if that fits."""
    for widest in (NARROW, WIDE):
        text = encode(value, widest=widest)
        if text is None:
            return None
        if estimate(text) <= room and _reads_back(text, value):
            return text
    return None


def _best(value: Value) -> str:
    """Return value as lines, or minified where that is shorter."""
    text, minified = encode(value), dumps(value)
    if text is None or len(text) > len(minified) or not _reads_back(text, value):
        return minified
    return text


def _reads_back(text: str, value: Value) -> bool:
    try:
        return same(decode(text), value)
    except (ValueError, RecursionError):
        return False


def same(a: Value, b: Value) -> bool:
    """Tell whether two values are equal, types and number texts included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
