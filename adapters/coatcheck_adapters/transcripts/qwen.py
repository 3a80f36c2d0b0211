"""Read the transcripts of Qwen Code: JSON lines, one file per chat.

    {"type": "assistant", "message": {"parts": [{"functionCall": …}]}, "usageMetadata": {…}}
    {"type": "tool_result", "message": {"parts": [{"functionResponse": {…}}]}}

Of a result only what was shown is kept. Source: written by Qwen Code 0.15.10 against a scripted
model, 2026-11.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from coatcheck import spans
from coatcheck.transcripts import (
    Calls,
    Compaction,
    Event,
    Prompt,
    Said,
    ToolResult,
    count,
    member,
    objects,
    records,
    seconds,
    split,
    text_of,
)


class Qwen:
    """The transcripts of Qwen Code."""

    name = "qwen-code"

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home."""
        return sorted((home / ".qwen" / "projects").glob("*/chats/*.jsonl"))

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to."""
        return path.stem

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order."""
        calls = Calls()
        for record in records(lines):
            parts = objects(member(record, "message").get("parts"))
            at = seconds(record.get("timestamp"))
            match record.get("type"):
                case "user":
                    yield Said("", text_of(parts))
                case "assistant":
                    for part in parts:
                        _called(member(part, "functionCall"), calls)
                    if usage := member(record, "usageMetadata"):
                        yield _prompt(record, usage, at)
                case "tool_result":
                    yield from (_result(one, at, calls) for one in parts)
                case "system" if record.get("subtype") == "chat_compression":
                    yield Compaction("")


def _called(call: Mapping[str, Any], calls: Calls) -> None:
    if call:
        arguments = spans.dumps(member(call, "args"))
        calls.called(str(call.get("id")), *split(str(call.get("name"))), arguments)


def _prompt(record: Mapping[str, Any], usage: Mapping[str, Any], at: float) -> Prompt:
    read = count(usage, "cachedContentTokenCount")
    fresh = max(0, count(usage, "promptTokenCount") - read)
    answered = count(usage, "candidatesTokenCount")
    name, model = str(record.get("uuid") or ""), str(record.get("model"))
    return Prompt(name, "", at, model, fresh, 0, read, answered)


def _result(part: Mapping[str, Any], at: float, calls: Calls) -> ToolResult:
    response = member(part, "functionResponse")
    id, answer = str(response.get("id")), member(response, "response")
    shown = text_of(answer.get("output") or answer.get("error"))
    server, tool, arguments = calls.take(id)
    return ToolResult(id, "", at, server, tool, arguments, shown, shown, "error" in answer)
