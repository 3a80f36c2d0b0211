"""A small MCP server on stdio whose tool `item` serves texts by number, for the benches.

Usage: python scripts/bench_upstream.py FILE

FILE holds a JSON object with `text` a line. item(number) returns the text of that line, counted
from 0 and round again after the last.
"""

import json
import sys
from pathlib import Path
from typing import Any

SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}}
TOOL = {"name": "item", "description": "A text by its number.", "inputSchema": SCHEMA}
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "items", "version": "1"},
}


def result(method: str, params: dict[str, Any], lines: list[bytes]) -> dict[str, Any]:
    """Return the result of a request."""
    if method == "initialize":
        return HELLO
    if method == "tools/list":
        return {"tools": [TOOL]}
    number = int(params.get("arguments", {}).get("number", 0))
    text = json.loads(lines[number % len(lines)])["text"]
    return {"content": [{"type": "text", "text": text}]}


def main() -> None:
    """Answer requests until stdin ends."""
    lines = [line for line in Path(sys.argv[1]).read_bytes().splitlines() if line]
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" in message:
            answer = result(message["method"], message.get("params", {}), lines)
            sent = {"jsonrpc": "2.0", "id": message["id"], "result": answer}
            sys.stdout.buffer.write(json.dumps(sent).encode() + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
