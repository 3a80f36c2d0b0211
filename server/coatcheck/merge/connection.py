"""Carry messages between one agent and many upstreams."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from coatcheck import wire
from coatcheck.clerk import Clerk
from coatcheck.front import CALL_TIMEOUT_SECONDS, UNREAD_BYTES, each
from coatcheck.inflight import Ids, Pending
from coatcheck.merge import messages
from coatcheck.merge.asks import Asks
from coatcheck.merge.crew import HANDSHAKES, LISTS, Crew
from coatcheck.merge.listening import Listening
from coatcheck.merge.lists import Lists
from coatcheck.merge.member import Member, Source
from coatcheck.merge.owners import Owners
from coatcheck.merge.routes import Routes
from coatcheck.protocols import Agent
from coatcheck.types import RequestError
from coatcheck.wire import Message

logger = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
CHANGED = {f"notifications/{kind}/list_changed" for kind in LISTS}


class Merge:
    """The messages between one agent and the upstreams of its session.

    A request goes to the upstream that owns what it names, and all but the name stays as
    received; lists, the handshake and what concerns everybody are asked of all and answered
    together. An upstream that is slow or broken holds up nobody: it is missing after
    wait_seconds, and announced when it comes. clerk answers the fetches.
    """

    def __init__(
        self,
        agent: Agent,
        tasks: asyncio.TaskGroup,
        sources: Sequence[Source],
        owners: Owners,
        clerk: Clerk | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._agent = agent
        self._tasks = tasks
        self._owners = owners
        self._clerk = clerk
        self._loop = asyncio.get_running_loop()
        self._working: dict[asyncio.Task[Any], bytes] = {}
        ids = Ids()
        self._asks = Asks(ids)
        self._members = [Member(source, tasks, ids, self._heard) for source in sources]
        self._crew = Crew(self._members, wait_seconds, self._spawn, self._came)
        self._lists = Lists(owners, wait_seconds, self._spawn, self._came)
        self._listening = Listening(wait_seconds, self._send)
        self._routes = Routes(
            self._crew, owners, self._lists, self._listening, self._work, self._send_list
        )

    async def start(self) -> None:
        """Do nothing: the upstreams are started with the agent's first request."""

    async def close(self, seconds: float) -> None:
        """End the upstreams, all at the same time, and the desk."""
        for task in self._working:
            task.cancel()
        async with asyncio.TaskGroup() as tasks:
            for member in self._members:
                tasks.create_task(member.close(seconds))
        if self._clerk is not None:
            await self._clerk.finish(seconds)

    # From the agent

    def from_agent(self, lines: list[bytes]) -> None:
        """Carry lines of the agent."""
        for line in lines:
            each(line, self._agent_line, self._agent_malformed)
        for member in self._members:
            member.flush()
        self._hold_agent()

    def _agent_line(self, line: bytes) -> None:
        message = wire.read(line)
        if message.method is None:
            self._agent_answer(message)
        elif message.id is None:
            self._agent_notice(message, message.method)
        else:
            self._agent_request(message, message.method, message.id)

    def _agent_answer(self, message: Message) -> None:
        if not message.spans.keys() & {b"result", b"error"}:
            raise wire.Malformed("neither a method nor a result nor an error")
        member = None if message.id is None else self._asks.take(message.id.strip(b'"'))
        if member is None:
            logger.debug("an answer of the agent to nothing that was asked is dropped")
        else:
            member.tell(message.line)

    def _agent_notice(self, message: Message, method: str) -> None:
        if method == "notifications/initialized":
            self._crew.initialized(message.line)
        elif method == "notifications/progress":
            if (found := self._asks.progress(message)) is not None:
                found[0].tell(found[1])
        else:
            if method == "notifications/cancelled" and (named := wire.request_id(message)):
                self._give_up(wire.id_key(named[1]))
            for member in self._members:  # each knows what it has in flight
                member.tell(message.line)

    def _give_up(self, key: bytes) -> None:
        for task, raw_id in list(self._working.items()):
            if raw_id and wire.id_key(raw_id) == key:
                task.cancel()

    def _agent_malformed(self, line: bytes) -> None:
        ids = wire.salvage_ids(line)
        for raw in ids:
            if (member := self._asks.take(raw)) is not None:
                member.tell(line)
                return
        text = "coatcheck: this is not a JSON-RPC message; it was not sent on"
        self._send(wire.error(ids[0] if ids else b"null", wire.PARSE_ERROR, text))

    def _agent_request(self, message: Message, method: str, raw_id: bytes) -> None:
        clerk = self._clerk
        if clerk is not None and clerk.answers(message, method):
            self._answer_ourselves(clerk, message, method, raw_id)
            return
        if clerk is not None and method in ("initialize", "server/discover"):
            clerk.greet(message)
        if method == "initialize":
            self._crew.greet(message)
            self._work(message, self._crew.greeted(message))
        elif method == "server/discover":
            self._work(message, self._discovered(message, raw_id))
        elif messages.version_of(message) and not self._crew.is_modern:
            self._work(message, self._first_modern(message, raw_id))
        else:
            self._routes.route(message)

    def _answer_ourselves(self, clerk: Clerk, message: Message, method: str, raw_id: bytes) -> None:
        def done(body: bytes | RequestError | None) -> None:
            if isinstance(body, bytes):
                self._send(wire.result(raw_id, body))
                return
            text = f"coatcheck could not answer {method}; its log says why"
            error = body or RequestError(wire.INTERNAL_ERROR, text)
            self._send(wire.error(raw_id, error.code, str(error)))

        clerk.answer(message, method, done)

    async def _discovered(self, message: Message, raw_id: bytes) -> bytes:
        body = await self._crew.discover(message)
        if body is None:  # the same words as a server of the handshake era
            return wire.error(raw_id, messages.METHOD_NOT_FOUND, "Method not found")
        return wire.result(raw_id, body)

    async def _first_modern(self, message: Message, raw_id: bytes) -> bytes | None:
        """Take a request of the modern era before which nothing was discovered."""
        if not self._crew.is_modern and await self._crew.discover(message) is None:
            data = {"supported": HANDSHAKES, "requested": messages.version_of(message)}
            text = "Unsupported protocol version"
            return messages.refusal(raw_id, messages.UNSUPPORTED_VERSION, text, data)
        self._routes.route(message)
        return None

    def _send_list(self, message: Message, body: bytes) -> None:
        """Send a merged list, with what the desk adds to it."""
        clerk, raw_id, method = self._clerk, message.id or b"null", message.method or ""
        line = wire.result(raw_id, body)
        pending = Pending(raw_id, method, self._loop.time(), CALL_TIMEOUT_SECONDS)
        if clerk is None or not clerk.wants(pending, line):
            self._send(line)
            return

        def done(changed: bytes | None) -> None:
            self._send(line if changed is None else wire.result(raw_id, changed))

        clerk.revise(pending, wire.Answer(line.rstrip(b"\n"), 0, (0, 0), is_result=True), done)

    # From the upstreams

    def _heard(self, member: Member, lines: list[bytes]) -> None:
        out = []
        for line in lines:
            if messages.answered(line) is None:
                line = self._upstream_line(member, line)
            elif b'"taskId"' in line:
                self._learn_task(member, line)
            if line:
                out.append(line)
        if out:
            self._send(b"".join(out))

    def _upstream_line(self, member: Member, line: bytes) -> bytes:
        """Return what of line goes to the agent, b"" for nothing."""
        message = wire.read(line)
        if message.method is None:
            return line
        if message.id is not None:
            return self._asks.add(member, message)
        if message.method in CHANGED and member.state != "ready":
            return b""
        if message.method == "notifications/cancelled" and (found := wire.request_id(message)):
            self._asks.take(found[1])
        elif message.method == "notifications/tasks/status":
            self._owners.learn_task(member.name, messages.text_param(message, b"taskId"))
        return self._listening.heard(line, message.method) or b""

    def _learn_task(self, member: Member, line: bytes) -> None:
        if len(line) > wire.CHECKED_BYTES:
            return  # a task is small; a finished one was learned before
        result = messages.reply(line).body()
        task = result.get("task", result)
        if isinstance(task, dict) and isinstance(task.get("taskId"), str):
            self._owners.learn_task(member.name, task["taskId"])

    def _came(self, *kinds: str) -> None:
        """Announce lists that say something new, because an upstream was late."""
        for kind in kinds:
            method = f"notifications/{kind}/list_changed"
            if self._crew.is_modern:
                self._listening.changed(method)
            else:
                self._send(messages.notice(method))

    # Both ways

    def _send(self, data: bytes) -> None:
        self._agent.send(data)
        self._hold_agent()

    def agent_full(self, on: bool) -> None:
        """Hold the upstreams while the agent does not read, or go on."""
        for member in self._members:
            member.agent_full(on)
        self._hold_agent()

    def _hold_agent(self) -> None:
        self._agent.hold(self._agent.unsent_bytes > UNREAD_BYTES)

    def _work(self, message: Message, work: Coroutine[Any, Any, bytes | None]) -> None:
        """Answer a request of the agent with what work returns; None is sent already."""
        self._spawn(self._answered(message.id or b"null", work), message.id or b"")

    async def _answered(self, raw_id: bytes, work: Coroutine[Any, Any, bytes | None]) -> None:
        try:
            line = await work
        except Exception:  # law 3: one request that we cannot handle must not end the others
            logger.exception("a request could not be handled")
            text = "coatcheck could not handle this request; its log says why"
            line = wire.error(raw_id, wire.INTERNAL_ERROR, text)
        if line is not None:
            self._send(line)

    def _spawn(self, work: Coroutine[Any, Any, Any], raw_id: bytes = b"") -> "asyncio.Task[Any]":
        task = self._tasks.create_task(_guarded(work))
        self._working[task] = raw_id
        task.add_done_callback(self._working.pop)
        return task


async def _guarded(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what work returns, None if it fails (law 3: the others go on)."""
    try:
        return await work
    except Exception:
        logger.exception("a part of the session failed")
        return None
