"""Speak to the Messages API from one thread of our own: deadlines, retries, a breaker."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from coatcheck.summarize.economics import MILLION, Price, Usage, cost_usd
from coatcheck.types import Summary

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncAnthropic

logger = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 2
PAUSE_SECONDS = 0.5
# After so many failures in a row nothing is asked for a while.
MOST_FAILURES = 3
REST_SECONDS = 60.0
LONGEST_REST_SECONDS = 3_600.0
# A wrong key or an unknown model does not mend itself.
WRONG_REST_SECONDS = 600.0
AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
CLOSE_SECONDS = 2.0


class Unanswered(Exception):
    """No usable answer; the message completes "summarizer", and ends at the first colon."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its text, what it is billed, how long it took.

    stopped is why it ended, room how many tokens of passages were read for it (0: not known).
    """

    text: str
    model: str
    usage: Usage
    seconds: float
    stopped: str = "end_turn"
    room: int = 0


class Api:
    """The Messages API; anthropic is imported, and the thread started, at the first request.

    key gives the key, or raises Unanswered. clock counts seconds from any start. Safe in any
    thread; at most `parallel` requests are under way.
    """

    def __init__(
        self,
        key: Callable[[], str],
        *,
        hard_seconds: float = 20.0,
        parallel: int = 3,
        base_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._hard_seconds = hard_seconds
        self._parallel = parallel
        self._base_url = base_url
        self._clock = clock
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._client: AsyncAnthropic | None = None
        self._under_way = 0
        self._failures = 0
        self._resting_until = 0.0
        self._rests_for = ""
        self._no_thinking: set[str] = set()

    def ask(self, body: Mapping[str, Any]) -> "Future[Reply]":
        """Send a message; the future gives its Reply or raises Unanswered, by the hard deadline.

        Raises: Unanswered at once when the breaker is open or too many are under way.
        """
        with self._lock:
            if self._clock() < self._resting_until:
                raise Unanswered(f"rests: after it {self._rests_for}")
            if self._under_way >= self._parallel:
                raise Unanswered(f"is busy: {self._under_way} requests are under way")
            self._under_way += 1
        try:
            future = self.run(self._asked(dict(body)))
        except BaseException:
            self._ended()
            raise
        future.add_done_callback(lambda _: self._ended())
        return future

    def run(self, work: "Coroutine[Any, Any, T]") -> "Future[T]":
        """Run a coroutine in our thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(
                    target=self._loop.run_forever, name="coatcheck-summarizer", daemon=True
                )
                self._thread.start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(work, loop)

    def client(self) -> "AsyncAnthropic":
        """Return the client, made at its first use. Raises: Unanswered without a key."""
        if self._client is None:
            from anthropic import AsyncAnthropic

            self._client = AsyncAnthropic(
                api_key=self._key(),
                base_url=self._base_url,
                max_retries=0,
                timeout=self._hard_seconds,
                open_telemetry=False,
            )
        return self._client

    def close(self) -> None:
        """Cancel what is under way and end the thread, within seconds."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._leave(), loop)
        thread.join(CLOSE_SECONDS)
        if not thread.is_alive():
            loop.close()

    async def _leave(self) -> None:
        loop = asyncio.get_running_loop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=CLOSE_SECONDS / 2) if others else None
        if self._client is not None:
            await self._client.close()
        loop.stop()

    def _ended(self) -> None:
        with self._lock:
            self._under_way -= 1

    async def _asked(self, body: dict[str, Any]) -> Reply:
        began = self._clock()
        try:
            self.client()  # the import takes seconds, and is no fault of the API
            async with asyncio.timeout(self._hard_seconds):
                reply = await self._attempts(body, began + self._hard_seconds, began)
        except TimeoutError:
            self._failed(f"timed out after {self._hard_seconds:g} s", REST_SECONDS)
            raise Unanswered(f"timed out: after {self._hard_seconds:g} s") from None
        with self._lock:
            self._failures = 0
        return reply

    async def _attempts(self, body: dict[str, Any], deadline: float, began: float) -> Reply:
        for last in (*[False] * (ATTEMPTS - 1), True):
            try:
                return await self._once(body, began)
            except _Again as trouble:
                left = deadline - self._clock()
                if last or trouble.seconds >= left:
                    self._failed(trouble.what, max(trouble.seconds, REST_SECONDS))
                    raise Unanswered(trouble.what) from None
                await asyncio.sleep(trouble.seconds)
        raise AssertionError  # the last attempt returns or raises

    async def _once(self, body: dict[str, Any], began: float) -> Reply:
        from anthropic import APIConnectionError, APIStatusError, APITimeoutError
        from anthropic.types import Message

        if body["model"] in self._no_thinking:
            body.pop("thinking", None)
        try:
            message = await self.client().messages.create(**body)
        except APITimeoutError:
            raise TimeoutError from None
        except APIConnectionError:
            raise _Again("cannot be reached", PAUSE_SECONDS) from None
        except APIStatusError as error:
            raise self._trouble(error, body) from None
        except ValueError as error:  # a body that is JSON by its type only
            raise _Again(f"answered nonsense: {type(error).__name__}", PAUSE_SECONDS) from None
        if not isinstance(message, Message):
            raise _Again("answered no message: a page in its place", PAUSE_SECONDS)
        return reply_of(message, self._clock() - began)

    def _trouble(self, error: "APIStatusError", body: dict[str, Any]) -> Exception:
        status = error.status_code
        if status == 400 and "thinking" in body:
            # Not every model takes this switch; without it the model decides by itself.
            self._no_thinking.add(body["model"])
            return _Again(f"refused the request: HTTP {status}", 0.0)
        if status in AGAIN or status >= 500:
            what = {429: "is limited", 529: "is overloaded"}.get(status, "failed")
            return _Again(f"{what}: HTTP {status}", wait_seconds(error.response.headers))
        what = {401: "refused the key", 403: "refused the key"}.get(status, "refused the request")
        self._failed(f"{what}", WRONG_REST_SECONDS, at_once=True)
        logger.error("the summarizer %s (HTTP %d); `coatcheck doctor` says more", what, status)
        return Unanswered(f"{what}: HTTP {status}")

    def _failed(self, what: str, rest_seconds: float, *, at_once: bool = False) -> None:
        """Count a failure; rest after several, at once when waiting alone can help."""
        with self._lock:
            self._failures += 1
            if at_once or rest_seconds > REST_SECONDS or self._failures >= MOST_FAILURES:
                self._failures = 0
                self._rests_for = what.partition(":")[0]
                self._resting_until = self._clock() + min(rest_seconds, LONGEST_REST_SECONDS)


class _Again(Exception):
    """A failure that may pass in so many seconds."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what)
        self.what = what
        self.seconds = seconds


def wait_seconds(headers: Mapping[str, str]) -> float:
    """Return how long the API asks to wait, PAUSE_SECONDS when it does not say."""
    try:
        return max(0.0, float(headers.get("retry-after", PAUSE_SECONDS)))
    except ValueError:
        return PAUSE_SECONDS


def reply_of(message: Any, seconds: float) -> Reply:
    """Return what a message of the API says; blocks of thinking are passed over."""
    text = "".join(block.text for block in message.content if block.type == "text")
    used = message.usage
    usage = Usage(
        used.input_tokens or 0,
        used.output_tokens or 0,
        used.cache_creation_input_tokens or 0,
        used.cache_read_input_tokens or 0,
    )
    return Reply(text, str(message.model), usage, seconds, str(message.stop_reason or "nothing"))


def billed(reply: Reply, price: Price, decision: str, *, batch: bool = False) -> Summary:
    """Return what a reply cost as a summary that holds nothing yet."""
    usage = reply.usage
    return Summary(
        decision=decision,
        milliseconds=reply.seconds * 1e3,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        micro_usd=round(cost_usd(usage, price, batch=batch) * MILLION),
    )
