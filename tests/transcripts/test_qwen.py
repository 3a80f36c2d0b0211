"""Reading the transcripts of Qwen Code."""

import json

from coatcheck.transcripts import Compaction, Prompt, Said, ToolResult
from coatcheck_adapters.transcripts.qwen import Qwen

RECORDS = (
    {"type": "user", "message": {"parts": [{"text": "hi"}]}},
    {
        "type": "assistant",
        "uuid": "u1",
        "model": "qwen",
        "message": {
            "parts": [{"functionCall": {"id": "c1", "name": "mcp__fs__read", "args": {"a": 1}}}]
        },
        "usageMetadata": {
            "promptTokenCount": 100,
            "candidatesTokenCount": 20,
            "cachedContentTokenCount": 60,
        },
    },
    {
        "type": "tool_result",
        "message": {"parts": [{"functionResponse": {"id": "c1", "response": {"output": "out"}}}]},
    },
    {"type": "system", "subtype": "chat_compression"},
    {"type": "system", "subtype": "ui_telemetry"},
)


def test_a_session_is_read_in_its_order() -> None:
    said, prompt, result, compaction = Qwen().read(json.dumps(one).encode() for one in RECORDS)
    assert said == Said("", "hi")
    assert isinstance(prompt, Prompt)
    assert (prompt.id, prompt.input_tokens, prompt.cache_read_tokens) == ("u1", 40, 60)
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.shown) == ("fs", "read", "out")
    assert result.arguments == b'{"a":1}'
    assert compaction == Compaction("")
