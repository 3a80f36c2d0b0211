"""Ask the desk, in worker threads where it may take time; its failures never reach a message."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from coatcheck import wire
from coatcheck.types import RequestError

if TYPE_CHECKING:
    from coatcheck.inflight import Pending
    from coatcheck.protocols import Desk
    from coatcheck.types import Call

logger = logging.getLogger(__name__)

# Most of a worker's time is waiting for a model or a disk; the results share these.
WORKERS = 4

Done = Callable[[bytes | None], None]
# Of a call that was filled: its params and True, or the result to answer with and False.
Filled = tuple[bytes, bool]
T = TypeVar("T")


class Clerk:
    """Stands between the messages and the desk.

    Every method that asks the desk catches whatever it raises (law 3: fail open), so that the
    message passes as received.
    """

    def __init__(self, desk: "Desk", workers: ThreadPoolExecutor | None = None) -> None:
        """Make a clerk; workers are shared with other clerks, its own are made when needed."""
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._workers = workers
        self._are_shared = workers is not None
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def greet(self, message: wire.Message) -> None:
        """Tell the desk who the agent is."""
        try:
            self._desk.greet(message.params())
        except Exception:
            logger.exception("the desk failed to greet")

    def answers(self, message: wire.Message, method: str) -> bool:
        """Tell whether the desk answers this request itself."""
        try:
            return self._desk.answers(method, message.params())
        except Exception:
            logger.exception("the desk failed on %s; it is passed on", method)
            return False

    def take(self, message: wire.Message) -> tuple["Call | None", bytes | None]:
        """Return the call of a tools/call and new params for it, if any."""
        try:
            start, end = message.spans.get(b"params", (0, 0))
            return self._desk.take(message.params(), message.line[start:end])
        except Exception:
            logger.exception("the desk failed to take a call; it is passed on")
            return None, None

    def fill(
        self, call: "Call", message: wire.Message, raw: bytes, done: Callable[[Filled | None], None]
    ) -> None:
        """Let the desk put texts for refs into raw, the params, in a worker."""
        self._run(lambda: self._desk.fill(call, message.params(), raw), done)

    def wants(self, pending: "Pending", line: bytes) -> bool:
        """Tell whether the desk looks at the result of this request."""
        try:
            return self._desk.wants(pending.method, pending.call, len(line), line)
        except Exception:
            logger.exception("the desk failed on a result of %s", pending.method)
            return False

    def note(self, call: "Call", line: bytes, *, is_result: bool, sent_at: float) -> None:
        """Tell the desk of an answer that passed; line is empty when none came."""
        try:
            is_error = not is_result or wire.is_error(line)
            self._desk.passed(call, len(line), is_error, self._milliseconds(sent_at))
        except Exception:
            logger.exception("the desk failed to note a call")

    def answer(
        self,
        message: wire.Message,
        method: str,
        done: Callable[[bytes | RequestError | None], None],
    ) -> None:
        """Let the desk answer in a worker; done gets the result or error, None when it failed."""

        def work() -> bytes | RequestError:
            try:
                return self._desk.answer(method, message.params())
            except RequestError as error:
                return error

        self._run(work, done)

    def revise(self, pending: "Pending", answer: wire.Answer, done: Done) -> None:
        """Let the desk revise a result in a worker; done gets the new one, None to pass it."""
        took_ms = self._milliseconds(pending.sent_at)

        def work() -> bytes | None:
            start, end = wire.members(answer.line)[b"result"]
            body = answer.line[start:end]
            return self._desk.revise(pending.method, pending.call, body, took_ms)

        self._run(work, done)

    async def finish(self, seconds: float) -> None:
        """Wait for the workers, at most so long; then close the desk."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("%d results were still being looked at", self._working)
        if self._workers is not None and not self._are_shared:
            self._workers.shutdown(wait=False, cancel_futures=True)
        try:
            await self._loop.run_in_executor(None, self._desk.close)
        except Exception:
            logger.exception("the desk failed to close")

    def _milliseconds(self, since: float) -> float:
        return (self._loop.time() - since) * 1000

    def _run(self, work: Callable[[], T], done: Callable[[T | None], None]) -> None:
        if self._workers is None:
            self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="coatcheck")
        self._working += 1
        self._idle.clear()
        future = self._loop.run_in_executor(self._workers, partial(_guarded, work))
        future.add_done_callback(lambda ready: self._done(ready, done))

    def _done(self, ready: "asyncio.Future[T | None]", done: Callable[[T | None], None]) -> None:
        self._working -= 1
        if not self._working:
            self._idle.set()
        if not ready.cancelled():
            done(ready.result())


def _guarded(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except Exception:  # law 3: the message passes as received
        logger.exception("the desk failed; the message is passed on")
        return None
