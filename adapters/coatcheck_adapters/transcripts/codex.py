"""Read the transcripts of Codex: JSON lines, one "rollout" file per session.

    {"type": "response_item", "payload": {"type": "function_call", "namespace": "mcp__fs", …}}
    {"type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "McpToolCall", …}}}
    {"type": "response_item", "payload": {"type": "function_call_output", "output": …}}
    {"type": "token_usage_record", "payload": {"response_id": …, "usage": {…}}}

Source: written by Codex 0.169.0 against a scripted model, 2026-11; of older ones
github.com/openai/codex, codex-rs/protocol.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coatcheck import spans
from coatcheck.transcripts import (
    MCP,
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
    split,
    text_of,
)

CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


class Codex:
    """The transcripts of Codex."""

    name = "codex"

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home, the archived ones too."""
        folder = Path(environment.get("CODEX_HOME") or home / ".codex")
        kept = (folder / "sessions", folder / "archived_sessions")
        return sorted(path for part in kept for path in part.glob("**/rollout-*.jsonl"))

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to."""
        return path.stem

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order."""
        reading = _Reading()
        for record in records(lines):
            payload = member(record, "payload")
            at = seconds(record.get("timestamp"))
            match record.get("type"):
                case "session_meta":
                    yield from reading.began(payload)
                case "turn_context":
                    reading.model = str(payload.get("model") or reading.model)
                case "response_item":
                    yield from reading.item(payload, at)
                case "event_msg":
                    yield from reading.message(payload, at)
                case "token_usage_record":
                    reading.has_records = True
                    id = str(payload.get("response_id") or "")
                    yield reading.prompt(member(payload, "usage"), at, id)
                case "compacted":
                    yield Compaction("")


@dataclass(slots=True)
class _Reading:
    """What later records of a transcript need to know of earlier ones."""

    model: str = ""
    session: str = ""
    has_records: bool = False  # of usage, which then need not be taken from the messages
    billed: Mapping[str, Any] = field(default_factory=dict)
    calls: Calls = field(default_factory=Calls)
    originals: dict[str, str] = field(default_factory=dict)

    def began(self, payload: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the instructions of a session."""
        self.session = str(payload.get("id") or "")
        instructions = payload.get("base_instructions") or payload.get("instructions")
        text = member(payload, "base_instructions").get("text") or instructions
        if isinstance(text, str):
            yield Prefix("", text, "", "")

    def prompt(self, usage: Mapping[str, Any], at: float, id: str) -> Prompt:
        """Return a request; what Codex calls input holds what was read from the cache."""
        read = count(usage, "cached_input_tokens")
        written = count(usage, "cache_write_input_tokens")
        fresh = max(0, count(usage, "input_tokens") - read - written)
        name = f"{self.session}/{id}" if id else ""
        return Prompt(name, "", at, self.model, fresh, written, read, count(usage, "output_tokens"))

    def item(self, payload: Mapping[str, Any], at: float) -> Iterator[Event]:
        """Yield a person's words or the result of a tool."""
        kind, id = payload.get("type"), str(payload.get("call_id"))
        if kind in CALLS:
            given = payload.get("arguments") or payload.get("input") or ""
            self.calls.called(id, *named(payload), str(given).encode("utf-8", "surrogatepass"))
        elif kind in OUTPUTS:
            shown = _output(payload.get("output"))
            server, tool, arguments = self.calls.take(id)
            original = self.originals.pop(id, "") or shown
            yield ToolResult(id, "", at, server, tool, _object(arguments), original, shown)
        elif kind == "message" and payload.get("role") == "user":
            yield Said("", text_of(payload.get("content")))

    def message(self, payload: Mapping[str, Any], at: float) -> Iterator[Event]:
        """Keep the original of a result; yield the request that a count of tokens tells of."""
        kind, item = payload.get("type"), member(payload, "item")
        if kind == "item_completed" and item.get("type") == "McpToolCall":
            self.originals[str(item.get("id"))] = _given(member(item, "result"))
        elif kind == "mcp_tool_call_end":
            result = member(payload, "result")
            self.originals[str(payload.get("call_id"))] = _given(member(result, "Ok"))
        elif kind == "token_count" and not self.has_records:
            info = member(payload, "info")
            total = member(info, "total_token_usage")
            if total and total != self.billed:  # the same count may be told twice
                self.billed = total
                yield self.prompt(member(info, "last_token_usage"), at, "")


def named(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Return server and tool of a call; the server is "" for a tool of the client's own."""
    space, tool = str(payload.get("namespace") or ""), str(payload.get("name") or "shell")
    return (space.removeprefix(MCP), tool) if space.startswith(MCP) else split(tool)


def _output(output: object) -> str:
    """Return the text that reached the model."""
    if isinstance(output, dict):
        return text_of(output.get("content"))
    return text_of(output)


def _given(result: Mapping[str, Any]) -> str:
    """Return the text of a result; a long one is recorded as one text that holds all of it."""
    text = text_of(result.get("content"))
    if text.startswith('{"content":['):
        try:
            whole = spans.loads(text.encode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):  # cut when it was recorded
            return text
        if isinstance(whole, dict):
            return text_of(whole.get("content")) or text
    return text


def _object(arguments: bytes) -> bytes:
    try:
        parsed = spans.loads(arguments)
    except (ValueError, RecursionError):
        return b"{}"
    return arguments if isinstance(parsed, dict) else b"{}"
