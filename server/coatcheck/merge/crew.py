"""Bring the upstreams of a session up, all at the same time, and say together what they are."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from coatcheck import wire
from coatcheck.clients import client_of
from coatcheck.merge import greeting, messages
from coatcheck.merge.member import Member
from coatcheck.merge.messages import Reply

logger = logging.getLogger(__name__)

# The revisions up to this one know a handshake. Source: modelcontextprotocol.io (2026-07-28)
LAST_HANDSHAKE = "2025-11-25"
HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", LAST_HANDSHAKE)
LISTS = ("tools", "prompts", "resources")
# Of the time a client gives a server to start; our own start and the lists take the rest.
SHARE_OF_PATIENCE = 0.5


class Crew:
    """The upstreams of one session.

    What comes within wait_seconds of the first message is part of our answer to it; late is told
    the kinds of lists ("tools", …) of whatever comes later.
    """

    def __init__(
        self,
        members: Sequence[Member],
        wait_seconds: float,
        spawn: "Callable[[Any], asyncio.Task[Any]]",
        late: Callable[..., None],
    ) -> None:
        self.members = members
        self.is_modern = False
        self._wait_seconds = wait_seconds
        self._spawn = spawn
        self._late = late
        self._hello: wire.Message | None = None
        self._initialized = b""
        self._level: wire.Message | None = None
        self._coming: dict[str, asyncio.Task[Any]] = {}
        self._discovery: asyncio.Task[Any] | None = None
        self._until = 0.0
        self._is_answered = False

    def named(self, name: str) -> Member | None:
        """Return the member of this name."""
        return next((member for member in self.members if member.name == name), None)

    @property
    def ready(self) -> list[Member]:
        """Return those that can be asked."""
        return [member for member in self.members if member.state == "ready"]

    async def settled(self, at_least_seconds: float = 0.0) -> None:
        """Wait until all are ready or missing, at most the time that they are given."""
        coming = [task for task in self._coming.values() if not task.done()]
        left = max(self._left(), at_least_seconds)
        if coming and left > 0:
            await asyncio.wait(coming, timeout=left)

    # The handshake

    def greet(self, hello: wire.Message) -> None:
        """Greet all with the agent's own words."""
        self._hello, self._initialized, self._is_answered = hello, b"", False
        self.is_modern = False
        for member in self.members:
            member.state = "starting"
            self._come(member, self._greet(member, hello))
        self._start_clock()

    async def greeted(self, hello: wire.Message) -> bytes:
        """Return the answer to the agent's words."""
        await self.settled()
        self._is_answered = True
        raw_id = hello.id or b"null"
        if all(member.state == "missing" for member in self.members):
            whys = "; ".join(member.why for member in self.members)
            return wire.error(raw_id, wire.UPSTREAM_GONE, f"coatcheck: {whys}")
        asked = str(hello.params().get("protocolVersion", ""))
        answers = {member.name: member.answer for member in self.ready}
        for member in self.members:
            if member.state == "starting":
                logger.warning("upstream %r is slow to start; it may come later", member.name)
        complete = len(answers) == len(self.members)
        if complete and len(answers) == 1:  # nothing to merge
            return wire.result(raw_id, self.members[0].said)
        return wire.result(
            raw_id, orjson.dumps(greeting.initialized(asked, answers, complete=complete))
        )

    async def _greet(self, member: Member, hello: wire.Message) -> None:
        if await member.greet(hello):
            level = self._level
            member.begin(*([self._initialized] if self._initialized else []))
            if level is not None and member.offers("logging"):
                self._spawn(member.ask(lambda raw_id: messages.with_id(level, raw_id)))
            self._came(member)

    def initialized(self, line: bytes) -> None:
        """Tell all, also those that come later, that the agent is ready."""
        self._initialized = line
        for member in self.ready:
            member.tell(line)

    def level(self, message: wire.Message) -> None:
        """Remember what of the logs the agent wants, for those that come later."""
        self._level = message

    def retry(self) -> None:
        """Greet those that are missing once more."""
        for member in self.members:
            if member.state == "missing" and self._hello is not None and self._is_answered:
                self._come(member, self._greet(member, self._hello))

    def open(self) -> None:
        """Start all without a greeting, for an agent that has none."""
        if any(member.state == "idle" for member in self.members):
            for member in self.members:
                if member.state == "idle":
                    member.state = "starting"
                    self._come(member, self._open(member))
            self._start_clock()

    async def _open(self, member: Member) -> None:
        if await member.open():
            member.begin()

    # The modern era

    async def discover(self, message: wire.Message) -> bytes | None:
        """Return the result of server/discover of all; None if one knows only the handshake."""
        if self._discovery is None or self._discovery.done():
            self._discovery = self._spawn(self._discover(message))
        body: bytes | None = await asyncio.shield(self._discovery)
        return body

    async def _discover(self, message: wire.Message) -> bytes | None:
        self._start_clock()
        asking = {member.name: self._spawn(self._probe(member, message)) for member in self.members}
        waiting = set(asking.values())
        refused = False
        while waiting and not refused and (left := self._left()) > 0:
            done, waiting = await asyncio.wait(
                waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            refused = any(_refuses(task.result()) for task in done)
        answers = {
            name: task.result().body()
            for name, task in asking.items()
            if task.done() and task.result() is not None and task.result().result
        }
        if refused or not answers:
            self._back_to_handshake(asking, answers)
            return None
        return self._all_modern(asking, answers)

    async def _probe(self, member: Member, message: wire.Message) -> Reply | None:
        if not await member.open():
            return None
        return await member.ask(
            lambda raw_id: messages.request(raw_id, "server/discover", messages.raw_params(message))
        )

    def _back_to_handshake(
        self, asking: "Mapping[str, asyncio.Task[Any]]", answers: Mapping[str, object]
    ) -> None:
        for member in self.members:
            asking[member.name].cancel()
            member.state = "idle"
            if member.name in answers:  # a probe that was answered locks the era
                member.renew()

    def _all_modern(
        self, asking: "Mapping[str, asyncio.Task[Any]]", answers: Mapping[str, Mapping[str, Any]]
    ) -> bytes:
        self.is_modern = self._is_answered = True
        for member in self.members:
            if member.name in answers:
                member.understood(asking[member.name].result())
                member.begin()
            elif asking[member.name].done():
                reply = asking[member.name].result()
                member.missing(reply.why if reply else member.why)
            else:
                member.state = "starting"
                self._come(member, self._follow(member, asking[member.name]))
        complete = len(answers) == len(self.members)
        if complete and len(answers) == 1:
            return self.members[0].said
        return orjson.dumps(greeting.discovered(answers, complete=complete))

    async def _follow(self, member: Member, asking: "asyncio.Task[Reply | None]") -> None:
        """Wait for one that is slow to discover."""
        reply = await asking
        if reply is None or _refuses(reply) or not reply.result:
            member.missing(reply.why if reply else member.why)
            return
        member.understood(reply)
        member.begin()
        self._came(member)

    # Both

    def _come(self, member: Member, coming: Any) -> None:
        if (task := self._coming.get(member.name)) is not None:
            task.cancel()
        self._coming[member.name] = self._spawn(coming)

    def _came(self, member: Member) -> None:
        logger.info("upstream %r is there", member.name)
        if self._is_answered:
            self._late(*(kind for kind in LISTS if member.offers(kind)))

    def _start_clock(self) -> None:
        seconds = self._wait_seconds
        if self._hello is not None and (limit := _patience(self._hello)):
            seconds = min(seconds, limit * SHARE_OF_PATIENCE)
        self._until = asyncio.get_running_loop().time() + seconds

    def _left(self) -> float:
        return self._until - asyncio.get_running_loop().time()


def _patience(hello: wire.Message) -> float:
    """Return how many seconds a client gives a server to start, 0 for all the time it needs."""
    info = hello.params().get("clientInfo")
    return client_of(str(info.get("name", ""))).start_seconds if isinstance(info, dict) else 0.0


def _refuses(reply: Reply | None) -> bool:
    """Tell whether an upstream that is there does not know the modern era."""
    if reply is None or reply.code in (wire.UPSTREAM_GONE, wire.TIMED_OUT):
        return False
    versions = reply.body().get("supportedVersions", []) if reply.result else []
    return not any(str(version) > LAST_HANDSHAKE for version in versions)
