"""Find in a text the records that a view of it numbers."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from coatcheck import spans
from coatcheck.reducers import rawjson, tables
from coatcheck.reducers.shape import join, split
from coatcheck.types import Omission
from coatcheck.view import lead

UNITS = ("rows", "entries")
BLANKS = "\ufeff \t\r\n"
BETWEEN = " \t\r\n,\x1e"
COLUMNS_CHARACTERS = 300

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one list, map or table, each from start to end in characters of its text.

    unit is rows or entries; said says where the list is, or under which columns, "" for neither.
    """

    unit: str
    places: Sequence[Span]
    said: str = ""


def counts_records(omissions: Sequence[Omission]) -> bool:
    """Tell whether the header line of a view with these omissions counts records."""
    return bool(omissions) and lead(omissions).unit in UNITS


def counts_fields(omissions: Sequence[Omission]) -> bool:
    """Tell whether the header line counts the fields of records or of a document."""
    return bool(omissions) and lead(omissions).unit == "fields"


def records(text: str, omissions: Sequence[Omission]) -> Records | None:
    """Return the records that the header line of the view of text counts.

    None when it counts something else, or when text does not hold as many as pieces of its own.
    """
    if not counts_records(omissions) or len(text) > rawjson.MAX_CHARACTERS:
        return None
    counted = lead(omissions)
    for places, said in _found(text, counted.what):
        if len(places) == counted.total:
            return Records(counted.unit, places, said)
    return None


def main_records(text: str) -> Records | None:
    """Return the records that text is a list of: JSON, NDJSON, a table, or most of an object."""
    if len(text) > rawjson.MAX_CHARACTERS:
        return None
    start = _start(text)
    is_object = text[start : start + 1] == "{"
    path = _main_path(text[start:]) if is_object else ""
    if is_object and not path:
        values = _values(text, start)
        return Records("rows", values) if len(values) > 1 else None
    found = next(_found(text, path), ((), ""))
    return Records("rows", *found) if found[0] else None


def _main_path(text: str) -> str:
    """Return the path of the list that makes up more than half of an object, "" for none."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        members = spans.members(raw)
    except (ValueError, RecursionError):
        return ""
    lists = (m for m in members if raw[m.start : m.start + 1] == b"[")
    return next((join("", m.key) for m in lists if 2 * (m.end - m.start) > len(raw)), "")


def _found(text: str, path: str) -> Iterator[tuple[Sequence[Span], str]]:
    """Yield the lists that may be meant by path, and what to say of them."""
    start = _start(text)
    if start >= 0:
        yield _members(text, start, path), f" in {path}" if path else ""
        if not path:
            yield _values(text, start), ""
    elif table := tables.parse(text):
        names = ",".join(" ".join(name.split()) for name in table.columns)
        under = f" under {names}" if len(names) <= COLUMNS_CHARACTERS else ""
        yield _rows(text, table.places), under


def _start(text: str) -> int:
    """Return where JSON begins, at the start or below notes; -1 for nowhere."""
    at = len(text) - len(text.lstrip(BLANKS))
    while at >= 0 and text[at : at + 1] not in ("{", "["):
        at = text.find("\n", at)
        at += at >= 0
    return at if at < len(text) else -1


def _members(text: str, start: int, path: str) -> Sequence[Span]:
    """Return the places of the members of the list or map at path of the JSON at start."""
    raw = text[start:].encode("utf-8", "surrogatepass")
    at = 0
    try:
        for key in _keys(path):
            inner = spans.member(raw, key, at)
            if inner is None:
                return ()
            at = inner.start
        if raw[at : at + 1] == b"[":
            found = spans.items(raw, at)
        else:
            found = [(member.key_start, member.end) for member in spans.members(raw, at)]
    except (ValueError, RecursionError):
        return ()
    places = [(start + first, start + last) for first, last in _in_characters(raw, found)]
    return places if _is_json(raw) or all(_stands_alone(text, place) for place in places) else ()


def _is_json(raw: bytes) -> bool:
    try:
        spans.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _stands_alone(text: str, place: Span) -> bool:
    """Tell whether a piece is a record, where quotes of another language may have misled."""
    return rawjson.parse(text[slice(*place)]) is not None


def _keys(path: str) -> list[str]:
    keys: list[str] = []
    while path:
        path, key = split(path)
        keys.append(key)
    return keys[::-1]


def _in_characters(raw: bytes, places: Iterable[Span]) -> Iterator[Span]:
    """Yield places counted in characters, given in bytes and in order."""
    at = seen = 0
    for place in places:
        counted = []
        for offset in place:
            seen += len(raw[at:offset].decode("utf-8", "surrogatepass"))
            at = offset
            counted.append(seen)
        yield counted[0], counted[1]


def _values(text: str, start: int) -> Sequence[Span]:
    """Return the places of JSON values that follow each other, one a line or not."""
    decoder, at, found = json.JSONDecoder(strict=False), start, []
    try:
        while at < len(text):
            _, end = decoder.raw_decode(text, at)
            found.append((at, end))
            at = end
            while at < len(text) and text[at] in BETWEEN:
                at += 1
    except (ValueError, RecursionError):
        pass  # notes may stand below
    return found


def _rows(text: str, lines: Sequence[Span]) -> Sequence[Span]:
    """Return the places of the rows of a table that stand in these lines."""
    bare = text.lstrip("\ufeff")
    whole = bare.splitlines(keepends=True)
    if len(whole) != sum(1 for _ in io.StringIO(bare, newline="")):
        return ()  # a character splits lines for one reader of tables and not for the other
    starts, at = [], len(text) - len(bare)
    for line in whole:
        starts.append(at)
        at += len(line)
    return [
        (starts[first], starts[last - 1] + len(whole[last - 1].rstrip("\r\n")))
        for first, last in lines
    ]
