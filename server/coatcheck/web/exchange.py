"""One HTTP request as the endpoint sees it, and the plain ways to answer it."""

from collections.abc import Iterable, Sequence

import orjson
from starlette.types import Receive, Scope, Send

from coatcheck import codes

JSON = b"application/json"
EVENTS = b"text/event-stream"

Headers = Iterable[tuple[bytes, bytes]]


class Exchange:
    """A request, and its response."""

    __slots__ = ("_accept", "_headers", "method", "raw_headers", "receive", "scope", "send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method = str(scope["method"])
        self.raw_headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self._headers: dict[bytes, bytes] = dict(self.raw_headers)
        self._accept: bytes = self._headers.get(b"accept", b"*/*").lower()

    @property
    def principal(self) -> str:
        """Return who asks; all that is of one principal is kept from the others."""
        return str(self.scope.get("coatcheck.principal", ""))

    def header(self, name: bytes) -> str:
        """Return a header, "" if it is absent."""
        return self._headers.get(name, b"").decode("latin-1").strip()

    @property
    def takes_json(self) -> bool:
        """Tell whether the client reads a JSON answer."""
        return any(kind in self._accept for kind in (JSON, b"application/*", b"*/*"))

    @property
    def takes_events(self) -> bool:
        """Tell whether the client reads a stream of events."""
        return any(kind in self._accept for kind in (EVENTS, b"text/*", b"*/*"))

    @property
    def prefers_events(self) -> bool:
        """Tell whether the client names the stream of events first, or alone."""
        return EVENTS in self._accept.partition(JSON)[0]

    @property
    def is_json(self) -> bool:
        """Tell whether the client says that it sends JSON."""
        return self.header(b"content-type").partition(";")[0].strip().lower() == JSON.decode()

    async def body(self, limit_bytes: int) -> bytes | None:
        """Return the body; None if it is longer than the limit or the client is gone."""
        length = self.header(b"content-length")
        if length.isdigit() and int(length) > limit_bytes:
            return None
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self.receive()
            if event["type"] != "http.request":
                return None
            part = event.get("body", b"")
            size += len(part)
            if size > limit_bytes:
                return None
            parts.append(part)
            if not event.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def start(self, status: int, kind: bytes, headers: Headers = ()) -> None:
        """Begin the response."""
        all_headers = [(b"content-type", kind), *headers] if kind else [*headers]
        await self.send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def write(self, data: bytes, *, more: bool) -> None:
        """Send a part of the response."""
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(
        self, status: int, body: bytes = b"", kind: bytes = JSON, headers: Headers = ()
    ) -> None:
        """Answer completely."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, kind if body else b"", [length, *headers])
        await self.write(body, more=False)

    async def refuse(
        self, status: int, message: str, code: int = codes.INVALID_REQUEST, headers: Headers = ()
    ) -> None:
        """Answer with an error that belongs to no request."""
        await self.reply(status, error_body(b"null", code, message), headers=headers)


def error_body(raw_id: bytes, code: int, message: str, data: object = None) -> bytes:
    """Return a JSON-RPC error."""
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (raw_id, orjson.dumps(error))
