"""Change what lists offer: our tool and resources last, no outputSchema of shortened results."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from coatcheck import spans
from coatcheck.fetch import TOOL as FETCH
from coatcheck.params import URI
from coatcheck.types import Rule

FOCUS = "_focus"
_FOCUS_SCHEMA = spans.dumps(
    {"type": "string", "description": 'What you look for in the result; "*" = all of it.'}
)

FETCH_TOOL = {
    "name": FETCH,
    "description": "Get any part of a result kept by coatcheck, exactly. Without ref: list what is"
    " kept, or find in all of it.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "ref": {
                "type": "string",
                "description": "starts with cc_, copied from the [coatcheck …] line",
            },
            "grep": {"type": "string", "description": "words or a regex"},
            "lines": {
                "type": "string",
                "description": '"120-180" as numbered in the view; "@5-9": lines of the text',
            },
            "query": {"type": "string", "description": "JMESPath, for JSON, YAML, CSV, tables"},
            "find": {"type": "string", "description": "a question: its best passages"},
            "ask": {"type": "string", "description": "a question, answered by a model"},
            "page": {"type": "integer"},
        },
    },
}
_ANNOTATIONS = {
    "annotations": {
        "title": "Fetch artifact",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    }
}
# A page holds 8,000 characters; the figure leaves room for several blocks.
_MAX_RESULT_CHARS = 50_000

TEMPLATE = {
    "uriTemplate": URI + "{ref}",
    "name": "artifact",
    "description": "A tool result kept in full by coatcheck",
    "mimeType": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A tools/list result after our changes.

    result is None when nothing changes. names are the tools it lists, with_focus those that were
    offered `_focus`, added the characters that our definitions put in front of the model.
    """

    result: bytes | None
    names: frozenset[str]
    with_focus: frozenset[str]
    added: str


def fetch_tool(*, always_load: bool) -> bytes:
    """Return the definition of fetch_artifact; always_load asks clients not to defer it."""
    meta: dict[str, object] = {"anthropic/maxResultSizeChars": _MAX_RESULT_CHARS}
    if always_load:
        meta["anthropic/alwaysLoad"] = True
    return spans.dumps({**FETCH_TOOL, **_ANNOTATIONS, "_meta": meta})


def change(
    result: bytes,
    rule_of: Callable[[str], Rule],
    *,
    shortened: Collection[str],
    last_page: bool,
) -> Listing:
    """Return result with our changes; every other byte stays as received.

    shortened are the tools that were shortened before this session. On the last page
    fetch_artifact is appended, if any listed tool has a mode other than off.
    Raises: ValueError if result does not look like a list of tools.
    """
    tools = spans.member(result, "tools")
    if tools is None:
        raise spans.NotJson("no tools")
    edits, names, with_focus, any_on = [], set(), set(), False
    for start, _ in (places := spans.items(result, tools.start)):
        name = _name(result, start)
        names.add(name)
        rule = rule_of(name)
        if rule.mode == "off":
            continue
        any_on = True
        if rule.mode != "schema":
            edits += spans.without(result, {"outputSchema"}, start)
        if rule.focus == "always" or (rule.focus == "learned" and name in shortened):
            offered = _offer_focus(result, start)
            edits += offered
            with_focus |= {name} if offered else set()
    added = FOCUS + _FOCUS_SCHEMA.decode() if with_focus else ""
    if any_on and last_page:
        tool = fetch_tool(always_load=bool(shortened))
        edits.append((tools.end - 1, tools.end - 1, (b"," if places else b"") + tool))
        added += spans.dumps(FETCH_TOOL).decode()
    changed = spans.apply(result, edits) if edits else None
    return Listing(changed, frozenset(names), frozenset(with_focus), added)


def schemas_in(listed: object) -> dict[str, Mapping[str, object]]:
    """Return the output schemas of a list of tools by the tools' names."""
    tools = listed.get("tools") if isinstance(listed, dict) else None
    entries = [entry for entry in tools or () if isinstance(entry, dict)]
    schemas = {str(entry.get("name")): entry.get("outputSchema") for entry in entries}
    return {name: schema for name, schema in schemas.items() if isinstance(schema, dict)}


def without_focus(params: bytes) -> tuple[bytes, bytes]:
    """Return params, as received, without `_focus`, and the arguments that are left in them."""
    found = spans.member(params, "arguments")
    if found is None:
        return params, b"{}"
    changed = spans.apply(params, spans.without(params, {FOCUS}, found.start))
    return changed, changed[found.start : found.end - (len(params) - len(changed))]


def with_templates(result: bytes, *more: Mapping[str, str]) -> bytes | None:
    """Return the last page of a list of resource templates with ours, None for other pages."""
    templates = spans.member(result, "resourceTemplates")
    if templates is None or spans.member(result, "nextCursor"):
        return None
    comma = b"," if spans.items(result, templates.start) else b""
    at = templates.end - 1
    ours = b",".join(spans.dumps(template) for template in (TEMPLATE, *more))
    return spans.apply(result, [(at, at, comma + ours)])


def _name(result: bytes, start: int) -> str:
    found = spans.member(result, "name", start)
    return str(spans.loads(result[found.start : found.end])) if found else ""


def _offer_focus(result: bytes, start: int) -> list[spans.Edit]:
    """Return the edit that adds `_focus` to the tool's input schema, none if it cannot be."""
    schema = spans.member(result, "inputSchema", start)
    if schema is None or result[schema.start : schema.start + 1] != b"{":
        return []
    offer = b'"' + FOCUS.encode() + b'":' + _FOCUS_SCHEMA
    properties = spans.member(result, "properties", schema.start)
    if properties is None:
        whole = b'"properties":{' + offer + b"}"
        return [(schema.end - 1, schema.end - 1, _after(result, schema.start, whole))]
    if result[properties.start : properties.start + 1] != b"{":
        return []
    if spans.member(result, FOCUS, properties.start):
        return []
    at = properties.end - 1
    return [(at, at, _after(result, properties.start, offer))]


def _after(result: bytes, start: int, member: bytes) -> bytes:
    return (b"," if spans.members(result, start) else b"") + member
