"""MCP over Streamable HTTP, both eras on one path, messages as the bytes that were received."""

import logging

from starlette.types import Receive, Scope, Send

from coatcheck import wire
from coatcheck.types import CoatcheckError, HttpSettings
from coatcheck.web import modern
from coatcheck.web.asked import LISTEN
from coatcheck.web.exchange import Exchange, error_body
from coatcheck.web.mirrored import PREFIX, mismatch
from coatcheck.web.responses import Opening, first_event, follow, respond
from coatcheck.web.session import Session
from coatcheck.web.sessions import Sessions
from coatcheck.web.stateless import STATUS, Stateless
from coatcheck.web.streams import Stream

logger = logging.getLogger(__name__)

# From this revision on a client can read an event without data, from which it may resume.
PRIMED_SINCE = "2025-11-25"
# The last revision with batches, and the one that a client without the header means.
BATCH_VERSION = "2025-03-26"


class Endpoint:
    """The ASGI application behind /mcp."""

    def __init__(self, sessions: Sessions, settings: HttpSettings) -> None:
        self._sessions = sessions
        self._limit_bytes = settings.body_limit
        self._stream_seconds = settings.stream_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        version = exchange.header(b"mcp-protocol-version")
        is_modern = bool(version) and version not in modern.SESSION_VERSIONS
        if exchange.method == "POST":
            await self._post(exchange, is_modern=is_modern)
        elif is_modern or exchange.method not in ("GET", "DELETE"):
            allowed = b"POST" if is_modern else b"POST, GET, DELETE"
            text = f"{exchange.method} is not allowed here"
            await exchange.refuse(405, text, headers=[(b"allow", allowed)])
        elif (session := await self._session_of(exchange)) is None:
            return
        elif exchange.method == "GET":
            await self._get(exchange, session)
        else:
            session.end()
            await exchange.reply(200)

    # What both eras have in common

    async def _post(self, exchange: Exchange, *, is_modern: bool) -> None:
        if not exchange.is_json:
            await exchange.refuse(415, "send application/json")
        elif not (exchange.takes_json or exchange.takes_events):
            await exchange.refuse(406, "accept application/json and text/event-stream")
        elif (body := await exchange.body(self._limit_bytes)) is None:
            text = f"the body is longer than {self._limit_bytes} bytes"
            await exchange.refuse(413, f"{text}; send less or raise http.body_limit in config.toml")
        else:
            try:
                messages, is_batch = _messages(body)
            except wire.Malformed:
                await exchange.refuse(400, "the body is not JSON", wire.PARSE_ERROR)
                return
            if is_modern:
                await self._modern_post(exchange, messages, is_batch=is_batch)
            else:
                await self._session_post(exchange, messages, is_batch=is_batch)

    # The handshake era

    async def _session_post(
        self, exchange: Exchange, messages: list[wire.Message], *, is_batch: bool
    ) -> None:
        version = exchange.header(b"mcp-protocol-version") or BATCH_VERSION
        if not messages or (is_batch and version != BATCH_VERSION):
            await exchange.refuse(400, f"revision {version} takes one message in a body")
        elif not all(map(_is_message, messages)):
            await exchange.refuse(400, "the body is not a JSON-RPC message")
        elif any(_is_request(message) for message in messages):
            session = await self._session_for(exchange, messages)
            if session is not None:
                await self._ask(exchange, session, messages, is_batch=is_batch)
        elif (session := await self._session_of(exchange)) is not None:
            with session.lease.used():
                session.tell(messages)
            await exchange.reply(202)

    async def _session_for(
        self, exchange: Exchange, messages: list[wire.Message]
    ) -> Session | None:
        """Return the session of a request, a new one for a handshake; None when it is refused."""
        is_new = messages[0].method == "initialize" and not exchange.header(b"mcp-session-id")
        if not is_new:
            return await self._session_of(exchange)
        client = modern.client_of(messages[0])
        session = self._sessions.open(exchange.principal, client)
        if session is None:
            await exchange.refuse(503, self._sessions.obstacle, wire.INTERNAL_ERROR)
            return None
        try:
            await session.lease.ready()
        except CoatcheckError as error:
            await self._fail(exchange, messages[0], error)
            return None
        return session

    async def _session_of(self, exchange: Exchange) -> Session | None:
        id = exchange.header(b"mcp-session-id")
        if not id:
            await exchange.refuse(400, "no Mcp-Session-Id; begin with initialize")
            return None
        session = self._sessions.find(id, exchange.principal)
        if session is None:
            await exchange.refuse(404, "there is no such session; begin with initialize")
        return session

    async def _ask(
        self, exchange: Exchange, session: Session, messages: list[wire.Message], *, is_batch: bool
    ) -> None:
        headers = [(b"mcp-session-id", session.id.encode())]

        def commit(stream: Stream) -> Opening:
            session.commit(stream)
            return self._opening(exchange, session, stream)

        with session.lease.used():
            await session.may_send.wait()
            takes_events = exchange.takes_events
            stream = session.ask(messages, takes_events=takes_events, is_batch=is_batch)
            may_be_plain = exchange.takes_json and not exchange.prefers_events
            is_heard = await respond(exchange, stream, headers, commit, may_be_plain=may_be_plain)
            if messages[0].method == "initialize" and not is_heard:
                session.end()  # nobody knows its id

    async def _get(self, exchange: Exchange, session: Session) -> None:
        last = exchange.header(b"last-event-id")
        found = session.resume(last) if last else (session.listen(), None)
        if not exchange.takes_events:
            await exchange.refuse(406, "accept text/event-stream")
        elif found is None:
            await exchange.refuse(400, "what came after this event is no longer kept")
        else:
            stream, after = found
            opening = self._opening(exchange, session, stream)
            if after is not None:
                opening = opening._replace(first=b"")
            with session.lease.used():
                await follow(exchange, stream, after, opening)

    def _opening(self, exchange: Exchange, session: Session, stream: Stream) -> Opening:
        headers = [(b"mcp-session-id", session.id.encode())]
        revision = exchange.header(b"mcp-protocol-version") or session.version
        if revision < PRIMED_SINCE:
            return Opening(headers)
        return Opening(headers, first_event(stream), self._stream_seconds)

    # The era without sessions

    async def _modern_post(
        self, exchange: Exchange, messages: list[wire.Message], *, is_batch: bool
    ) -> None:
        message = messages[0] if messages and not is_batch else None
        if message is None or message.method is None:
            await exchange.refuse(400, "the body is not one request or notification")
        elif message.id is None:
            await self._modern_notice(exchange)
        elif message.method == LISTEN and not exchange.takes_events:
            await exchange.refuse(406, "accept text/event-stream")
        elif (wrong := modern.refusal(message, exchange)) is not None:
            await _refuse(exchange, message, wrong)
        elif (agent := self._agent(exchange, message)) is None:
            text = self._sessions.obstacle
            await exchange.reply(503, error_body(message.id, wire.INTERNAL_ERROR, text))
        else:
            with agent.lease.used():
                await self._modern_ask(exchange, agent, message, message.method)

    def _agent(self, exchange: Exchange, message: wire.Message) -> Stateless | None:
        return self._sessions.stateless(exchange.principal, modern.client_of(message))

    async def _modern_notice(self, exchange: Exchange) -> None:
        """Take a notification and forget it: this era has none that a server would act on."""
        version = exchange.header(b"mcp-protocol-version")
        if version in modern.VERSIONS:
            await exchange.reply(202)
        else:
            await exchange.refuse(400, "unsupported protocol version", modern.UNSUPPORTED_VERSION)

    async def _modern_ask(
        self, exchange: Exchange, agent: Stateless, message: wire.Message, method: str
    ) -> None:
        try:
            await agent.lease.ready()
        except CoatcheckError as error:
            await self._fail(exchange, message, error)
            return
        wrong = await _unmirrored(exchange, agent, message) if method == "tools/call" else None
        if wrong is not None:
            await _refuse(exchange, message, modern.Refusal(modern.HEADER_MISMATCH, wrong))
            return
        if agent.lease.agent is not agent:  # a session has its connection since
            text = "this server knows sessions only; begin with initialize"
            await _refuse(exchange, message, modern.Refusal(modern.METHOD_NOT_FOUND, text))
            return
        stream = agent.ask(message, method, takes_events=exchange.takes_events)
        try:
            may_be_plain = exchange.takes_json  # an error has a status of its own there
            await respond(exchange, stream, (), lambda _: Opening(), may_be_plain=may_be_plain)
        finally:
            agent.abandon(stream)

    async def _fail(self, exchange: Exchange, message: wire.Message, error: Exception) -> None:
        text = f"coatcheck: {error}"
        await exchange.reply(200, error_body(message.id or b"null", wire.UPSTREAM_GONE, text))


