"""Put coatcheck in front of the MCP servers of an agent that is written in Python."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from coatcheck import remote
from coatcheck.dialect import Dialect

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "coatcheck.cli")
_USUAL = Dialect("", "", (), "")
# Of a remote entry as LangChain writes it; a command takes none of them.
_ONLY_REMOTE = {"timeout", "sse_read_timeout", "terminate_on_close", "httpx_client_factory"}
# What libraries call the member that says how a server is reached.
_KINDS = ("type", "transport")


def wrap_servers(servers: Mapping[str, Any], *, command: Sequence[str] = COMMAND) -> dict[str, Any]:
    """Return the usual mapping from names to `mcpServers` entries with each of them wrapped.

    An entry has command, args, env or url, headers, with type or transport as libraries write
    it. Headers move into env. What is no such entry, is wrapped already or can be reached by the
    caller alone (a sign-in of its own, an instance) stays as it is. command starts coatcheck, which
    may be installed elsewhere.
    """
    return {name: _wrapped(name, entry, list(command)) for name, entry in servers.items()}


def _wrapped(name: str, entry: Any, command: list[str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    kind = next((key for key in _KINDS if key in entry), "")
    words = [entry.get("command"), *entry.get("args", [])]
    if isinstance(words[0], str):
        is_ours = words[: len(command)] == command
        return (
            entry if is_ours else _started(entry, [*command, "run", "--name", name, "--", *words])
        )
    if not isinstance(entry.get("url"), str):
        return entry
    value = {("type" if key == kind else key): item for key, item in entry.items()}
    if why := remote.obstacle(value, _USUAL):
        logger.warning("%s is not wrapped: %s", name, why)
        return entry
    made = remote.wrapped_value(value, _USUAL, name, "")
    dropped = _ONLY_REMOTE if kind == "transport" else set()
    restored = {
        (kind if key == "type" and kind else key): item
        for key, item in made.items()
        if key not in dropped
    }
    return _started(restored, [*command, *made["args"]])


def _started(entry: dict[str, Any], words: list[str]) -> dict[str, Any]:
    return {**entry, "command": words[0], "args": words[1:]}
