"""Put the text of artifacts in place of their refs in the arguments of a call."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from coatcheck import spans
from coatcheck.fetch import text_of
from coatcheck.params import URI
from coatcheck.types import Artifact, ExcerptError, RefsInto, Refused

MOST_REFS = 16
MOST_BYTES = 8 << 20
SCHEME = b"coatcheck:"
SELF = "self"

_NAMED = re.compile(re.escape(URI) + r"(cc_[0-9a-z]{12,64})(?:#(.+))?", re.DOTALL)
# How JSON schema calls what spans.loads gives.
_KINDS: Mapping[type, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    list: ("array",),
    dict: ("object",),
    type(None): ("null",),
}

Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a list of tools says of one: its input schema and its annotations."""

    schema: Schema
    annotations: Mapping[str, object]

    @property
    def is_risky(self) -> bool:
        """Tell whether it may destroy something or reach the outside; so it may unless it says no.

        Source: ToolAnnotations of the MCP schema, where both hints are true by default.
        """
        destroys = self.annotations.get("readOnlyHint") is not True and (
            self.annotations.get("destructiveHint") is not False
        )
        return destroys or self.annotations.get("openWorldHint") is not False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ref stands in the raw arguments, its name there, and what the schema says of it."""

    start: int
    end: int
    uri: str
    name: str
    schema: Schema


def tool_of(listed: object) -> Tool:
    """Return what is remembered of a tool from its entry in a list of tools."""
    entry = listed if isinstance(listed, dict) else {}
    schema, annotations = entry.get("inputSchema"), entry.get("annotations")
    return Tool(
        schema if isinstance(schema, dict) else {},
        annotations if isinstance(annotations, dict) else {},
    )


def tools_in(listed: object) -> dict[str, Tool]:
    """Return what is remembered of the tools in the result of tools/list, by their names."""
    tools = listed.get("tools") if isinstance(listed, dict) else None
    entries = [entry for entry in tools or () if isinstance(entry, dict)]
    return {str(entry.get("name")): tool_of(entry) for entry in entries}


def refs_in(arguments: object) -> tuple[str, ...]:
    """Return the strings in arguments that begin like a ref of ours."""
    found, todo = [], [arguments]
    while todo:
        value = todo.pop()
        if isinstance(value, str) and value.startswith(URI):
            found.append(value)
        elif isinstance(value, Mapping):
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return tuple(found)


def fill(
    raw: bytes, tool: Tool, admit: Callable[[str], Artifact]
) -> tuple[bytes, Sequence[tuple[str, str]]]:
    """Return raw, the arguments as JSON, with texts for refs, and of each its ref and place.

    Where the schema takes a string the text stands there, else the JSON that it is. admit opens
    a ref, or refuses it. Raises: Refused.
    """
    places = list(_places(raw, 0, tool.schema, tool.schema, ""))
    if len(places) > MOST_REFS:
        raise Refused(f"a call may hold {MOST_REFS} refs, this one holds {len(places)}")
    edits: list[spans.Edit] = []
    filled = []
    size = 0
    for place in places:
        named = _NAMED.fullmatch(place.uri)
        if named is None:
            raise Refused(f"{place.name}: {place.uri[:80]!r} is no ref; write {URI}cc_…")
        text = _text_for(admit(named[1]), named[2] or "", place.name)
        written = _written(text, place, tool.schema)
        size += len(written)
        if size > MOST_BYTES:
            raise Refused(f"{place.name}: the texts of one call may have {MOST_BYTES:,} bytes")
        edits.append((place.start, place.end, written))
        filled.append((named[1], place.name))
    return spans.apply(raw, edits), filled


def check(pairs: Sequence[RefsInto], source: str, upstream: str, name: str, tool: Tool) -> None:
    """Refuse an artifact of source in tool name of upstream, unless a pair allows it.

    The same upstream is meant by "self" alone; a tool that may destroy something or reach the
    outside must be named in full. Raises: Refused.
    """
    full = f"{upstream}.{name}"
    said = SELF if source == upstream else source
    from_there = [
        pair
        for pair in pairs
        if (pair.source == SELF if said == SELF else pair.source != SELF)
        and fnmatchcase(said, pair.source)
    ]
    if any(pair.target == full for pair in from_there):
        return
    advice = f'the user may allow it: refs_into = [{{ from = "{said}", to = "{full}" }}]'
    if not any(fnmatchcase(full, pair.target) for pair in from_there):
        raise Refused(f"artifacts of {source} may not enter {full}; {advice}")
    if tool.is_risky:
        raise Refused(
            f"{full} may change things or reach the outside: it has to be named in full; {advice}"
        )


def leaves(pairs: Sequence[RefsInto], upstream: str) -> bool:
    """Tell whether any pair lets artifacts of upstream into a tool."""
    return any(
        fnmatchcase(upstream, pair.target.rpartition(".")[0])
        if pair.source == SELF
        else fnmatchcase(upstream, pair.source)
        for pair in pairs
    )


def _places(raw: bytes, start: int, schema: Schema, root: Schema, name: str) -> Iterator[Place]:
    """Yield the places of refs in the JSON value of raw at start."""
    mark = raw[start : start + 1]
    if mark == b"{":
        for member in spans.members(raw, start):
            inner = _inner(schema, member.key, root)
            path = f"{name}.{member.key}" if name else member.key
            yield from _place(raw, member.start, member.end, inner, root, path)
    elif mark == b"[":
        for number, (first, last) in enumerate(spans.items(raw, start)):
            inner = _inner(schema, number, root)
            yield from _place(raw, first, last, inner, root, f"{name}[{number}]")


def _place(
    raw: bytes, start: int, end: int, schema: Schema, root: Schema, name: str
) -> Iterator[Place]:
    if raw[start : start + 1] != b'"':
        yield from _places(raw, start, schema, root, name)
        return
    text = spans.loads(raw[start:end])
    if isinstance(text, str) and text.startswith(URI):
        yield Place(start, end, text, name, schema)


def _text_for(artifact: Artifact, query: str, name: str) -> str:
    text, others = text_of(artifact)
    if not text and others:
        raise Refused(f"{name}: {artifact.ref} holds no text; only text can be an argument")
    if not query:
        return text
    from coatcheck.query import query as answer  # here because only a query needs its libraries

    try:
        return answer(text, query).text
    except ExcerptError as error:
        raise Refused(f"{name}: {error}") from None


def _written(text: str, place: Place, root: Schema) -> bytes:
    """Return text as the JSON that the schema of its place takes. Raises: Refused."""
    kinds = _kinds(place.schema, root)
    if kinds is None or "string" in kinds:
        _check_limits(text, place)
        return spans.dumps(text)
    try:
        value = spans.loads(text.encode("utf-8", "surrogatepass"))
        raw = text.strip("\ufeff \t\r\n").encode()
    except (ValueError, RecursionError):
        raise Refused(
            f"{place.name} takes {' or '.join(sorted(kinds))} and the text is no JSON"
        ) from None
    if not set(_KINDS[type(value)]) & kinds:
        raise Refused(
            f"{place.name} takes {' or '.join(sorted(kinds))} and the artifact holds"
            f" {_KINDS[type(value)][0]}; choose a part of it with #query"
        )
    _check_limits(value, place)
    return raw.replace(b"\n", b" ").replace(b"\r", b" ")  # a message is one line


def _check_limits(value: object, place: Place) -> None:
    """Refuse a value that the schema rules out by its size or by naming others. Raises: Refused."""
    schema = place.schema
    if isinstance(choices := schema.get("enum", [schema.get("const", value)]), list) and (
        value not in choices
    ):
        raise Refused(f"{place.name} takes one of {len(choices)} values and this is none of them")
    if not isinstance(value, str | list):
        return
    least, most = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
    low, high = schema.get(least), schema.get(most)
    if (isinstance(low, int) and len(value) < low) or (isinstance(high, int) and len(value) > high):
        raise Refused(f"{place.name} takes {low or 0} to {high or 'any'} and this has {len(value)}")


def _kinds(schema: Schema, root: Schema) -> set[str] | None:
    """Return the JSON types that schema allows, None for all."""
    named = schema.get("type")
    if isinstance(named, str):
        return {named}
    if isinstance(named, list):
        return set(map(str, named))
    choices = schema.get("anyOf", schema.get("oneOf"))
    if not isinstance(choices, list):
        return None
    found: set[str] = set()
    for choice in choices:
        kinds = _kinds(_resolved(choice, root), root)
        if kinds is None:
            return None
        found |= kinds
    return found


def _inner(schema: Schema, key: str | int, root: Schema) -> Schema:
    """Return the schema of a member or an item; an empty one where nothing is said."""
    if isinstance(key, int):
        return _resolved(schema.get("items"), root)
    properties = schema.get("properties")
    if isinstance(properties, dict) and key in properties:
        return _resolved(properties[key], root)
    return _resolved(schema.get("additionalProperties"), root)


def _resolved(schema: object, root: Schema) -> Schema:
    """Return schema, or what its $ref inside the same document names."""
    for _ in range(8):
        ref = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(ref, str) or not ref.startswith("#/"):
            break
        target: object = root
        for part in ref[2:].split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        schema = target
    return schema if isinstance(schema, dict) else {}
