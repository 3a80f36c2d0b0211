"""Change a result that passes where its client would lose some of it, by as little as will do."""

import re

from coatcheck import spans
from coatcheck.body import open_body, structured_of
from coatcheck.clients import Client

_ERROR = re.compile(rb'"isError"\s*:\s*true')
_TEXT = re.compile(rb'"type"\s*:\s*"text"')
# How a text that is a JSON array or a scalar begins.
_BARE = re.compile(rb'"text"\s*:\s*"(?:\\[nrt]|\s)*(?:\[|-?\d|true|false|null|\\")')


def suspects(line: bytes, client: Client) -> bool:
    """Tell at a glance whether an answer may have to be changed for this client."""
    return (
        (not client.shows_errors and _ERROR.search(line) is not None)
        or (not client.takes_any_json and _BARE.search(line) is not None)
        or (not client.reads_structured and b'"structuredContent"' in line)
    )


def repaired(result: bytes, client: Client) -> bytes | None:
    """Return a tool result so that this client shows all of it, None if it does as it is.

    An error begins with the word; an array or a scalar stands in an object, written as it was;
    structuredContent that has no text beside it is its text too.
    """
    body = open_body(result) if suspects(result, client) else None
    if body is None or not body.final:
        return None
    if not client.reads_structured and body.text and not _TEXT.search(result):
        return _with_text(result)
    found = _first_text(result)
    if found is None:
        return None
    start, end = found
    if not client.shows_errors and body.is_error:
        first = body.text.lstrip()[:5].lower()
        return None if first == "error" else spans.apply(result, [(start, start, b"Error: ")])
    if not client.takes_any_json and _is_bare(result[start - 1 : end + 1]):
        return spans.apply(result, [(start, start, b'{\\"result\\":'), (end, end, b"}")])
    return None


def _with_text(result: bytes) -> bytes:
    """Return result with its structuredContent as a text block before its others."""
    block = spans.dumps({"type": "text", "text": structured_of(result).decode("utf-8", "replace")})
    content = spans.member(result, "content")
    if content is None:
        at = result.index(b"{") + 1
        return spans.apply(result, [(at, at, b'"content":[' + block + b"],")])
    at = content.start + 1
    comma = b"," if spans.items(result, content.start) else b""
    return spans.apply(result, [(at, at, block + comma)])


def _first_text(result: bytes) -> tuple[int, int] | None:
    """Return where the first text block's text stands, without its quotes."""
    content = spans.member(result, "content")
    for start, end in spans.items(result, content.start) if content else ():
        text = spans.member(result, "text", start)
        if text and _TEXT.search(result, start, end):
            return text.start + 1, text.end - 1
    return None


def _is_bare(quoted: bytes) -> bool:
    """Tell whether a text, as JSON writes it, is a JSON array or a scalar."""
    try:
        text = spans.loads(quoted)
        return isinstance(text, str) and not isinstance(spans.loads(text.encode()), dict)
    except (ValueError, RecursionError):
        return False
