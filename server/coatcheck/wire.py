"""Frame JSON-RPC lines, and find and replace parts of them without re-encoding the rest."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

# A longer line is cut here, which makes it malformed: memory stays bounded.
LINE_LIMIT_BYTES = 1 << 29
# Lines up to this size are parsed completely (well below 0.1 ms); of longer ones the outer
# structure is read, so that a big message does not hold the event loop.
CHECKED_BYTES = 1 << 16
# Where an id is looked for in a line that is not JSON.
SALVAGE_BYTES = 4096

PARSE_ERROR = -32700
INTERNAL_ERROR = -32603
UPSTREAM_GONE = -32000
TIMED_OUT = -32001

Span = tuple[int, int]

_WS = rb"[ \t\r\n]*+"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"\[\]{}]++|' + _STRING
_DEPTH = 10  # nesting skipped in one match; deeper values are skipped bracket by bracket


def _nested(depth: int) -> bytes:
    inside = rb"(?:" + _FLAT + rb")*+"
    for _ in range(depth):
        inside = rb"(?:" + _FLAT + rb"|[\[{]" + inside + rb"[\]}])*+"
    return rb"[\[{]" + inside + rb"[\]}]"


_VALUE_TEXT = _STRING + rb'|[^\s,:"\[\]{}]++|' + _nested(_DEPTH)
_VALUE = re.compile(_VALUE_TEXT, re.DOTALL)
_BRACKET = re.compile(rb"(?:" + _FLAT + rb")*+([\[\]{}])", re.DOTALL)
_VALUE_OPEN = re.compile(rb"([\[{])")
_KEY = re.compile(rb"(" + _STRING + rb")" + _WS + rb":" + _WS, re.DOTALL)
_MEMBER = re.compile(
    rb"(%b)%b:%b(%b)%b([,}])%b" % (_STRING, _WS, _WS, _VALUE_TEXT, _WS, _WS), re.DOTALL
)
_NEXT = re.compile(_WS + rb"([,\]}])" + _WS)
_BATCH = re.compile(_WS + rb"\[")
_OPEN = re.compile(_WS + rb"([\[{])" + _WS + rb"([\]}]?)" + _WS)

# The two orders in which nearly every answer to an integer id of ours is written. Backwards from
# the closing brace the tail is exact too: what stands between it and the comma is outside strings.
_ANSWER_HEAD = re.compile(
    rb'\{"jsonrpc": ?"2\.0", ?"id": ?([1-9]\d{0,17}), ?"(result|error)": ?(?=[\[{])'
)
_ANSWER_TAIL = re.compile(rb'\}, ?"jsonrpc": ?"2\.0", ?"id": ?([1-9]\d{0,17})\}\s*\Z')
_ANSWER_OPEN = re.compile(rb'\{"(result|error)": ?(?=\{)')
_TAIL_BYTES = 80

_ID = re.compile(rb'"id"\s*:\s*(' + _STRING + rb"|-?\d+)(?![\d.eE])", re.DOTALL)
_IS_ERROR = re.compile(rb'"isError"\s*:\s*true')
_SUBSCRIPTION = re.compile(
    rb'("io\.modelcontextprotocol/subscriptionId"\s*:\s*)(' + _STRING + rb"|-?\d+)", re.DOTALL
)


class Malformed(ValueError):
    """A line that is not one JSON object, or array of them."""


class Lines:
    """Cut a stream of chunks into lines, in time linear in their size."""

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that chunk completes, without their newline."""
        first, newline, rest = chunk.partition(b"\n")
        if self._size < self._limit_bytes:
            self._parts.append(first)
            self._size += len(first)
        if not newline:
            return []
        lines = rest.split(b"\n")
        lines.insert(0, self.rest())
        last = lines.pop()
        self._parts, self._size = [last], len(last)
        return lines

    def rest(self) -> bytes:
        """Take what has come since the last newline."""
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        return line


class Message:
    """One message: its line, and the spans of its top-level members.

    id is the member as it was written, None when there is none or it is null.
    """

    __slots__ = ("_body", "id", "line", "method", "spans")

    def __init__(self, line: bytes, spans: Mapping[bytes, Span], body: object) -> None:
        self.line = line
        self.spans = spans
        self._body = body
        method = self.member(b"method")
        self.method = None if method is None else text_of(method)
        raw_id = self.member(b"id")
        self.id = None if raw_id == b"null" else raw_id  # what is not to be answered has no id

    def member(self, key: bytes) -> bytes | None:
        """Return a top-level member as it was written."""
        span = self.spans.get(key)
        return None if span is None else self.line[span[0] : span[1]]

    def params(self) -> Mapping[str, object]:
        """Return the parsed params; empty when there are none or they are not an object."""
        if self._body is None:
            self._body = load(self.line)
        params = self._body.get("params") if isinstance(self._body, dict) else None
        return params if isinstance(params, dict) else {}


