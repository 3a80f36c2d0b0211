"""Speak HTTP+SSE, the transport of 2024-11-05: one stream of answers, a POST for each message."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from coatcheck import wire
from coatcheck_adapters.upstreams import refusals
from coatcheck_adapters.upstreams.channel import EVENT_STREAM, JSON, Channel, kind_of
from coatcheck_adapters.upstreams.events import Events
from coatcheck_adapters.upstreams.refusals import Refused
from coatcheck_adapters.upstreams.requests import answered_id

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

ENDPOINT_SECONDS = 30.0
POST_SECONDS = 60.0


class LegacySse:
    """One session with an endpoint; lost is told that it is over."""

    def __init__(self, channel: Channel, lost: Callable[[str], None]) -> None:
        self._channel = channel
        self._lost = lost
        self._target: asyncio.Future[str] | None = None
        self._handshake: asyncio.Task[None] | None = None  # what came later waits for it
        self._waiting: set[int] = set()
        self._idle = asyncio.Event()

    def send(self, line: bytes) -> None:
        """Post one message."""
        message = wire.read(line)
        if message.method == "notifications/cancelled" and (found := wire.request_id(message)):
            self._answered(wire.our_id(found[1]))
        elif message.method is not None and message.id is not None:
            self._waiting.add(wire.our_id(message.id))
        task = self._channel.spawn(self._post, message, self._handshake)
        if message.method in ("initialize", "notifications/initialized"):
            self._handshake = task

    async def close(self, seconds: float) -> None:
        """Let what was asked be answered, at most so long."""
        if self._waiting:
            self._idle.clear()
            await asyncio.wait([self._channel.spawn(self._until_idle)], timeout=seconds)

    async def _until_idle(self) -> None:
        await self._idle.wait()

    def _answered(self, our_id: int) -> None:
        self._waiting.discard(our_id)
        if not self._waiting:
            self._idle.set()

    async def _post(self, message: wire.Message, before: "asyncio.Task[None] | None") -> None:
        body = self._channel.body(message.line)
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])
            target = await self._endpoint()
            async with (
                asyncio.timeout(POST_SECONDS),
                self._channel.exchange(
                    "POST", target, {"Content-Type": JSON, "Accept": JSON}, body
                ) as response,
            ):
                self._check(response)
        except TimeoutError:
            self._fail(message, f"did not take the message within {POST_SECONDS:g} s")
        except Refused as refusal:
            self._fail(message, str(refusal))
        finally:
            body.done()

    def _check(self, response: "httpx2.Response") -> None:
        if response.status_code == 401:
            raise self._channel.unauthorized()
        if not response.is_success:
            raise Refused(refusals.of_status(response.status_code, response.headers))

    def _fail(self, message: wire.Message, text: str) -> None:
        if message.method is None or message.id is None:
            place = self._channel.endpoint.place
            logger.warning("%s did not take %s: %s", place, message.method or "an answer", text)
            return
        self._answered(wire.our_id(message.id))
        self._channel.fail(message.id, text)

    async def _endpoint(self) -> str:
        """Return where messages go; the stream says it. Raises: Refused."""
        if self._target is None:
            self._target = asyncio.get_running_loop().create_future()
            self._channel.spawn(self._listen, self._target)
        try:
            async with asyncio.timeout(ENDPOINT_SECONDS):
                return await asyncio.shield(self._target)
        except TimeoutError:
            text = f"did not say within {ENDPOINT_SECONDS:g} s where messages go; correct the url"
            raise Refused(text) from None

    async def _listen(self, target: "asyncio.Future[str]") -> None:
        refusal = Refused("ended its stream before it said where messages go; correct the url")
        try:
            async with self._channel.exchange(
                "GET", self._channel.endpoint.url, {"Accept": EVENT_STREAM}
            ) as response:
                self._check(response)
                if kind_of(response) != EVENT_STREAM:
                    raise Refused(refusals.of_kind(kind_of(response)))
                await self._read(response, target)
        except Refused as error:
            refusal = error
        if target.done():
            self._lost(f"{self._channel.endpoint.place} ended its stream")
            return
        self._target = None  # the next message tries again
        target.set_exception(refusal)
        target.exception()  # also when nobody waits for it any more

    async def _read(self, response: "httpx2.Response", target: "asyncio.Future[str]") -> None:
        async for event in self._channel.events(response, Events()):
            if event.kind == "endpoint" and not target.done():
                url = urljoin(str(response.url), event.data.decode("utf-8", "replace"))
                if urlsplit(url)[:2] != urlsplit(str(response.url))[:2]:
                    raise Refused("sends messages to another host, which was not followed")
                target.set_result(url)
            elif event.kind == "message":
                self._answered(answered_id(event.data))
                self._channel.feed([event.data])
