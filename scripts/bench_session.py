"""A bare MCP client over stdio for the benches: one request at a time, timed by the caller."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RUN = (sys.executable, "-m", "coatcheck.cli", "run", "--name", "items", "--")
INFO = {"name": "bench", "version": "1"}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}


def upstream(items: Path) -> list[str]:
    """Return the command of the server that serves the texts of a file."""
    return [sys.executable, str(HERE / "bench_upstream.py"), str(items)]


class BenchSession:
    """A server that was started and greeted; end it with close."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environ},
        )
        self._number = 0
        self.request("initialize", HELLO)
        self._write({"method": "notifications/initialized"})
        self.request("tools/list", {})

    def call(self, tool: str, **arguments: object) -> str:
        """Call a tool and return the text of its first block."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        return str(result["content"][0]["text"])

    def line(self, tool: str, **arguments: object) -> bytes:
        """Call a tool and return the line of the answer, not parsed."""
        return self._ask("tools/call", {"name": tool, "arguments": arguments})

    def request(self, method: str, params: object) -> dict[str, Any]:
        """Return the result of a request. Raises: RuntimeError if it is an error."""
        answer = json.loads(self._ask(method, params))
        if "result" not in answer:
            raise RuntimeError(f"{method}: {answer}")
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def close(self) -> None:
        """End the server and wait for it."""
        self.process.communicate(timeout=30)

    def _ask(self, method: str, params: object) -> bytes:
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def _write(self, message: Mapping[str, object]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()
