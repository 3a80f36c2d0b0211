"""How the config files of agent clients are written: one file per client that was run."""

from coatcheck_adapters.clients import (
    claude_code,
    codex,
    copilot,
    gemini,
    opencode,
    qwen,
    unverified,
)

DIALECTS = (
    claude_code.DIALECT,
    codex.DIALECT,
    gemini.DIALECT,
    qwen.DIALECT,
    opencode.DIALECT,
    copilot.DIALECT,
    *unverified.DIALECTS,
)
