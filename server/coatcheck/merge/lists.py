"""Ask the upstreams for their lists, and make one list of them."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from coatcheck import wire
from coatcheck.merge import messages
from coatcheck.merge.greeting import SERVER, cacheable
from coatcheck.merge.member import Member
from coatcheck.merge.owners import Owners

logger = logging.getLogger(__name__)

# Of one list of one upstream; what is beyond is left out, and the log says so.
MOST_PAGES = 100
MOST_ITEMS = 10_000
MOST_BYTES = 1 << 25

# Method -> the member of the result that holds the items, and the capability that promises them.
KINDS = {
    "tools/list": ("tools", "tools"),
    "prompts/list": ("prompts", "prompts"),
    "resources/list": ("resources", "resources"),
    "resources/templates/list": ("resourceTemplates", "resources"),
    "tasks/list": ("tasks", "tasks"),
}
_KEY = {
    "tools/list": b"name",
    "prompts/list": b"name",
    "resources/list": b"uri",
    "resources/templates/list": b"uriTemplate",
    "tasks/list": b"taskId",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One list of one upstream: its items as received with the key of each, and its results."""

    items: tuple[tuple[str, bytes], ...] = ()
    facts: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class _Asking:
    task: "asyncio.Task[Listed | None]"
    until: float
    is_late: bool = False


@dataclass(slots=True)
class Lists:
    """The lists of one session.

    A list waits at most wait_seconds for each upstream, all at the same time; for one that is
    slow the list known from before stands in. late is told of a list that came too late and
    says something new.
    """

    owners: Owners
    wait_seconds: float
    spawn: "Callable[[Any], asyncio.Task[Any]]"
    late: Callable[..., None]
    _known: dict[tuple[str, str], Listed] = field(default_factory=dict)
    _asking: dict[tuple[str, str], _Asking] = field(default_factory=dict)

    async def merged(self, members: Sequence[Member], method: str, params: bytes) -> bytes:
        """Return the list of all members, in their order, as the result of method."""
        listed = await self.ask(members, method, params)
        names = self.owners.names(method)
        if names is not None:
            items = [
                _renamed(item, names.shown(name, key))
                for name, found in listed.items()
                for key, item in found.items
            ]
        else:
            items = _without_doubles(listed, method)
        facts = [fact for found in listed.values() for fact in found.facts]
        return _result(KINDS[method][0], items, facts)

    async def ask(self, members: Sequence[Member], method: str, params: bytes) -> dict[str, Listed]:
        """Return the lists of those members that answer in time, and learn whose what is."""
        now = asyncio.get_running_loop().time()
        asked = [member for member in members if member.offers(KINDS[method][1])]
        asking = {member.name: self._ask(member, method, params, now) for member in asked}
        left = max((each.until for each in asking.values()), default=now) - now
        if left > 0 and asking:
            await asyncio.wait([each.task for each in asking.values()], timeout=left)
        listed = {}
        for name, each in asking.items():
            each.is_late = not each.task.done()
            found = each.task.result() if each.task.done() else self._known.get((name, method))
            if each.is_late:
                logger.warning("upstream %r is slow to answer %s", name, method)
            if found is not None:
                listed[name] = found
        self._learn(method, listed)
        return listed

    def knows(self, member: Member, method: str) -> bool:
        """Tell whether such a list of an upstream has ever come."""
        return (member.name, method) in self._known

    def _ask(self, member: Member, method: str, params: bytes, now: float) -> _Asking:
        key = (member.name, method)
        if key not in self._asking:
            task = self.spawn(self._drain(member, method, params))
            self._asking[key] = _Asking(task, now + self.wait_seconds)
        return self._asking[key]

    async def _drain(self, member: Member, method: str, params: bytes) -> Listed | None:
        key = (member.name, method)
        try:
            listed = await drain(member, method, params)
            is_new = listed is not None and self._known.get(key) != listed
            if listed is not None:
                self._known[key] = listed
        finally:
            asking = self._asking.pop(key, None)
        if is_new and asking is not None and asking.is_late:
            self.late(KINDS[method][1])
        return listed

    def _learn(self, method: str, listed: Mapping[str, Listed]) -> None:
        keys = {name: [key for key, _ in found.items] for name, found in listed.items()}
        if names := self.owners.names(method):
            names.learn(keys)
        for upstream, its in keys.items():
            if method == "resources/list":
                self.owners.learn_uris(upstream, its)
            elif method == "resources/templates/list":
                self.owners.learn_templates(upstream, its)
            elif method == "tasks/list":
                for task in its:
                    self.owners.learn_task(upstream, task)


async def drain(member: Member, method: str, params: bytes) -> Listed | None:
    """Return all pages of a list, None if the upstream gives an error."""
    items: list[tuple[str, bytes]] = []
    facts, cursor, size = [], b"", 0
    for _ in range(MOST_PAGES):
        asked = messages.at_cursor(params, cursor)
        reply = await member.ask(lambda raw_id: messages.request(raw_id, method, asked))  # noqa: B023 - it is called at once
        if not reply.result:
            if reply.code == messages.METHOD_NOT_FOUND:
                return Listed()
            logger.warning("upstream %r: %s failed: %s", member.name, method, reply.why)
            return None
        page, more, fact = _page(reply.result, method)
        items += page
        facts.append(fact)
        size += len(reply.result)
        if not more or more == cursor:
            break
        cursor = more
        if len(items) > MOST_ITEMS or size > MOST_BYTES:
            break
    else:
        more = b"more"
    if more and more != b"null":
        logger.warning("upstream %r: %s is cut at %d items", member.name, method, len(items))
    return Listed(tuple(items[:MOST_ITEMS]), tuple(facts))


def _page(result: bytes, method: str) -> tuple[list[tuple[str, bytes]], bytes, Mapping[str, Any]]:
    """Return the items of a page, its cursor as written, and its other members of interest."""
    found = wire.members(result)
    span = found.get(KINDS[method][0].encode())
    items = []
    for item in wire.elements(result[slice(*span)]) if span else ():
        key = wire.members(item).get(_KEY[method])
        name = wire.text_of(item[slice(*key)]) if key else None
        if name is not None:
            items.append((name, item))
    cursor = result[slice(*found[b"nextCursor"])] if b"nextCursor" in found else b""
    fact = {
        name: wire.load(result[slice(*found[name.encode()])])
        for name in ("resultType", "ttlMs", "cacheScope")
        if name.encode() in found
    }
    return items, b"" if cursor in (b"null", b'""') else cursor, fact


def _renamed(item: bytes, name: str) -> bytes:
    span = wire.members(item)[b"name"]
    return b"".join((item[: span[0]], orjson.dumps(name), item[span[1] :]))


def _without_doubles(listed: Mapping[str, Listed], method: str) -> list[bytes]:
    """Return the items; of those with the same key that of the first upstream."""
    owners: dict[str, str] = {}
    items = []
    for name, found in listed.items():
        for key, item in found.items:
            if owners.setdefault(key, name) == name:
                items.append(item)
            else:
                logger.warning("%r of upstream %r is hidden by %r", key, name, owners[key])
    return items


def _result(kind: str, items: Sequence[bytes], facts: Sequence[Mapping[str, Any]]) -> bytes:
    body = b'{"%b":[%b]' % (kind.encode(), b",".join(items))
    if any("resultType" in fact for fact in facts):
        also = {"resultType": "complete", **cacheable(facts)}
        also["_meta"] = {messages.SERVER_INFO: SERVER}
        body += b"," + orjson.dumps(also)[1:-1]
    return body + b"}"
