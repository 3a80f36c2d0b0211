"""Read what a request says to the desk: its context, its arguments, the ref it asks for."""

from collections.abc import Mapping

from coatcheck import spans

URI = "coatcheck://artifact/"
# What requests of the revision of 2026-07-28 say in `_meta`.
VERSION = "io.modelcontextprotocol/protocolVersion"
CLIENT = "io.modelcontextprotocol/clientInfo"


def meta_of(params: Mapping[str, object]) -> Mapping[str, object]:
    """Return the `_meta` of params, an empty one if there is none."""
    meta = params.get("_meta")
    return meta if isinstance(meta, Mapping) else {}


def client_in(params: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the name and version that a client gives itself, None if it says neither."""
    info = params.get("clientInfo") or meta_of(params).get(CLIENT)
    if not isinstance(info, Mapping):
        return None
    return str(info.get("name", "")), str(info.get("version", ""))


def context_of(meta: Mapping[str, object]) -> tuple[str, str]:
    """Return the context and the call id that the client names, "" for what it does not name."""
    context = meta.get("threadId") or meta.get("sessionId") or ""
    call_id = meta.get("claudecode/toolUseId") or ""
    return str(context), str(call_id)


def as_sent(arguments: Mapping[str, object], raw: bytes) -> bytes:
    """Return the arguments as received in raw.

    Most clients write compact JSON, so writing them again mostly gives bytes that stand in raw;
    that takes a tenth of the time of looking for them.
    """
    written = spans.dumps(arguments)
    if written in raw:
        return written
    found = spans.member(raw, "arguments")
    return raw[found.start : found.end] if found else written


def of_uri(params: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments of a fetch that reading a resource of ours amounts to."""
    return {"ref": str(params.get("uri", "")).removeprefix(URI)}
