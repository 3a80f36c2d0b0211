"""LangChain (pip install langchain-mcp-adapters): the tools of the servers in .mcp.json.

It wants another version of the MCP SDK than coatcheck, so coatcheck runs from an environment of its
own (uv tool install coatcheck), and here it is installed without what it needs there
(pip install --no-deps coatcheck).

    python langchain_tools.py read_text_file '{"path": "big.json"}'
"""

import asyncio
import json
import sys
from pathlib import Path

from langchain_mcp_adapters.client import MultiServerMCPClient

from coatcheck import wrap_servers


async def main(name: str, arguments: str) -> None:
    """Print what a model would be given; an agent takes `tools` as they are."""
    servers = json.loads(Path(".mcp.json").read_text())["mcpServers"]
    known = {name: {"transport": "stdio", **entry} for name, entry in servers.items()}
    client = MultiServerMCPClient(wrap_servers(known, command=["coatcheck"]))
    tools = await client.get_tools()
    tool = next(tool for tool in tools if tool.name == name)
    message = await tool.ainvoke(
        {"name": name, "args": json.loads(arguments), "id": "1", "type": "tool_call"}
    )
    for block in message.content:
        print(block["text"])


asyncio.run(main(*sys.argv[1:3]))
