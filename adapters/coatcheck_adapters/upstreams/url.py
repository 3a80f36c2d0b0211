"""Reach an upstream that is a URL, over Streamable HTTP or the older HTTP+SSE."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from coatcheck.types import Transport
from coatcheck_adapters.upstreams.channel import Channel, Endpoint, Feed
from coatcheck_adapters.upstreams.routing import Routing
from coatcheck_adapters.upstreams.sse import LegacySse
from coatcheck_adapters.upstreams.streamable_http import StreamableHttp

# At the end: for answers that are on their way.
CLOSE_SECONDS = 2.0
FIRST_BACKOFF_SECONDS = 0.1
MOST_BACKOFF_SECONDS = 5.0
# A session that lasted this long was well; its end starts the backoff anew.
WELL_SECONDS = 10.0


class Session(Protocol):
    """What speaks one of the transports."""

    def send(self, line: bytes) -> None:
        """Post one message."""
        ...

    async def close(self, seconds: float) -> None:
        """Let what was asked be answered, at most so long, and end the session."""
        ...


class UrlUpstream:
    """An endpoint with which a session is begun, and begun again on demand.

    Nothing is sent before the first message. transport auto means Streamable HTTP, and HTTP+SSE
    for an endpoint that does not take an initialize so.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tasks: asyncio.TaskGroup,
        *,
        transport: Transport = "auto",
        agent: str = "coatcheck",
    ) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._tasks = tasks
        self._transport = transport
        self._agent = agent
        self._routing = Routing()
        self._channel: Channel | None = None
        self._session: Session | None = None
        self._report: Callable[[str], None] | None = None
        self._failures = 0
        self._began_at = self._ended_at = 0.0
        self._held = False

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._report is not None

    async def start(
        self, feed: Feed, ended: Callable[[str], None], full: Callable[[bool], None]
    ) -> None:
        """Be ready for a session; after the end of one wait out the backoff first."""
        if self._channel is not None:
            await self._settle(self._channel)
        self._channel = Channel(self._endpoint, self._tasks, feed, full, self._agent)
        self._channel.hold(self._held)
        self._began_at = asyncio.get_running_loop().time()
        self._report = ended
        if self._transport == "sse":
            self._session = LegacySse(self._channel, self._lost)
        else:
            self._session = StreamableHttp(
                self._channel, self._routing, self._lost, self._begin_legacy
            )

    async def _settle(self, channel: Channel) -> None:
        await channel.close()
        well = self._ended_at - self._began_at > WELL_SECONDS
        self._failures = 1 if well else self._failures + 1
        doubled = FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures - 1, 10)
        backoff = min(MOST_BACKOFF_SECONDS, doubled)
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._ended_at + backoff - now))

    def _begin_legacy(self, initialize: bytes) -> bool:
        """Go on over HTTP+SSE, if the settings let us."""
        if self._transport != "auto" or self._channel is None:
            return False
        self._session = LegacySse(self._channel, self._lost)
        self._session.send(initialize)
        return True

    def _lost(self, reason: str) -> None:
        """Say once that the session is over."""
        if self._report is not None and self._channel is not None:
            report, self._report = self._report, None
            self._ended_at = asyncio.get_running_loop().time()
            self._channel.abandon()
            report(reason)

    def send(self, data: bytes) -> None:
        """Post whole lines to it."""
        if self._session is not None and self.running:
            for line in data.split(b"\n"):
                if line:
                    self._session.send(line)

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        self._held = on
        if self._channel is not None:
            self._channel.hold(on)

    async def stop(self) -> None:
        """Let answers arrive, end the session, close the connections; within bounds."""
        if self._session is not None and self.running:
            await self._session.close(CLOSE_SECONDS)
        if self._channel is not None:
            await self._channel.close()
        self._report = None
