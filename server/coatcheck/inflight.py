"""The requests in flight: our id of each, whose it is, and until when it may take."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from coatcheck.wire import id_key

if TYPE_CHECKING:
    from coatcheck.types import Call

# These wait for something to happen, for as long as it takes.
OPEN_ENDED = frozenset({"subscriptions/listen", "tasks/result"})
# Ids start anywhere in this range and stay below 2**31 for some 200 million requests: there are
# upstreams that keep an id in 32 bits and answer a longer one under another.
# Source: github.com/BloopAI/vibe-kanban/issues/3232, github.com/obot-platform/nanobot/pull/53
# (2026-11-22)
_LOWEST, _HIGHEST = 1_000_000_000, 1_900_000_000


class Ids:
    """Integers of ten digits from a random start, so that no other number is taken for one."""

    def __init__(self) -> None:
        self._last = _LOWEST + int.from_bytes(os.urandom(8)) % (_HIGHEST - _LOWEST)

    def next(self) -> int:
        """Return an id that was not given before."""
        self._last += 1
        return self._last


class Pending:
    """One request of the agent that the upstream has not answered.

    id is as the agent wrote it; token is its progress token; call is set for a tools/call that
    the desk has taken; it may take timeout_seconds without progress.
    """

    __slots__ = ("call", "cancelled", "id", "method", "sent_at", "timeout_seconds", "token")

    def __init__(self, id: bytes, method: str, sent_at: float, timeout_seconds: float) -> None:
        self.id = id
        self.method = method
        self.sent_at = sent_at
        self.timeout_seconds = timeout_seconds
        self.call: Call | None = None
        self.token: object = None
        self.cancelled = False


class InFlight:
    """Requests of the agent by our id, by the agent's id and by progress token."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}
        self._by_agent_id: dict[bytes, int] = {}
        self._by_token: dict[object, int] = {}
        self._deadlines: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, our_id: int) -> bool:
        return our_id in self._pending

    def add(self, our_id: int, pending: Pending) -> None:
        """Note a request that is on its way."""
        self._pending[our_id] = pending
        self._by_agent_id[id_key(pending.id)] = our_id
        if pending.token is not None:
            self._by_token[pending.token] = our_id
        if pending.method not in OPEN_ENDED:
            self._deadlines[our_id] = pending.sent_at + pending.timeout_seconds

    def take(self, our_id: int) -> Pending | None:
        """Return a request and forget it; None if it is not in flight."""
        pending = self._pending.pop(our_id, None)
        if pending is None:
            return None
        self._deadlines.pop(our_id, None)
        key = id_key(pending.id)
        if self._by_agent_id.get(key) == our_id:  # else a later request has taken the id
            del self._by_agent_id[key]
        if self._by_token.get(pending.token) == our_id:
            del self._by_token[pending.token]
        return pending

    def take_all(self) -> Iterator[Pending]:
        """Return every request and forget it, oldest first."""
        pending = list(self._pending.values())
        for table in (self._pending, self._by_agent_id, self._by_token, self._deadlines):
            table.clear()
        yield from pending

    def cancel(self, agent_id: bytes, now: float) -> int | None:
        """Mark the request that the agent calls so; return our id of it."""
        our_id = self._by_agent_id.get(id_key(agent_id))
        if our_id is not None:
            pending = self._pending[our_id]
            pending.cancelled = True
            self._deadlines.setdefault(our_id, now + pending.timeout_seconds)
        return our_id

    def is_cancelled(self, our_id: int) -> bool:
        """Tell whether the agent no longer waits for a request in flight."""
        return self._pending[our_id].cancelled

    def progress(self, token: object, now: float) -> None:
        """Restart the time of the request with this progress token."""
        our_id = self._by_token.get(token)
        if our_id is not None and our_id in self._deadlines:
            self._deadlines[our_id] = now + self._pending[our_id].timeout_seconds

    def next_deadline(self) -> float | None:
        """Return when the next request runs out of time."""
        return min(self._deadlines.values(), default=None)

    def expired(self, now: float) -> list[int]:
        """Return our ids of the requests that have run out of time."""
        return [our_id for our_id, deadline in self._deadlines.items() if deadline <= now]

    def postpone(self, now: float) -> None:
        """Restart the time of every request."""
        for our_id in self._deadlines:
            self._deadlines[our_id] = now + self._pending[our_id].timeout_seconds
