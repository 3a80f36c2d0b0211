"""GitHub Copilot CLI: `mcp-config.json` of the user, `.github/mcp.json` of a project."""

from coatcheck.dialect import Dialect, Location

DIALECT = Dialect(
    "copilot",
    "Copilot CLI",
    (
        Location("user", "{COPILOT_HOME:~/.copilot}/mcp-config.json", ("mcpServers",), "jsonc"),
        Location("project", "./.github/mcp.json", ("mcpServers",), "jsonc"),
    ),
    "leave the session and start it again",
    allow=("tools",),
    near="local",
    verified=True,
    program="copilot",
    tried="1.0.102",
)