class Answer(NamedTuple):
    """A response to a request of ours: our id, where it stands, and result or error."""

    line: bytes
    id: int
    span: Span
    is_result: bool


def load(line: bytes) -> object:
    """Parse line leniently: lone surrogates, bytes that are not UTF-8 and any number are taken.

    Returns None for a line that nests too deep to be parsed. Raises: Malformed.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(line.decode("utf-8", "replace"), parse_int=float)
    except RecursionError:
        return None
    except ValueError as error:
        raise Malformed(str(error)) from None


def read(line: bytes) -> Message:
    """Read the outer structure of one message. Raises: Malformed."""
    body = load(line) if len(line) <= CHECKED_BYTES else None
    return Message(line, members(line), body)


def read_answer(line: bytes) -> Answer | None:
    """Recognise the usual forms of an answer to an integer id, without reading through it.

    Raises: Malformed when a small line is not JSON.
    """
    head = _ANSWER_HEAD.match(line)
    if head is None:
        start = max(0, len(line) - _TAIL_BYTES)
        tail = _ANSWER_TAIL.search(line, start)
        kind = _ANSWER_OPEN.match(line)
        if tail is None or kind is None:
            return None
        found = Answer(line, int(tail[1]), tail.span(1), kind[1] == b"result")
    else:
        found = Answer(line, int(head[1]), head.span(1), head[2] == b"result")
    if len(line) <= CHECKED_BYTES:
        load(line)
    elif not line[-_TAIL_BYTES:].rstrip().endswith(b"}"):
        raise Malformed("the line ends inside the message")
    return found


def answer_of(message: Message) -> Answer | None:
    """Return message as an answer to an integer id, None if it is none."""
    if message.method is not None or message.id is None:
        return None
    number = our_id(message.id.strip(b'"'))  # some write an integer id back as a string
    span = message.spans[b"id"]
    return None if number < 0 else Answer(message.line, number, span, b"result" in message.spans)


def our_id(raw: bytes) -> int:
    """Return the integer id that raw writes, -1 if it writes none that could be ours."""
    return int(raw) if raw.isdigit() and len(raw) < 19 else -1


def request_id(message: Message) -> tuple[Span, bytes] | None:
    """Return where a cancellation names its request, and the id as it is written there."""
    span = message.spans.get(b"params")
    if span is None or message.line[span[0] : span[0] + 1] != b"{":
        return None
    found = members(message.line, span[0]).get(b"requestId")
    return None if found is None else (found, message.line[found[0] : found[1]])


def progress_token(message: Message) -> str | int | None:
    """Return the progress token of a request."""
    meta = message.params().get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return token if isinstance(token, str | int) else None


def is_error(line: bytes) -> bool:
    """Tell whether line is a tool result that says of itself that it is an error."""
    if len(line) > CHECKED_BYTES or b'"isError"' not in line:
        return _IS_ERROR.search(line) is not None
    body = load(line)
    outcome = body.get("result") if isinstance(body, dict) else None
    return isinstance(outcome, dict) and outcome.get("isError") is True


def is_batch(line: bytes) -> bool:
    """Tell whether line is a JSON array."""
    return _BATCH.match(line) is not None


def members(data: bytes, at: int = 0) -> dict[bytes, Span]:
    """Return where the value of each member of the object at `at` stands; the last duplicate wins.

    Keys are given without quotes, escapes resolved. Raises: Malformed.
    """
    spans: dict[bytes, Span] = {}
    position, closed = _enter(data, at, b"{")
    while not closed:
        member = _MEMBER.match(data, position)
        if member is not None:
            key, span = member[1], member.span(2)
            position, closed = member.end(), member[3] == b"}"
        else:
            key, span = _deep_member(data, position)
            position, closed = _step(data, span[1], b"}")
        spans[_plain(key) if b"\\" in key else key[1:-1]] = span
    _finish(data, position, at)
    return spans


def within(data: bytes, span: Span | None, *path: bytes) -> Span | None:
    """Return where the member that path names stands, below the object at span."""
    for key in path:
        if span is None or data[span[0] : span[0] + 1] != b"{":
            return None
        span = members(data, span[0]).get(key)
    return span


def elements(data: bytes) -> Iterator[bytes]:
    """Yield the elements of a JSON array as they were written. Raises: Malformed."""
    position, closed = _enter(data, 0, b"[")
    while not closed:
        end = _value_end(data, position)
        yield data[position:end]
        position, closed = _step(data, end, b"]")
    _finish(data, position, 0)


def splice(line: bytes, *edits: tuple[Span, bytes]) -> bytes:
    """Return line, ended by a newline, with each span replaced by its bytes."""
    if len(edits) == 1:  # the common case, without slices that copy
        (start, end), new = edits[0]
        view = memoryview(line)
        return b"".join((view[:start], new, view[end:], b"\n"))
    parts, position = [], 0
    for (start, end), new in sorted(edits):
        parts += [line[position:start], new]
        position = end
    return b"".join([*parts, line[position:], b"\n"])


def rename_subscription(line: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """Return line with subscription ids replaced by the ones that names gives for them."""
    if b"io.modelcontextprotocol/subscriptionId" not in line:
        return line
    return _SUBSCRIPTION.sub(lambda m: m[1] + names.get(m[2].strip(b'"'), m[2]), line)


def id_key(raw: bytes) -> bytes:
    """Return one spelling for all spellings of an id."""
    if b"\\" not in raw:
        return raw
    return json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "surrogatepass")


def text_of(raw: bytes) -> str | None:
    """Return the string that raw writes, None if it is not a string."""
    if not raw.startswith(b'"'):
        return None
    return str(load(raw)) if b"\\" in raw else raw[1:-1].decode("utf-8", "replace")


def salvage_ids(line: bytes) -> list[bytes]:
    """Return what may be the id of a line that is not JSON, most likely first."""
    ends = line[:SALVAGE_BYTES], line[SALVAGE_BYTES:][-SALVAGE_BYTES:]
    return [match[1] for end in ends for match in _ID.finditer(end)]


def result(raw_id: bytes, body: bytes) -> bytes:
    """Write a response with a result that is JSON already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (raw_id, body)


