"""Byte pipes of a process as lines in and writes out, on the event loop or on threads."""

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, Protocol

from coatcheck.wire import Lines

CHUNK_BYTES = 1 << 18
# Above this much unsent data a sink asks its owner to hold back, below a quarter to go on.
HIGH_WATER_BYTES = 1 << 20
# Wider than the usual 64 KiB: fewer turns for a big line (16 MB in half the time). Not wider than
# this, because a user's share of pipe memory is 64 MiB and many upstreams may be wrapped.
PIPE_BYTES = 1 << 18

Feed = Callable[[list[bytes]], None]


class Source(Protocol):
    """A stream of lines that can be held."""

    def hold(self, on: bool) -> None:
        """Stop reading, or go on."""
        ...

    def close(self) -> None:
        """Stop for good; the end is reported if it was not."""
        ...


class Sink(Protocol):
    """A place for bytes that never blocks its caller."""

    def send(self, data: bytes) -> None:
        """Write data after what was sent before; data for a lost sink is dropped."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """Return how much waits to be written."""
        ...

    @property
    def open(self) -> bool:
        """Tell whether the other side still reads."""
        ...

    def close(self) -> None:
        """Close after what was sent; do not wait."""
        ...

    async def finish(self, seconds: float) -> None:
        """Wait until everything is written or the sink is lost, at most so long."""
        ...


async def open_source(
    file: IO[bytes], feed: Feed, ended: Callable[[bytes], None], loop: asyncio.AbstractEventLoop
) -> Source:
    """Read lines from file; ended gets what came after the last newline."""
    if not _is_pipe(file):
        return ThreadSource(file, feed, ended, loop)
    _widen(file)
    _, source = await loop.connect_read_pipe(lambda: PipeSource(feed, ended), file)
    return source


async def open_sink(
    file: IO[bytes],
    full: Callable[[bool], None],
    lost: Callable[[], None],
    loop: asyncio.AbstractEventLoop,
) -> Sink:
    """Write to file; full(True) asks to hold back, full(False) to go on."""
    if not _is_pipe(file):
        return ThreadSink(file, full, lost, loop)
    _widen(file)
    _, sink = await loop.connect_write_pipe(lambda: PipeSink(full, lost), file)
    return sink


def _is_pipe(file: IO[bytes]) -> bool:
    """Tell whether the event loop can wait for file.

    A terminal could be waited for too, but not without making it non-blocking for everybody.
    """
    if sys.platform == "win32":
        return False
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _widen(file: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl  # does not exist on Windows

        with suppress(OSError):  # a socket, or the user's share of pipe memory is used up
            fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


class PipeSource(asyncio.Protocol):
    """Lines from a pipe or socket, read by the event loop."""

    def __init__(self, feed: Feed, ended: Callable[[bytes], None]) -> None:
        self._feed = feed
        self._ended = ended
        self._lines = Lines()
        self._transport: asyncio.ReadTransport | None = None
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.ReadTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand on the lines that data completes."""
        if lines := self._lines.feed(data):
            self._feed(lines)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        self._ended(self._lines.rest())

    def hold(self, on: bool) -> None:
        """Stop reading, or go on."""
        if self._transport is None or on == self._held or self._transport.is_closing():
            return
        self._held = on
        if on:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """Stop for good."""
        if self._transport is not None:
            self._transport.close()


class PipeSink(asyncio.BaseProtocol):
    """Bytes to a pipe or socket, written by the event loop."""

    def __init__(self, full: Callable[[bool], None], lost: Callable[[], None]) -> None:
        self._full = full
        self._lost = lost
        self._transport: asyncio.WriteTransport | None = None
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES, low=HIGH_WATER_BYTES // 4)
        self._transport = transport

    def pause_writing(self) -> None:
        """Ask to hold back."""
        self._full(True)

    def resume_writing(self) -> None:
        """Ask to go on."""
        self._full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report that nobody reads any more."""
        self._closed.set()
        self._full(False)
        self._lost()

    @property
    def open(self) -> bool:
        """Tell whether the other side still reads."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """Return how much waits to be written."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        """Write data, now as far as it goes."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close after what was sent."""
        if self._transport is not None:
            self._transport.close()

    async def finish(self, seconds: float) -> None:
        """Close, and wait for what was sent, at most so long."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            self._transport.abort()


class ThreadSource:
    """Lines from what the event loop cannot wait for: files, terminals, pipes on Windows."""

    def __init__(
        self,
        file: IO[bytes],
        feed: Feed,
        ended: Callable[[bytes], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._file = file
        self._feed = feed
        self._ended = ended
        self._loop = loop
        self._go = threading.Event()
        self._go.set()
        threading.Thread(target=self._read, name="coatcheck-read", daemon=True).start()

    def _read(self) -> None:
        lines = Lines()
        with suppress(OSError, RuntimeError):  # RuntimeError: the loop has closed
            while chunk := os.read(self._file.fileno(), CHUNK_BYTES):
                self._go.wait()
                if done := lines.feed(chunk):
                    self._loop.call_soon_threadsafe(self._feed, done)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended, lines.rest())

    def hold(self, on: bool) -> None:
        """Stop reading after the current chunk, or go on."""
        if on:
            self._go.clear()
        else:
            self._go.set()

    def close(self) -> None:
        """Stop for good; a read in progress ends with the process."""
        self._go.set()


class ThreadSink:
    """Bytes to what the event loop cannot wait for: files, terminals, pipes on Windows."""

    def __init__(
        self,
        file: IO[bytes],
        full: Callable[[bool], None],
        lost: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._file = file
        self._full = full
        self._lost = lost
        self._loop = loop
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._closed = asyncio.Event()
        self._closing = False
        self._held = False
        self._unsent_bytes = 0
        threading.Thread(target=self._write, name="coatcheck-write", daemon=True).start()

    def _write(self) -> None:
        with suppress(OSError, RuntimeError):
            while (data := self._queue.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._file.fileno(), view) :]
                self._loop.call_soon_threadsafe(self._written, len(data))
        with suppress(OSError):
            self._file.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended)

    def _written(self, size: int) -> None:
        self._unsent_bytes -= size
        if self._held and self._unsent_bytes < HIGH_WATER_BYTES // 4:
            self._held = False
            self._full(False)

    def _ended(self) -> None:
        self._closing = True
        self._closed.set()
        self._lost()

    @property
    def open(self) -> bool:
        """Tell whether the other side still reads."""
        return not self._closing

    @property
    def unsent_bytes(self) -> int:
        """Return how much waits to be written."""
        return self._unsent_bytes

    def send(self, data: bytes) -> None:
        """Queue data for the thread."""
        if self._closing:
            return
        self._unsent_bytes += len(data)
        self._queue.put(data)
        if not self._held and self._unsent_bytes > HIGH_WATER_BYTES:
            self._held = True
            self._full(True)

    def close(self) -> None:
        """Close after what was sent."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)

    async def finish(self, seconds: float) -> None:
        """Close, and wait for what was sent, at most so long."""
        self.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()
