"""The MCP SDK: call one tool of a server in .mcp.json, with coatcheck in front of it.

python mcp_client.py files read_text_file '{"path": "big.json"}'
"""

import asyncio
import json
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

from coatcheck import wrap_servers


async def main(server: str, tool: str, arguments: str) -> None:
    """Print the view of the result."""
    servers = json.loads(Path(".mcp.json").read_text())["mcpServers"]
    entry = wrap_servers(servers)[server]
    parameters = StdioServerParameters(
        command=entry["command"], args=entry["args"], env=entry.get("env")
    )
    async with Client(parameters) as client:
        result = await client.call_tool(tool, json.loads(arguments))
        print("\n".join(getattr(block, "text", f"<{block.type}>") for block in result.content))


asyncio.run(main(*sys.argv[1:4]))
