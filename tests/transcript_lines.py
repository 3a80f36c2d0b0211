"""Transcripts as Claude Code writes them, made line by line for tests."""

import json
from collections.abc import Sequence
from typing import Any

AT = "2026-11-22T08:00:00.000Z"


def claude(*records: dict[str, Any]) -> list[bytes]:
    """Return records as lines."""
    return [json.dumps({"timestamp": AT, **record}).encode() + b"\n" for record in records]


def asked(
    id: str,
    tokens: Sequence[int] = (10, 0, 0, 5),
    calls: Sequence[tuple[str, str]] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return an answer: tokens are input, cache written, cache read, output; calls (id, name)."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
             "output_tokens")  # fmt: skip
    blocks = [
        {"type": "tool_use", "id": call, "name": name, "input": {"q": "x"}} for call, name in calls
    ]
    message = {
        "id": id,
        "model": "claude-opus-5-5",
        "usage": dict(zip(names, tokens, strict=True)),
        "content": blocks or [{"type": "text", "text": "done"}],
    }
    return {"type": "assistant", "message": message, **more}


def gave(call: str, shown: str, original: object = None, **more: Any) -> dict[str, Any]:
    """Return the result of a call."""
    block = {"type": "tool_result", "tool_use_id": call, "content": shown}
    record = {"type": "user", "message": {"content": [block]}, **more}
    return record if original is None else {**record, "toolUseResult": original}


def said(text: str, **more: Any) -> dict[str, Any]:
    """Return words of a person."""
    return {"type": "user", "message": {"content": text}, **more}
