"""Reading the transcripts of Copilot CLI."""

import json
from pathlib import Path
from typing import Any

from coatcheck.transcripts import Prefix, Prompt, Said, ToolResult
from coatcheck_adapters.transcripts.copilot import Copilot

STARTED = {"toolCallId": "c1", "toolName": "fs-read", "arguments": {"path": "a"}}
OF_SERVER = {"mcpServerName": "fs", "mcpToolName": "read"}
USAGE = {
    "model": "fake",
    "inputTokens": 100,
    "outputTokens": 20,
    "cacheReadTokens": 60,
    "cacheWriteTokens": 30,
    "accounting": {"sourceSessionId": "s1", "usageId": "u1"},
}


def lines(*pairs: tuple[str, dict[str, Any]]) -> list[bytes]:
    return [json.dumps({"type": kind, "data": data}).encode() for kind, data in pairs]


def test_a_session_is_read_in_its_order() -> None:
    long = {"content": "short", "structuredContent": {"rows": ["a"] * 9}}
    said, prefix, prompt, result = Copilot().read(
        lines(
            ("user.message", {"content": "hi"}),
            ("system.message", {"content": "You are"}),
            ("session.usage_record", {"usage": USAGE}),
            ("tool.execution_start", {**STARTED, **OF_SERVER}),
            ("tool.execution_complete", {"toolCallId": "c1", "success": True, "result": long}),
        )
    )
    assert (said, prefix) == (Said("", "hi"), Prefix("", "You are", "", ""))
    assert isinstance(prompt, Prompt)
    assert (prompt.id, prompt.input_tokens, prompt.prompt_tokens) == ("s1/u1", 10, 100)
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.shown) == ("fs", "read", "short")
    assert json.loads(result.original) == {"rows": ["a"] * 9}


def test_built_in_tools_have_no_server() -> None:
    done = {"toolCallId": "c1", "success": False, "result": {"content": "out"}}
    (result,) = Copilot().read(
        lines(("tool.execution_start", STARTED), ("tool.execution_complete", done))
    )
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.is_error) == ("", "fs-read", True)


def test_a_session_is_a_folder() -> None:
    assert Copilot().session_of(Path("session-state/s1/events.jsonl")) == "s1"
