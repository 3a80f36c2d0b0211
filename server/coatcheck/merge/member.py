"""One upstream of a session: what it said of itself, and the requests that wait for it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from coatcheck import codes, wire
from coatcheck.front import UNREAD_BYTES
from coatcheck.inflight import Ids
from coatcheck.merge import messages
from coatcheck.merge.messages import Reply
from coatcheck.types import CoatcheckError

if TYPE_CHECKING:
    from coatcheck.protocols import Agent, Connection

logger = logging.getLogger(__name__)

# An upstream that dies while it is greeted is tried so often, with the waits of its own restarts.
GREETINGS = 4

State = Literal["idle", "starting", "ready", "missing"]


@dataclass(frozen=True, slots=True)
class Source:
    """How one upstream of a session is reached; ids are unique among all of them."""

    name: str
    connect: Callable[["Agent", asyncio.TaskGroup, Ids], "Connection"]


class _Port:
    """The agent as the relay of one upstream sees it."""

    principal = ""  # the desks know it
    unsent_bytes = 0  # the merge looks at the agent itself

    def __init__(self, member: "Member") -> None:
        self._member: Member | None = member

    def send(self, data: bytes) -> None:
        """Take whole lines of the upstream."""
        if self._member is not None:
            self._member.heard(data)

    def hold(self, on: bool) -> None:
        """Note that the upstream does not read; the others go on."""
        if self._member is not None:
            self._member.hold(on)

    def close(self) -> None:
        """Hear nothing more."""
        self._member = None


class Member:
    """One upstream of a session.

    state: idle until it is greeted, starting until it has answered, then ready, or missing (why
    says so). answer is what it said of itself, said the same as received. heard_lines gets its
    lines, but for the answers to what was asked with ask.
    """

    def __init__(
        self,
        source: Source,
        tasks: asyncio.TaskGroup,
        ids: Ids,
        heard_lines: Callable[["Member", list[bytes]], None],
    ) -> None:
        self.name = source.name
        self.state: State = "idle"
        self.why = ""
        self.answer: Mapping[str, Any] = {}
        self.said = b""
        self._source = source
        self._tasks = tasks
        self._ids = ids
        self._heard_lines = heard_lines
        self._relay: Connection | None = None
        self._port = _Port(self)
        self._asked: dict[bytes, asyncio.Future[Reply]] = {}
        self._given_up: set[bytes] = set()
        self._waiting: list[bytes] = []
        self._out: list[bytes] = []
        self._is_held = False
        self._backlog_bytes = 0

    def offers(self, kind: str) -> bool:
        """Tell whether it has said to have tools, prompts, ...; one that said nothing may."""
        if self.state != "ready":
            return False
        return not self.answer or kind in self.answer.get("capabilities", {})

    def understood(self, reply: Reply) -> None:
        """Note what it said of itself."""
        self.answer, self.said = reply.body(), reply.result

    # To the upstream

    async def open(self) -> bool:
        """Start its process, or whatever it is, if it was not started; tell whether that went."""
        if self._relay is not None:
            return True
        try:
            self._relay = self._source.connect(self._port, self._tasks, self._ids)
            await self._relay.start()
        except CoatcheckError as error:
            self.renew()
            self.missing(str(error))
            return False
        return True

    async def greet(self, hello: wire.Message) -> bool:
        """Send the agent's initialize; tell whether it was answered.

        One that a probe has locked in the modern era is started anew.
        """
        self.answer = {}
        is_new = False
        why = ""
        for _ in range(GREETINGS):
            if not await self.open():
                return False
            reply = await self.ask(lambda raw_id: messages.with_id(hello, raw_id))
            if reply.result:
                self.understood(reply)
                return True
            why = reply.why
            if reply.code == codes.UNSUPPORTED_VERSION and not is_new:
                is_new = True
                self.renew()
            elif reply.code != codes.UPSTREAM_GONE:
                break
        self.missing(why)
        return False

    def renew(self) -> None:
        """Let it be started anew with the next use."""
        self._port.close()
        self._port = _Port(self)
        if self._relay is not None:
            self._tasks.create_task(self._relay.close(0.0))
            self._relay = None

    def begin(self, *first: bytes) -> None:
        """Be ready: send first, then what has waited."""
        self.state, self.why = "ready", ""
        waiting, self._waiting = self._waiting, []
        if self._relay is not None:
            self._relay.from_agent([*first, *waiting])

    def missing(self, why: str) -> None:
        """Be missing: answer what has waited."""
        logger.warning("%s; what it offers is missing, `coatcheck doctor` looks at it", why)
        self.state, self.why = "missing", why
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            self._refuse(line, why)

    def carry(self, line: bytes) -> None:
        """Send a line of the agent, now or when it is ready, or answer why not."""
        if self.state in ("idle", "starting"):
            if sum(map(len, self._waiting)) + len(line) > UNREAD_BYTES:
                self._refuse(line, f"upstream {self.name!r} is not ready yet")
            else:
                self._waiting.append(line)
        elif self.state == "missing" or self._relay is None:
            self._refuse(line, self.why)
        elif self._is_held and self._backlog_bytes + len(line) > UNREAD_BYTES:
            self._refuse(line, f"upstream {self.name!r} does not read what it is sent")
        else:
            self._backlog_bytes += len(line) if self._is_held else 0
            self._put(line)

    def tell(self, line: bytes) -> None:
        """Send a notification of the agent if anybody is there to hear it."""
        if self.state == "ready" and self._relay is not None:
            self._put(line)
        elif self._waiting:  # it may withdraw what waits
            self._waiting.append(line)

    def _put(self, line: bytes) -> None:
        """Send a line with those that the agent has written together with it."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self.flush)
        self._out.append(line)

    def flush(self) -> None:
        """Send what was put."""
        lines, self._out = self._out, []
        if lines and self._relay is not None:
            self._relay.from_agent(lines)

    def _refuse(self, line: bytes, why: str) -> None:
        raw_id = wire.read(line).id
        if raw_id is not None:
            text = f"coatcheck: {why}; `coatcheck doctor` says more"
            self._heard_lines(self, [wire.error(raw_id, codes.UPSTREAM_GONE, text)])

    async def ask(self, write: Callable[[bytes], bytes]) -> Reply:
        """Return the answer to a request of ours, which write writes with an id.

        Given up, it is cancelled.
        """
        relay = self._relay
        if relay is None:
            return messages.failed(codes.UPSTREAM_GONE, self.why or f"{self.name} is not there")
        self.flush()
        raw_id = b'"coatcheck:%d"' % self._ids.next()
        future = self._asked[raw_id] = asyncio.get_running_loop().create_future()
        try:
            relay.from_agent([write(raw_id).rstrip(b"\n")])
            answer: Reply = await future
            return answer
        finally:
            given_up = self._asked.pop(raw_id, None) is not None
            if given_up and relay is self._relay:
                self._given_up.add(raw_id)  # it may answer all the same, which is not the agent's
                relay.from_agent([wire.cancelled(raw_id, "no longer needed").rstrip(b"\n")])

    def agent_full(self, on: bool) -> None:
        """Hold back what it sends, or go on."""
        if self._relay is not None:
            self._relay.agent_full(on)

    async def close(self, seconds: float) -> None:
        """End it."""
        if self._relay is not None:
            relay, self._relay = self._relay, None
            await relay.close(seconds)

    # From the upstream

    def heard(self, data: bytes) -> None:
        """Take lines of it: answers to ask here, all else to the merge."""
        lines = []
        for line in _lines(data):
            raw_id = messages.answered(line)
            future = self._asked.pop(raw_id, None) if raw_id is not None else None
            if raw_id is not None and raw_id in self._given_up:
                self._given_up.remove(raw_id)
            elif future is None:
                lines.append(line)
            elif not future.done():
                future.set_result(messages.reply(line))
        if lines:
            self._heard_lines(self, lines)

    def hold(self, on: bool) -> None:
        """Note whether it reads what it is sent."""
        self._is_held = on
        if not on:
            self._backlog_bytes = 0


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of data, each with its newline; the common one is not copied."""
    if data.find(b"\n") == len(data) - 1:
        return [data]
    return [line + b"\n" for line in data.split(b"\n") if line]
