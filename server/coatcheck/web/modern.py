"""What a request of the era without sessions must say of itself, in its body and its headers."""

from collections.abc import Mapping
from typing import NamedTuple

from coatcheck import codes, wire
from coatcheck.params import VERSION, client_in, meta_of
from coatcheck.web.exchange import Exchange
from coatcheck.web.mirrored import NAMED, decoded

VERSIONS = ("2026-07-28",)
SESSION_VERSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
# What went with the sessions.
REMOVED = frozenset(
    {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
)
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"

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
    meta = meta_of(params)
    missing = [key for key in (VERSION, CAPABILITIES) if key not in meta]
    if missing:
        return Refusal(codes.INVALID_PARAMS, f"params._meta must have {' and '.join(missing)}")
    version = meta[VERSION]
    wrong = _wrong_header(message, params, version, exchange)
    if wrong:
        return Refusal(codes.HEADER_MISMATCH, wrong)
    if version not in VERSIONS:
        data = {"supported": list(VERSIONS), "requested": version}
        return Refusal(codes.UNSUPPORTED_VERSION, "unsupported protocol version", data)
    if message.method in REMOVED:
        return Refusal(codes.METHOD_NOT_FOUND, f"{message.method} is not a method of {version}")
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
    return client_in(message.params()) or ("", "")
