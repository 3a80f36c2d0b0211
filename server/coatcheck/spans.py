"""Find and cut the members of raw JSON without changing a byte of the rest."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

Edit = tuple[int, int, bytes]

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]', re.DOTALL)
_SPACE = b" \t\r\n"
_OPEN, _CLOSE, _SEPARATE = (b"{", b"["), (b"}", b"]"), (b",", b":")


class NotJson(ValueError):
    """Raw bytes whose brackets do not match."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a JSON object: its decoded key and the byte offsets of key and value."""

    key: str
    key_start: int
    start: int
    end: int


def loads(raw: bytes) -> object:
    """Parse JSON; lone surrogates, huge numbers and the like by the standard library.

    Raises: ValueError, RecursionError.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)


def dumps(value: object) -> bytes:
    """Write compact JSON; lone surrogates stay escaped."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def members(raw: bytes, start: int = 0) -> list[Member]:
    """Return the members of the JSON object that begins at or after start, in source order.

    Duplicate keys give a member each. Raises: NotJson.
    """
    found, key, key_start = [], "", 0
    for first, last, value_start in _parts(raw, start, b"{"):
        if value_start is None:
            continue
        name = raw[first:value_start].rstrip(_SPACE + b":")
        key, key_start = str(loads(name)), first
        found.append(Member(key, key_start, _skip(raw, value_start), last))
    return found


def items(raw: bytes, start: int = 0) -> list[tuple[int, int]]:
    """Return the byte offsets of the items of the JSON array at or after start. Raises: NotJson."""
    return [(first, last) for first, last, _ in _parts(raw, start, b"[")]


def member(raw: bytes, key: str, start: int = 0) -> Member | None:
    """Return the last member named key of the object at start, None if there is none."""
    named = [m for m in members(raw, start) if m.key == key]
    return named[-1] if named else None


def without(raw: bytes, keys: Iterable[str], start: int = 0) -> list[Edit]:
    """Return the edits that take the members named in keys out of the object at start."""
    dropped, all_members = set(keys), members(raw, start)
    kept = [m for m in all_members if m.key not in dropped]
    edits: list[Edit] = []
    for index, m in enumerate(all_members):
        if m.key not in dropped:
            continue
        if index + 1 < len(all_members):
            edits.append((m.key_start, all_members[index + 1].key_start, b""))
        else:
            since = kept[-1].end if kept else m.key_start
            edits = [e for e in edits if e[1] <= since]
            edits.append((since, m.end, b""))
    return edits


def apply(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """Return raw with each (start, end, replacement) put in place; edits must not overlap."""
    out, at = [], 0
    for start, end, replacement in sorted(edits):
        out += [raw[at:start], replacement]
        at = end
    return b"".join([*out, raw[at:]])


def _skip(raw: bytes, at: int) -> int:
    while at < len(raw) and raw[at] in _SPACE:
        at += 1
    return at


def _parts(raw: bytes, start: int, opening: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Yield (start, end, start of the value after its key or None) for each part of one level."""
    start = _skip(raw, start)
    if raw[start : start + 1] != opening:
        raise NotJson(f"no {opening.decode()} at byte {start}")
    first, colon = start + 1, None
    for mark, at in _separators(raw, start):
        if mark == b":":
            colon = at + 1
            continue
        begin, end = _skip(raw, first), at
        while end > begin and raw[end - 1] in _SPACE:
            end -= 1
        if end > begin:
            yield begin, end, colon
        first, colon = at + 1, None


def _separators(raw: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield the colons and commas of the level that opens at start, and the bracket closing it."""
    depth = 0
    for token in _TOKEN.finditer(raw, start):
        mark = token[0]
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
            if depth == 0:
                yield mark, token.start()
                return
        elif depth == 1 and mark in _SEPARATE:
            yield mark, token.start()
    raise NotJson(f"nothing closes the bracket at byte {start}")
