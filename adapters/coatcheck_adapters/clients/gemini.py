"""Gemini CLI: `settings.json` of the user or of a project."""

from coatcheck.dialect import Dialect, Location

DIALECT = Dialect(
    "gemini",
    "Gemini CLI",
    (
        Location("user", "~/.gemini/settings.json", ("mcpServers",), "jsonc"),
        Location("project", "./.gemini/settings.json", ("mcpServers",), "jsonc"),
    ),
    "leave the session and start it again",
    allow=("includeTools",),
    addresses=(("httpUrl", ""), ("url", "sse")),
    verified=True,
    program="gemini",
    tried="0.61.0",
)
