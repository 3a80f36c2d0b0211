"""The Claude Agent SDK (pip install claude-agent-sdk): ask with the servers in .mcp.json.

python claude_agent.py "Which rows of big.json speak of retries?"
"""

import asyncio
import json
import sys
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, query

from coatcheck import wrap_servers


async def main(prompt: str) -> None:
    """Print each message as it comes."""
    servers = wrap_servers(json.loads(Path(".mcp.json").read_text())["mcpServers"])
    options = ClaudeAgentOptions(
        mcp_servers=servers,
        strict_mcp_config=True,  # else the files of this project bring them a second time
        # Whole servers, so that fetch_artifact is among what needs no question.
        allowed_tools=[f"mcp__{name}" for name in servers],
    )
    async for message in query(prompt=prompt, options=options):
        print(message)


asyncio.run(main(sys.argv[1]))
