"""Keep one upstream reachable: start it again when it has died, and repeat the handshake."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from coatcheck import wire
from coatcheck.inflight import Ids
from coatcheck.types import UpstreamError

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 30.0


class Upstream(Protocol):
    """An upstream as a link needs it."""

    @property
    def name(self) -> str:
        """Return what the user calls it."""
        ...

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        ...

    async def start(
        self,
        feed: Callable[[list[bytes]], None],
        ended: Callable[[str], None],
        full: Callable[[bool], None],
    ) -> None:
        """Start it, also again.

        feed gets its lines and ended what became of it; full(True) asks to hold back what is sent
        to it, full(False) to go on. Raises: UpstreamError.
        """
        ...

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        ...

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        ...

    async def stop(self) -> None:
        """End it, within bounds; nothing of it is left."""
        ...


class Link:
    """The way to one upstream.

    While it is being started again, lines for it wait. ended gets what became of it, also when
    it cannot be started again, after which the lines that waited are gone.
    """

    def __init__(
        self,
        upstream: Upstream,
        tasks: asyncio.TaskGroup,
        ids: Ids,
        feed: Callable[[list[bytes]], None],
        ended: Callable[[str], None],
        full: Callable[[bool], None],
    ) -> None:
        self.upstream = upstream
        self._tasks = tasks
        self._ids = ids
        self._feed = feed
        self._ended = ended
        self._full = full
        self._out: list[bytes] = []
        self._waiting: list[bytes] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._hello: wire.Message | None = None
        self._hello_answered = False
        self._initialized = b""
        self._replay_id = 0
        self._replayed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Start the upstream, also again. Raises: UpstreamError."""
        await self.upstream.start(self._feed, self._upstream_ended, self._full)

    def greet(self, hello: wire.Message) -> None:
        """Remember the agent's initialize."""
        self._hello, self._hello_answered, self._initialized = hello, False, b""

    def greeted(self, *, is_result: bool) -> None:
        """Note that the upstream has answered initialize."""
        self._hello_answered = is_result

    def initialized(self, line: bytes) -> None:
        """Remember the end of the handshake."""
        self._initialized = line

    def send(self, line: bytes, *, wake: bool) -> None:
        """Send line with the next flush; for a dead upstream wake starts it, else line is gone."""
        if self._waiting is not None:
            self._waiting.append(line)
        elif self.upstream.running:
            self._out.append(line)
        elif wake:
            self._waiting = [line]
            self._restarting = self._tasks.create_task(self._restart())

    def flush(self) -> None:
        """Write what was sent."""
        if out := self._out:
            self._out = []
            self.upstream.send(out[0] if len(out) == 1 else b"".join(out))

    @property
    def waiting_bytes(self) -> int:
        """Return how much waits for an upstream that is being started again."""
        return 0 if self._waiting is None else sum(map(len, self._waiting))

    def is_replay(self, answer: wire.Answer) -> bool:
        """Tell whether answer is to our own repetition of the handshake, and take it."""
        if answer.id != self._replay_id or self._replayed is None:
            return False
        if answer.is_result:
            _settle(self._replayed, None)
        else:
            text = f"upstream {self.upstream.name!r} refused the repeated handshake"
            _settle(self._replayed, UpstreamError(text))
        return True

    async def close(self) -> None:
        """Give up a restart in progress, and end the upstream."""
        if self._restarting is not None:
            self._restarting.cancel()
        await self.upstream.stop()

    async def _restart(self) -> None:
        try:
            await self.start()
            await self._repeat_handshake()
        except UpstreamError as error:
            logger.warning("%s", error)
            self._waiting = None
            self._ended(str(error))
            return
        logger.warning("upstream %r was started again", self.upstream.name)
        self._out, self._waiting = self._waiting or [], None
        self._feed([])  # nothing new, but what waited can go

    async def _repeat_handshake(self) -> None:
        hello = self._hello
        if hello is None or not self._hello_answered:
            return
        self._replay_id = self._ids.next()
        self._replayed = asyncio.get_running_loop().create_future()
        line = wire.splice(hello.line, (hello.spans[b"id"], b"%d" % self._replay_id))
        try:
            self.upstream.send(line)
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._replayed
        except TimeoutError:
            text = f"upstream {self.upstream.name!r} did not answer the repeated handshake"
            raise UpstreamError(f"{text} within {HANDSHAKE_SECONDS:g} s") from None
        finally:
            self._replayed = None
        if self._initialized:
            self.upstream.send(self._initialized)

    def _upstream_ended(self, reason: str) -> None:
        if self._replayed is not None:
            _settle(self._replayed, UpstreamError(reason))
        elif self._waiting is None:
            self._out = []
            self._ended(reason)


def _settle(future: "asyncio.Future[None]", error: UpstreamError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
