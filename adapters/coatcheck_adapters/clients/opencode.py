"""opencode: `opencode.json` or `opencode.jsonc` of the user or of a project."""

from coatcheck.dialect import Dialect, Location

USER = "{XDG_CONFIG_HOME:~/.config}/opencode/"

DIALECT = Dialect(
    "opencode",
    "opencode",
    (
        Location("user", USER + "opencode.json", ("mcp",), "jsonc"),
        Location("user", USER + "opencode.jsonc", ("mcp",), "jsonc"),
        Location("project", "./opencode.json", ("mcp",), "jsonc"),
        Location("project", "./opencode.jsonc", ("mcp",), "jsonc"),
    ),
    "leave the session and start it again",
    args="",
    near="local",
    far="remote",
    environment="environment",
    verified=True,
    program="opencode",
    tried="1.18.33",
)