def error(raw_id: bytes, code: int, message: str) -> bytes:
    """Write an error response."""
    text = orjson.dumps({"code": code, "message": message})
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (raw_id, text)


def cancelled(raw_id: bytes, reason: str) -> bytes:
    """Write the notification that a request is no longer of interest."""
    return (
        b'{"jsonrpc":"2.0","method":"notifications/cancelled",'
        b'"params":{"requestId":%b,"reason":%b}}\n' % (raw_id, orjson.dumps(reason))
    )


def _plain(key: bytes) -> bytes:
    return str(load(key)).encode("utf-8", "surrogatepass")


def _deep_member(data: bytes, position: int) -> tuple[bytes, Span]:
    key = _KEY.match(data, position)
    if key is None:
        raise Malformed(f"no key at byte {position}")
    return key[1], (key.end(), _value_end(data, key.end()))


def _enter(data: bytes, at: int, bracket: bytes) -> tuple[int, bool]:
    match = _OPEN.match(data, at)
    if match is None or match[1] != bracket:
        raise Malformed(f"no {bracket.decode()} at byte {at}")
    return match.end(), bool(match[2])


def _step(data: bytes, end: int, bracket: bytes) -> tuple[int, bool]:
    match = _NEXT.match(data, end)
    if match is None or match[1] not in (b",", bracket):
        raise Malformed(f"no comma or {bracket.decode()} at byte {end}")
    return match.end(), match[1] != b","


def _finish(data: bytes, position: int, at: int) -> None:
    if at == 0 and position != len(data):
        raise Malformed(f"more after the end at byte {position}")


def _value_end(data: bytes, start: int) -> int:
    match = _VALUE.match(data, start)
    return _deep_end(data, start) if match is None else match.end()


def _deep_end(data: bytes, start: int) -> int:
    depth, match = 0, _VALUE_OPEN.match(data, start)
    while match is not None:  # a search instead would try every byte of a string that never ends
        depth += 1 if match[1] in b"[{" else -1
        if depth == 0:
            return match.end()
        match = _BRACKET.match(data, match.end())
    raise Malformed(f"no value at byte {start}")
