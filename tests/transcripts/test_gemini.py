"""Reading the transcripts of Gemini CLI."""

import json
from typing import Any

from coatcheck.transcripts import Event, Prompt, Said, ToolResult
from coatcheck_adapters.transcripts.gemini import Gemini

ANSWER = {
    "id": "a1",
    "type": "gemini",
    "timestamp": "2026-11-22T08:00:00.000Z",
    "model": "gemini-2.5-pro",
    "tokens": {"input": 100, "output": 20, "cached": 60},
}
SHOWN = [{"functionResponse": {"response": {"output": "short"}}}]
CALL = {
    "id": "c1",
    "name": "mcp_fs_read",
    "displayName": "read (fs MCP Server)",
    "args": {"path": "a"},
    "result": SHOWN,
    "resultDisplay": "long " * 9,
    "status": "success",
}


def read(*records: dict[str, Any]) -> list[Event]:
    return list(Gemini().read([json.dumps(record).encode() for record in records]))


def test_an_answer_written_twice_is_one_request_with_its_results() -> None:
    said = {"type": "user", "content": [{"text": "hi"}]}
    events = read({"$set": {}}, said, ANSWER, {**ANSWER, "toolCalls": [CALL]})
    assert events[0] == Said("", "hi")
    prompt, result = events[1:]
    assert isinstance(prompt, Prompt)
    assert (prompt.input_tokens, prompt.cache_read_tokens) == (40, 60)
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.arguments) == ("fs", "read", b'{"path":"a"}')
    assert (result.original, result.shown, result.is_error) == ("long " * 9, "short", False)


def test_built_in_tools_have_no_server() -> None:
    call = {**CALL, "displayName": "ReadFile", "name": "read_file"}
    (_, result) = read({**ANSWER, "toolCalls": [call, 3]})
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.original) == ("", "read_file", "short")
