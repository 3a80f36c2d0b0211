"""Let several sessions use one upstream, as far as they cannot get in each other's way."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from coatcheck import __version__, wire
from coatcheck.inflight import Ids
from coatcheck.link import Upstream

logger = logging.getLogger(__name__)

METHOD_NOT_FOUND = -32601
SUBSCRIPTION = b"io.modelcontextprotocol/subscriptionId"
CHANGED = frozenset(
    f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")
)
UNASKABLE = "this server is shared between sessions and cannot ask one of them"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request in flight: whose, its id there, its method, its progress token here and there."""

    port: "_Port | None"
    raw_id: bytes
    method: str
    token: bytes = b""


class Shared:
    """One upstream under many sessions.

    Each session has a port, which is an Upstream to it. Ids and progress tokens are renamed, so
    that every answer finds its session. The handshake is ours: no session's name, no capability,
    because what the upstream would ask could not be brought to the session that caused it. What
    it says to nobody in particular goes to all if it is the change of a list, to those that
    subscribed if it is that of a resource, and else to nobody. It runs as long as it has a session.
    """

    def __init__(self, name: str, make: Callable[[], Upstream]) -> None:
        self.name = name
        self._make = make
        self._upstream: Upstream | None = None
        self._ports: list[_Port] = []
        self._ids = Ids()
        self._asked: dict[int, _Asked] = {}
        self._tokens: dict[bytes, tuple[_Port, bytes]] = {}
        self._listens: dict[bytes, tuple[_Port, bytes]] = {}
        self._watched: dict[str, list[_Port]] = {}
        self._hello = b""  # the result of our handshake
        self._greeting: list[tuple[_Port, bytes]] = []
        self._starting = asyncio.Lock()

    def port(self) -> Upstream:
        """Return the upstream for one more session."""
        return _Port(self)

    # What ports do

    async def join(self, port: "_Port") -> None:
        """Take a session in; the first one starts the upstream. Raises: UpstreamError."""
        async with self._starting:  # only others that start it wait
            upstream = self._upstream = self._upstream or self._make()
            if not upstream.running:
                self._hello = b""
                await upstream.start(self._from_upstream, self._ended, self._full)
            self._ports.append(port)

    async def leave(self, port: "_Port") -> None:
        """Let a session go; the last one ends the upstream."""
        if port in self._ports:
            self._ports.remove(port)
        for number in [number for number, asked in self._asked.items() if asked.port is port]:
            self._forget(number)
            self._send(wire.cancelled(b"%d" % number, "the session has ended"))
        self._greeting = [pair for pair in self._greeting if pair[0] is not port]
        for uri in [uri for uri, ports in self._watched.items() if port in ports]:
            self._unwatch(port, uri)
        async with self._starting:
            if not self._ports and self._upstream is not None:
                upstream, self._upstream = self._upstream, None
                await upstream.stop()

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._upstream is not None and self._upstream.running

    def _send(self, line: bytes) -> None:
        if self._upstream is not None:
            self._upstream.send(line)

    def from_session(self, port: "_Port", line: bytes) -> None:
        """Carry a line of a session."""
        message = wire.read(line)
        if message.method == "notifications/cancelled":
            self._cancel(port, message)
        elif message.method is None or message.id is None:
            logger.debug("%s is shared: %s stays here", self.name, message.method)
        elif message.method == "initialize":
            self._greet(port, message)
        elif message.method in ("resources/subscribe", "resources/unsubscribe"):
            self._watch(port, message)
        else:
            self._ask(port, message)

    def _ask(self, port: "_Port | None", message: wire.Message) -> None:
        number, raw_id = self._ids.next(), message.id or b"null"
        edits = [(message.spans[b"id"], b"%d" % number)]
        token = wire.within(message.line, message.spans.get(b"params"), b"_meta", b"progressToken")
        renamed = b""
        if token is not None and port is not None:
            renamed = b"%d" % number
            self._tokens[renamed] = port, message.line[slice(*token)]
            edits.append((token, renamed))
        if message.method == "subscriptions/listen" and port is not None:
            self._listens[b"%d" % number] = port, raw_id
        self._asked[number] = _Asked(port, raw_id, message.method or "", renamed)
        self._send(wire.splice(message.line, *edits))

    def _cancel(self, port: "_Port", message: wire.Message) -> None:
        found = wire.request_id(message)
        for number, asked in self._asked.items():
            if found is not None and asked.port is port and asked.raw_id == found[1]:
                self._send(wire.splice(message.line, (found[0], b"%d" % number)))

    def _greet(self, port: "_Port", message: wire.Message) -> None:
        """Answer initialize with what the upstream has answered to ours."""
        raw_id = message.id or b"null"
        if self._hello:
            port.feed(wire.result(raw_id, self._hello))
            return
        self._greeting.append((port, raw_id))
        if len(self._greeting) > 1:
            return
        params = {
            "protocolVersion": message.params().get("protocolVersion"),
            "capabilities": {},
            "clientInfo": {"name": "coatcheck", "version": __version__},
        }
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        self._ask(None, wire.read(orjson.dumps(body)))

    def _greeted(self, answer: wire.Answer) -> None:
        waiting, self._greeting = self._greeting, []
        if answer.is_result:
            self._hello = answer.line[slice(*wire.members(answer.line)[b"result"])]
            self._send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        for port, raw_id in waiting:
            port.feed(wire.splice(answer.line, (answer.span, raw_id)))

    def _watch(self, port: "_Port", message: wire.Message) -> None:
        """Subscribe with the first session and unsubscribe with the last one."""
        uri = str(message.params().get("uri", ""))
        ports = self._watched.get(uri, [])
        others = [other for other in ports if other is not port]
        if message.method == "resources/subscribe":
            self._watched[uri] = [*others, port]
        elif others:
            self._watched[uri] = others
        else:
            self._watched.pop(uri, None)
        if others:
            port.feed(wire.result(message.id or b"null", b"{}"))
        else:
            self._ask(port, message)

    def _unwatch(self, port: "_Port", uri: str) -> None:
        self._watched[uri].remove(port)
        if not self._watched[uri]:
            del self._watched[uri]
            params = {"uri": uri}
            body = {"jsonrpc": "2.0", "id": 0, "method": "resources/unsubscribe", "params": params}
            self._ask(None, wire.read(orjson.dumps(body)))

    # What the upstream says

    def _from_upstream(self, lines: list[bytes]) -> None:
        for line in lines:
            try:
                if line and not line.isspace():
                    for part in wire.elements(line) if wire.is_batch(line) else (line,):
                        self._upstream_line(part)
            except wire.Malformed:
                self._malformed(line)

    def _upstream_line(self, line: bytes) -> None:
        answer = wire.read_answer(line)
        if answer is None:
            message = wire.read(line)
            answer = wire.answer_of(message)
            if answer is None:
                self._said(message)
                return
        asked = self._forget(answer.id)
        if asked is None:
            logger.debug("%s: an answer nobody waits for is dropped", self.name)
        elif asked.method == "initialize":
            self._greeted(answer)
        elif asked.port is not None:
            line = wire.splice(answer.line, (answer.span, asked.raw_id)).rstrip(b"\n")
            if asked.method == "subscriptions/listen":
                line = wire.rename_subscription(line, {b"%d" % answer.id: asked.raw_id})
            asked.port.feed(line)

    def _said(self, message: wire.Message) -> None:
        if message.method is not None and message.id is not None:
            text = f"coatcheck: {UNASKABLE}; take shared = true out of its settings"
            self._send(wire.error(message.id, METHOD_NOT_FOUND, text))
        elif message.method == "notifications/progress":
            self._progress(message)
        elif SUBSCRIPTION in message.line:
            self._heard_listening(message)
        elif message.method in CHANGED:
            for port in list(self._ports):
                port.feed(message.line)
        elif message.method == "notifications/resources/updated":
            for port in self._watched.get(str(message.params().get("uri", "")), ()):
                port.feed(message.line)
        else:
            logger.debug("%s is shared: its %s is dropped", self.name, message.method)

    def _progress(self, message: wire.Message) -> None:
        span = wire.within(message.line, message.spans.get(b"params"), b"progressToken")
        found = None if span is None else self._tokens.get(message.line[slice(*span)].strip(b'"'))
        if span is not None and found is not None:
            found[0].feed(wire.splice(message.line, (span, found[1])).rstrip(b"\n"))

    def _heard_listening(self, message: wire.Message) -> None:
        span = wire.within(message.line, message.spans.get(b"params"), b"_meta", SUBSCRIPTION)
        found = None if span is None else self._listens.get(message.line[slice(*span)].strip(b'"'))
        if span is not None and found is not None:
            found[0].feed(wire.splice(message.line, (span, found[1])).rstrip(b"\n"))

    def _malformed(self, line: bytes) -> None:
        for raw in wire.salvage_ids(line):
            asked = self._forget(wire.our_id(raw))
            if asked is not None and asked.port is not None:
                text = f"upstream {self.name!r} sent an answer that is not JSON"
                asked.port.feed(wire.error(asked.raw_id, wire.INTERNAL_ERROR, text))
                return
        logger.debug("%s: %d bytes on stdout are no message", self.name, len(line))

    def _forget(self, number: int) -> _Asked | None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._tokens.pop(asked.token, None)
            self._listens.pop(b"%d" % number, None)
        return asked

    def _ended(self, reason: str) -> None:
        for table in (self._asked, self._tokens, self._listens, self._watched):
            table.clear()
        self._greeting, self._hello = [], b""
        ports, self._ports = self._ports, []
        for port in ports:
            port.ended(reason)

    def _full(self, on: bool) -> None:
        for port in list(self._ports):
            port.full(on)


