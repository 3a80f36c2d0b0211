"""Write a stream as the response to one HTTP request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import NamedTuple

from starlette.types import Receive

from coatcheck.web.exchange import EVENTS, Exchange, Headers
from coatcheck.web.streams import Event, Stream

# An answer within this time is one JSON body; then a stream is begun, so that nobody between us
# and the client takes the silence for the end, and so that a client that is cut off can resume.
COMMIT_SECONDS = 1.0
PING_SECONDS = 15.0
# When a client that was cut off is to come back.
RETRY_MS = 1000

_STREAM_HEADERS = ((b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no"))
_PING = b": \n\n"


class Opening(NamedTuple):
    """How a stream of events begins, and after how many seconds we end it.

    A client that can resume comes back for the rest; None: it cannot.
    """

    headers: Headers = ()
    first: bytes = b""
    lasts_seconds: float | None = None


async def respond(
    exchange: Exchange,
    stream: Stream,
    headers: Headers,
    commit: Callable[[Stream], Opening],
    *,
    may_be_plain: bool,
) -> bool:
    """Answer a POST: in plain JSON when it may be and the answer comes soon and first.

    commit is called when events are begun instead. Returns False when the client did not wait
    for the beginning.
    """
    async with _watching(exchange.receive, stream, 0):
        if may_be_plain:
            await _settled(stream)
        if not stream.is_attached:
            return False
        if stream.is_plain and may_be_plain:
            body = b",".join(line for _, line in stream.take())
            body = b"[%b]" % body if stream.is_batch else body
            await exchange.reply(stream.status, body, headers=headers)
            stream.detach()
        else:
            await _write(exchange, stream, 0, commit(stream))
        return True


async def _settled(stream: Stream) -> None:
    """Wait until it is clear how the response begins."""
    loop = asyncio.get_running_loop()
    until = loop.time() + COMMIT_SECONDS
    while stream.is_silent and await stream.news(
        until - loop.time() if stream.takes_events else None
    ):
        pass


async def follow(exchange: Exchange, stream: Stream, after: int | None, opening: Opening) -> None:
    """Answer a GET: what is said on a stream after the event that the client has read last."""
    turn = stream.attach(after)
    async with _watching(exchange.receive, stream, turn):
        await _write(exchange, stream, turn, opening)


async def _write(exchange: Exchange, stream: Stream, turn: int, opening: Opening) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + (opening.lasts_seconds or inf)
    await exchange.start(200, EVENTS, [*_STREAM_HEADERS, *opening.headers])
    await exchange.write(opening.first, more=True)
    while stream.is_read_by(turn):
        left = until - loop.time()
        if events := stream.take():
            await exchange.write(b"".join(_frame(stream, event) for event in events), more=True)
        elif stream.is_over or left <= 0:
            stream.detach()
        elif not await stream.news(min(left, PING_SECONDS)):
            await exchange.write(_PING, more=True)
    await exchange.write(b"", more=False)


def first_event(stream: Stream) -> bytes:
    """Return the event from which a client can resume before anything was said."""
    return b"id: %d-0\nretry: %d\ndata: \n\n" % (stream.number, RETRY_MS)


def _frame(stream: Stream, event: Event) -> bytes:
    number, line = event
    if b"\r" in line:  # ends a line of events; in JSON it is white space
        line = line.replace(b"\r", b" ")
    name = b"id: %d-%d\n" % (stream.number, number) if stream.number else b""
    return b"%bevent: message\ndata: %b\n\n" % (name, line)


@asynccontextmanager
async def _watching(receive: Receive, stream: Stream, turn: int) -> AsyncIterator[None]:
    """Detach the stream when the client hangs up."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if stream.is_read_by(turn):
            stream.detach()

    async with asyncio.TaskGroup() as tasks:
        watcher = tasks.create_task(watch())
        try:
            yield
        finally:
            watcher.cancel()
