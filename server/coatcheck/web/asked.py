"""The requests of clients in flight: under names of ours on the way in, under theirs back."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coatcheck import wire
from coatcheck.inflight import Ids
from coatcheck.web.streams import Stream

logger = logging.getLogger(__name__)

LISTEN = "subscriptions/listen"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
# A progress token outlives its request where that became a task; so many are remembered.
TOKENS = 1000


@dataclass(slots=True)
class Asked:
    """One request: its id as the client wrote it, and where the answer goes."""

    id: bytes
    method: str
    stream: Stream
    wants_log: bool = False


class Requests:
    """The requests of the clients that share one connection.

    Two clients, or one that repeats itself, may choose the same id or progress token: on the
    connection each request has an integer of ours for both.
    """

    def __init__(self) -> None:
        self._ids = Ids()
        self._asked: dict[int, Asked] = {}
        self._by_client_id: dict[bytes, int] = {}
        self._tokens: OrderedDict[int, tuple[bytes, Stream]] = OrderedDict()
        self._listens: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def newest_first(self) -> Iterator[Asked]:
        """Yield what is in flight."""
        return reversed(self._asked.values())

    def add(self, message: wire.Message, asked: Asked) -> bytes:
        """Note a request, and return its line under our names."""
        number = self._ids.next()
        name = b"%d" % number
        self._asked[number] = asked
        self._by_client_id[wire.id_key(asked.id)] = number
        if asked.method == LISTEN:
            self._listens[name] = asked.id
        edits = [(message.spans[b"id"], name)]
        span = token_span(message) if b'"progressToken"' in message.line else None
        if span is not None:
            self._tokens[number] = message.line[slice(*span)], asked.stream
            edits.append((span, name))
            if len(self._tokens) > TOKENS:
                self._tokens.popitem(last=False)
        return wire.splice(message.line, *edits)

    def answered(self, answer: wire.Answer) -> tuple[Asked, bytes] | None:
        """Forget the request of an answer; return it and the answer under the client's names."""
        asked = self._asked.pop(answer.id, None)
        if asked is None:
            return None
        line = wire.splice(answer.line, (answer.span, asked.id))[:-1]
        if asked.method == LISTEN:
            line = wire.rename_subscription(line, self._listens)
            del self._listens[b"%d" % answer.id]
        self._drop(answer.id, asked)
        return asked, line

    def number_of(self, client_id: bytes) -> int | None:
        """Return our id of the request that the client calls so."""
        return self._by_client_id.get(wire.id_key(client_id))

    def of(self, stream: Stream) -> list[int]:
        """Return our ids of the requests that a stream waits for."""
        return [number for number, asked in self._asked.items() if asked.stream is stream]

    def take(self, number: int) -> Asked | None:
        """Forget a request that gets no answer any more."""
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._listens.pop(b"%d" % number, None)
            self._drop(number, asked)
        return asked

    def take_all(self) -> list[Asked]:
        """Forget every request, and return them."""
        asked = list(self._asked.values())
        for table in (self._asked, self._by_client_id, self._listens):
            table.clear()
        return asked

    def progress(self, message: wire.Message) -> tuple[Stream, bytes] | None:
        """Return whose progress this is, and the notification under the client's token."""
        span = params_member(message, b"progressToken")
        raw = b"" if span is None else message.line[slice(*span)]
        found = self._tokens.get(wire.our_id(raw.strip(b'"')))
        if found is None or span is None:
            return None
        token, stream = found
        return stream, wire.splice(message.line, (span, token))[:-1]

    def listener(self, message: wire.Message) -> tuple[Stream, bytes] | None:
        """Return whose subscription a notification belongs to, and it under the client's id."""
        meta = message.params().get("_meta")
        name = meta.get(SUBSCRIPTION) if isinstance(meta, dict) else None
        asked = self._asked.get(wire.our_id(str(name).encode()))
        if asked is None:
            return None
        return asked.stream, wire.rename_subscription(message.line, self._listens)

    def _drop(self, number: int, asked: Asked) -> None:
        key = wire.id_key(asked.id)
        if self._by_client_id.get(key) == number:  # else a later request has taken the id
            del self._by_client_id[key]


def each_line(data: bytes, take: Callable[[bytes], None]) -> None:
    """Take each line of what a connection says to its agent."""
    for line in data.split(b"\n"):
        if line and not line.isspace():
            try:
                take(line)
            except wire.Malformed:  # no connection says such a thing
                logger.error("a message of %d bytes is not JSON; it is dropped", len(line))


def token_span(message: wire.Message) -> wire.Span | None:
    """Return where the progress token of a request stands."""
    span = params_member(message, b"_meta")
    return None if span is None else _member(message.line, span, b"progressToken")


def params_member(message: wire.Message, key: bytes) -> wire.Span | None:
    """Return where a member of the params stands."""
    span = message.spans.get(b"params")
    return None if span is None else _member(message.line, span, key)


def _member(line: bytes, span: wire.Span, key: bytes) -> wire.Span | None:
    is_object = line[span[0] : span[0] + 1] == b"{"
    return wire.members(line, span[0]).get(key) if is_object else None
