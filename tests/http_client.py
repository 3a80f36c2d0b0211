"""A bare client of a coatcheck over HTTP, and the server process behind it."""

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conftest import BOUND_SECONDS, UPSTREAMS

Json = dict[str, Any]
BOTH = "application/json, text/event-stream"
INFO = {"name": "test", "version": "1"}
MODERN = "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": INFO,
}


def front(*upstream: str, host: str = "127.0.0.1") -> list[str]:
    """Return the command of the HTTP front alone, over a server of tests/upstreams or a URL."""
    script = Path(__file__).with_name("http_serve.py")
    is_url = upstream[0].startswith("http")
    server = upstream if is_url else [sys.executable, str(UPSTREAMS / upstream[0]), *upstream[1:]]
    return [sys.executable, str(script), f"{host}:0", "up", *server]


def serve() -> list[str]:
    """Return the command of coatcheck serve over HTTP."""
    return [sys.executable, "-m", "coatcheck.cli", "serve", "--http", "127.0.0.1:0"]


class Served:
    """A coatcheck that serves over HTTP."""

    def __init__(self, command: Sequence[str], **environ: str) -> None:
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            env={**os.environ, "COATCHECK": "off", **environ},
        )
        self.behind = self  # where its upstream's log can be read
        self.log: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.port = int(self.logged(b"coatcheck: MCP at").rpartition(b":")[2].split(b"/")[0])

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.log.put(line)
        self.log.put(b"")

    def logged(self, wanted: bytes) -> bytes:
        """Wait for a line of stderr that contains wanted."""
        while wanted not in (line := self.log.get(timeout=BOUND_SECONDS)):
            assert line, f"the log ended without {wanted!r}"
        return line

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.terminate()
        return self.process.wait(BOUND_SECONDS)

    def end(self) -> None:
        """Leave nothing behind."""
        with suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(BOUND_SECONDS)
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self._thread.join(BOUND_SECONDS)


@dataclass(slots=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """Return the body, or the last event, as JSON."""
        table = json.loads(self.events[-1][1] if self.is_stream else self.body)
        assert isinstance(table, dict)
        return table

    @property
    def is_stream(self) -> bool:
        """Tell whether it is a stream of events."""
        return "text/event-stream" in self.headers.get("content-type", "")

    @property
    def events(self) -> list[tuple[str, bytes]]:
        """Return id and data of each event that has data."""
        frames = [_event(frame) for frame in self.body.split(b"\n\n")]
        return [(name, data) for name, data in frames if data]

    @property
    def messages(self) -> list[Json]:
        """Return the message of each event."""
        return [json.loads(data) for _, data in self.events]


def _event(frame: bytes) -> tuple[str, bytes]:
    fields = dict(line.split(b": ", 1) for line in frame.splitlines() if b": " in line)
    return fields.get(b"id", b"").decode(), fields.get(b"data", b"").strip()


@dataclass(slots=True)
class Client:
    """One client: a session of the handshake era, or requests without one."""

    port: int
    session: str = ""
    version: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def open(
        self, method: str, body: bytes | None = None, path: str = "/mcp", **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and give the response while it comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", "Accept": BOTH, **self.headers, **named}
        if self.session:
            sent["Mcp-Session-Id"] = self.session
        if self.version:
            sent.setdefault("MCP-Protocol-Version", self.version)
        try:
            connection.request(method, path, body, {k: v for k, v in sent.items() if v})
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def ask(
        self, method: str, body: bytes | None = None, path: str = "/mcp", **headers: str
    ) -> Answer:
        """Send a request and return the response."""
        with self.open(method, body, path, **headers) as response:
            got = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, got, response.read())

    def post(self, message: object, **headers: str) -> Answer:
        """POST a message, or bytes as they are."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.ask("POST", body, **headers)

    def request(self, method: str, request_id: object = 1, **params: Any) -> Answer:
        """Send a request."""
        return self.post(request_of(method, request_id, **params))

    def call(self, tool: str, request_id: object = 1, **arguments: Any) -> Answer:
        """Send a tools/call."""
        return self.request("tools/call", request_id, name=tool, arguments=arguments)

    def said(self, tool: str, **arguments: Any) -> str:
        """Call a tool and return the text of its result."""
        return str(self.call(tool, **arguments).json["result"]["content"][0]["text"])

    def notify(self, method: str, **params: Any) -> Answer:
        """Send a notification."""
        return self.post({"jsonrpc": "2.0", "method": method, "params": params})

    def greet(self, version: str = "2025-11-25", **capabilities: Any) -> "Client":
        """Do the handshake."""
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": INFO}
        answer = self.request("initialize", "hello", **params)
        assert answer.status == 200, answer
        self.session = answer.headers["mcp-session-id"]
        self.version = version
        assert self.notify("notifications/initialized").status == 202
        return self

    def modern(
        self, method: str, request_id: object = 1, meta: Json | None = None, **params: Any
    ) -> Answer:
        """Send a request of the era without sessions, with the headers that it asks for."""
        headers = {"Mcp_Method": method, "MCP_Protocol_Version": MODERN}
        if name := params.get("name") or params.get("uri"):
            headers["Mcp_Name"] = str(name)
        body = request_of(method, request_id, **params, _meta={**ENVELOPE, **(meta or {})})
        return self.post(body, **headers)


def request_of(method: str, request_id: object = 1, **params: Any) -> Json:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def lines_until(response: http.client.HTTPResponse, wanted: bytes) -> list[bytes]:
    """Read a stream until a line contains wanted."""
    lines: list[bytes] = []
    while not lines or wanted not in lines[-1]:
        line = response.readline()
        assert line, f"the stream ended without {wanted!r}: {lines}"
        assert line != b": \n", f"silence instead of {wanted!r}: {lines}"
        lines.append(line)
    return lines


def messages_of(lines: Sequence[bytes]) -> list[Json]:
    """Return the messages among lines of a stream."""
    data = [line[6:] for line in lines if line.startswith(b"data: ")]
    return [json.loads(words) for words in data if words.strip()]
