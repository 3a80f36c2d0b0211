"""Read and write the few messages that are not carried as they are."""

import re
from typing import Any, NamedTuple

import orjson

from coatcheck import spans, wire

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNSUPPORTED_VERSION = -32022
VERSION = "io.modelcontextprotocol/protocolVersion"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_HEAD = re.compile(
    rb'\{"jsonrpc": ?"2\.0", ?"id": ?(' + _STRING + rb'|-?\d+), ?"(?:result|error)": ?[\[{]'
)
_TAIL = re.compile(rb'\}, ?"jsonrpc": ?"2\.0", ?"id": ?("[^"\\]*"|-?\d+)\}\s*\Z')
_OPEN = re.compile(rb'\{"(?:result|error)": ?\{')
_TAIL_BYTES = 160


class Reply(NamedTuple):
    """An answer to a request of ours: its line and id, and the one of result and error it has."""

    line: bytes
    id_span: wire.Span
    result: bytes
    error: bytes

    def renamed(self, raw_id: bytes) -> bytes:
        """Return the line as the answer to another request."""
        return wire.splice(self.line, (self.id_span, raw_id))

    @property
    def code(self) -> int:
        """Return the code of the error, 0 for a result."""
        code = _object(self.error).get("code") if self.error else 0
        return code if isinstance(code, int) else wire.INTERNAL_ERROR

    @property
    def why(self) -> str:
        """Return what the error says."""
        return str(_object(self.error).get("message", ""))

    def body(self) -> dict[str, Any]:
        """Return the parsed result, empty if it is no object."""
        return _object(self.result)


def answered(line: bytes) -> bytes | None:
    """Return the id of an answer in one of its usual forms, None if line has another form."""
    head = _HEAD.match(line)
    if head is not None:
        return head[1]
    if _OPEN.match(line) is None:
        return None
    tail = _TAIL.search(line, max(0, len(line) - _TAIL_BYTES))
    return tail[1] if tail else None


def reply(line: bytes) -> Reply:
    """Read an answer. Raises: wire.Malformed."""
    line = line.rstrip(b"\r\n")
    found = wire.members(line)
    parts = {key: line[slice(*found[key])] for key in (b"result", b"error") if key in found}
    return Reply(line, found[b"id"], parts.get(b"result", b""), parts.get(b"error", b""))


def failed(code: int, why: str) -> Reply:
    """Return the reply that an upstream would have given."""
    return reply(wire.error(b"0", code, why))


def param(message: wire.Message, *path: bytes) -> wire.Span | None:
    """Return where a member of params stands."""
    return wire.within(message.line, message.spans.get(b"params"), *path)


def text_param(message: wire.Message, *path: bytes) -> str:
    """Return a text of params, "" if there is none."""
    span = param(message, *path)
    return "" if span is None else wire.text_of(message.line[slice(*span)]) or ""


def with_param(message: wire.Message, text: str, *path: bytes) -> bytes:
    """Return the line of message with another text in params; every other byte stays."""
    span = param(message, *path)
    assert span is not None
    return wire.splice(message.line, (span, orjson.dumps(text))).rstrip(b"\n")


def raw_params(message: wire.Message) -> bytes:
    """Return the params of a request as received, an empty object if there are none."""
    raw = message.member(b"params")
    return raw if raw is not None and raw.startswith(b"{") else b"{}"


def with_id(message: wire.Message, raw_id: bytes) -> bytes:
    """Return the line of a request under another id."""
    return wire.splice(message.line, (message.spans[b"id"], raw_id))


def request(raw_id: bytes, method: str, params: bytes) -> bytes:
    """Write a request."""
    return b'{"jsonrpc":"2.0","id":%b,"method":%b,"params":%b}\n' % (
        raw_id,
        orjson.dumps(method),
        params,
    )


def notice(method: str, params: bytes = b"") -> bytes:
    """Write a notification."""
    body = b',"params":' + params if params else b""
    return b'{"jsonrpc":"2.0","method":%b%b}\n' % (orjson.dumps(method), body)


def at_cursor(params: bytes, cursor: bytes) -> bytes:
    """Return the params of a list with this cursor, as JSON; none for the first page."""
    bare = spans.apply(params, spans.without(params, {"cursor"})).strip()
    if not cursor:
        return bare
    comma = b"," if spans.members(bare) else b""
    return bare[:-1] + comma + b'"cursor":' + cursor + b"}"


def refusal(raw_id: bytes, code: int, why: str, data: object) -> bytes:
    """Write an error response with data."""
    text = orjson.dumps({"code": code, "message": why, "data": data})
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (raw_id, text)


def version_of(message: wire.Message) -> str:
    """Return the version that a request of the modern era names, "" for any other."""
    if VERSION.encode() not in message.line:
        return ""
    meta = message.params().get("_meta")
    return str(meta.get(VERSION, "")) if isinstance(meta, dict) else ""


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = wire.load(raw)
    except wire.Malformed:
        return {}
    return value if isinstance(value, dict) else {}
