"""A connection that lives as long as somebody uses it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from coatcheck.protocols import Agent, Connect, Connection
from coatcheck.types import CoatcheckError, UpstreamError

logger = logging.getLogger(__name__)

# At the end: for results that are being looked at.
WORK_SECONDS = 5.0


class Lease:
    """One connection, from its start to its end, in the task that runs live.

    To the connection it is the agent; agent is whom it stands for, and may become another one of
    the same principal.
    """

    def __init__(self, agent: Agent, principal: str, idle_seconds: float) -> None:
        self.agent = agent
        self.principal = principal
        self._loop = asyncio.get_running_loop()
        self._idle_seconds = idle_seconds
        self._connection: asyncio.Future[Connection] = self._loop.create_future()
        self._wake = asyncio.Event()
        self.is_over = False
        self._users = 0
        self._used_at = self._loop.time()

    async def live(self, connect: Connect) -> None:
        """Start the connection, keep it until it is idle or ended, close it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                connection = connect(self, tasks)
                try:
                    await connection.start()
                    self._settle(connection)
                    await self._until_over()
                finally:
                    self.is_over = True
                    await connection.close(WORK_SECONDS)
        except* CoatcheckError as group:
            self._settle(group.exceptions[0])
        except* Exception as group:  # law 3: one connection must not end the others
            logger.exception("a connection ended")
            self._settle(UpstreamError(f"the connection failed: {type(group).__name__}"))
        finally:
            self.is_over = True
            self._settle(UpstreamError("the connection was closed before it was ready"))

    def _settle(self, outcome: Connection | BaseException) -> None:
        if self._connection.done():
            return
        if isinstance(outcome, BaseException):
            self._connection.set_exception(outcome)
            self._connection.exception()  # seen, also when nobody waits
        else:
            self._connection.set_result(outcome)

    async def _until_over(self) -> None:
        while not self.is_over:
            idle = 0.0 if self._users else self._loop.time() - self._used_at
            if idle >= self._idle_seconds:
                return
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._idle_seconds - idle):
                    await self._wake.wait()

    async def ready(self) -> Connection:
        """Return the connection once it is started. Raises: CoatcheckError."""
        return await asyncio.shield(self._connection)

    @property
    def connection(self) -> Connection | None:
        """Return the connection, None while there is none."""
        ready = self._connection
        return ready.result() if ready.done() and ready.exception() is None else None

    def end(self) -> None:
        """Let the connection close."""
        self.is_over = True
        self._wake.set()

    def keep(self, idle_seconds: float) -> None:
        """Let it be unused for so long from now on."""
        self._idle_seconds = idle_seconds
        self._wake.set()

    # What the connection sees of the agent

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        self.agent.send(data)

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        self.agent.hold(on)

    @property
    def unsent_bytes(self) -> int:
        """Return how much it has not read yet."""
        return self.agent.unsent_bytes

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep it from being idle."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._used_at = self._loop.time()
