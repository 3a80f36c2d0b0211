"""What a request of the era without sessions must say of itself, in its body and its headers."""

from collections.abc import Mapping
from typing import NamedTuple

from coatcheck import wire
from coatcheck.web.exchange import Exchange
from coatcheck.web.mirrored import NAMED, decoded

VERSIONS = ("2026-07-28",)
SESSION_VERSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
# What went with the sessions.
REMOVED = frozenset(
    {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
)
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
CLIENT = "io.modelcontextprotocol/clientInfo"
INVALID_PARAMS, METHOD_NOT_FOUND = -32602, -32601
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_ROUTING = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")


class Refusal(NamedTuple):
    """The error that a request is answered with."""

    code: int
    message: str
    data: object = None


def refusal(message: wire.Message, exchange: Exchange) -> Refusal | None:
    """Return what is wrong with a request, None if nothing is.

    Source: specification of 2026-07-28, basic and basic/transports.
    """
    params = message.params()
    meta = params.get("_meta")
    meta = meta if isinstance(meta, Mapping) else {}
    missing = [key for key in (VERSION, CAPABILITIES) if key not in meta]
    if missing:
        return Refusal(INVALID_PARAMS, f"params._meta must have {' and '.join(missing)}")
    version = meta[VERSION]
    wrong = _wrong_header(message, params, version, exchange)
    if wrong:
        return Refusal(HEADER_MISMATCH, wrong)
    if version not in VERSIONS:
        data = {"supported": list(VERSIONS), "requested": version}
        return Refusal(UNSUPPORTED_VERSION, "unsupported protocol version", data)
    if message.method in REMOVED:
        return Refusal(METHOD_NOT_FOUND, f"{message.method} is not a method of {version}")
    return None


def _wrong_header(
    message: wire.Message, params: Mapping[str, object], version: object, exchange: Exchange
) -> str:
    names = [name for name, _ in exchange.raw_headers if name in _ROUTING]
    if len(names) != len(set(names)):
        return "one of MCP-Protocol-Version, Mcp-Method and Mcp-Name is sent twice"
    if exchange.header(b"mcp-protocol-version") != version:
        return "MCP-Protocol-Version does not say what params._meta says"
    if exchange.header(b"mcp-method") != message.method:
        return "Mcp-Method does not say what the body says"
    named = params.get(NAMED.get(message.method or "", ""))
    if isinstance(named, str) and decoded(exchange.header(b"mcp-name")) != named:
        return "Mcp-Name does not say what the body says"
    return ""


def client_of(message: wire.Message) -> tuple[str, str]:
    """Return the name and version that a client gives itself, "" for what it does not say."""
    params = message.params()
    meta = params.get("_meta")
    info = params.get("clientInfo") or (meta.get(CLIENT) if isinstance(meta, Mapping) else None)
    if not isinstance(info, Mapping):
        return "", ""
    return str(info.get("name", "")), str(info.get("version", ""))
