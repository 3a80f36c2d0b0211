"""Read the transcripts of Copilot CLI: JSON lines of events, one folder per session.

    {"type": "session.usage_record", "data": {"usage": {"inputTokens": …}}}
    {"type": "tool.execution_start", "data": {"toolCallId": …, "mcpServerName": …}}
    {"type": "tool.execution_complete", "data": {"toolCallId": …, "result": {"content": …}}}

Source: written by Copilot CLI 1.0.102 against a scripted model, 2026-11.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from coatcheck import spans
from coatcheck.transcripts import (
    Calls,
    Compaction,
    Event,
    Prefix,
    Prompt,
    Said,
    ToolResult,
    count,
    member,
    records,
    seconds,
    text_of,
)


class Copilot:
    """The transcripts of Copilot CLI."""

    name = "copilot"

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home."""
        return sorted((home / ".copilot" / "session-state").glob("*/events.jsonl"))

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to."""
        return path.parent.name

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order."""
        calls = Calls()
        for record in records(lines):
            data, at = member(record, "data"), seconds(record.get("timestamp"))
            match record.get("type"):
                case "user.message":
                    yield Said("", text_of(data.get("content")))
                case "system.message":
                    yield Prefix("", text_of(data.get("content")), "", "")
                case "session.usage_record":
                    yield _prompt(member(data, "usage"), at)
                case "tool.execution_start":
                    server = str(data.get("mcpServerName") or "")
                    tool = str(data.get("mcpToolName" if server else "toolName") or "")
                    arguments = spans.dumps(member(data, "arguments"))
                    calls.called(str(data.get("toolCallId")), server, tool, arguments)
                case "tool.execution_complete":
                    yield _result(data, at, calls)
                case "session.compaction_complete":
                    yield Compaction("")


def _prompt(usage: Mapping[str, Any], at: float) -> Prompt:
    read, written = count(usage, "cacheReadTokens"), count(usage, "cacheWriteTokens")
    fresh = max(0, count(usage, "inputTokens") - read - written)
    own = member(usage, "accounting")
    name = f"{own.get('sourceSessionId')}/{own.get('usageId')}" if own else ""
    model, answered = str(usage.get("model")), count(usage, "outputTokens")
    return Prompt(name, "", at, model, fresh, written, read, answered)


def _result(data: Mapping[str, Any], at: float, calls: Calls) -> ToolResult:
    """Return a result; where it was too long to be shown, the original is the structured one."""
    result, id = member(data, "result"), str(data.get("toolCallId"))
    shown, structured = text_of(result.get("content")), result.get("structuredContent")
    whole = spans.dumps(structured).decode("utf-8", "replace") if structured else ""
    server, tool, arguments = calls.take(id)
    original = whole if server and len(whole) > len(shown) else shown
    failed = data.get("success") is False
    return ToolResult(id, "", at, server, tool, arguments, original, shown, failed)
