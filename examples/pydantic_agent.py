"""Pydantic AI (pip install "pydantic-ai-slim[mcp,openai]"): ask with the servers in .mcp.json.

python pydantic_agent.py openai-chat:gpt-5.5 "Which rows of big.json speak of retries?"
"""

import json
import sys
from pathlib import Path

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset

from coatcheck import wrap_servers


def main(model: str, prompt: str) -> None:
    """Print the answer."""
    servers = wrap_servers(json.loads(Path(".mcp.json").read_text())["mcpServers"])
    toolsets = [
        MCPToolset(StdioTransport(entry["command"], entry["args"], env=entry.get("env")), id=name)
        for name, entry in servers.items()
    ]
    print(Agent(model, toolsets=toolsets).run_sync(prompt).output)


main(*sys.argv[1:3])
