"""Speak Streamable HTTP with an endpoint: one POST for each message, in both eras."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from coatcheck import wire
from coatcheck_adapters.upstreams import refusals
from coatcheck_adapters.upstreams.channel import EVENT_STREAM, JSON, Channel, kind_of
from coatcheck_adapters.upstreams.events import Events
from coatcheck_adapters.upstreams.refusals import Broken, Refused
from coatcheck_adapters.upstreams.requests import Request, code_of, error_for, is_answer
from coatcheck_adapters.upstreams.routing import VERSION_HEADER, Routing, version_of

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

SESSION_HEADER = "Mcp-Session-Id"
MOST_REQUESTS = 128
# A broken stream is taken up again so often in a row, after 1, 2, 4 ... s.
RESUMES = 5
MOST_BACKOFF_SECONDS = 30.0
# In the handshake era a cancelled request may still be answered; longer its stream is not read.
CANCELLED_SECONDS = 5.0
NOTICE_SECONDS = 30.0
# The stream of what a server says of itself is opened anew after such a silence: the connection
# may be gone without a word.
IDLE_SECONDS = 300.0
DELETE_SECONDS = 2.0
METHOD_NOT_FOUND = -32601
# What only a server of the era without handshake says.
MODERN_CODES = frozenset({-32020, -32021, -32022})


class StreamableHttp:
    """One session with an endpoint.

    lost is told that the session is over; legacy gets an initialize that the endpoint does not
    take, and tells whether it goes on from there.
    """

    def __init__(
        self,
        channel: Channel,
        routing: Routing,
        lost: Callable[[str], None],
        legacy: Callable[[bytes], bool],
    ) -> None:
        self._channel = channel
        self._url = channel.endpoint.url
        self._routing = routing
        self._lost = lost
        self._legacy = legacy
        self._requests: dict[bytes, Request] = {}
        self._slots = asyncio.Semaphore(MOST_REQUESTS)
        self._handshake: asyncio.Task[None] | None = None  # what came later waits for it
        self._listener: asyncio.Task[None] | None = None
        self._session = ""
        self._version = ""  # of the handshake
        self._modern = ""  # of the last request without one

    def send(self, line: bytes) -> None:
        """Post one message."""
        message = wire.read(line)
        if message.method is None:
            self._channel.spawn(self._notify, message, None)
        elif message.id is None:
            self._notice(message)
        else:
            self._ask(message, message.method, message.id)

    async def close(self, seconds: float) -> None:
        """Let what was asked be answered, at most so long, and end the session."""
        for request in list(self._requests.values()):
            if request.open_ended:
                request.end()
        if self._listener is not None:
            self._listener.cancel()
        await self._channel.drained(seconds)
        self._channel.abandon()
        if self._session:
            task = self._channel.spawn(self._delete)
            await asyncio.wait([task], timeout=DELETE_SECONDS)

    async def _delete(self) -> None:
        try:
            async with self._channel.exchange("DELETE", self._url, self._headers()):
                self._session = ""
        except Refused as error:
            logger.debug("%s: the session was not ended: %s", self._channel.endpoint.name, error)

    def _headers(self, accept: str = f"{JSON}, {EVENT_STREAM}") -> dict[str, str]:
        headers = {"Accept": accept}
        if self._session:
            headers[SESSION_HEADER] = self._session
        if self._version:
            headers[VERSION_HEADER] = self._version
        return headers

    # Requests

    def _ask(self, message: wire.Message, method: str, raw_id: bytes) -> None:
        version = version_of(message)
        request = Request(message, method, raw_id, version, self._channel.body(message.line))
        self._requests[raw_id] = request
        if version:
            self._modern = version
        request.task = self._channel.spawn(self._request, request, self._handshake)
        request.task.add_done_callback(lambda _task: self._forget(request))  # also if not begun
        if method == "initialize":
            self._session = self._version = self._modern = ""
            self._handshake = request.task

    async def _request(self, request: Request, before: "asyncio.Task[None] | None") -> None:
        try:
            await _ended(before)
            if request.open_ended:
                await self._post(request)
            else:
                async with self._slots:
                    await self._post(request)
        except Refused as refusal:
            self._channel.fail(request.id, str(refusal))
        except Exception:  # law 3: it must be answered, whatever went wrong
            logger.exception("%s: %s failed", self._channel.endpoint.place, request.method)
            self._channel.fail(request.id, "could not be asked; the log of coatcheck says why")

    def _forget(self, request: Request) -> None:
        request.body.done()
        self._requests.pop(request.id, None)

    async def _post(self, request: Request) -> None:
        headers = {**self._headers(), "Content-Type": JSON}
        if request.version:
            headers = {"Accept": headers["Accept"], "Content-Type": JSON}
            headers |= self._routing.headers(request.message, request.version)
        has_session = SESSION_HEADER in headers
        async with self._channel.exchange("POST", self._url, headers, request.body) as response:
            if not response.is_success:
                await self._refused(request, response, has_session=has_session)
                return
            if request.method == "initialize":
                self._session = str(response.headers.get(SESSION_HEADER, ""))
            kind = kind_of(response)
            if kind == JSON:
                self._whole(request, await self._channel.whole(response))
                return
            if kind != EVENT_STREAM:
                raise Refused(_without(response.status_code, kind))
            events = Events()
            if await self._read(request, response, events):
                return
        await self._resume(request, events)

    def _whole(self, request: Request, body: bytes) -> None:
        try:
            lines = list(wire.elements(body)) if wire.is_batch(body) else [body]
            if not any(is_answer(line, request.id) for line in lines):
                lines = [error_for(body, request.id)]
        except wire.Malformed:
            text = "sent an answer that is not JSON; call again or ask for less"
            self._channel.fail(request.id, text, wire.INTERNAL_ERROR)
            return
        for line in lines:
            self._take(request, line)

    def _take(self, request: Request | None, line: bytes) -> bool:
        """Hand on a line; tell whether it answers the request."""
        answered = request is not None and is_answer(line, request.id)
        if answered and request is not None:
            if request.method == "initialize":
                self._version = _negotiated(line)
            elif request.method == "tools/list":
                self._routing.learn(line)
        self._channel.feed([line])
        return answered

    async def _refused(
        self, request: Request, response: "httpx2.Response", *, has_session: bool
    ) -> None:
        """Make an answer of a response that reports a failure."""
        status = response.status_code
        if status == 401:
            raise self._channel.unauthorized()
        body = await self._channel.whole(response) if kind_of(response) == JSON else b""
        error = body if is_answer(body, request.id) else None
        if error is None and has_session and _is_lost(status, body):
            self._lost(f"{self._channel.endpoint.place} does not know the session (HTTP {status})")
            return
        if error is None and status not in (403, 429):
            with suppress(wire.Malformed):
                error = error_for(body, request.id)
        if self._is_other_era(request, status, error):
            return
        if error is None:
            raise Refused(refusals.of_status(status, response.headers))
        self._take(request, error)

    def _is_other_era(self, request: Request, status: int, error: bytes | None) -> bool:
        """Tell whether a greeting was refused as one of another era, which was seen to."""
        if request.method == "initialize" and _is_legacy(status, error):
            return self._legacy(request.message.line)
        if request.method != "server/discover" or status not in (400, 404, 405, 406):
            return False
        if code_of(error) in MODERN_CODES:
            return False
        # The code that makes every client try the handshake.
        self._channel.fail(request.id, "does not know server/discover", METHOD_NOT_FOUND)
        return True

    # Streams

    async def _read(
        self, request: Request | None, response: "httpx2.Response", events: Events
    ) -> bool:
        """Hand on the messages of a stream; tell whether the answer was among them."""
        try:
            async for event in self._channel.events(response, events):
                if event.kind == "message" and self._take(request, event.data):
                    return True
        except Broken:
            pass
        return False

    async def _resume(self, request: Request, events: Events) -> None:
        """Take up the stream of a request where it broke off. Raises: Refused."""
        failures = 0
        while events.id and not request.version and failures < RESUMES:
            await asyncio.sleep(_pause(events, failures))
            failures += 1
            headers = {**self._headers(EVENT_STREAM), "Last-Event-ID": events.id}
            try:
                async with self._channel.exchange("GET", self._url, headers) as response:
                    if response.is_success and kind_of(response) == EVENT_STREAM:
                        failures = 0
                        if await self._read(request, response, events):
                            return
                    elif response.status_code < 500:
                        break
            except Broken:
                continue
        raise Refused(
            f"ended its answer to {request.method} before it was complete; the request was not"
            " repeated: call again if that is safe"
        )

    async def _listen(self) -> None:
        """Read what the server says of itself, as long as the session lasts."""
        events, opened, failures = Events(), False, 0
        while opened or failures < RESUMES:
            headers = self._headers(EVENT_STREAM)
            if events.id:
                headers["Last-Event-ID"] = events.id
            try:
                async with self._channel.exchange(
                    "GET", self._url, headers, idle_seconds=IDLE_SECONDS
                ) as response:
                    status = response.status_code
                    if response.is_success and kind_of(response) == EVENT_STREAM:
                        opened, began = True, asyncio.get_running_loop().time()
                        await self._read(None, response, events)
                        lasted = asyncio.get_running_loop().time() - began
                        failures = 0 if lasted > 1.0 else failures
                    elif status == 404 and opened and self._session:
                        place = self._channel.endpoint.place
                        self._lost(f"{place} does not know the session (HTTP 404)")
                        return
                    elif status < 500:
                        return  # it offers none
            except Refused as error:
                logger.debug("%s: %s", self._channel.endpoint.name, error)
            await asyncio.sleep(_pause(events, failures))
            failures += 1

    # Notifications and answers

    def _notice(self, message: wire.Message) -> None:
        if message.method == "notifications/cancelled":
            self._cancel(message)
            return
        task = self._channel.spawn(self._notify, message, self._handshake)
        if message.method == "notifications/initialized":
            self._handshake = task

    def _cancel(self, message: wire.Message) -> None:
        found = wire.request_id(message)
        request = None if found is None else self._requests.get(found[1])
        if request is None:
            return  # answered by now
        if request.version or not request.body.sent.is_set():
            request.end()  # the end of the stream says it; or it was never said
        else:
            self._channel.spawn(self._withdraw, request, message)

    async def _withdraw(self, request: Request, message: wire.Message) -> None:
        await self._notify(message, None)
        if request.task is not None:
            await asyncio.wait([request.task], timeout=CANCELLED_SECONDS)
        request.end()

    async def _notify(self, message: wire.Message, before: "asyncio.Task[None] | None") -> None:
        """Post what has no answer."""
        body = self._channel.body(message.line)
        try:
            await _ended(before)
            headers = {**self._headers(), "Content-Type": JSON}
            if version := version_of(message) or self._modern:
                headers |= self._routing.headers(message, version)
            has_session = SESSION_HEADER in headers
            async with (
                asyncio.timeout(NOTICE_SECONDS),
                self._channel.exchange("POST", self._url, headers, body) as response,
            ):
                await self._noticed(message, response, has_session=has_session)
        except (Refused, TimeoutError) as error:
            place = self._channel.endpoint.place
            logger.warning("%s did not take %s: %s", place, message.method or "an answer", error)
        finally:
            body.done()

    async def _noticed(
        self, message: wire.Message, response: "httpx2.Response", *, has_session: bool
    ) -> None:
        status = response.status_code
        if has_session and status == 404:
            self._lost(f"{self._channel.endpoint.place} does not know the session (HTTP {status})")
        elif not response.is_success:
            raise Refused(refusals.of_status(status, response.headers))
        elif message.method == "notifications/initialized":
            if self._listener is not None:
                self._listener.cancel()
            self._listener = self._channel.spawn(self._listen)


async def _ended(task: "asyncio.Task[None] | None") -> None:
    if task is not None and not task.done():
        await asyncio.wait([task])


def _pause(events: Events, failures: int) -> float:
    backoff = min(MOST_BACKOFF_SECONDS, 2.0**failures)
    return backoff if events.retry_seconds is None else max(events.retry_seconds, backoff - 1.0)


def _without(status: int, kind: str) -> str:
    if status in (202, 204):
        return f"took the request without an answer (HTTP {status}); see its log"
    return refusals.of_kind(kind)


def _negotiated(answer: bytes) -> str:
    body = wire.load(answer)
    outcome = body.get("result") if isinstance(body, dict) else None
    version = outcome.get("protocolVersion") if isinstance(outcome, dict) else None
    if isinstance(version, str) and version.isascii() and version.isprintable():
        return version
    return ""


def _is_lost(status: int, body: bytes) -> bool:
    """Tell whether a refusal means the session; many servers say so with a 400."""
    return status == 404 or (status == 400 and b"session" in body.lower())


def _is_legacy(status: int, error: bytes | None) -> bool:
    """Tell whether a refused initialize may mean the older transport.

    Source: MCP 2025-11-25, transports, backwards compatibility (2026-11-22).
    """
    return error is None and status in (400, 404, 405)
