"""Read structured text as values that compare as numbers, write them as the source wrote them."""

import json
from collections.abc import Iterator
from typing import Any

from coatcheck.reducers import rawjson, tables
from coatcheck.types import ExcerptError

MOST_CHARACTERS = 64 << 20
MOST_ANSWER = 1_000_000
MOST_DEPTH = 200

Value = object  # dict[str, Value] | list[Value] | str | int | Real | bool | None


class Real(float):
    """A number that Python would write otherwise than the source: 1E5, 0.10, NaN."""

    __slots__ = ("source",)

    source: str


def read(text: str) -> tuple[Value, str]:
    """Return what text holds and in which form: json, ndjson, yaml, a table; form "" for none."""
    bare = text.lstrip("\ufeff \t\r\n")
    if not bare or len(text) > MOST_CHARACTERS:
        return None, ""
    if bare[0] in '{["(':
        found = _json(bare)
        return found if found[1] else _python(bare)
    table = tables.parse(text)
    if table is not None:
        names = [name.strip() or f"column {i + 1}" for i, name in enumerate(table.columns)]
        return [dict(zip(names, map(number, row), strict=False)) for row in table.rows], "table"
    return _yaml(text)


def number(text: str) -> Value:
    """Return the number that text spells, or text itself."""
    if not text or text[-1] not in "0123456789." or text[0] not in "-0123456789":
        return text
    try:
        value = whole(text) if text.lstrip("-").isdecimal() else real(text)
    except ValueError:
        return text
    return value if dumps(value) == text else text


def whole(text: str) -> Value:
    """Return a whole number; one that Python would write otherwise keeps its text."""
    if len(text) < 4_000:
        value = int(text)
        if value or text == "0":
            return value
    return real(text)


def real(text: str) -> Value:
    """Return a number with a fraction or an exponent, its text kept. Raises: ValueError."""
    value = float(text)
    if repr(value) == text:
        return value
    kept = Real(value)
    kept.source = text
    return kept


def pieces(value: Value, depth: int = 0) -> Iterator[str]:
    """Yield value as minified JSON, piece by piece. Raises: ExcerptError when nested too deeply."""
    if depth > MOST_DEPTH:
        raise ExcerptError(f"the answer is nested deeper than {MOST_DEPTH}; ask for less of it")
    if isinstance(value, dict):
        yield "{"
        for at, (key, inner) in enumerate(value.items()):
            yield ("," if at else "") + json.dumps(key, ensure_ascii=False) + ":"
            yield from pieces(inner, depth + 1)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for at, inner in enumerate(value):
            if at:
                yield ","
            yield from pieces(inner, depth + 1)
        yield "]"
    else:
        yield scalar(value)


def scalar(value: Value) -> str:
    """Write one scalar as JSON."""
    if isinstance(value, Real):
        return value.source
    return json.dumps(value, ensure_ascii=False)


def dumps(value: Value, limit: int = MOST_ANSWER) -> str:
    """Return value as minified JSON. Raises: ExcerptError beyond limit characters."""
    out, used = [], 0
    for piece in pieces(value):
        used += len(piece)
        if used > limit:
            raise ExcerptError(f"the answer is over {MOST_ANSWER:,} characters; ask for less of it")
        out.append(piece)
    return "".join(out)


def laid_out(value: Value) -> str:
    """Return value as an answer: a string bare, a list or an object one member a line.

    Raises: ExcerptError beyond a million characters.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, dict | list) or not value:
        return dumps(value)
    lines, left = [], MOST_ANSWER
    named = value.items() if isinstance(value, dict) else ((None, inner) for inner in value)
    for key, inner in named:
        name = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
        lines.append(name + dumps(inner, max(0, left)))
        left -= len(lines[-1]) + 2
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(lines) + f"\n{closing}"


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_float=real,
        parse_int=whole,
        parse_constant=real,
        object_pairs_hook=None,
        strict=False,
    )


def _json(text: str) -> tuple[Value, str]:
    decoder, at, found = _decoder(), 0, []
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
            while at < len(text) and text[at] in " \t\r\n,\x1e":
                at += 1
        if len(found) == 1 and isinstance(found[0], str) and found[0].lstrip()[:1] in ("{", "["):
            return _json(found[0].lstrip())
    except (ValueError, RecursionError):
        return None, ""
    if len(found) == 1:
        return found[0], "json"
    return (found, "ndjson") if found else (None, "")


def _python(text: str) -> tuple[Value, str]:
    document = rawjson.parse(text)
    return _json(rawjson.dumps(document.value)) if document else (None, "")


def _yaml(text: str) -> tuple[Value, str]:
    """Read YAML whose scalars stay texts unless they are JSON's own numbers and words."""
    if ":" not in text and "- " not in text:
        return None, ""
    import yaml  # here because only a query of YAML needs it

    try:
        found = [_typed(d) for d in yaml.load_all(text, yaml.CBaseLoader)]
    except (yaml.YAMLError, RecursionError, ValueError):
        return None, ""
    found = [document for document in found if isinstance(document, dict | list)]
    if not found:
        return None, ""
    return (found[0] if len(found) == 1 else found), "yaml"


_WORDS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}


def _typed(value: Any) -> Value:
    """Return what YAML read, texts that are numbers or words of JSON as such; aliases stay one."""
    seen: dict[int, Value] = {}

    def typed(node: Any) -> Value:
        if isinstance(node, str):
            return _WORDS[node] if node in _WORDS else number(node)
        if id(node) in seen:
            return seen[id(node)]
        made: Any = {} if isinstance(node, dict) else []
        seen[id(node)] = made
        if isinstance(node, dict):
            made.update((str(key), typed(inner)) for key, inner in node.items())
        else:
            made.extend(map(typed, node))
        return made

    return typed(value)
