"""Servers over HTTP, as processes that say what happens to them."""

import json
import queue
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

BOUND_SECONDS = 30
UPSTREAMS = Path(__file__).parent / "upstreams"


def collect(stream: Any, lines: "queue.SimpleQueue[bytes]") -> threading.Thread:
    """Put each line of a stream into a queue, empty bytes at its end; return the thread of it."""

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(b"")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


class Listed:
    """A server over HTTP on the loopback that prints its port, then what happens to it."""

    def __init__(self, *words: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, *words], stdout=pipe, stderr=pipe)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.log: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._threads = [
            collect(self._process.stdout, self.requests),
            collect(self._process.stderr, self.log),
        ]

    def url(self, path: str = "/mcp") -> str:
        """Return the address of an endpoint."""
        return f"http://127.0.0.1:{self.port}{path}"

    def seen(self, wanted: str) -> dict[str, str]:
        """Wait for a request such as "GET /mcp" and return its headers."""
        while not (line := self.requests.get(timeout=BOUND_SECONDS).decode()).startswith(wanted):
            assert line, f"ended without {wanted}"
        found = json.loads(line.removeprefix(wanted))
        assert isinstance(found, dict)
        return found

    def control(self, **what: Any) -> None:
        """Say what is to go wrong with the next request."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.url("/control"), json.dumps(what).encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=BOUND_SECONDS):
            pass

    def end(self) -> None:
        """Leave nothing behind."""
        self._process.terminate()
        try:
            self._process.wait(BOUND_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(BOUND_SECONDS)


def gateway_to(kind: str, *upstream: str, port: int = 0) -> Listed:
    """Start a stdio server of tests/upstreams over HTTP."""
    server = [sys.executable, str(UPSTREAMS / upstream[0]), *upstream[1:]]
    options = ["--kind", kind, "--port", str(port)]
    return Listed(str(UPSTREAMS / "gateway.py"), *options, "--", *server)
