"""Join our own stdio, the relay and one upstream command."""

import asyncio
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from coatcheck.cli.stderr import to_stderr
from coatcheck.front import CALL_TIMEOUT_SECONDS, Relay
from coatcheck.pipes import Sink, Source, open_sink, open_source
from coatcheck_adapters.upstreams.command import Command
from coatcheck_adapters.upstreams.stdio import StdioUpstream

if TYPE_CHECKING:
    from coatcheck.types import Desk

# At the end: for results that are being looked at, for what the agent has not read yet.
WORK_SECONDS = 5.0
FLUSH_SECONDS = 2.0


def run(
    command: Command,
    process: "subprocess.Popen[bytes]",
    desk: "Desk | None",
    *,
    call_timeout_seconds: float = CALL_TIMEOUT_SECONDS,
) -> None:
    """Relay between our own stdio and process until the agent is gone; then end the process.

    command starts it again when it dies; without a desk every message passes as received.
    """

    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            await Wrapped(command, process, desk, tasks, call_timeout_seconds).serve()

    to_stderr()
    asyncio.run(serve())


class Wrapped:
    """The agent on our stdio, an upstream command, and the relay between them."""

    def __init__(
        self,
        command: Command,
        process: "subprocess.Popen[bytes]",
        desk: "Desk | None",
        tasks: asyncio.TaskGroup,
        call_timeout_seconds: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._source: Source | None = None
        self._sink: Sink | None = None
        self._upstream = StdioUpstream(command, lambda on: self._relay.upstream_full(on), process)
        self._relay = Relay(
            self, self._upstream, desk, tasks, call_timeout_seconds=call_timeout_seconds
        )

    async def serve(self) -> None:
        """Relay until the agent is gone or we are told to stop."""
        self._stop_on_signals()
        try:
            self._sink = await open_sink(
                sys.stdout.buffer, self._relay.agent_full, self._over.set, self._loop
            )
            await self._relay.link.start()
            self._source = await open_source(
                sys.stdin.buffer, self._relay.from_agent, self._agent_done, self._loop
            )
            await self._over.wait()
        finally:
            self._relay.link.close()
            await self._upstream.stop()
        await self._relay.finish(WORK_SECONDS)
        if self._sink is not None:
            await self._sink.finish(FLUSH_SECONDS)

    def _stop_on_signals(self) -> None:
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            with suppress(NotImplementedError, AttributeError):  # Windows
                number = getattr(signal, name)
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                    self._loop.add_signal_handler(number, self._over.set)

    def _agent_done(self, unfinished: bytes) -> None:
        if unfinished:
            self._relay.from_agent([unfinished])
        self._over.set()

    # What the relay sees of the agent

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
