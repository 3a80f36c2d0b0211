"""Carry messages between one agent and one upstream, past the desk where it wants them."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coatcheck import wire
from coatcheck.clerk import Clerk, Filled
from coatcheck.inflight import Ids, InFlight, Pending
from coatcheck.link import Link, Upstream
from coatcheck.types import RequestError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from coatcheck.protocols import Agent, Desk
    from coatcheck.types import Call

logger = logging.getLogger(__name__)

CALL_TIMEOUT_SECONDS = 600.0
# Results that are being looked at; more than this and the upstream is held.
HELD_BYTES = 1 << 26
# Answers an agent leaves unread and requests for an upstream that starts again; more than this
# and the agent is held. Much more than a full pipe, because an agent that is held cannot cancel.
UNREAD_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Common:
    """What the relays of one agent have in common: unique ids, and workers of the desks."""

    ids: Ids
    workers: "ThreadPoolExecutor | None" = None


class Relay:
    """The messages between one agent and one upstream.

    Requests get ids of ours in both directions; what else a message says stays as received.
    """

    def __init__(
        self,
        agent: "Agent",
        upstream: Upstream,
        desk: "Desk | None",
        tasks: asyncio.TaskGroup,
        *,
        call_timeout_seconds: float = CALL_TIMEOUT_SECONDS,
        common: "Common | None" = None,
    ) -> None:
        self._agent = agent
        self._upstream = upstream
        common = common or Common(Ids())
        self._clerk = None if desk is None else Clerk(desk, common.workers)
        self._loop = asyncio.get_running_loop()
        self._ids = common.ids
        self._link = Link(upstream, tasks, self._ids, self._from_upstream, self._ended, self._full)
        self._calls = InFlight()
        self._call_timeout_seconds = call_timeout_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._asks: dict[int, bytes] = {}  # our id of a request to the agent: the upstream's id
        self._listens: dict[bytes, bytes] = {}  # our id of a subscription: the agent's id
        self._to_agent: list[bytes] = []
        self._held_bytes = 0
        self._agent_is_full = False
        self._upstream_is_full = False

    async def start(self) -> None:
        """Start the upstream. Raises: UpstreamError."""
        await self._link.start()

    # From the agent

    def from_agent(self, lines: list[bytes]) -> None:
        """Carry lines of the agent."""
        for line in lines:
            each(line, self._agent_line, self._agent_malformed)
        self._flush()

    def _agent_line(self, line: bytes) -> None:
        message = wire.read(line)
        if message.method is None:
            self._agent_answer(message)
        elif message.id is None:
            self._agent_notice(message, message.method)
        else:
            self._agent_request(message, message.method, message.id)

    def _agent_request(self, message: wire.Message, method: str, agent_id: bytes) -> None:
        pending = Pending(agent_id, method, self._loop.time(), self._call_timeout_seconds)
        our_id = self._ids.next()
        edits = [(message.spans[b"id"], b"%d" % our_id)]
        if self._clerk is not None:
            if self._clerk.answers(message, method):
                self._answer_ourselves(self._clerk, message, pending)
                return
            edits += self._ask_clerk(self._clerk, message, pending)
        if method == "initialize":
            self._link.greet(message)
        elif method == "subscriptions/listen":
            self._listens[b"%d" % our_id] = agent_id
        if b'"progressToken"' in message.line:
            pending.token = wire.progress_token(message)
        self._calls.add(our_id, pending)
        self._set_timer()
        if self._clerk is not None and pending.call is not None and pending.call.refs:
            self._fill(self._clerk, pending.call, message, our_id, edits)
            return
        self._link.send(wire.splice(message.line, *edits), wake=True)

    def _fill(
        self,
        clerk: Clerk,
        call: "Call",
        message: wire.Message,
        our_id: int,
        edits: list[tuple[wire.Span, bytes]],
    ) -> None:
        """Send a call once the refs in its arguments are replaced, or answer why it is not sent."""
        span = message.spans[b"params"]
        raw = dict(edits).get(span, message.line[slice(*span)])

        def done(filled: Filled | None) -> None:
            if our_id not in self._calls:
                return  # its time is over, or the upstream died
            if filled is not None and filled[1] and not self._calls.is_cancelled(our_id):
                edit = (span, filled[0])
                self._link.send(wire.splice(message.line, edits[0], edit), wake=True)
            elif (pending := self._calls.take(our_id)) is not None and not pending.cancelled:
                body = b"" if filled is None else filled[0]
                text = "coatcheck could not fill in the refs; the call was not sent"
                failed = wire.error(pending.id, wire.INTERNAL_ERROR, text)
                self._to_agent.append(wire.result(pending.id, body) if body else failed)
            self._flush()

        clerk.fill(call, message, raw, done)

    def _ask_clerk(
        self, clerk: Clerk, message: wire.Message, pending: Pending
    ) -> list[tuple[wire.Span, bytes]]:
        if pending.method in ("initialize", "server/discover"):
            clerk.greet(message)
        elif pending.method == "tools/call":
            pending.call, params = clerk.take(message)
            if pending.call is not None:
                pending.timeout_seconds = pending.call.timeout_seconds
            if params is not None and b"params" in message.spans:
                return [(message.spans[b"params"], params)]
        return []

    def _answer_ourselves(self, clerk: Clerk, message: wire.Message, pending: Pending) -> None:
        def done(body: bytes | RequestError | None) -> None:
            if isinstance(body, bytes):
                self._to_agent.append(wire.result(pending.id, body))
            else:
                text = f"coatcheck could not answer {pending.method}; its log says why"
                error = body or RequestError(wire.INTERNAL_ERROR, text)
                self._to_agent.append(wire.error(pending.id, error.code, str(error)))
            self._flush()

        clerk.answer(message, pending.method, done)

    def _agent_notice(self, message: wire.Message, method: str) -> None:
        line = message.line + b"\n"
        if method == "notifications/initialized":
            self._link.initialized(line)
        elif method == "notifications/cancelled":
            found = wire.request_id(message)
            our_id = None if found is None else self._calls.cancel(found[1], self._loop.time())
            if found is None or our_id is None:
                return  # answered already, or one of ours
            line = wire.splice(message.line, (found[0], b"%d" % our_id))
        self._link.send(line, wake=False)

    def _agent_answer(self, message: wire.Message) -> None:
        if not message.spans.keys() & {b"result", b"error"}:
            raise wire.Malformed("neither a method nor a result nor an error")
        answer = wire.answer_of(message)
        upstream_id = None if answer is None else self._asks.pop(answer.id, None)
        if answer is None or upstream_id is None:
            logger.debug("an answer of the agent to nothing that was asked is dropped")
            return
        self._link.send(wire.splice(message.line, (answer.span, upstream_id)), wake=False)

    def _agent_malformed(self, line: bytes) -> None:
        ids = wire.salvage_ids(line)
        for raw in ids:
            upstream_id = self._asks.pop(wire.our_id(raw), None)
            if upstream_id is not None:
                text = "the agent's answer is not JSON"
                self._link.send(wire.error(upstream_id, wire.INTERNAL_ERROR, text), wake=False)
                return
        text = "coatcheck: this is not a JSON-RPC message; it was not sent on"
        self._to_agent.append(wire.error(ids[0] if ids else b"null", wire.PARSE_ERROR, text))

    # From the upstream

    def _from_upstream(self, lines: list[bytes]) -> None:
        for line in lines:
            each(line, self._upstream_line, self._upstream_malformed)
        self._flush()

    def _upstream_line(self, line: bytes) -> None:
        answer = wire.read_answer(line)
        if answer is not None:
            self._upstream_answer(answer)
            return
        message = wire.read(line)
        if message.method is None:
            self._upstream_other(message)
        elif message.id is None:
            self._upstream_notice(message, message.method)
        else:
            our_id = self._ids.next()
            self._asks[our_id] = message.id
            self._to_agent.append(wire.splice(line, (message.spans[b"id"], b"%d" % our_id)))

    def _upstream_answer(self, answer: wire.Answer) -> None:
        pending = self._calls.take(answer.id)
        if pending is None:
            if not self._link.is_replay(answer):
                logger.debug("%s: an answer nobody waits for is dropped", self._upstream.name)
            return
        if pending.method == "initialize":
            self._link.greeted(is_result=answer.is_result)
        clerk = self._clerk
        if clerk is not None and answer.is_result and clerk.wants(pending, answer.line):
            self._revise(clerk, pending, answer)
            return
        self._pass(pending, answer)
        if clerk is not None and pending.call is not None:
            clerk.note(
                pending.call, answer.line, is_result=answer.is_result, sent_at=pending.sent_at
            )

    def _revise(self, clerk: Clerk, pending: Pending, answer: wire.Answer) -> None:
        def done(body: bytes | None) -> None:
            self._hold(-len(answer.line))
            if body is None:
                self._pass(pending, answer)
            else:
                self._to_agent.append(wire.result(pending.id, body))
            self._flush()

        self._hold(len(answer.line))
        clerk.revise(pending, answer, done)

    def _hold(self, size_bytes: int) -> None:
        self._held_bytes += size_bytes
        self._upstream.hold(self._agent_is_full or self._held_bytes > HELD_BYTES)

    def _pass(self, pending: Pending, answer: wire.Answer) -> None:
        line = wire.splice(answer.line, (answer.span, pending.id))
        if self._listens and pending.method == "subscriptions/listen":
            line = wire.rename_subscription(line, self._listens)
            del self._listens[b"%d" % answer.id]
        self._to_agent.append(line)

    def _upstream_other(self, message: wire.Message) -> None:
        answer = wire.answer_of(message)
        if answer is not None:
            self._upstream_answer(answer)
        elif b"jsonrpc" in message.spans:
            self._to_agent.append(message.line + b"\n")
        else:
            raise wire.Malformed("not a message")

    def _upstream_notice(self, message: wire.Message, method: str) -> None:
        line = message.line + b"\n"
        if method == "notifications/progress":
            with suppress(TypeError):  # a token that is no string or number
                self._calls.progress(message.params().get("progressToken"), self._loop.time())
        elif method == "notifications/cancelled" and (found := wire.request_id(message)):
            span, raw = found
            for our_id in [ours for ours, theirs in self._asks.items() if theirs == raw]:
                del self._asks[our_id]
                line = wire.splice(message.line, (span, b"%d" % our_id))
        if self._listens:
            line = wire.rename_subscription(line, self._listens)
        self._to_agent.append(line)

    def _upstream_malformed(self, line: bytes) -> None:
        for raw in wire.salvage_ids(line):
            pending = self._calls.take(wire.our_id(raw))
            if pending is not None:
                text = f"upstream {self._upstream.name!r} sent an answer that is not JSON"
                self._fail(pending, wire.INTERNAL_ERROR, f"{text}; call again or ask for less")
                return
        logger.debug("%s: %d bytes on stdout are no message", self._upstream.name, len(line))

    # Who is too fast waits

    def agent_full(self, on: bool) -> None:
        """Hold the upstream while the agent does not read, or go on."""
        self._agent_is_full = on
        self._hold(0)
        self._hold_agent()

    def _full(self, on: bool) -> None:
        """Hold the agent while the upstream does not read, or go on."""
        self._upstream_is_full = on
        self._hold_agent()

    def _hold_agent(self) -> None:
        waiting_bytes = self._agent.unsent_bytes + self._link.waiting_bytes
        self._agent.hold(self._upstream_is_full or waiting_bytes > UNREAD_BYTES)

    # Ends, errors and time

    def _ended(self, reason: str) -> None:
        """Answer what the upstream has left open; nothing is ever sent twice."""
        text = f"{reason}; it is started again with the next request"
        for pending in self._calls.take_all():
            advice = f"{text}. {pending.method} was not repeated: call again if that is safe"
            if pending.method == "initialize":  # it never was well
                advice = f"{reason} before it had answered; run its command by hand to see why"
            self._fail(pending, wire.UPSTREAM_GONE, advice)
        self._to_agent += [wire.cancelled(b"%d" % our_id, reason) for our_id in self._asks]
        self._asks.clear()
        self._listens.clear()
        self._flush()

    async def close(self, seconds: float) -> None:
        """End the upstream, let the desk finish what it works on, at most so long, and close it."""
        if self._timer is not None:
            self._timer.cancel()
        await self._link.close()
        if self._clerk is not None:
            await self._clerk.finish(seconds)

    def _fail(self, pending: Pending, code: int, text: str) -> None:
        if not pending.cancelled:
            self._to_agent.append(wire.error(pending.id, code, f"coatcheck: {text}"))
        if self._clerk is not None and pending.call is not None:
            self._clerk.note(pending.call, b"", is_result=False, sent_at=pending.sent_at)

    def _set_timer(self) -> None:
        if self._timer is None and (deadline := self._calls.next_deadline()) is not None:
            self._timer = self._loop.call_at(deadline, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._asks:  # the upstream may be waiting for the agent, and that for its user
            self._calls.postpone(now)
        for our_id in self._calls.expired(now):
            pending = self._calls.take(our_id)
            if pending is not None:
                text = f"upstream {self._upstream.name!r} did not answer {pending.method} within"
                text += f" {pending.timeout_seconds:g} s and was told to stop; ask for less"
                self._fail(pending, wire.TIMED_OUT, text)
                self._link.send(wire.cancelled(b"%d" % our_id, "timed out"), wake=False)
        self._set_timer()
        self._flush()

    def _flush(self) -> None:
        self._link.flush()
        if out := self._to_agent:
            self._to_agent = []
            self._agent.send(out[0] if len(out) == 1 else b"".join(out))
        self._hold_agent()


def each(line: bytes, take: Callable[[bytes], None], refuse: Callable[[bytes], None]) -> None:
    """Take the message of a line, or the messages of a batch; refuse what is neither."""
    if not line or line.isspace():
        return
    try:
        for message in list(wire.elements(line)) if wire.is_batch(line) else (line,):
            take(message)
    except wire.Malformed:
        refuse(line)
    except Exception:  # law 3: one message that we cannot handle must not end the others
        logger.exception("a message of %d bytes could not be handled", len(line))
        refuse(line)
