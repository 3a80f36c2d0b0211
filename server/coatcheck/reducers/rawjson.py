"""Read JSON and its relatives with every number kept as the text the source wrote."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_CHARACTERS = 16_000_000
MAX_DEPTH = 100

Value = object  # dict[str, Value] | list[Value] | str | Number | bool | None


class Number(str):
    """A number as the source wrote it: 1E5, 0.10, NaN, any count of digits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text; form says how its records stood in it ("json", "ndjson", "python")."""

    value: Value
    form: str


PYTHON = re.compile(
    r"""[bu]?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?<![\w.])(None|True|False)\b"""
    r"""|(?<![\w.])([A-Za-z_][\w.]*\((?:[^()'"]|'[^']*'|"[^"]*")*\))"""
    r"""|(\(|,?\s*\))""",
    re.DOTALL,
)
WORDS = {"None": "null", "True": "true", "False": "false"}
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)|([\"\x00-\x1f])", re.DOTALL)


def parse(text: str) -> Document | None:
    """Return what text holds if it is JSON, NDJSON, concatenated JSON or a Python literal.

    Only objects and arrays count; a JSON string that holds one of them is opened once. A repeated
    key keeps every value, the later ones as "key (2)". None for anything else, and for what is
    larger than 16 million characters or nested deeper than 100.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if not text or text[0] not in '{["(' or len(text) > MAX_CHARACTERS:
        return None
    document = _one(text) or _many(text) or _python(text)
    return document if document and not _is_deeper(document.value, MAX_DEPTH) else None


def loads(text: str) -> Value:
    """Parse one JSON text. Raises: ValueError, RecursionError."""
    return _decoder().decode(text)


def dumps(value: Value) -> str:
    """Write value as minified JSON, numbers as they were."""
    kind = type(value)
    if kind is str:
        return json.encoder.encode_basestring(value)  # type: ignore[arg-type]
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(str(k))}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return scalar(value)


def scalar(value: Value) -> str:
    """Write a scalar as it looks in JSON, a string without its quotes."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_float=Number,
        parse_int=Number,
        parse_constant=Number,
        object_pairs_hook=_object,
        strict=False,
    )


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found = {}
    turns: dict[str, int] = {}
    for key, value in pairs:
        name = key
        while name in found:
            turns[key] = turns.get(key, 1) + 1
            name = f"{key} ({turns[key]})"
        found[name] = value
    return found


def _one(text: str) -> Document | None:
    try:
        value = loads(text)
        if type(value) is str and value.lstrip()[:1] in ("{", "["):
            value = loads(value)
    except (ValueError, RecursionError):
        return None
    return Document(value, "json") if isinstance(value, dict | list) else None


def _many(text: str) -> Document | None:
    """Read several JSON values in a row, one a line or not."""
    decoder, position, values = _decoder(), 0, []
    try:
        while position < len(text):
            value, position = decoder.raw_decode(text, position)
            if not isinstance(value, dict | list):
                return None
            values.append(value)
            while position < len(text) and text[position] in " \t\r\n,\x1e":
                position += 1
    except (ValueError, RecursionError):
        return None
    return Document(values, "ndjson") if len(values) > 1 else None


def _python(text: str) -> Document | None:
    """Read a Python literal by writing it as JSON; calls such as Decimal('1') become strings."""
    if "'" not in text[:2000] and "None" not in text:
        return None
    document = _one(PYTHON.sub(_as_json, text))
    return Document(document.value, "python") if document else None


def _as_json(match: re.Match[str]) -> str:
    quoted, word, call, paren = match.groups()
    if quoted:
        return '"' + ESCAPE.sub(_escaped, quoted[1:-1]) + '"'
    if word:
        return WORDS[word]
    if call:
        return json.dumps(call)
    return "[" if paren == "(" else "]"


def _escaped(match: re.Match[str]) -> str:
    code, bare = match.groups()
    if bare:
        return json.dumps(bare)[1:-1]
    if code == "'":
        return "'"
    if code[0] == "x":
        return f"\\u00{code[1:]}"
    return "\\" + code if code in '"\\/bfnrtu' else json.dumps("\\" + code)[1:-1]


def _is_deeper(value: Value, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Value) -> Iterable[Value]:
    inner = node.values() if isinstance(node, dict) else node
    return [v for v in inner if isinstance(v, dict | list)]  # type: ignore[attr-defined]
