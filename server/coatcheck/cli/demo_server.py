"""A real stdio MCP server over recorded data: what coatcheck demo wraps."""

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer


def served(folder: Path) -> MCPServer:
    """Return the server whose tools give the files of folder."""
    server = MCPServer("coatcheck-demo")

    @server.tool(structured_output=False)
    def list_earthquakes() -> str:
        """List the latest earthquakes, as a public feed answered."""
        return (folder / "earthquakes.json").read_text("utf-8")

    @server.tool(structured_output=False)
    def read_test_log() -> str:
        """Read the log of the last test run."""
        return (folder / "tests.log").read_text("utf-8")

    @server.tool(structured_output=False)
    def read_page() -> str:
        """Read the page of the SQLite documentation about pragmas, as HTML."""
        return (folder / "pragma.html").read_text("utf-8")

    return server


if __name__ == "__main__":
    served(Path(sys.argv[1])).run()
