"""Qwen Code: `settings.json` of the user or of a project."""

from coatcheck.dialect import Dialect, Location

DIALECT = Dialect(
    "qwen",
    "Qwen Code",
    (
        Location("user", "~/.qwen/settings.json", ("mcpServers",), "jsonc"),
        Location("project", "./.qwen/settings.json", ("mcpServers",), "jsonc"),
    ),
    "leave the session and start it again",
    allow=("includeTools",),
    addresses=(("httpUrl", ""), ("url", "sse")),
    verified=True,
    program="qwen",
    tried="0.15.10",
)
