"""Send each request of the agent to the upstream that owns what it names, or to all."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from coatcheck import wire
from coatcheck.merge import messages
from coatcheck.merge.crew import Crew
from coatcheck.merge.listening import Listening
from coatcheck.merge.lists import KINDS, Lists
from coatcheck.merge.member import Member
from coatcheck.merge.messages import Reply
from coatcheck.merge.names import Names
from coatcheck.merge.owners import Owners
from coatcheck.wire import Message

# A request that may be for an upstream which still starts waits so long to find out.
PATIENCE_SECONDS = 30.0
RESOURCES = ("resources/list", "resources/templates/list")


class Routes:
    """Where the requests of one session go.

    work runs what takes more than one step and sends what it returns; finish gets a merged list
    and sends it.
    """

    def __init__(
        self,
        crew: Crew,
        owners: Owners,
        lists: Lists,
        listening: Listening,
        work: Callable[[Message, Coroutine[Any, Any, bytes | None]], None],
        finish: Callable[[Message, bytes], None],
    ) -> None:
        self._crew = crew
        self._owners = owners
        self._lists = lists
        self._listening = listening
        self._work = work
        self._finish = finish
        self._known = {
            "ping": self._pong,
            "tools/call": self._call,
            "prompts/get": self._get_prompt,
            "completion/complete": self._complete,
            "resources/read": self._resource,
            "resources/subscribe": self._resource,
            "resources/unsubscribe": self._resource,
            "logging/setLevel": self._set_level,
            "subscriptions/listen": self._listen,
            **dict.fromkeys(KINDS, self._list),
        }

    def route(self, message: Message) -> None:
        """Send a request on its way."""
        method = message.method or ""
        self._crew.open()
        route = self._known.get(method)
        if route is not None:
            route(message)
        elif method.startswith("tasks/"):
            self._task(message)
        else:
            self._anybody(message)

    # Answered here, or by all

    def _pong(self, message: Message) -> None:
        self._work(message, self._ponged(message))

    async def _ponged(self, message: Message) -> bytes:
        raw_id = message.id or b"null"
        if self._crew.is_modern:
            return wire.error(raw_id, messages.METHOD_NOT_FOUND, "Method not found")
        return wire.result(raw_id, b"{}")

    def _list(self, message: Message) -> None:
        self._work(message, self._listed(message))

    async def _listed(self, message: Message) -> bytes | None:
        if messages.param(message, b"cursor") is not None:
            text = "this list has one page; leave the cursor out"
            return wire.error(message.id or b"null", messages.INVALID_PARAMS, text)
        self._crew.retry()
        await self._crew.settled()
        method, params = message.method or "", messages.raw_params(message)
        self._finish(message, await self._lists.merged(self._crew.members, method, params))
        return None

    def _listen(self, message: Message) -> None:
        self._work(message, self._listening.listen(message, self._crew.ready))

    def _set_level(self, message: Message) -> None:
        self._crew.level(message)
        self._work(message, self._level_set(message))

    async def _level_set(self, message: Message) -> bytes:
        await self._crew.settled()
        loggers = [member for member in self._crew.ready if member.offers("logging")]
        asked = [
            self._lists.spawn(member.ask(lambda raw_id: messages.with_id(message, raw_id)))
            for member in loggers
        ]
        raw_id = message.id or b"null"
        if not asked:
            return wire.error(raw_id, messages.METHOD_NOT_FOUND, "Method not found")
        try:
            done, _ = await asyncio.wait(asked, timeout=self._lists.wait_seconds)
        finally:
            for task in asked:
                task.cancel()
        replies = [task.result() for task in asked if task in done]
        best = next((reply for reply in replies if reply.result), replies[0] if replies else None)
        return wire.result(raw_id, b"{}") if best is None else best.renamed(raw_id)

    # To the owner of a name

    def _call(self, message: Message) -> None:
        self._named(message, (b"name",), self._owners.tools, "tools/list")

    def _get_prompt(self, message: Message) -> None:
        self._named(message, (b"name",), self._owners.prompts, "prompts/list")

    def _complete(self, message: Message) -> None:
        if messages.text_param(message, b"ref", b"type") == "ref/resource":
            self._resource(message, b"ref", b"uri")
        else:
            self._named(message, (b"ref", b"name"), self._owners.prompts, "prompts/list")

    def _named(self, message: Message, path: tuple[bytes, ...], names: Names, method: str) -> None:
        if not self._carried(message, path, names):
            self._work(message, self._looked_up(message, path, names, method))

    def _carried(self, message: Message, path: tuple[bytes, ...], names: Names) -> bool:
        found = names.owner(messages.text_param(message, *path))
        member = None if found is None else self._crew.named(found[0])
        if found is None or member is None:
            return False
        member.carry(messages.with_param(message, found[1], *path))
        return True

    async def _looked_up(
        self, message: Message, path: tuple[bytes, ...], names: Names, method: str
    ) -> bytes | None:
        """Carry a request once the upstreams have said what they have."""
        await self._learn(message, method)
        if self._carried(message, path, names):
            return None
        if len(self._crew.members) == 1:
            self._crew.members[0].carry(message.line)
            return None
        text = f"Unknown {method.partition('s/')[0]}: {messages.text_param(message, *path)}"
        return wire.error(message.id or b"null", messages.INVALID_PARAMS, text)

    async def _learn(self, message: Message, *methods: str) -> None:
        # Whatever this names may be of an upstream that is slow, and nothing else waits for it.
        await self._crew.settled(PATIENCE_SECONDS)
        meta = messages.param(message, b"_meta")
        params = b'{"_meta":%b}' % message.line[slice(*meta)] if meta else b"{}"
        for method in methods:
            new = [up for up in self._crew.ready if not self._lists.knows(up, method)]
            if new:
                await self._lists.ask(new, method, params)

    # To the owner of a uri or task

    def _resource(self, message: Message, *path: bytes) -> None:
        path = path or (b"uri",)
        if not self._owned(message, *path):
            self._work(message, self._sought(message, *path))

    def _owned(self, message: Message, *path: bytes) -> bool:
        uri = messages.text_param(message, *path)
        owner = self._owners.of_uri(uri) if path == (b"uri",) else self._owners.of_template(uri)
        member = self._crew.named(owner)
        if member is not None:
            member.carry(message.line)
        return member is not None

    async def _sought(self, message: Message, *path: bytes) -> bytes | None:
        """Carry a request once it is known whose resource it names, else ask one by one."""
        await self._learn(message, *RESOURCES)
        if self._owned(message, *path):
            return None
        able = [member for member in self._crew.ready if member.offers("resources")]
        return await self._in_order(message, able, lambda reply: bool(reply.error))

    def _task(self, message: Message) -> None:
        owner = self._owners.of_task(messages.text_param(message, b"taskId"))
        member = self._crew.named(owner)
        if member is not None:
            member.carry(message.line)
        else:
            self._work(message, self._anybodys(message, lambda reply: bool(reply.error)))

    def _anybody(self, message: Message) -> None:
        """Send what we do not know to the first upstream that knows the method."""
        if len(self._crew.members) == 1:
            self._crew.members[0].carry(message.line)
        else:
            unknown = messages.METHOD_NOT_FOUND
            self._work(message, self._anybodys(message, lambda reply: reply.code == unknown))

    async def _anybodys(self, message: Message, goes_on: Callable[[Reply], bool]) -> bytes | None:
        await self._crew.settled(PATIENCE_SECONDS)
        return await self._in_order(message, self._crew.ready, goes_on)

    async def _in_order(
        self, message: Message, members: Sequence[Member], goes_on: Callable[[Reply], bool]
    ) -> bytes | None:
        """Ask one after the other as long as goes_on says so; of errors the most telling counts."""
        raw_id = message.id or b"null"
        if len(members) == 1:
            members[0].carry(message.line)
            return None
        best: Reply | None = None
        for member in members:
            reply = await member.ask(lambda raw_id: messages.with_id(message, raw_id))
            if not goes_on(reply):
                return reply.renamed(raw_id)
            if best is None or best.code == messages.METHOD_NOT_FOUND:
                best = reply
        if best is not None:
            return best.renamed(raw_id)
        return wire.error(raw_id, messages.METHOD_NOT_FOUND, "Method not found")
