"""Codex: `config.toml` of the user or of a project."""

from coatcheck.dialect import Dialect, Location

DIALECT = Dialect(
    "codex",
    "Codex",
    (
        Location("user", "{CODEX_HOME:~/.codex}/config.toml", ("mcp_servers",), "toml"),
        Location("project", "./.codex/config.toml", ("mcp_servers",), "toml"),
    ),
    "leave the session and start it again",
    allow=("enabled_tools",),
    variables="env_vars",
    headers="http_headers",
    bearer="bearer_token_env_var",
    verified=True,
    program="codex",
    tried="0.169.0",
)
