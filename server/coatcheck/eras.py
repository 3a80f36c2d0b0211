"""Write messages of the handshake revisions as the revision of 2026-07-28 wants them, and back.

That revision has no handshake: every request says who asks and what that can. It has no requests
of the upstream either: a result says what input it lacks, and the request comes again with it.
Source: modelcontextprotocol.io/specification/2026-07-28 (2026-11-22)
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import orjson

from coatcheck import spans, wire

MODERN = "2026-07-28"
HANDSHAKES = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
METHOD_NOT_FOUND = -32601
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022

_VERSION = b'"io.modelcontextprotocol/protocolVersion":'
_INFO = b'"io.modelcontextprotocol/clientInfo":'
_CAPABILITIES = b'"io.modelcontextprotocol/clientCapabilities":'
_LOG_LEVEL = b'"io.modelcontextprotocol/logLevel":'
_SERVER_INFO = b"io.modelcontextprotocol/serverInfo"
_INPUT_REQUIRED = b'"input_required"'
_STRUCTURED = b'"structuredContent"'
_OTHER_STRUCTURED = re.compile(rb'"structuredContent"\s*:\s*[^\s{n]')
_EMPTY = re.compile(rb"\s*\}")
# What an agent must have said it can, for what an upstream wants of it.
_NEEDS = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
_LISTS = ("tools", "prompts", "resources")


@dataclass(frozen=True, slots=True)
class Hello:
    """What an agent says of itself in initialize; info and capabilities as it wrote them."""

    id: bytes
    version: str
    info: bytes
    capabilities: bytes

    def lacks(self, method: str, params: bytes) -> str:
        """Return the capability that a request to the agent needs and it has not, "" if none."""
        need = _NEEDS.get(method)
        found = _loaded(self.capabilities)
        if need is None or not isinstance(found, dict):
            return need or method or "an unknown method"
        has = found.get(need)
        if has is None:
            return need
        asked = _loaded(params)
        if isinstance(asked, dict) and asked.get("mode") == "url":
            return "" if isinstance(has, dict) and has.get("url") is not None else f"{need}.url"
        return ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request that an upstream has for the agent; params as it wrote them, b"" for none."""

    key: bytes
    method: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Lack:
    """What a result of an upstream says it needs first; state as it was written, b"" for none."""

    wanted: tuple[Wanted, ...]
    state: bytes


def hello_of(message: wire.Message) -> Hello:
    """Return what an initialize says. Raises: wire.Malformed."""
    found = _inside(message.line, message.spans.get(b"params"))
    version = wire.text_of(found.get(b"protocolVersion", b"")) or ""
    capabilities = found.get(b"capabilities", b"{}")
    info = found.get(b"clientInfo", b"")
    return Hello(message.id or b"", version, info, capabilities)


def envelope(hello: Hello, log_level: bytes = b"") -> bytes:
    """Return the members of `_meta` that every request carries; log_level is JSON."""
    parts = [_VERSION + b'"%b"' % MODERN.encode()]
    if hello.info:
        parts.append(_INFO + hello.info)
    parts.append(_CAPABILITIES + hello.capabilities)
    if log_level:
        parts.append(_LOG_LEVEL + log_level)
    return b",".join(parts)


def stamp(message: wire.Message, members: bytes) -> bytes:
    """Return the line of a request with members in its `_meta`, unless it has them already.

    Raises: wire.Malformed.
    """
    line = message.line
    params = message.spans.get(b"params")
    if params is None or line[slice(*params)] == b"null":
        whole = b'{"_meta":{%b}}' % members
        if params is not None:
            return wire.splice(line, (params, whole))
        return _insert(line, line.index(b"{"), b'"params":%b' % whole)
    meta = wire.members(line, params[0]).get(b"_meta")
    if meta is None or line[slice(*meta)] == b"null":
        whole = b'"_meta":{%b}' % members
        if meta is None:
            return _insert(line, params[0], whole)
        return wire.splice(line, (meta, b"{%b}" % members))
    if _VERSION in line[slice(*meta)]:
        return line + b"\n"
    return _insert(line, meta[0], members)


def repeat(line: bytes, new_id: bytes, answers: Mapping[bytes, bytes], state: bytes) -> bytes:
    """Return a stamped request under a new id with the input that was asked for.

    answers are JSON by the keys of what was wanted, as they were written.
    """
    message = wire.read(line)
    given = b",".join(b"%b:%b" % pair for pair in answers.items())
    parts = [b'"inputResponses":{%b}' % given] if answers else []
    if state:
        parts.append(b'"requestState":%b' % state)
    at = message.spans[b"params"][0] + 1  # stamped, so there is something after it
    edits = [(message.spans[b"id"], new_id)]
    if parts:
        edits.append(((at, at), b",".join(parts) + b","))
    return wire.splice(line, *edits)


def discover(request_id: int, members: bytes) -> bytes:
    """Write the request that finds out what an upstream is."""
    return request(b"%d" % request_id, "server/discover", b'{"_meta":{%b}}' % members)


def listen(
    request_id: int, members: bytes, wanted: Collection[str], uris: Collection[str]
) -> bytes:
    """Write the request whose answer is a stream of changes; wanted are names of lists."""
    chosen: dict[str, object] = {f"{name}ListChanged": True for name in wanted}
    if uris:
        chosen["resourceSubscriptions"] = list(uris)
    params = b'{"notifications":%b,"_meta":{%b}}' % (orjson.dumps(chosen), members)
    return request(b"%d" % request_id, "subscriptions/listen", params)


def request(raw_id: bytes, method: str, params: bytes) -> bytes:
    """Write a request; params are JSON, b"" for none."""
    also = b',"params":%b' % params if params else b""
    return b'{"jsonrpc":"2.0","id":%b,"method":"%b"%b}\n' % (raw_id, method.encode(), also)


