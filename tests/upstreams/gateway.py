"""Serve a stdio server over HTTP on the loopback, bytes as they are; misbehave on request.

gateway.py [--kind stream|json|stateless|sse] [--port N] -- COMMAND...
Prints its port, then a line for each request: method, path, the headers that matter.
The path /mcp is the endpoint of Streamable HTTP, /sse that of the older transport. A session is one
run of COMMAND. POST /control with {"refuse": STATUS, ...} or {"forget": true} changes what comes.
"""

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Queue = asyncio.Queue[bytes | None]
LIMIT = 1 << 28
MODERN = b"io.modelcontextprotocol/protocolVersion"
CONTROL: dict[str, Any] = {}
SEEN_HEADERS = ("authorization", "mcp-", "last-event-id", "x-")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Session:
    """One run of the command; a line of it goes where its answer is waited for."""

    def __init__(self, process: asyncio.subprocess.Process, *, streams: bool) -> None:
        self.process = process
        self.streams = streams
        self.waiting: dict[bytes, Queue] = {}
        self.standing: Queue = asyncio.Queue()
        self.over = False

    async def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.replace(b"\n", b" ") + b"\n")
        await self.process.stdin.drain()

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            line = line.rstrip(b"\n")
            ids = re.findall(rb'"id":\s*("[^"]*"|\d+)', line[:80] + line[-80:])
            found = [raw_id for raw_id in ids if raw_id in self.waiting]
            if b'"method"' not in line[:200] and found:
                queue = self.waiting.pop(found[-1])
                await queue.put(line)
                await queue.put(None)
            else:
                last = list(self.waiting.values())[-1:] if self.streams else []
                await (last[0] if last else self.standing).put(line)
        self.over = True
        for queue in [*self.waiting.values(), self.standing]:
            await queue.put(None)

    def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


class Gateway:
    def __init__(self, kind: str, command: list[str]) -> None:
        self.kind = kind
        self.command = command
        self.sessions: dict[str, Session] = {}
        self.names = count(1)
        self.tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> tuple[str, Session]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.command, stdin=pipe, stdout=pipe, limit=LIMIT
        )
        session = Session(process, streams=self.kind in ("stream", "stateless"))
        name = f"session-{next(self.names)}"
        self.sessions[name] = session
        task = asyncio.ensure_future(session.read())
        self.tasks.add(task)
        return name, session

    async def endpoint(self, request: Request) -> Response:
        said = {k: v for k, v in request.headers.items() if k.startswith(SEEN_HEADERS)}
        body = await request.body()
        say(f"{request.method} {request.url.path} {json.dumps(said)}")
        if self.kind == "sse" or (refusal := CONTROL.pop("refuse", 0)):
            status = 405 if self.kind == "sse" else refusal
            return Response("<html>no</html>", status, CONTROL.pop("headers", {}), "text/html")
        if CONTROL.pop("forget", False):
            for session in self.sessions.values():
                session.end()
            self.sessions.clear()
        if request.method == "GET":
            return await self.stand(request)
        name = request.headers.get("mcp-session-id", "")
        if request.method == "DELETE":
            self.sessions.pop(name).end()
            return Response(status_code=200)
        return await self.post(request, body, name)

    def session(self, name: str) -> Session | None:
        found = self.sessions.get(name)
        return None if found is None or found.over else found

    async def post(self, request: Request, body: bytes, name: str) -> Response:
        message = json.loads(body)
        headers: dict[str, str] = {}
        session = self.session(name)
        if message.get("method") == "initialize" and self.kind != "stateless":
            name, session = await self.begin()
            headers["Mcp-Session-Id"] = name
        elif self.kind == "stateless" or MODERN in body:
            session = next(iter(self.sessions.values()), None) or (await self.begin())[1]
        if session is None:
            error = {"code": -32001, "message": "Session not found"}
            status = 404 if name else 400
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status)
        if "method" not in message or "id" not in message:
            await session.write(body)
            return Response(status_code=202)
        queue: Queue = asyncio.Queue()
        raw_id = json.dumps(message["id"]).encode()
        session.waiting[raw_id] = queue
        await session.write(body)
        if self.kind == "json":
            return await self.whole(queue, headers)
        return StreamingResponse(stream(queue), 200, headers, "text/event-stream")

    async def whole(self, queue: Queue, headers: dict[str, str]) -> Response:
        if (line := await queue.get()) is None:
            return Response("<html>it died</html>", 502, headers, "text/html")
        return Response(line, 200, headers, "application/json")

    async def stand(self, request: Request) -> Response:
        name = request.headers.get("mcp-session-id", "")
        session = self.session(name)
        if session is None:
            return Response(status_code=404 if name else 405)
        return StreamingResponse(stream(session.standing), 200, None, "text/event-stream")

    async def legacy(self, request: Request) -> Response:
        name, session = await self.begin()
        say("GET /sse {}")

        async def events() -> AsyncIterator[bytes]:
            yield b"event: endpoint\r\ndata: /messages?session_id=%b\r\n\r\n" % name.encode()
            try:
                async for event in stream(session.standing):
                    yield event
            finally:
                session.end()

        return StreamingResponse(events(), 200, None, "text/event-stream")

    async def message(self, request: Request) -> Response:
        session = self.sessions[request.query_params["session_id"]]
        await session.write(await request.body())
        return Response("Accepted", 202)

    async def control(self, request: Request) -> Response:
        CONTROL.update(await request.json())
        return Response(status_code=204)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for session in self.sessions.values():
            session.end()


async def stream(queue: Queue) -> AsyncIterator[bytes]:
    yield b": hello\r\n\r\n"
    while (line := await queue.get()) is not None:
        yield b"event: message\r\ndata: " + line + b"\r\n\r\n"


def main() -> None:
    at = sys.argv.index("--")
    options = dict(zip(sys.argv[1:at:2], sys.argv[2:at:2], strict=True))
    gateway = Gateway(options.get("--kind", "stream"), sys.argv[at + 1 :])
    app = Starlette(
        routes=[
            Route("/mcp", gateway.endpoint, methods=["GET", "POST", "DELETE"]),
            Route("/sse", gateway.legacy),
            Route("/sse", gateway.endpoint, methods=["POST"]),
            Route("/messages", gateway.message, methods=["POST"]),
            Route("/control", gateway.control, methods=["POST"]),
        ],
        lifespan=gateway.lifespan,
    )
    listener = socket.create_server(("127.0.0.1", int(options.get("--port", "0"))))
    say(str(listener.getsockname()[1]))
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


main()
