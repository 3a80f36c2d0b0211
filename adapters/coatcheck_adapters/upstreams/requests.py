"""A request that an endpoint has not answered, and how its answer is recognised."""

import asyncio
from typing import TYPE_CHECKING

from coatcheck import wire
from coatcheck.inflight import OPEN_ENDED

if TYPE_CHECKING:
    from coatcheck_adapters.upstreams.channel import Body


class Request:
    """One request of ours: the message, its body on its way, the task that looks after it.

    version is that of the era without handshake, "" in the other.
    """

    __slots__ = ("body", "id", "message", "method", "task", "version")

    def __init__(
        self, message: wire.Message, method: str, raw_id: bytes, version: str, body: "Body"
    ) -> None:
        self.message = message
        self.method = method
        self.id = raw_id
        self.version = version
        self.body = body
        self.task: asyncio.Task[None] | None = None

    @property
    def open_ended(self) -> bool:
        """Tell whether it waits for as long as it takes."""
        return self.method in OPEN_ENDED

    def end(self) -> None:
        """Give it up."""
        if self.task is not None:
            self.task.cancel()


def answered_id(line: bytes) -> int:
    """Return the id of the request of ours that line answers, -1 if it answers none."""
    try:
        answer = wire.read_answer(line)
        if answer is None:
            answer = wire.answer_of(wire.read(line))
    except wire.Malformed:
        return -1
    return -1 if answer is None else answer.id


def is_answer(line: bytes, raw_id: bytes) -> bool:
    """Tell whether line is the answer to the request with this integer id."""
    return answered_id(line) == wire.our_id(raw_id) >= 0


def error_for(line: bytes, raw_id: bytes) -> bytes:
    """Return an error response that names no request as one for raw_id.

    Raises: Malformed if it is none.
    """
    spans = wire.members(line)
    error = line[slice(*spans.get(b"error", (0, 0)))]
    if not error.startswith(b"{") or b"code" not in wire.members(error):
        raise wire.Malformed("no error response")
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (raw_id, error)


def code_of(error: bytes | None) -> int:
    """Return the code of an error response, 0 if there is none."""
    body = wire.load(error) if error else None
    inner = body.get("error") if isinstance(body, dict) else None
    code = inner.get("code") if isinstance(inner, dict) else None
    return code if isinstance(code, int) else 0