def as_initialized(hello: Hello, name: str, discovered: bytes) -> bytes | None:
    """Return the result of initialize that an answer to server/discover amounts to.

    None if the upstream has no revision in common with us. Raises: wire.Malformed.
    """
    found = _inside(discovered, wire.members(discovered).get(b"result"))
    versions = _loaded(found.get(b"supportedVersions", b"[]"))
    if not isinstance(versions, list) or MODERN not in versions:
        return None
    meta = found.get(b"_meta", b"")
    info = _inside(meta, (0, len(meta))).get(_SERVER_INFO, b"") if meta else b""
    version = hello.version if hello.version in HANDSHAKES else HANDSHAKES[0]
    parts = [
        b'"protocolVersion":%b' % orjson.dumps(version),
        b'"capabilities":%b' % found.get(b"capabilities", b"{}"),
        b'"serverInfo":%b' % (info or orjson.dumps({"name": name, "version": ""})),
    ]
    if b"instructions" in found:
        parts.append(b'"instructions":%b' % found[b"instructions"])
    return b"{%b}" % b",".join(parts)


def lists_that_change(discovered: bytes) -> tuple[str, ...]:
    """Return which lists an upstream says it tells changes of: tools, prompts, resources."""
    found = _inside(discovered, wire.members(discovered).get(b"result"))
    said = _loaded(found.get(b"capabilities", b"{}"))
    said = said if isinstance(said, dict) else {}
    return tuple(n for n in _LISTS if isinstance(said.get(n), dict) and said[n].get("listChanged"))


def lack_of(line: bytes) -> Lack | None:
    """Return what input the result in line lacks, None if it is complete.

    Raises: wire.Malformed.
    """
    if _INPUT_REQUIRED not in line:
        return None
    found = _inside(line, wire.members(line).get(b"result"))
    if found.get(b"resultType") != _INPUT_REQUIRED:
        return None
    asked = found.get(b"inputRequests", b"")
    state = found.get(b"requestState", b"")
    wanted = []
    for key, span in _members_of(asked).items():
        inside = _inside(asked, span)
        method = wire.text_of(inside.get(b"method", b"")) or ""
        params = inside.get(b"params", b"")
        wanted.append(Wanted(orjson.dumps(key.decode("utf-8", "replace")), method, params))
    return Lack(tuple(wanted), b"" if state == b"null" else state)


def ask(wanted: Wanted, raw_id: bytes) -> bytes:
    """Write what is wanted as a request to a handshake agent."""
    params = wanted.params
    if wanted.method == "elicitation/create" and b'"url"' in params:
        found = _members_of(params)  # the handshake revisions name each such elicitation
        if b"elicitationId" not in found:
            params = _insert(params, 0, b'"elicitationId":%b' % raw_id)[:-1]
    return request(raw_id, wanted.method, params)


def as_handshake(method: str, line: bytes) -> bytes:
    """Return an answer without what makes a handshake agent refuse all of it.

    Such an agent takes nothing but an object as structuredContent, and the schema of one as
    outputSchema; the revision of 2026-07-28 allows any value. Raises: wire.Malformed.
    """
    if method == "tools/call" and _STRUCTURED in line and _OTHER_STRUCTURED.search(line):
        return _with_an_object(line)
    if method == "tools/list" and b'"outputSchema"' in line:
        return _with_schemas_of_objects(line)
    return line


def error_code(line: bytes) -> int:
    """Return the code of an error response, 0 if there is none."""
    found = _inside(line, wire.members(line).get(b"error"))
    code = _loaded(found.get(b"code", b"0"))
    return code if isinstance(code, int) else 0


def subscription_of(message: wire.Message) -> int:
    """Return the id of the subscription a notification belongs to, 0 if there is none."""
    meta = message.params().get("_meta")
    found = meta.get(SUBSCRIPTION) if isinstance(meta, dict) else None
    return wire.our_id(str(found).encode()) if found is not None else 0


def _with_an_object(line: bytes) -> bytes:
    start = wire.members(line)[b"result"][0]
    found = wire.members(line, start).get(b"structuredContent")
    if found is None or line[found[0] : found[0] + 1] in (b"{", b"n"):
        return line
    return wire.splice(line, (found, b'{"result":%b}' % line[slice(*found)]))[:-1]


def _with_schemas_of_objects(line: bytes) -> bytes:
    start = wire.members(line)[b"result"][0]
    tools = spans.member(line, "tools", start)
    edits: list[spans.Edit] = []
    for at, _ in spans.items(line, tools.start) if tools else ():
        schema = spans.member(line, "outputSchema", at)
        if schema is not None:
            parsed = _loaded(line[schema.start : schema.end])
            if not isinstance(parsed, dict) or parsed.get("type") != "object":
                edits += spans.without(line, {"outputSchema"}, at)
    return spans.apply(line, edits)


def _insert(line: bytes, bracket: int, member: bytes) -> bytes:
    """Return line with member as the first of the object whose bracket stands there."""
    at = bracket + 1
    comma = b"" if _EMPTY.match(line, at) else b","
    return wire.splice(line, ((at, at), member + comma))


def _inside(data: bytes, span: wire.Span | None) -> dict[bytes, bytes]:
    """Return the members of the object that stands at span, none if there is no object."""
    if span is None or data[span[0] : span[0] + 1] != b"{":
        return {}
    return {key: data[slice(*found)] for key, found in wire.members(data, span[0]).items()}


def _members_of(data: bytes) -> dict[bytes, wire.Span]:
    return wire.members(data) if data.startswith(b"{") else {}


def _loaded(raw: bytes) -> object:
    return wire.load(raw) if raw else None
