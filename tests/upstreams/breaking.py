"""An MCP server with a tool that removes or spoils the folders named on its command line."""

import shutil
import sys
from pathlib import Path

from mcp.server import MCPServer

server = MCPServer("breaking")


@server.tool()
def remove() -> str:
    """Remove every folder, as an uninstallation does."""
    for folder in sys.argv[1:]:
        shutil.rmtree(folder)
    return "removed"


@server.tool()
def spoil() -> str:
    """Put another text into every module, as an upgrade does."""
    for folder in sys.argv[1:]:
        for module in Path(folder).rglob("*.py"):
            module.write_text("raise RuntimeError('of another version')\n")
        for compiled in Path(folder).rglob("*.pyc"):
            compiled.unlink()
    return "spoiled"


@server.tool()
def lines() -> str:
    """Give a text that is worth shortening."""
    return "\n".join(f"line {n} of a text" for n in range(1500))


server.run()
