"""What the parts of coatcheck ask of each other: the Protocols."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from coatcheck.types import (
    Aim,
    Artifact,
    ArtifactInfo,
    Call,
    Entry,
    Reduction,
    Rule,
    Summary,
    Usage,
)

if TYPE_CHECKING:
    from asyncio import TaskGroup


class Reducer(Protocol):
    """Make a body smaller by rule; None when this reducer has nothing to offer for it."""

    def __call__(self, text: str, aim: Aim) -> Reduction | None:
        """Return the best reduction of text within aim, or None."""
        ...


class Adapter(Protocol):
    """Know what the results of certain tools look like."""

    @property
    def name(self) -> str:
        """Name it in lists and logs."""
        ...

    def matches(self, upstream: str, tool: str) -> bool:
        """Tell whether it knows the results of this tool; the user names the upstream."""
        ...

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Return the best reduction of text within aim, None to leave it to the generic path."""
        ...


class Summarizer(Protocol):
    """A model that says what matters in a body; what it says was checked against the body."""

    def __call__(self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction) -> Summary:
        """Return a summary of text to take planned's place, or why there is none.

        Called in a worker thread; returns within its soft deadline and never raises.
        """
        ...

    def close(self) -> None:
        """Give up what is under way, at the end of the session."""
        ...


class Asker(Protocol):
    """A model that answers a question about a text; its values and passages were checked."""

    def __call__(self, call: Call, text: str, question: str) -> Summary:
        """Return the answer as a reduction, or why there is none; never raises (worker)."""
        ...


class Artifacts(Protocol):
    """Keeps artifacts for a time and within a size."""

    def ref_for(self, kind: str, data: bytes) -> str:
        """Return the ref under which data is, or would be, kept. Raises: StoreError."""
        ...

    def put(self, artifact: Artifact) -> None:
        """Keep artifact under its ref; equal bytes again prolong its life. Raises: StoreError."""
        ...

    def get(self, ref: str) -> Artifact:
        """Return the artifact of ref. Raises: UnknownRef, StoreError."""
        ...

    def peek(self, ref: str) -> Artifact:
        """Return the artifact of ref, its life unchanged. Raises: UnknownRef, StoreError."""
        ...

    def list(self, limit: int) -> Sequence[ArtifactInfo]:
        """Return the newest artifacts first, at most limit. Raises: StoreError."""
        ...

    def forget_session(self, session: str) -> None:
        """Erase what was kept for this session only. Raises: StoreError."""
        ...

    def has_view(self, ref: str, text: str) -> bool:
        """Tell whether text is, byte for byte, a view that was sent for ref."""
        ...


class Store(Protocol):
    """Keeps bytes under names, for several threads and processes at once.

    It never forgets by itself and knows nothing of what it keeps. Every method raises StoreError,
    within seconds, when the place is full, damaged, locked, read-only or absent.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Make what is put and deleted inside one step, alone among all writers; may be nested."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep data under key in place of what was there."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return what is under key; None if nothing is, or if its file is gone."""
        ...

    def delete(self, key: str) -> None:
        """Forget key; nothing happens if there is none."""
        ...

    def clear(self, prefix: str) -> None:
        """Forget every key with that prefix."""
        ...

    def scan(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """Return the keys with that prefix and their data, where data is under 64 KiB."""
        ...

    def usage(self) -> Usage:
        """Return how full the store is."""
        ...

    def tidy(self, aside_seconds: float) -> None:
        """Remove what killed processes left, and damaged stores set aside longer than that."""
        ...


class Ledger(Protocol):
    """Append-only record of what every call cost; never raises, never waits."""

    def append(self, entry: Entry) -> None:
        """Hand entry to the writer."""
        ...


class Books(Protocol):
    """What was saved, as every face of coatcheck tells it."""

    def as_json(self, asked: Mapping[str, str]) -> str:
        """Return the report as JSON; asked may hold since and by, as on the command line.

        Raises: ValueError, LedgerError.
        """
        ...

    def as_text(self) -> str:
        """Return the report of all time as plain text. Raises: LedgerError."""
        ...


class Desk(Protocol):
    """What coatcheck does with the messages that a front carries.

    The front forwards everything else as received. Methods named with "worker" are called in a
    worker thread and may take time; the others are called on the event loop and must be quick.
    But for answer none of them raises: on any trouble they answer so that the message passes as
    received.
    """

    def greet(self, params: Mapping[str, object]) -> None:
        """Learn who the agent is, from the params of initialize or server/discover."""
        ...

    def answers(self, method: str, params: Mapping[str, object]) -> bool:
        """Tell whether this request is for us and must not reach the upstream."""
        ...

    def answer(self, method: str, params: Mapping[str, object]) -> bytes:
        """Return the JSON of the `result` member for a request that is for us (worker).

        Raises: RequestError, when the answer is an error.
        """
        ...

    def take(self, params: Mapping[str, object], raw: bytes) -> tuple[Call, bytes | None]:
        """Return the call that these tools/call params make, and new params JSON if they change.

        raw is the params member as received.
        """
        ...

    def fill(self, call: Call, params: Mapping[str, object], raw: bytes) -> tuple[bytes, bool]:
        """Return the params member raw with texts in place of the refs of call, and True (worker).

        When that is refused: the `result` member to answer with instead of asking the upstream,
        and False.
        """
        ...

    def wants(self, method: str, call: Call | None, size_bytes: int, line: bytes = b"") -> bool:
        """Tell whether the result of a request of this method and line size must be looked at.

        line is the answer as received, where the front has it at hand.
        """
        ...

    def revise(
        self, method: str, call: Call | None, result: bytes, upstream_ms: float
    ) -> bytes | None:
        """Return the `result` member to send in place of result, None to pass it (worker).

        call is None for every method but tools/call.
        """
        ...

    def passed(self, call: Call, size_bytes: int, is_error: bool, upstream_ms: float) -> None:
        """Note a tool result, or an error, that passed without being looked at."""
        ...

    def close(self) -> None:
        """Erase what was kept for this session only, and ask no model any more (worker)."""
        ...


class Agent(Protocol):
    """The agent's side as a relay needs it."""

    @property
    def principal(self) -> str:
        """Return whose agent it is, "" for that of the person whose machine this is."""
        ...

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        ...

    def hold(self, on: bool) -> None:
        """Stop taking lines of it, or go on."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """Return how much it has not read yet."""
        ...


class Connection(Protocol):
    """What stands behind one agent for one session of it: one upstream, or many."""

    async def start(self) -> None:
        """Make it ready for lines of the agent. Raises: UpstreamError."""
        ...

    def from_agent(self, lines: list[bytes]) -> None:
        """Carry lines of the agent."""
        ...

    def agent_full(self, on: bool) -> None:
        """Hold back what is sent to the agent as long as it does not read, or go on."""
        ...

    async def close(self, seconds: float) -> None:
        """End the upstreams; what is still worked on may take so long. Also after a failed start.

        What is left to say has been sent to the agent when this returns.
        """
        ...


# What a front makes for each agent that comes.
Connect = Callable[[Agent, "TaskGroup"], Connection]
