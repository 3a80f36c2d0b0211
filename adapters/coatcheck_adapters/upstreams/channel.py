"""Exchange bytes with one HTTP endpoint: within its origin, at the reader's pace, cleaned up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVarTuple

import httpx2

from coatcheck import wire
from coatcheck_adapters.upstreams import refusals
from coatcheck_adapters.upstreams.events import Event, Events
from coatcheck_adapters.upstreams.refusals import Broken, Refused

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 60.0
# Servers on node and uvicorn close a connection after 5 idle seconds; no request must meet that.
IDLE_SECONDS = 4.0
REDIRECTS = 5
# Requests that wait to be sent; more than this and the agent is held, below a quarter not.
HIGH_WATER_BYTES = 1 << 20
EVENT_STREAM = "text/event-stream"
JSON = "application/json"

Arguments = TypeVarTuple("Arguments")
Feed = Callable[[list[bytes]], None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an upstream is and what opens it; login is what to do when that is not enough."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: httpx2.Auth | None = None
    login: str = ""

    @property
    def place(self) -> str:
        """Return how messages call it."""
        return f"upstream {self.name!r} at {refusals.place_of(self.url)}"


class Body(httpx2.AsyncByteStream):
    """The bytes of a request; sent is set when all of them are written.

    done is called then, also when they never will be.
    """

    def __init__(self, data: bytes, done: Callable[[], None]) -> None:
        self._data = data
        self.done = done
        self.length = len(data)
        self.sent = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes, again for a redirect or after an authorization."""
        yield self._data
        self.sent.set()
        self.done()


class Channel:
    """HTTP to one endpoint for one session.

    A task of its own for each exchange; closing it ends them all.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tasks: asyncio.TaskGroup,
        feed: Feed,
        full: Callable[[bool], None],
        agent: str,
    ) -> None:
        self.endpoint = endpoint
        self.feed = feed
        self._full = full
        self._is_full = False
        self._unsent_bytes = 0
        self._group = tasks
        self._tasks: set[asyncio.Task[None]] = set()
        self._told = False
        self._go = asyncio.Event()
        self._go.set()
        self._client = httpx2.AsyncClient(
            headers={"User-Agent": agent, **endpoint.headers},
            auth=endpoint.auth,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=32, keepalive_expiry=IDLE_SECONDS
            ),
        )

    # Tasks

    def spawn(
        self, work: Callable[[*Arguments], Awaitable[None]], *arguments: *Arguments
    ) -> "asyncio.Task[None]":
        """Do work until it ends or the channel is closed."""

        async def guarded() -> None:
            try:
                await work(*arguments)
            except Exception:  # law 3: one exchange that fails must not end the others
                logger.exception("%s: an exchange failed", self.endpoint.place)

        task = self._group.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def abandon(self) -> None:
        """End every exchange, but for one that asks for it itself."""
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    async def drained(self, seconds: float) -> None:
        """Wait until no exchange is left, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self) -> None:
        """End every exchange and close the connections."""
        self.abandon()
        await self.drained(1.0)
        with suppress(httpx2.HTTPError, OSError):
            await self._client.aclose()

    # Who is too fast waits

    def hold(self, on: bool) -> None:
        """Stop reading, or go on."""
        if on:
            self._go.clear()
        else:
            self._go.set()

    def body(self, data: bytes) -> Body:
        """Return data as the body of a request; until it is sent it counts as waiting."""
        counted = len(data)

        def done() -> None:
            nonlocal counted
            self._count(-counted)
            counted = 0

        self._count(counted)
        return Body(data, done)

    def _count(self, size_bytes: int) -> None:
        self._unsent_bytes += size_bytes
        limit = HIGH_WATER_BYTES // 4 if self._is_full else HIGH_WATER_BYTES
        if self._is_full != (self._unsent_bytes > limit):
            self._is_full = not self._is_full
            self._full(self._is_full)

    # Exchanges

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        idle_seconds: float | None = None,
    ) -> AsyncIterator[httpx2.Response]:
        """Send one request and give the response, after redirects within the origin.

        A response may be silent for idle_seconds, None for ever.
        Raises: Broken when the connection fails, also while the response is read.
        """
        try:
            length = {} if body is None else {"Content-Length": str(body.length)}
            timeout = httpx2.Timeout(
                idle_seconds, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=None
            )
            request = self._client.build_request(
                method, url, headers={**headers, **length}, content=body, timeout=timeout
            )
            response = await self._send(request)
            try:
                yield response
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            sent = body is not None and body.sent.is_set()
            raise Broken(refusals.of_break(error, sent=sent)) from None
        finally:
            if body is not None:
                body.done()

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        for _ in range(REDIRECTS):
            response = await self._client.send(request, stream=True, follow_redirects=False)
            following = response.next_request
            if (
                following is None
                or following.method != request.method
                or following.url.origin != request.url.origin
                or following.url.userinfo != request.url.userinfo
            ):
                return response
            await response.aclose()
            request = following
        raise Refused("redirects without end; correct the url")

    async def whole(self, response: httpx2.Response) -> bytes:
        """Return the body of a response as one line."""
        parts, size_bytes = [], 0
        async for chunk in self._chunks(response):
            parts.append(chunk)
            size_bytes += len(chunk)
            if size_bytes > wire.LINE_LIMIT_BYTES:
                raise Refused(f"sent an answer of over {wire.LINE_LIMIT_BYTES >> 20} MiB")
        body = b"".join(parts).removeprefix(b"\xef\xbb\xbf").strip()
        if b"\n" in body or b"\r" in body:  # in JSON only between values
            body = body.replace(b"\r", b" ").replace(b"\n", b" ")
        return body

    async def events(self, response: httpx2.Response, events: Events) -> AsyncIterator[Event]:
        """Yield the events of a response as they come."""
        async for chunk in self._chunks(response):
            for event in events.feed(chunk):
                yield event

    async def _chunks(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        async for chunk in response.aiter_bytes():
            yield chunk
            await self._go.wait()

    # What the upstream did not say itself

    def unauthorized(self) -> Refused:
        """Return what to say about a 401, after telling it to the person, once."""
        if not self._told:
            self._told = True
            logger.error("%s %s", self.endpoint.place, self.endpoint.login)
        return Refused(self.endpoint.login)

    def fail(self, raw_id: bytes, text: str, code: int = wire.UPSTREAM_GONE) -> None:
        """Answer a request of ours with an error."""
        line = wire.error(raw_id, code, f"{self.endpoint.place} {text}")
        self.feed([line.rstrip(b"\n")])


def kind_of(response: httpx2.Response) -> str:
    """Return the content type of a response without its parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
