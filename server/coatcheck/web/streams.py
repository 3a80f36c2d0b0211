"""The messages of one HTTP response, some kept for a client that lost it and comes back."""

import asyncio
from collections import deque
from collections.abc import Callable

# What a session keeps of the events of its streams; the oldest go first.
KEPT_BYTES = 1 << 24
KEPT_EVENTS = 1000
# Above this much that the client has not read its upstream is held, below a quarter it goes on.
HIGH_WATER_BYTES = 1 << 20

# Its number in the stream, from 1, and the message.
Event = tuple[int, bytes]


class Backlog:
    """How much of one agent's messages waits to be written to it."""

    def __init__(self, full: Callable[[bool], None]) -> None:
        self.size_bytes = 0
        self._full = full
        self._is_full = False

    def add(self, size_bytes: int) -> None:
        """Count bytes that came, or with a minus that went."""
        self.size_bytes += size_bytes
        if not self._is_full and self.size_bytes > HIGH_WATER_BYTES:
            self._is_full = True
            self._full(True)
        elif self._is_full and self.size_bytes < HIGH_WATER_BYTES // 4:
            self._is_full = False
            self._full(False)


class Kept:
    """The events that the streams of one session remember, within bounds."""

    def __init__(self) -> None:
        self._events: deque[tuple[Stream, int]] = deque()
        self._size_bytes = 0

    def add(self, stream: "Stream", size_bytes: int) -> None:
        """Count an event that a stream remembers, and let the oldest of any stream go."""
        self._events.append((stream, size_bytes))
        self._size_bytes += size_bytes
        while self._size_bytes > KEPT_BYTES or len(self._events) > KEPT_EVENTS:
            oldest, oldest_bytes = self._events.popleft()
            oldest.forget()
            self._size_bytes -= oldest_bytes


class Stream:
    """Messages in the order in which they came, for one response at a time.

    The first response is attached from the beginning. open_requests counts the answers still to
    come; with the last the stream is over. status is the one for answers in plain JSON.
    """

    def __init__(self, backlog: Backlog, *, takes_events: bool, is_batch: bool = False) -> None:
        self.takes_events = takes_events
        self.is_batch = is_batch
        self.is_attached = True
        self.is_over = False
        self.open_requests = 0
        self.status = 200
        self.number = 0
        self.waiting_bytes = 0
        self._backlog = backlog
        self._kept: Kept | None = None
        self._history: deque[Event] = deque()
        self._unread: deque[Event] = deque()
        self._last = 0
        self._read = 0
        self._answers_only = True
        self._turn = 0
        self._wake = asyncio.Event()

    # What is said on it

    def put(self, line: bytes) -> None:
        """Add a message."""
        self._answers_only = False
        self._add(line)

    def answer(self, line: bytes) -> None:
        """Add the answer to a request; with the last one the stream is over."""
        self.open_requests -= 1
        self._add(line)
        if self.open_requests <= 0:
            self.end()

    def end(self) -> None:
        """Let the response end after what was said."""
        self.is_over = True
        self._wake.set()

    def keep(self, number: int, kept: Kept) -> None:
        """Remember what is said, under event ids that begin with number."""
        self.number, self._kept = number, kept
        for event in self._unread:
            self._remember(event, kept)

    def forget(self) -> None:
        """Let go of the oldest event that is remembered."""
        self._history.popleft()

    def _remember(self, event: Event, kept: Kept) -> None:
        self._history.append(event)
        kept.add(self, len(event[1]))

    def _add(self, line: bytes) -> None:
        self._last += 1
        event = (self._last, line)
        if self._kept is not None:
            self._remember(event, self._kept)
        if self.is_attached:
            self._unread.append(event)
            self._wait_for(len(line))
        self._wake.set()

    def _wait_for(self, size_bytes: int) -> None:
        self.waiting_bytes += size_bytes
        self._backlog.add(size_bytes)

    # Who reads it

    @property
    def is_plain(self) -> bool:
        """Tell whether all is said, and it is answers only."""
        return self.is_over and self._answers_only

    @property
    def is_silent(self) -> bool:
        """Tell whether there is nothing yet that a response could begin with."""
        return self._answers_only and not self.is_over and self.is_attached

    def attach(self, after: int | None = None) -> int:
        """Begin a response after the event it has read last, in place of an earlier one.

        None: after all that was read. Returns the turn of the response.
        """
        self.detach()
        self._turn += 1
        self.is_attached = True
        after = self._read if after is None else after
        self._unread.extend(event for event in self._history if event[0] > after)
        self._wait_for(sum(len(line) for _, line in self._unread))
        return self._turn

    def detach(self) -> None:
        """Note that nobody reads any more; what is remembered can be read later."""
        self.is_attached = False
        self._wait_for(-self.waiting_bytes)
        self._unread.clear()
        self._wake.set()

    def is_read_by(self, turn: int) -> bool:
        """Tell whether the response of this turn is still the one that reads."""
        return self.is_attached and turn == self._turn

    def take(self) -> list[Event]:
        """Return what the response has not read yet."""
        events = list(self._unread)
        self._unread.clear()
        self._wait_for(-self.waiting_bytes)
        self._read = self._last
        return events

    async def news(self, seconds: float | None) -> bool:
        """Wait until something is said, the stream is over or its reader changed.

        Returns False when that has not happened within the time.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True
