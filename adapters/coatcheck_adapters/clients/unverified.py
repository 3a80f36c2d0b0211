"""Clients whose files are known from their documentation only; none of them was run."""

from coatcheck.dialect import Dialect, Location

RESTART = "restart the program"
CONFIG = "{XDG_CONFIG_HOME:~/.config}/"
MAC = "~/Library/Application Support/"
CLINE = "User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
SERVERS = ("mcpServers",)

DIALECTS = (
    Dialect(
        "claude-desktop",
        "Claude Desktop",
        (
            Location("user", CONFIG + "Claude/claude_desktop_config.json", SERVERS),
            Location("user", MAC + "Claude/claude_desktop_config.json", SERVERS),
        ),
        RESTART,
    ),
    Dialect(
        "cursor",
        "Cursor",
        (
            Location("user", "~/.cursor/mcp.json", SERVERS, "jsonc"),
            Location("project", "./.cursor/mcp.json", SERVERS, "jsonc"),
        ),
        "switch the server off and on in the settings",
    ),
    Dialect(
        "vscode",
        "VS Code",
        (
            Location("user", CONFIG + "Code/User/mcp.json", ("servers",), "jsonc"),
            Location("user", MAC + "Code/User/mcp.json", ("servers",), "jsonc"),
            Location("project", "./.vscode/mcp.json", ("servers",), "jsonc"),
        ),
        "restart the server from the list of servers; it may ask for trust again",
    ),
    Dialect(
        "windsurf",
        "Windsurf",
        (Location("user", "~/.codeium/windsurf/mcp_config.json", SERVERS, "jsonc"),),
        "refresh the list of servers in the settings",
        addresses=(("serverUrl", ""),),
    ),
    Dialect(
        "zed",
        "Zed",
        (
            Location("user", CONFIG + "zed/settings.json", ("context_servers",), "jsonc"),
            Location("project", "./.zed/settings.json", ("context_servers",), "jsonc"),
        ),
        "nothing; it reads the file again by itself",
    ),
    Dialect(
        "cline",
        "Cline",
        (
            Location("user", CONFIG + "Code/" + CLINE, SERVERS, "jsonc"),
            Location("user", MAC + "Code/" + CLINE, SERVERS, "jsonc"),
        ),
        "restart the server in its list of servers",
        approve=("autoApprove", "alwaysAllow"),
        far="streamableHttp",
    ),
    Dialect(
        "continue",
        "Continue",
        (Location("user", "~/.continue/config.yaml", SERVERS, "yaml"),),
        RESTART,
        far="streamable-http",
    ),
    Dialect(
        "goose",
        "Goose",
        (Location("user", CONFIG + "goose/config.yaml", ("extensions",), "yaml"),),
        RESTART,
        command="cmd",
        addresses=(("uri", ""),),
        far="streamable_http",
        environment="envs",
        allow=("available_tools",),
    ),
    Dialect(
        "kiro",
        "Kiro",
        (
            Location("user", "~/.kiro/settings/mcp.json", SERVERS, "jsonc"),
            Location("project", "./.kiro/settings/mcp.json", SERVERS, "jsonc"),
        ),
        RESTART,
        approve=("autoApprove",),
    ),
    Dialect(
        "junie",
        "JetBrains Junie",
        (
            Location("user", "~/.junie/mcp/mcp.json", SERVERS, "jsonc"),
            Location("project", "./.junie/mcp/mcp.json", SERVERS, "jsonc"),
        ),
        RESTART,
    ),
)
