"""Join our own stdio and what stands behind it."""

import asyncio
import signal
import sys
from contextlib import suppress

from coatcheck.cli.stderr import to_stderr
from coatcheck.pipes import Sink, Source, open_sink, open_source
from coatcheck.protocols import Connect

# At the end: for results that are being looked at, for what the agent has not read yet.
WORK_SECONDS = 5.0
FLUSH_SECONDS = 2.0


def run(connect: Connect) -> None:
    """Be a server on our own stdio until the agent is gone. Raises: UpstreamError."""

    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            await Wrapped(connect, tasks).serve()

    to_stderr()
    asyncio.run(serve())


class Wrapped:
    """The agent on our stdio, and the connection it has to its upstreams."""

    principal = ""

    def __init__(self, connect: Connect, tasks: asyncio.TaskGroup) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._source: Source | None = None
        self._sink: Sink | None = None
        self._connection = connect(self, tasks)

    async def serve(self) -> None:
        """Carry messages until the agent is gone or we are told to stop."""
        stop_on_signals(self._loop, self._over)
        connection = self._connection
        try:
            self._sink = await open_sink(
                sys.stdout.buffer, connection.agent_full, self._over.set, self._loop
            )
            await connection.start()
            self._source = await open_source(
                sys.stdin.buffer, connection.from_agent, self._agent_done, self._loop
            )
            await self._over.wait()
        finally:
            await connection.close(WORK_SECONDS)
        await self._sink.finish(FLUSH_SECONDS)

    def _agent_done(self, unfinished: bytes) -> None:
        if unfinished:
            self._connection.from_agent([unfinished])
        self._over.set()

    # What the connection sees of the agent

    def send(self, data: bytes) -> None:
        """Write whole lines to the agent."""
        if self._sink is not None:
            self._sink.send(data)

    def hold(self, on: bool) -> None:
        """Stop taking lines of the agent, or go on."""
        if self._source is not None:
            self._source.hold(on)

    @property
    def unsent_bytes(self) -> int:
        """Return how much the agent has not read yet."""
        return 0 if self._sink is None else self._sink.unsent_bytes


def stop_on_signals(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    """Set over when we are told to stop."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):  # Windows
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, over.set)
