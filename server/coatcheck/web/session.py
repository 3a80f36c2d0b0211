"""One agent of the handshake era: which of its HTTP responses carries which message."""

import asyncio
import logging
from collections.abc import Sequence
from weakref import WeakValueDictionary

from coatcheck import codes, wire
from coatcheck.web.asked import Asked, Requests, each_line
from coatcheck.web.lease import Lease
from coatcheck.web.streams import Backlog, Kept, Stream

logger = logging.getLogger(__name__)


class Session:
    """The Agent that a session id stands for.

    An answer goes to the response of its request, progress too. Of what else the upstream says,
    requests and log lines most likely belong to the newest request in flight; the rest goes to
    the stream that the client has opened for it.
    """

    def __init__(self, id: str, principal: str, idle_seconds: float) -> None:
        self.id = id
        self.principal = principal
        self.lease = Lease(self, principal, idle_seconds)
        self.may_send = asyncio.Event()
        self.may_send.set()
        self._requests = Requests()
        self._backlog = Backlog(self._full)
        self._kept = Kept()
        self._numbers = 0
        self.version = ""
        self._streams: WeakValueDictionary[int, Stream] = WeakValueDictionary()
        self._standing = [self._standing_stream()]

    # What the client does

    def ask(
        self, messages: Sequence[wire.Message], *, takes_events: bool, is_batch: bool
    ) -> Stream:
        """Carry a request, or a batch with requests, and return the stream of the answers."""
        stream = Stream(self._backlog, takes_events=takes_events, is_batch=is_batch)
        lines = []
        for message in messages:
            if message.method is None or message.id is None:
                lines += self._notice(message)
                continue
            stream.open_requests += 1
            asked = Asked(message.id, message.method, stream)
            lines.append(self._requests.add(message, asked)[:-1])
        self._carry(lines)
        return stream

    def tell(self, messages: Sequence[wire.Message]) -> None:
        """Carry notifications, and answers to what the upstream asked."""
        self._carry([line for message in messages for line in self._notice(message)])

    def _carry(self, lines: list[bytes]) -> None:
        if lines and self.lease.connection is not None:
            self.lease.connection.from_agent(lines)

    def _notice(self, message: wire.Message) -> list[bytes]:
        if message.method != "notifications/cancelled":
            return [message.line]
        found = wire.request_id(message)
        number = None if found is None else self._requests.number_of(found[1])
        if found is None or number is None or (asked := self._requests.take(number)) is None:
            return []  # answered already
        # This revision ends the stream of a request with its answer only.
        failed = wire.error(asked.id, codes.REQUEST_CANCELLED, "the request was cancelled")
        asked.stream.answer(failed.rstrip())
        return [wire.splice(message.line, (found[0], b"%d" % number))[:-1]]

    def listen(self) -> Stream:
        """Return the stream for what belongs to no request."""
        if self._standing[-1].is_attached:
            attached = [stream for stream in self._standing if stream.is_attached]
            self._standing = [*attached, self._standing_stream()]
        return self._standing[-1]

    def resume(self, event_id: str) -> tuple[Stream, int] | None:
        """Return the stream that an event came on and the event's number; None if it is lost."""
        number, _, after = event_id.partition("-")
        if not (number.isdigit() and after.isdigit()):
            return None
        stream = self._streams.get(int(number))
        return None if stream is None else (stream, int(after))

    def commit(self, stream: Stream) -> None:
        """Keep what is said on a stream, so that the client can come back to it."""
        self._numbers += 1
        self._streams[self._numbers] = stream
        stream.keep(self._numbers, self._kept)

    def end(self) -> None:
        """End every response and close the connection."""
        self.lease.end()
        for asked in self._requests.take_all():
            failed = wire.error(asked.id, codes.UPSTREAM_GONE, "coatcheck: the session has ended")
            asked.stream.answer(failed.rstrip())
        self.end_listening()

    def end_listening(self) -> None:
        """End the responses that would never end by themselves."""
        for stream in self._standing:
            stream.end()

    def _standing_stream(self) -> Stream:
        stream = Stream(self._backlog, takes_events=True)
        stream.detach()
        self.commit(stream)
        return stream

    # What the connection sees of the agent

    def send(self, data: bytes) -> None:
        """Give each line to the stream on which the client expects it."""
        each_line(data, self._each)

    def hold(self, on: bool) -> None:
        """Let requests of the client wait, or go on; what it cancels or answers never waits."""
        if on:
            self.may_send.clear()
        else:
            self.may_send.set()

    @property
    def unsent_bytes(self) -> int:
        """Return how much the client has not read yet."""
        return self._backlog.size_bytes

    def _full(self, on: bool) -> None:
        if self.lease.connection is not None:
            self.lease.connection.agent_full(on)

    def _each(self, line: bytes) -> None:
        answer = wire.read_answer(line)
        if answer is None:
            message = wire.read(line)
            answer = wire.answer_of(message)
            if answer is None:
                self._say(message)
                return
        self._answer(answer)

    def _answer(self, answer: wire.Answer) -> None:
        found = self._requests.answered(answer)
        if found is None:
            logger.debug("an answer that no client waits for is dropped")
            return
        asked, line = found
        if asked.method == "initialize":
            self._greeted(answer)
        asked.stream.answer(line)

    def _greeted(self, answer: wire.Answer) -> None:
        body = wire.load(answer.line)
        result = body.get("result") if isinstance(body, dict) else None
        if isinstance(result, dict):
            self.version = str(result.get("protocolVersion", ""))
        elif not self.version:
            self.lease.end()  # there is no session without a handshake

    def _say(self, message: wire.Message) -> None:
        if message.method == "notifications/progress":
            stream, line = self._requests.progress(message) or (None, message.line)
            if stream is None or stream.is_over:
                stream = self._unasked()
            (stream if stream.takes_events else self._unasked()).put(line)
        elif message.id is not None or message.method == "notifications/message":
            (self._newest() or self._unasked()).put(message.line)
        else:
            standing = self._unasked()
            stream = standing if standing.is_attached else self._newest() or standing
            stream.put(message.line)

    def _newest(self) -> Stream | None:
        streams = (asked.stream for asked in self._requests.newest_first())
        return next((s for s in streams if s.takes_events and s.is_attached), None)

    def _unasked(self) -> Stream:
        attached = (stream for stream in reversed(self._standing) if stream.is_attached)
        return next(attached, self._standing[-1])
