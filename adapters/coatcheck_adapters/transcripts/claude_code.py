"""Read the transcripts of Claude Code: JSON lines, one file per session and per sub-agent.

    {"type": "assistant", "message": {"id": …, "usage": {…}, "content": [{"type": "tool_use", …}]}}
    {"type": "user", "message": {"content": [{"type": "tool_result", …}]}, "toolUseResult": …}

Source: written by Claude Code 2.1.330 against a scripted model, 2026-11.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    objects,
    records,
    seconds,
    split,
    text_of,
)

# Lines of these kinds repeat what others say, and are long.
SKIPPED = (b'{"type":"api-request-blob"', b'{"type":"api-request",', b'{"type":"file-history')


class ClaudeCode:
    """The transcripts of Claude Code."""

    name = "claude-code"

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home, those of sub-agents too."""
        folder = Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")
        return sorted((folder / "projects").glob("**/*.jsonl"))

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to; sub-agents belong to that of theirs."""
        return path.parent.parent.name if path.parent.name == "subagents" else path.stem

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order."""
        calls, asked = Calls(), set[str]()
        for record in records(line for line in lines if not line.startswith(SKIPPED)):
            kind = record.get("type")
            if kind == "assistant":
                yield from _answered(record, calls, asked)
            elif kind == "user":
                yield from _given(record, calls)
            elif kind == "api-request-shape":
                yield _prefix(record)
            elif record.get("subtype") == "compact_boundary":
                yield Compaction(_agent(record))


def _agent(record: Mapping[str, Any]) -> str:
    return str(record.get("agentId") or ("side" if record.get("isSidechain") else ""))


def _answered(record: Mapping[str, Any], calls: Calls, asked: set[str]) -> Iterator[Event]:
    """Yield the request that an answer is to, once, though each block of it is a record."""
    message = member(record, "message")
    for block in _blocks(message):
        if block.get("type") == "tool_use":
            server, tool = split(str(block.get("name", "")))
            calls.called(str(block.get("id")), server, tool, spans.dumps(block.get("input") or {}))
    name, usage = str(message.get("id") or ""), member(message, "usage")
    if not usage or name in asked:
        return
    asked.add(name)
    yield Prompt(
        name,
        _agent(record),
        seconds(record.get("timestamp")),
        str(message.get("model", "")),
        count(usage, "input_tokens"),
        count(usage, "cache_creation_input_tokens"),
        count(usage, "cache_read_input_tokens"),
        count(usage, "output_tokens"),
    )


def _given(record: Mapping[str, Any], calls: Calls) -> Iterator[Event]:
    """Yield what a record of the user's side holds: a person's words, or results of tools."""
    agent, content = _agent(record), member(record, "message").get("content")
    if record.get("isCompactSummary"):
        yield Compaction(agent)
    if isinstance(content, str):
        yield Said(agent, content)
    for block in _blocks(member(record, "message")):
        if block.get("type") == "text":
            yield Said(agent, text_of([block]))
        elif block.get("type") == "tool_result":
            id, shown = str(block.get("tool_use_id")), text_of(block.get("content"))
            server, tool, arguments = calls.take(id)
            yield ToolResult(
                id,
                agent,
                seconds(record.get("timestamp")),
                server,
                tool,
                arguments,
                _original(record, shown) if server else shown,
                shown,
                block.get("is_error") is True,
            )


def _original(record: Mapping[str, Any], shown: str) -> str:
    """Return what the tool gave, where the client keeps it beside what it showed."""
    return text_of(record.get("toolUseResult")) or shown


def _prefix(record: Mapping[str, Any]) -> Prefix:
    shape = member(record, "shape")
    tools = objects(shape.get("tools"))
    ours = [tool for tool in tools if str(tool.get("name", "")).startswith(MCP)]
    others = [tool for tool in tools if tool not in ours]
    return Prefix(_agent(record), text_of(shape.get("system")), _as_text(others), _as_text(ours))


def _as_text(tools: Iterable[object]) -> str:
    return "\n".join(spans.dumps(tool).decode("utf-8", "replace") for tool in tools)


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return objects(message.get("content"))
