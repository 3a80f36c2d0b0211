"""Serve one subscriptions/listen of the agent by one at each upstream."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from coatcheck import codes, wire
from coatcheck.merge import messages
from coatcheck.merge.member import Member

ID = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_ID = re.compile(rb'("io\.modelcontextprotocol/subscriptionId"\s*:\s*)("[^"]*"|-?\d+)')


class Listening:
    """The subscriptions of one session, by the ids of ours that stand for them."""

    def __init__(self, wait_seconds: float, send: Callable[[bytes], None]) -> None:
        self._wait_seconds = wait_seconds
        self._send = send
        self._open: dict[bytes, _Subscription] = {}

    async def listen(self, message: wire.Message, members: Sequence[Member]) -> bytes:
        """Listen at all members until each has ended it; return the answer for the agent."""
        assert message.id is not None
        subscription = _Subscription(message.id, len(members), self._send)
        names: list[bytes] = []

        async def one(member: Member) -> messages.Reply:
            def write(raw_id: bytes) -> bytes:
                names.append(raw_id)
                self._open[raw_id] = subscription
                return messages.with_id(message, raw_id)

            reply = await member.ask(write)
            subscription.ended()
            return reply

        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._wait_seconds, subscription.begin)
        try:
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(one(member)) for member in members]
        finally:
            timer.cancel()
            for name in names:
                del self._open[name]
        replies = [task.result() for task in asked]
        best = next((reply for reply in replies if reply.result), replies[0] if replies else None)
        if best is None:
            return wire.error(message.id, codes.METHOD_NOT_FOUND, "nothing to listen to")
        if best.result:
            subscription.begin()
        raw_id = message.id
        return _ID.sub(lambda found: found[1] + raw_id, best.renamed(raw_id))

    def heard(self, line: bytes, method: str) -> bytes | None:
        """Return a notification under the agent's id; None if it was taken, or has to wait."""
        if not self._open or ID.encode() not in line:
            return line
        named = _ID.search(line)
        subscription = self._open.get(named[2]) if named else None
        if subscription is None:
            return line
        if method == ACKNOWLEDGED:
            subscription.acknowledge(line)
            return None
        raw_id = subscription.raw_id
        line = _ID.sub(lambda found: found[1] + raw_id, line)
        return subscription.pass_on(line)

    def changed(self, method: str) -> None:
        """Announce to all subscriptions that a list has changed."""
        for subscription in dict.fromkeys(self._open.values()):
            params = b'{"_meta":{"%b":%b}}' % (ID.encode(), subscription.raw_id)
            if subscription.pass_on(line := messages.notice(method, params)):
                self._send(line)


class _Subscription:
    """One subscription of the agent: it begins once every upstream has acknowledged its own."""

    def __init__(self, raw_id: bytes, members: int, send: Callable[[bytes], None]) -> None:
        self.raw_id = raw_id
        self._missing = members
        self._send = send
        self._honored: dict[str, Any] = {}
        self._before: list[bytes] = []
        self._begun = self._any = False

    def acknowledge(self, line: bytes) -> None:
        """Note what one upstream honours."""
        self._any = True
        honored = wire.read(line).params().get("notifications")
        for key, value in honored.items() if isinstance(honored, dict) else ():
            known = self._honored.get(key)
            if isinstance(known, list) and isinstance(value, list):
                self._honored[key] = list(dict.fromkeys([*known, *value]))
            else:
                self._honored[key] = known or value
        self.ended()

    def ended(self) -> None:
        """Note that one upstream has said what it has to say."""
        self._missing -= 1
        if self._missing <= 0 and self._any:
            self.begin()

    def begin(self) -> None:
        """Acknowledge it to the agent, then send what has come meanwhile."""
        if self._begun:
            return
        self._begun = True
        meta = b'{"%b":%b}' % (ID.encode(), self.raw_id)
        honored = orjson.dumps(self._honored)
        line = messages.notice(ACKNOWLEDGED, b'{"notifications":%b,"_meta":%b}' % (honored, meta))
        self._send(b"".join([line, *self._before]))

    def pass_on(self, line: bytes) -> bytes | None:
        """Return line if it may go to the agent now; else it is kept until this begins."""
        if self._begun:
            return line
        self._before.append(line)
        return None
