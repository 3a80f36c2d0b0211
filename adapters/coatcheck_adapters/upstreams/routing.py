"""Say in the headers of a request what its message says, as the era without handshake asks for."""

import base64
import json
import re
from collections.abc import Iterator, Mapping

from coatcheck import wire

VERSION_HEADER = "MCP-Protocol-Version"
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
# What the message names, by its method. Source: MCP 2026-07-28, transports (2026-11-22).
_NAME_KEYS = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_MARK = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z|\Z")
_ENCODED = re.compile(r"=\?base64\?.*\?=\Z")

Paths = Mapping[tuple[str, ...], str]


def version_of(message: wire.Message) -> str:
    """Return the protocol version that a request carries itself, "" in the handshake era."""
    if _VERSION_KEY.encode() not in message.line:
        return ""
    meta = message.params().get("_meta")
    version = meta.get(_VERSION_KEY) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


class Routing:
    """The headers of requests; learns from the answers to tools/list which arguments go there."""

    def __init__(self) -> None:
        self._marked: dict[str, Paths] = {}

    def headers(self, message: wire.Message, version: str) -> dict[str, str]:
        """Return the headers of a request that carries its version."""
        method = message.method or ""
        headers = {VERSION_HEADER: encoded(version), "Mcp-Method": encoded(method)}
        name = message.params().get(_NAME_KEYS.get(method, ""))
        if isinstance(name, str):
            headers["Mcp-Name"] = encoded(name)
            if method == "tools/call" and (paths := self._marked.get(name)):
                headers |= _argument_headers(message.line, paths)
        return headers

    def learn(self, answer: bytes) -> None:
        """Note the marked arguments of the tools in an answer to tools/list."""
        if _MARK.encode() not in answer:
            return
        try:
            body = wire.load(answer)
        except wire.Malformed:
            return
        outcome = body.get("result") if isinstance(body, dict) else None
        tools = outcome.get("tools") if isinstance(outcome, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                self._marked[tool["name"]] = dict(_marks(tool.get("inputSchema"), ()))


def _marks(schema: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the mark of each property that has one."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or len(path) > 64:
        return
    for name, inner in properties.items():
        mark = inner.get(_MARK) if isinstance(inner, dict) else None
        if isinstance(mark, str) and _TOKEN.match(mark):
            yield (*path, name), mark
        yield from _marks(inner, (*path, name))


def _argument_headers(line: bytes, paths: Paths) -> dict[str, str]:
    # The standard parser keeps integers of any size.
    arguments = json.loads(line.decode("utf-8", "replace"))["params"].get("arguments")
    found = ((token, _rendered(_at(arguments, path))) for path, token in paths.items())
    return {f"Mcp-Param-{token}": encoded(text) for token, text in found if text is not None}


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _rendered(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return str(value) if isinstance(value, str | int | float) else None
    except ValueError:  # an integer of over 4,300 digits
        return None


def encoded(text: str) -> str:
    """Return text as a header can carry it."""
    if _PLAIN.match(text) and not _ENCODED.match(text):
        return text
    raw = text.encode("utf-8", "surrogatepass")
    return f"=?base64?{base64.b64encode(raw).decode()}?="
