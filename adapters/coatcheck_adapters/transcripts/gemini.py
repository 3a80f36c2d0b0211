"""Read the transcripts of Gemini CLI: JSON lines, one file per chat.

    {"type": "gemini", "id": …, "tokens": {"input": …, "cached": …}, "toolCalls": [{…}]}

An answer is written twice when it called tools: without the results, and then with them.
Source: written by Gemini CLI 0.61.0 against a scripted model, 2026-11.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from coatcheck import spans
from coatcheck.transcripts import (
    Event,
    Prompt,
    Said,
    ToolResult,
    count,
    member,
    objects,
    records,
    seconds,
    text_of,
)

OF_SERVER = re.compile(r"(.*) \((.*) MCP Server\)")


class Gemini:
    """The transcripts of Gemini CLI."""

    name = "gemini-cli"

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home."""
        return sorted((home / ".gemini" / "tmp").glob("*/chats/*.jsonl"))

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to."""
        return path.stem

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order."""
        seen = set[str]()
        for record in records(lines):
            if record.get("type") == "user":
                yield Said("", text_of(record.get("content")))
            elif record.get("type") == "gemini":
                name = str(record.get("id") or "")
                if name not in seen:
                    seen.add(name)
                    yield _prompt(record, name)
                for call in objects(record.get("toolCalls")):
                    if str(call.get("id")) not in seen:
                        seen.add(str(call.get("id")))
                        yield _result(call)


def _prompt(record: Mapping[str, Any], name: str) -> Prompt:
    tokens, at = member(record, "tokens"), seconds(record.get("timestamp"))
    read = count(tokens, "cached")
    fresh = max(0, count(tokens, "input") - read)
    return Prompt(name, "", at, str(record.get("model")), fresh, 0, read, count(tokens, "output"))


def _result(call: Mapping[str, Any]) -> ToolResult:
    answers = [member(one, "functionResponse") for one in objects(call.get("result"))]
    shown = "\n".join(text_of(member(answer, "response").get("output")) for answer in answers)
    named = OF_SERVER.fullmatch(str(call.get("displayName")))
    tool, server = named.groups() if named else (str(call.get("name")), "")
    display = call.get("resultDisplay")
    return ToolResult(
        str(call.get("id")),
        "",
        seconds(call.get("timestamp")),
        server,
        tool,
        spans.dumps(member(call, "args")),
        display if isinstance(display, str) and server else shown,
        shown,
        call.get("status") == "error",
    )
