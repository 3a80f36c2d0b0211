"""Reading the transcripts of Codex."""

import json
from pathlib import Path
from typing import Any

from coatcheck.transcripts import Compaction, Event, Prefix, Prompt, Said, ToolResult
from coatcheck_adapters.transcripts.codex import Codex

AT = "2026-11-22T08:00:00.000Z"
META = {"id": "s1", "base_instructions": {"text": "You are"}}
CALL = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"path": "a"}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "Wall time\nshort"}


def read(*pairs: tuple[str, dict[str, Any]]) -> list[Event]:
    lines = [
        json.dumps({"timestamp": AT, "type": kind, "payload": payload}).encode()
        for kind, payload in pairs
    ]
    return list(Codex().read(lines))


def usage(total: int, cached: int = 0) -> dict[str, Any]:
    return {"input_tokens": total, "cached_input_tokens": cached, "output_tokens": 9}


def counted(total: int) -> tuple[str, dict[str, Any]]:
    last = {"total_token_usage": usage(total), "last_token_usage": usage(100, 60)}
    return "event_msg", {"type": "token_count", "info": last}


def item(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    call = {"type": "McpToolCall", "id": "c1", "server": "fs", "result": result}
    return "event_msg", {"type": "item_completed", "item": call}


def test_a_session_is_read_in_its_order() -> None:
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    record = {"response_id": "r1", "usage": usage(100, 60)}
    events = read(
        ("session_meta", META),
        ("turn_context", {"model": "gpt"}),
        ("response_item", said),
        ("response_item", {**CALL, "namespace": "mcp__fs"}),
        ("token_usage_record", record),
        item({"content": [{"type": "text", "text": "long " * 9}]}),
        ("response_item", OUTPUT),
        counted(100),
    )
    assert events[:2] == [Prefix("", "You are", "", ""), Said("", "hi")]
    prompt, result = events[2:]  # the count says nothing that the record did not
    assert isinstance(prompt, Prompt)
    assert (prompt.id, prompt.model) == ("s1/r1", "gpt")
    assert (prompt.input_tokens, prompt.cache_read_tokens, prompt.prompt_tokens) == (40, 60, 100)
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool, result.arguments) == ("fs", "read", b'{"path": "a"}')
    assert (result.original, result.shown) == ("long " * 9, "Wall time\nshort")


def test_without_records_of_usage_the_counts_are_taken_each_once() -> None:
    events = read(counted(100), counted(100), counted(200))
    assert [event.prompt_tokens for event in events if isinstance(event, Prompt)] == [100, 100]


def test_the_older_form_of_a_result_is_read() -> None:
    ended = {"Ok": {"content": [{"type": "text", "text": "all of it"}]}}
    events = read(
        ("response_item", {**CALL, "name": "mcp__fs__read"}),
        ("event_msg", {"type": "mcp_tool_call_end", "call_id": "c1", "result": ended}),
        ("response_item", {**OUTPUT, "output": {"content": "short"}}),
    )
    (result,) = events
    assert isinstance(result, ToolResult)
    assert (result.server, result.original, result.shown) == ("fs", "all of it", "short")


def test_a_long_result_recorded_as_one_text_is_opened() -> None:
    whole = json.dumps({"content": [{"type": "text", "text": "inside"}]}, separators=(",", ":"))
    for text, original in ((whole, "inside"), (whole[:-3], whole[:-3])):
        events = read(
            ("response_item", {**CALL, "namespace": "mcp__fs"}),
            item({"content": [{"type": "text", "text": text}]}),
            ("response_item", OUTPUT),
        )
        assert isinstance(events[0], ToolResult)
        assert events[0].original == original


def test_built_in_tools_have_no_server() -> None:
    events = read(("response_item", {**CALL, "arguments": "not json"}), ("response_item", OUTPUT))
    assert isinstance(events[0], ToolResult)
    assert (events[0].server, events[0].tool, events[0].arguments) == ("", "read", b"{}")


def test_compaction_is_told() -> None:
    assert read(("compacted", {})) == [Compaction("")]


def test_unknown_and_half_written_records_are_left_out() -> None:
    odd: list[tuple[str, Any]] = [("event_msg", None), ("response_item", 3), ("new", {})]
    assert read(*odd, ("event_msg", {"type": "token_count", "info": None})) == []
    assert list(Codex().read([b'{"type":"response_i', b"\xff"])) == []


def test_archived_sessions_are_found(tmp_path: Path) -> None:
    for folder in ("sessions/2026/11/22", "archived_sessions"):
        (tmp_path / ".codex" / folder).mkdir(parents=True)
        (tmp_path / ".codex" / folder / "rollout-1.jsonl").touch()
    assert len(list(Codex().files(tmp_path, {}))) == 2
