"""Claude Code: `.mcp.json` of a project, user and local entries in `.claude.json`."""

from coatcheck.dialect import Dialect, Location

RULES = ("permissions", "allow")

DIALECT = Dialect(
    "claude-code",
    "Claude Code",
    (
        Location("project", "./.mcp.json", ("mcpServers",)),
        Location("local", "{CLAUDE_CONFIG_DIR:~}/.claude.json", ("projects", "*", "mcpServers")),
        Location("user", "{CLAUDE_CONFIG_DIR:~}/.claude.json", ("mcpServers",)),
        Location("managed", "/etc/claude-code/managed-mcp.json", ("mcpServers",)),
    ),
    "leave the session and start it again, or use /mcp to reconnect; a project's servers may have"
    " to be approved again",
    permits=(
        Location("user", "{CLAUDE_CONFIG_DIR:~/.claude}/settings.json", RULES, "jsonc"),
        Location("project", "./.claude/settings.json", RULES, "jsonc"),
        Location("local", "./.claude/settings.local.json", RULES, "jsonc"),
    ),
    verified=True,
    program="claude",
    tried="2.1.330",
)
