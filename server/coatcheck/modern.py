"""Speak the revision of 2026-07-28 to an upstream for an agent that speaks an earlier one."""

import asyncio
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import orjson

from coatcheck import eras, wire
from coatcheck.listening import Listening

# How often an upstream may ask for input before one request is given up; other clients do as much.
MOST_ROUNDS = 10
# An upstream that asks for nothing but to be called again is called again after these.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25

# Notifications of an agent that the revision does not know.
_DROPPED = frozenset({"notifications/roots/list_changed", "notifications/progress"})


@dataclass(slots=True)
class _Call:
    """One request of the agent: under which id it was sent last, 0 while the agent is asked."""

    id: bytes
    method: str
    line: bytes
    sent_as: int
    rounds: int = 0
    state: bytes = b""
    open: dict[bytes, bytes] = field(default_factory=dict)  # id of a question: key of its answer
    answers: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Wishes:
    """What an agent has asked for that outlives the upstream; the level is JSON."""

    log_level: bytes = b""
    uris: dict[str, None] = field(default_factory=dict)


class Modern:
    """The lines between a handshake agent and an upstream that knows no handshake.

    Requests of the agent keep their ids, which have ten digits; ours are below. wishes are of
    this agent, and updated.
    """

    def __init__(
        self,
        name: str,
        hello: eras.Hello,
        discovered: bytes,
        wishes: Wishes,
        send: Callable[[bytes], None],
        feed: Callable[[list[bytes]], None],
    ) -> None:
        self._name = name
        self._hello = hello
        self._send = send
        self._feed = feed
        self._wishes = wishes
        self._members = eras.envelope(hello, wishes.log_level)
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(2)
        self._up: list[bytes] = []
        self._down: list[bytes] = []
        self._calls: dict[bytes, _Call] = {}  # by the id the agent knows
        self._sent: dict[int, _Call] = {}
        self._asked: dict[bytes, _Call] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._listening = Listening(
            eras.lists_that_change(discovered),
            wishes.uris,
            self._listen,
            self._up.append,
            self._down_line,
            self._later,
        )
        self._answers = {
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
        }

    # From the agent

    def from_agent(self, lines: Sequence[bytes]) -> None:
        """Carry lines of the agent; what is no message is carried as it is."""
        for line in lines:
            if line and not line.isspace():
                try:
                    self._agent_line(wire.read(line))
                except wire.Malformed:
                    self._up.append(line + b"\n")
        self._flush()

    def _agent_line(self, message: wire.Message) -> None:
        method = message.method
        if method is None:
            self._agent_answer(message)
        elif message.id is None:
            self._agent_notice(message, method)
        elif method in self._answers:
            self._answers[method](message, message.id)
        else:
            self._agent_request(message, method, message.id)

    def _agent_request(self, message: wire.Message, method: str, raw_id: bytes) -> None:
        line = eras.stamp(message, self._members)
        call = _Call(raw_id, method, line[:-1], wire.our_id(raw_id))
        self._calls[raw_id] = self._sent[call.sent_as] = call
        self._up.append(line)

    def _agent_notice(self, message: wire.Message, method: str) -> None:
        if method == "notifications/initialized":
            self._listening.begin()
        elif method == "notifications/cancelled":
            self._cancel(message)
        elif method not in _DROPPED:
            self._up.append(message.line + b"\n")

    def _cancel(self, message: wire.Message) -> None:
        line = message.line + b"\n"
        found = wire.request_id(message)
        call = None if found is None else self._calls.pop(found[1], None)
        if found is not None and call is not None:
            self._withdraw(call, "the call was cancelled")
            if not self._sent.pop(call.sent_as, None):
                return  # nothing of it is with the upstream
            line = wire.splice(message.line, (found[0], b"%d" % call.sent_as))
        self._up.append(line)

    def _ping(self, _message: wire.Message, raw_id: bytes) -> None:
        self._down.append(wire.result(raw_id, b"{}"))

    def _set_level(self, message: wire.Message, raw_id: bytes) -> None:
        self._wishes.log_level = orjson.dumps(str(message.params().get("level", "info")))
        self._members = eras.envelope(self._hello, self._wishes.log_level)
        self._down.append(wire.result(raw_id, b"{}"))

    def _subscribe(self, message: wire.Message, raw_id: bytes) -> None:
        self._listening.subscribe(raw_id, str(message.params().get("uri", "")))

    def _unsubscribe(self, message: wire.Message, raw_id: bytes) -> None:
        self._listening.unsubscribe(raw_id, str(message.params().get("uri", "")))

    # From the upstream

    def from_upstream(self, lines: Sequence[bytes]) -> None:
        """Carry lines of the upstream; what is no message is carried as it is."""
        for line in lines:
            try:
                self._upstream_line(line)
            except (wire.Malformed, ValueError):
                self._down.append(line)
        self._flush()

    def _upstream_line(self, line: bytes) -> None:
        answer = wire.read_answer(line)
        if answer is None:
            if not line or line.isspace() or wire.is_batch(line):
                self._down.append(line)
                return
            message = wire.read(line)
            answer = wire.answer_of(message)
            if answer is None:
                method = message.method or ""
                if message.id is not None or self._listening.passes(message, method):
                    self._down.append(line)
                return
        self._upstream_answer(answer)

    def _upstream_answer(self, answer: wire.Answer) -> None:
        call = self._sent.get(answer.id)
        if call is None:
            if not self._listening.is_ours(answer):
                self._down.append(answer.line)
            return
        lack = eras.lack_of(answer.line) if answer.is_result else None
        line = answer.line
        if lack is None and answer.is_result:
            line = eras.as_handshake(call.method, line)
        del self._sent[answer.id]
        if lack is not None:
            self._ask(call, lack)
            return
        del self._calls[call.id]
        if call.rounds:
            line = wire.splice(line, (answer.span, call.id))
        self._down.append(line)

    # What an upstream needs of the agent first

    def _ask(self, call: _Call, lack: eras.Lack) -> None:
        call.rounds += 1
        call.sent_as, call.state = 0, lack.state
        call.answers.clear()
        if failed := self._failing(call, lack):
            self._fail(call, *failed)
        elif not lack.wanted:
            pause = FIRST_PAUSE_SECONDS * 2.0 ** (call.rounds - 1)
            self._later(min(LONGEST_PAUSE_SECONDS, pause), lambda: self._repeat(call))
        else:
            for wanted in lack.wanted:
                raw_id = b'"coatcheck-%d"' % next(self._ids)
                call.open[raw_id] = wanted.key
                self._asked[raw_id] = call
                self._down.append(eras.ask(wanted, raw_id))

    def _failing(self, call: _Call, lack: eras.Lack) -> tuple[int, str] | None:
        """Return the error that ends a call whose upstream cannot be given what it lacks."""
        for wanted in lack.wanted:
            if need := self._hello.lacks(wanted.method, wanted.params):
                text = f"upstream {self._name!r} needs {need} of the agent to answer {call.method}"
                text += "; the agent did not say that it can do that, so it was not asked"
                return eras.MISSING_CAPABILITY, text
        if call.rounds > MOST_ROUNDS:
            text = f"upstream {self._name!r} asked for input more than {MOST_ROUNDS} times"
            return wire.INTERNAL_ERROR, f"{text}; {call.method} was given up"
        return None

    def _agent_answer(self, message: wire.Message) -> None:
        raw_id = message.id or b""
        call = self._asked.pop(raw_id, None)
        if call is None:
            self._up.append(message.line + b"\n")
            return
        key = call.open.pop(raw_id)
        result = message.member(b"result")
        if result is None:
            self._withdraw(call, "another question of the same call was refused")
            del self._calls[call.id]
            self._down.append(wire.splice(message.line, (message.spans[b"id"], call.id)))
            return
        call.answers[key] = result
        if not call.open:
            self._repeat(call)

    def _repeat(self, call: _Call) -> None:
        if call.id not in self._calls:
            return  # cancelled by now
        call.sent_as = next(self._ids)
        self._sent[call.sent_as] = call
        self._up.append(eras.repeat(call.line, b"%d" % call.sent_as, call.answers, call.state))

    def _withdraw(self, call: _Call, reason: str) -> None:
        for raw_id in call.open:
            del self._asked[raw_id]
            self._down.append(wire.cancelled(raw_id, reason))
        call.open.clear()

    def _fail(self, call: _Call, code: int, text: str) -> None:
        del self._calls[call.id]
        self._down.append(wire.error(call.id, code, f"coatcheck: {text}"))

    # Ends and time

    def end(self) -> None:
        """Forget everything; nothing is sent any more."""
        self._listening.end()
        for timer in self._timers:
            timer.cancel()
        self._calls.clear()

    def _later(self, seconds: float, do: Callable[[], None]) -> Callable[[], None]:
        def now() -> None:
            self._timers.discard(timer)
            do()
            self._flush()

        def call_off() -> None:
            self._timers.discard(timer)
            timer.cancel()

        timer = self._loop.call_later(seconds, now)
        self._timers.add(timer)
        return call_off

    def _listen(self, lists: Collection[str], uris: Collection[str]) -> int:
        our_id = next(self._ids)
        self._up.append(eras.listen(our_id, self._members, lists, uris))
        return our_id

    def _down_line(self, line: bytes) -> None:
        self._down.append(line)

    def _flush(self) -> None:
        up, self._up[:] = b"".join(self._up), []
        if up:
            self._send(up)
        if down := self._down:
            self._down = []
            self._feed([line.rstrip(b"\n") for line in down])
