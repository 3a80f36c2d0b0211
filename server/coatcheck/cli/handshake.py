"""Start an MCP server, greet it, and list its tools: what a client does first."""

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from mcp.types import Tool

START_SECONDS = 30.0
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Greeting:
    """How long a server took until it could be used, and the definition of each of its tools."""

    seconds: float
    tools: Mapping[str, str] = field(default_factory=dict)


def greet(
    words: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> Greeting:
    """Return the greeting of the server that words start. Raises: Exception, whatever it does."""
    with Path(os.devnull).open("w") as nowhere:
        greeting = _greet(words, environment, folder, nowhere)
        return asyncio.run(asyncio.wait_for(greeting, START_SECONDS))


async def _greet(
    words: Sequence[str], environment: Mapping[str, str], folder: Path | None, errors: TextIO
) -> Greeting:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(
        command=words[0], args=list(words[1:]), env=dict(environment), cwd=folder
    )
    tools: dict[str, str] = {}
    began = time.perf_counter()
    async with Client(stdio_client(parameters, errlog=errors)) as client:
        seconds = time.perf_counter() - began
        cursor = None
        for _ in range(MOST_PAGES):
            listed = await client.list_tools(cursor=cursor)
            tools |= {tool.name: _shown(tool) for tool in listed.tools}
            cursor = listed.next_cursor
            if cursor is None:
                break
    return Greeting(seconds, tools)


def _shown(tool: "Tool") -> str:
    """Return what a model is shown of a tool."""
    parts = {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
    return json.dumps(parts, ensure_ascii=False)
