"""Prune a structured result to a smaller one that its output schema still allows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coatcheck import spans
from coatcheck.sizing import estimate
from coatcheck.types import Omission

NOTICE = "_coatcheck"
# The member that holds an array or a scalar which was made an object.
ITEMS = "items"
# An array keeps at least so many items, whatever the budget.
LEAST_ITEMS = 1


@dataclass(frozen=True, slots=True)
class Array:
    """An array of the document: where its items lie, how many must stay, which stay first."""

    name: str
    items: Sequence[tuple[int, int]]
    least: int
    order: Sequence[int]

    def cut(self, raw: bytes, share: float) -> tuple[int, list[spans.Edit]]:
        """Return how many items stay at this share, and the edit that takes the others out."""
        kept = max(self.least, round(len(self.items) * share))
        if kept >= len(self.items):
            return len(self.items), []
        chosen = [self.items[index] for index in sorted(self.order[:kept])]
        new = b",".join(raw[start:end] for start, end in chosen)
        return kept, [(self.items[0][0], self.items[-1][1], new)]


def can_be_announced(schema: Mapping[str, object]) -> bool:
    """Tell whether an object of schema may hold our notice: nothing is pruned silently."""
    closed = (schema.get("additionalProperties"), schema.get("unevaluatedProperties"))
    return False not in closed and not any(isinstance(part, Mapping) for part in closed)


def rooted(text: str) -> bytes:
    """Return a JSON text as an object, an array under a name of ours; b"" if it is neither."""
    raw = text.strip().encode("utf-8", "surrogatepass")
    try:
        value = spans.loads(raw)
    except (ValueError, RecursionError):
        return b""
    if isinstance(value, dict):
        return raw
    return b'{"' + ITEMS.encode() + b'":' + raw + b"}" if isinstance(value, list) else b""


def prune(
    raw: bytes, schema: Mapping[str, object], budget_tokens: int, focus: str = ""
) -> tuple[bytes, list[Omission]] | None:
    """Return raw with its arrays cut so that it fits, and what is left out.

    The arrays are those that objects alone lead to. Items that have words of focus stay first,
    then those at the beginning; every item that stays is as received. None when it cannot be made
    to fit.
    """
    words = [word.encode() for word in set(re.findall(r"\w{3,}", focus.lower()))]
    arrays = [array for array in _arrays(raw, schema, words) if len(array.items) > array.least]
    for share in (0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.0):
        cuts = [(array, *array.cut(raw, share)) for array in arrays]
        pruned = spans.apply(raw, [edit for _, _, edits in cuts for edit in edits])
        if estimate(pruned.decode("utf-8", "replace")) <= budget_tokens:
            return pruned, [
                Omission("items", kept, len(array.items), array.name)
                for array, kept, edits in cuts
                if edits
            ]
    return None


def announced(pruned: bytes, notice: str) -> bytes:
    """Return the object pruned with our notice as its first member."""
    start = pruned.index(b"{") + 1
    member = spans.dumps({NOTICE: notice})[1:-1]
    comma = b"," if spans.members(pruned) else b""
    return pruned[:start] + member + comma + pruned[start:]


def is_valid(value: bytes, schema: Mapping[str, object]) -> bool:
    """Tell whether value meets schema; False as well when schema is none."""
    import jsonschema  # here because only pruned results need it

    try:
        jsonschema.validate(spans.loads(value), schema)
    except (jsonschema.ValidationError, jsonschema.SchemaError, ValueError, RecursionError):
        return False
    return True


def _arrays(
    raw: bytes, schema: object, words: Sequence[bytes], start: int = 0, path: str = ""
) -> Iterator[Array]:
    for member in spans.members(raw, start):
        name = f"{path}.{member.key}" if path else member.key
        inner = _property(schema, member.key)
        opening = raw[member.start : member.start + 1]
        if opening == b"{":
            yield from _arrays(raw, inner, words, member.start, name)
        elif opening == b"[":
            least = inner.get("minItems", 0) if isinstance(inner, Mapping) else 0
            least = least if isinstance(least, int) else 0
            items = spans.items(raw, member.start)
            yield Array(name, items, max(LEAST_ITEMS, least), _order(raw, items, words))


def _order(raw: bytes, items: Sequence[tuple[int, int]], words: Sequence[bytes]) -> Sequence[int]:
    """Return the indexes of items, those with most of the words first."""
    if not words:
        return range(len(items))
    lowered = [raw[start:end].lower() for start, end in items]
    found = [sum(word in item for word in words) for item in lowered]
    return sorted(range(len(items)), key=lambda index: -found[index])


def _property(schema: object, key: str) -> object:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties.get(key) if isinstance(properties, Mapping) else None
