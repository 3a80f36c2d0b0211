"""Compare the headers of a request with what they are to mirror of its body."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

KEY = "x-mcp-header"
PREFIX = "mcp-param-"
# Which parameter of a method stands in Mcp-Name.
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

_ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DECIMAL = re.compile(r"(-?[0-9]+)(?:\.0+)?")
_TYPES = ("string", "integer", "boolean")


class Mirror(NamedTuple):
    """An argument that a header is to mirror: where it is, its header and its type."""

    path: tuple[str, ...]
    header: str
    type: str


Declared = Sequence[Mirror]


def declared(schema: object) -> Declared:
    """Return what an input schema asks to be mirrored; nothing when it does so wrongly.

    Only properties of properties can be; a client drops a tool whose schema asks it elsewhere.
    Source: specification of 2026-07-28, basic/transports, custom headers.
    """
    mirrors = list(_in_properties(schema, ()))
    names = {mirror.header for mirror in mirrors}
    is_well = all(mirror.type in _TYPES and mirror.header for mirror in mirrors)
    return mirrors if is_well and len(names) == len(mirrors) else ()


def _in_properties(schema: object, path: tuple[str, ...]) -> Iterator[Mirror]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for name, below in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(below, Mapping) and KEY in below:
            token = below[KEY]
            is_token = isinstance(token, str) and _TOKEN.fullmatch(token)
            header = PREFIX + token.lower() if is_token else ""
            yield Mirror((*path, name), header, str(below.get("type")))
        yield from _in_properties(below, (*path, name))


def mismatch(
    mirrors: Declared, arguments: object, headers: Sequence[tuple[bytes, bytes]]
) -> str | None:
    """Return which header does not say what its argument says, None if all do."""
    for mirror in mirrors:
        sent = [value for key, value in headers if key == mirror.header.encode()]
        value = _at(arguments, mirror.path)
        if len(sent) > 1:
            return f"{mirror.header} is sent twice"
        if bool(sent) != (_rendered(value) is not None):
            where = ".".join(mirror.path)
            return f"{mirror.header} and the argument {where} must both be there or both be absent"
        if sent and not _says(mirror, decoded(sent[0].decode("latin-1").strip()), value):
            return f"{mirror.header} does not say what the argument {'.'.join(mirror.path)} says"
    return None


def _at(arguments: object, path: tuple[str, ...]) -> Any:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, Mapping) else None
    return arguments


def _rendered(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _says(mirror: Mirror, header: str | None, value: object) -> bool:
    if header is None:
        return False
    number = _DECIMAL.fullmatch(header) if mirror.type == "integer" else None
    if number is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return int(number[1]) == value
    return header == _rendered(value)


def decoded(header: str) -> str | None:
    """Return what a header says, None if it is wrongly encoded."""
    found = _ENCODED.fullmatch(header)
    if found is None:
        return header
    try:
        data = base64.b64decode(found[1], validate=True)
        is_canonical = base64.b64encode(data).decode() == found[1]
        return data.decode() if is_canonical else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