class _Port:
    """The upstream as one session sees it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._feed: Callable[[list[bytes]], None] | None = None
        self._ended: Callable[[str], None] = lambda _reason: None
        self.full: Callable[[bool], None] = lambda _on: None

    @property
    def name(self) -> str:
        """Return what the user calls it."""
        return self._shared.name

    @property
    def running(self) -> bool:
        """Tell whether it takes messages."""
        return self._feed is not None and self._shared.running

    async def start(
        self,
        feed: Callable[[list[bytes]], None],
        ended: Callable[[str], None],
        full: Callable[[bool], None],
    ) -> None:
        """Join the others. Raises: UpstreamError."""
        self._ended, self.full = ended, full
        await self._shared.join(self)
        self._feed = feed

    def send(self, data: bytes) -> None:
        """Write whole lines to it."""
        for line in data.split(b"\n"):
            if line and self._feed is not None:
                self._shared.from_session(self, line)

    def hold(self, on: bool) -> None:
        """Do nothing: what comes are answers to what this session has asked."""

    async def stop(self) -> None:
        """Leave the others."""
        self._feed = None
        await self._shared.leave(self)

    # What the shared one says

    def feed(self, line: bytes) -> None:
        """Hand a line on."""
        if self._feed is not None:
            self._feed([line.rstrip(b"\n")])

    def ended(self, reason: str) -> None:
        """Say that it has ended, for this session too."""
        self._feed = None
        self._ended(reason)
