"""Remember which upstream asked the agent what, and under which progress token."""

import orjson

from coatcheck import wire
from coatcheck.inflight import Ids
from coatcheck.merge import messages
from coatcheck.merge.member import Member


class Asks:
    """The requests of the upstreams that the agent has not answered, by id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._asks: dict[bytes, Member] = {}
        self._tokens: dict[bytes, tuple[Member, bytes]] = {}  # the agent's: whose, and its own
        self._token_of: dict[bytes, bytes] = {}

    def add(self, member: Member, message: wire.Message) -> bytes:
        """Note a request; return its line, with another progress token if it is taken."""
        assert message.id is not None
        self._asks[message.id] = member
        span = messages.param(message, b"_meta", b"progressToken")
        if span is None:
            return message.line
        own = token = message.line[slice(*span)]
        line = message.line
        if token in self._tokens:
            token = orjson.dumps(f"coatcheck:{self._ids.next()}")
            line = wire.splice(line.rstrip(b"\n"), (span, token))
        self._tokens[token] = member, own
        self._token_of[message.id] = token
        return line

    def take(self, raw_id: bytes) -> Member | None:
        """Return who asked this, and forget it; None if nobody did."""
        self._tokens.pop(self._token_of.pop(raw_id, b""), None)
        return self._asks.pop(raw_id, None)

    def progress(self, message: wire.Message) -> tuple[Member, bytes] | None:
        """Return whom the agent's progress is for, and its line under the upstream's token."""
        span = messages.param(message, b"progressToken")
        found = None if span is None else self._tokens.get(message.line[slice(*span)])
        if span is None or found is None:
            return None
        member, own = found
        return member, wire.splice(message.line, (span, own)).rstrip(b"\n")