def _messages(body: bytes) -> tuple[list[wire.Message], bool]:
    """Return the messages of a body, and whether it is a batch. Raises: wire.Malformed."""
    # A line is what is carried; outside of strings these are white space, inside not allowed.
    line = body.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    if not wire.is_batch(line):
        return [wire.read(line)], False
    return [wire.read(element) for element in wire.elements(line)], True


def _is_request(message: wire.Message) -> bool:
    return message.method is not None and message.id is not None


def _is_message(message: wire.Message) -> bool:
    if message.method is not None:
        return message.id is not None or b"id" not in message.spans
    return message.id is not None and bool(message.spans.keys() & {b"result", b"error"})


async def _unmirrored(exchange: Exchange, agent: Stateless, message: wire.Message) -> str | None:
    params = message.params()
    has_mirror = any(name.startswith(PREFIX.encode()) for name, _ in exchange.raw_headers)
    if not params.get("arguments") and not has_mirror:
        return None
    mirrors = await agent.declared(str(params.get("name")))
    return mismatch(mirrors, params.get("arguments"), exchange.raw_headers)


async def _refuse(exchange: Exchange, message: wire.Message, wrong: modern.Refusal) -> None:
    body = error_body(message.id or b"null", wrong.code, wrong.message, wrong.data)
    await exchange.reply(STATUS.get(wrong.code, 400), body)
