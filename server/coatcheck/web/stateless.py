"""One client of the era without sessions: its requests share a connection and nothing else."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from coatcheck import wire
from coatcheck.web.asked import LISTEN, SUBSCRIPTION, Asked, Requests
from coatcheck.web.lease import Lease
from coatcheck.web.mirrored import Declared, declared
from coatcheck.web.modern import CAPABILITIES, VERSION, VERSIONS
from coatcheck.web.streams import Backlog, Stream

logger = logging.getLogger(__name__)

LOG_LEVEL = "io.modelcontextprotocol/logLevel"
STATUS = {-32700: 400, -32600: 400, -32601: 404, -32602: 400, -32020: 400, -32021: 400, -32022: 400}
# A client that leaves so much unread loses its response; nobody waits for it.
UNREAD_BYTES = 1 << 26
# After a refused probe a client has so long to begin a session on the same connection.
REFUSED_SECONDS = 30.0
# Listing the tools ourselves: how long one page may take, how many there may be.
LIST_SECONDS = 10.0
LIST_PAGES = 100


class Stateless:
    """The Agent for all requests of one client.

    What the upstream says goes to the response that it surely belongs to, or nowhere: an answer by
    its id, progress by its token, a subscription's notification by its id. A log line names no
    request; it goes to the only one in flight that asked for log lines.
    """

    def __init__(self, principal: str, idle_seconds: float) -> None:
        self.principal = principal
        self.lease = Lease(self, principal, idle_seconds)
        self.is_refused = False
        self._declared: dict[str, Declared] | None = None
        self._requests = Requests()

    def ask(self, message: wire.Message, method: str, *, takes_events: bool) -> Stream:
        """Carry a request and return the stream of its answer."""
        stream = Stream(Backlog(_never_full), takes_events=takes_events)
        stream.open_requests = 1
        meta = message.params().get("_meta")
        wants_log = isinstance(meta, Mapping) and LOG_LEVEL in meta
        asked = Asked(message.id or b"null", method, stream, wants_log and takes_events)
        self._carry(self._requests.add(message, asked))
        return stream

    async def declared(self, tool: str) -> Declared:
        """Return which arguments of a tool are to be mirrored in headers.

        Lists the tools when no client has done so yet; a list that fails asks for nothing.
        """
        cursor: object = None
        pages = 0
        while self._declared is None or (cursor and pages < LIST_PAGES):
            stream = self.ask(wire.read(_list_request(cursor)), "tools/list", takes_events=False)
            await stream.news(LIST_SECONDS)
            self.abandon(stream)
            pages += 1
            cursor = _result(stream.take()[0][1]).get("nextCursor") if stream.is_over else None
            self._declared = self._declared or {}
        return self._declared.get(tool, ())

    def abandon(self, stream: Stream) -> None:
        """Cancel what a client no longer waits for; it has said so by hanging up."""
        for number in self._requests.of(stream):
            self._requests.take(number)
            self._carry(wire.cancelled(b"%d" % number, "the client has closed the response"))

    def end(self) -> None:
        """End every response and close the connection."""
        self.lease.end()
        for asked in self._requests.take_all():
            failed = wire.error(asked.id, wire.UPSTREAM_GONE, "coatcheck: the connection has ended")
            asked.stream.answer(failed.rstrip())

    def end_listening(self) -> None:
        """End the responses that would never end by themselves."""
        for asked in list(self._requests.newest_first()):
            if asked.method == LISTEN:
                asked.stream.end()

    def _carry(self, line: bytes) -> None:
        if self.lease.connection is not None:
            self.lease.connection.from_agent([line.rstrip(b"\n")])

    # What the connection sees of the agent

    def send(self, data: bytes) -> None:
        """Give each line to the response that it belongs to."""
        for line in data.split(b"\n"):
            if line and not line.isspace():
                try:
                    self._each(line)
                except wire.Malformed:  # no connection says such a thing
                    logger.error("a message of %d bytes is not JSON; it is dropped", len(line))

    def hold(self, on: bool) -> None:
        """Do nothing: a request that waits for its upstream is bounded by the limit of its body."""

    @property
    def is_free(self) -> bool:
        """Tell whether a session may have the connection: the era was refused, nobody waits."""
        return self.is_refused and not len(self._requests) and not self.lease.is_over

    @property
    def unsent_bytes(self) -> int:
        """Return 0: no client holds up the others."""
        return 0

    def _each(self, line: bytes) -> None:
        answer = wire.read_answer(line)
        if answer is None:
            message = wire.read(line)
            answer = wire.answer_of(message)
            if answer is None:
                self._say(message)
                return
        found = self._requests.answered(answer)
        if found is None:
            logger.debug("an answer that no client waits for is dropped")
            return
        asked, line = found
        if not answer.is_result:
            asked.stream.status = _status(line)
        elif asked.method == "tools/list":
            self._learn(line)
        asked.stream.answer(line)
        if asked.method == "server/discover":
            self.is_refused = not answer.is_result  # the upstream knows sessions only
            if self.is_refused:
                self.lease.keep(REFUSED_SECONDS)

    def _say(self, message: wire.Message) -> None:
        if message.id is not None and message.method is not None:
            text = "this client takes no requests; answer with input_required"
            self._carry(wire.error(message.id, -32601, text))
            return
        if message.method == "notifications/progress":
            found = self._requests.progress(message)
        elif message.method == "notifications/message":
            found = self._logged(message)
        elif SUBSCRIPTION.encode() in message.line:
            found = self._requests.listener(message)
        else:
            found = None
        if found is None or not found[0].takes_events or not found[0].is_attached:
            logger.debug("a notification that belongs to no response is dropped")
            return
        stream, line = found
        stream.put(line)
        if stream.waiting_bytes > UNREAD_BYTES:
            logger.warning("a client does not read its response; it is ended")
            stream.detach()

    def _logged(self, message: wire.Message) -> tuple[Stream, bytes] | None:
        wanting = [asked.stream for asked in self._requests.newest_first() if asked.wants_log]
        return (wanting[0], message.line) if len(wanting) == 1 else None

    def _learn(self, line: bytes) -> None:
        """Note which arguments of which tools are to be mirrored in headers."""
        tools = _result(line).get("tools")
        if self._declared is None:
            self._declared = {}
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                self._declared[tool["name"]] = declared(tool.get("inputSchema"))


def _never_full(on: bool) -> None:
    """Do nothing: no client holds up the others."""


def _result(line: bytes) -> Mapping[str, object]:
    body = wire.load(line)
    result = body.get("result") if isinstance(body, dict) else None
    return result if isinstance(result, dict) else {}


def _list_request(cursor: object) -> bytes:
    params: dict[str, Any] = {"_meta": {VERSION: VERSIONS[-1], CAPABILITIES: {}}}
    if cursor:
        params["cursor"] = str(cursor)
    request = {"jsonrpc": "2.0", "id": 0, "method": "tools/list", "params": params}
    return orjson.dumps(request)


def _status(line: bytes) -> int:
    body = wire.load(line)
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return STATUS.get(int(code), 200) if isinstance(code, int | float) else 200
