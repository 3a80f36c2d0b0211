"""An HTTP server on the loopback that does exactly what a test says, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """Return the posted message, an empty one without a body."""
        found = json.loads(self.body or b"{}")
        assert isinstance(found, dict)
        return found


class Reply:
    """The way back to the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def whole(
        self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str
    ) -> None:
        """Answer with one body."""
        self._head(status, kind, {"Content-Length": str(len(body)), **headers})
        self.writer.write(body)

    def stream(self, **headers: str) -> None:
        """Begin a stream of events; it ends with the connection."""
        self._head(200, "text/event-stream", {"Connection": "close", **headers})

    def event(self, data: bytes, **fields: object) -> None:
        """Send one event."""
        lines = [f"{name}: {value}\n".encode() for name, value in fields.items()]
        self.writer.write(b"".join(lines) + b"data: " + data + b"\n\n")

    def cut(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(1 << 16):
                pass

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())


Answer = Callable[[Seen, Reply], Awaitable[None]]


@dataclass
class Server:
    """Where it is, and what it was asked, in order."""

    port: int
    seen: list[Seen]

    @property
    def url(self) -> str:
        """Return the address of its endpoint, with a secret in it."""
        return f"http://127.0.0.1:{self.port}/mcp?key=SECRET"

    def asked(self) -> list[str]:
        """Return what was asked, in short."""
        return [f"{s.method} {s.message.get('method', '')}".strip() for s in self.seen]


@asynccontextmanager
async def served(answer: Answer, port: int = 0) -> AsyncIterator[Server]:
    """Run a server; each request is handed to answer."""
    writers: set[asyncio.StreamWriter] = set()
    seen: list[Seen] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _request(reader)) is not None:
                seen.append(request)
                await answer(request, Reply(reader, writer))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield Server(server.sockets[0].getsockname()[1], seen)
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    first = await reader.readline()
    if not first:
        return None
    method, path, _ = first.decode().split(" ", 2)
    headers = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body)
