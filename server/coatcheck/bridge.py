"""Let a handshake-era agent talk to an upstream that knows only the revision of 2026-07-28."""

import asyncio
import logging
from collections.abc import Callable

from coatcheck import eras, wire
from coatcheck.link import Upstream
from coatcheck.modern import Modern, Wishes
from coatcheck.types import UpstreamError

logger = logging.getLogger(__name__)

# No initialize is longer; what is longer is not looked through for one.
HELLO_BYTES = 1 << 16
# An upstream that refused initialize and says nothing to the probe is one that is not of the later
# revision; the agent waits for the refusal as long as this.
PROBE_SECONDS = 30.0
_INITIALIZE = b'"initialize"'
_PROBE_ID = 1
# Errors that say there is no initialize here, rather than that this one was bad.
_NO_HANDSHAKE = frozenset({eras.METHOD_NOT_FOUND, eras.UNSUPPORTED_VERSION})


class Bridge:
    """An upstream over an upstream.

    Bytes pass as they are until the upstream refuses initialize. Then it is asked what it is, and
    if it is of the later revision, Modern carries every message from then on, also after the
    upstream has been started again. If it is not, the agent gets the refusal as it came.
    """

    def __init__(self, upstream: Upstream, tasks: asyncio.TaskGroup) -> None:
        self._upstream = upstream
        self._tasks = tasks
        self._feed: Callable[[list[bytes]], None] = lambda _lines: None
        self._ended: Callable[[str], None] = lambda _reason: None
        self._full: Callable[[bool], None] = lambda _on: None
        self._watching = True  # for an initialize
        self._hello: eras.Hello | None = None  # an initialize without an answer
        self._refusal = b""
        self._probing = False
        self._waiting: list[bytes] = []  # lines of the agent during the probe
        self._modern: Modern | None = None
        self._is_modern = False  # as it was found once
        self._wishes = Wishes()
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.Task[None] | None = None
        self._tried_again = False

    @property
    def name(self) -> str:
        """Return what the user calls it."""
        return self._upstream.name

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._again is not None or self._upstream.running

    async def start(
        self,
        feed: Callable[[list[bytes]], None],
        ended: Callable[[str], None],
        full: Callable[[bool], None],
    ) -> None:
        """Start it, also again. Raises: UpstreamError."""
        self._feed, self._ended, self._full = feed, ended, full
        self._forget()
        await self._upstream.start(self._from_upstream, self._upstream_ended, full)

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        self._upstream.hold(on)

    async def stop(self) -> None:
        """End it, within bounds."""
        if self._again is not None:
            self._again.cancel()
        self._forget()
        await self._upstream.stop()

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        if self._modern is not None:
            self._modern.from_agent(data.split(b"\n"))
        elif self._probing:
            self._waiting.append(data)
        elif self._watching and len(data) < HELLO_BYTES and _INITIALIZE in data:
            self._send_hello(data)
        else:
            self._upstream.send(data)

    def _send_hello(self, data: bytes) -> None:
        """Write lines of which one may be an initialize."""
        for line in filter(None, data.split(b"\n")):
            self._hello = _hello_in(line) or self._hello
            if self._is_modern and self._hello is not None and not self._probing:
                self._probe(self._hello)
            else:
                self._send_on(line + b"\n")

    def _send_on(self, line: bytes) -> None:
        if self._probing:
            self._waiting.append(line)
        else:
            self._upstream.send(line)

    def _from_upstream(self, lines: list[bytes]) -> None:
        if self._modern is not None:
            self._modern.from_upstream(lines)
        elif self._hello is None:
            self._feed(lines)
        else:
            for index, line in enumerate(lines):
                if self._settles(self._hello, line):
                    self._from_upstream(lines[index + 1 :])
                    return
                self._feed([line])

    def _settles(self, hello: eras.Hello, line: bytes) -> bool:
        """Take line if it answers the initialize or the probe; nothing else of it is passed on."""
        answer = _answer_in(line)
        if answer is None:
            return False
        if self._probing and answer.id == _PROBE_ID:
            self._probed(hello, answer)
            return True
        if b"%d" % answer.id != hello.id:
            return False
        if answer.is_result:
            self._watching, self._hello = False, None
            self._feed([line])
        else:
            self._refusal = line
            self._probe(hello)
        return True

    def _probe(self, hello: eras.Hello) -> None:
        self._probing = True
        if self._refusal and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PROBE_SECONDS, self._give_up)
        self._upstream.send(eras.discover(_PROBE_ID, eras.envelope(hello)))

    def _probed(self, hello: eras.Hello, answer: wire.Answer) -> None:
        greeting = None
        if answer.is_result:
            greeting = eras.as_initialized(hello, self.name, answer.line)
        if greeting is None:
            self._refused(answer)
            return
        self._stop_timer()
        logger.info("upstream %r knows no handshake, only %s", self.name, eras.MODERN)
        send, feed = self._upstream.send, self._feed
        self._modern = Modern(self.name, hello, answer.line, self._wishes, send, feed)
        self._is_modern, self._hello = True, None
        feed([wire.result(hello.id, greeting)[:-1]])
        self._send_waiting()

    def _refused(self, answer: wire.Answer) -> None:
        """Start the upstream again where initialize may have spoilt the probe, else give up.

        There are servers to which the first request says once and for all what the client is.
        """
        locked = self._refusal and eras.error_code(answer.line) != eras.METHOD_NOT_FOUND
        if locked and not self._tried_again and eras.error_code(self._refusal) in _NO_HANDSHAKE:
            self._tried_again = True
            self._again = self._tasks.create_task(self._start_again())
            return
        self._refusal = self._refusal or answer.line
        self._give_up()

    def _give_up(self) -> None:
        """Let the agent have the refusal."""
        self._stop_timer()
        hello, self._hello = self._hello, None
        refusal, self._refusal = self._refusal, b""
        self._probing = self._is_modern = False
        if hello is not None:
            span = wire.members(refusal)[b"id"]
            self._feed([wire.splice(refusal, (span, hello.id))[:-1]])
        self._send_waiting()

    async def _start_again(self) -> None:
        try:
            await self._upstream.start(self._from_upstream, self._upstream_ended, self._full)
        except UpstreamError as error:
            self._again = None
            self._upstream_ended(str(error))
            return
        self._again = None
        if not self._upstream.running:
            self._upstream_ended(f"upstream {self.name!r} ended when it was started again")
        elif self._hello is not None:
            self._probe(self._hello)

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.send(data)

    def _upstream_ended(self, reason: str) -> None:
        if self._again is None:
            self._forget()
            self._ended(reason)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        """Be as before the first message, but for what the upstream was found to be."""
        self._stop_timer()
        if self._modern is not None:
            self._modern.end()
        self._modern, self._hello = None, None
        self._watching, self._probing = True, False
        self._refusal, self._waiting = b"", []


def _hello_in(line: bytes) -> eras.Hello | None:
    try:
        message = wire.read(line)
        is_hello = message.method == "initialize" and message.id is not None
        return eras.hello_of(message) if is_hello else None
    except wire.Malformed:
        return None


def _answer_in(line: bytes) -> wire.Answer | None:
    try:
        return wire.read_answer(line) or wire.answer_of(wire.read(line))
    except wire.Malformed:
        return None
