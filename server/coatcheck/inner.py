"""Find the tool results and the texts that stand inside the results of other methods."""

from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck import spans

RELATED = "io.modelcontextprotocol/related-task"


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a resources/read result: whose, and where it and its MIME type stand."""

    uri: str
    start: int
    end: int
    mime: spans.Member | None


def created_task(result: object) -> str:
    """Return the id of the task that was made in place of a final result, "" if none was."""
    if not isinstance(result, dict):
        return ""
    task = result.get("task") if result.get("resultType") != "task" else result
    return str(task.get("taskId") or "") if isinstance(task, dict) else ""


def related_task(result: object) -> str:
    """Return the id of the task that a result of tasks/result or tasks/get belongs to."""
    if not isinstance(result, dict):
        return ""
    meta = result.get("_meta")
    related = meta.get(RELATED) if isinstance(meta, dict) else None
    named = related.get("taskId") if isinstance(related, dict) else None
    return str(result.get("taskId") or named or "")


def finished(result: bytes) -> spans.Member | None:
    """Return where the tool result of a completed task stands in a tasks/get result."""
    parsed = spans.loads(result)
    if not isinstance(parsed, dict) or parsed.get("status") != "completed":
        return None
    return spans.member(result, "result") if isinstance(parsed.get("result"), dict) else None


def texts(result: bytes) -> list[Text]:
    """Return the texts of a resources/read result."""
    contents = spans.member(result, "contents")
    if contents is None or result[contents.start : contents.start + 1] != b"[":
        return []
    found = []
    for start, _ in spans.items(result, contents.start):
        parts = {part.key: part for part in spans.members(result, start)}
        text, uri = parts.get("text"), parts.get("uri")
        if text is not None and result[text.start : text.start + 1] == b'"':
            named = str(spans.loads(result[uri.start : uri.end])) if uri else ""
            found.append(Text(named, text.start, text.end, parts.get("mimeType")))
    return found


def as_result(result: bytes, text: Text) -> bytes:
    """Return a text of a resource as the tool result that says the same."""
    return b'{"content":[{"type":"text","text":%b}]}' % result[text.start : text.end]


def with_texts(result: bytes, changed: Sequence[tuple[Text, str]]) -> bytes:
    """Return a resources/read result with other texts, plain ones; all else stays."""
    edits: list[spans.Edit] = []
    for text, new in changed:
        edits.append((text.start, text.end, spans.dumps(new)))
        if text.mime is not None:
            edits.append((text.mime.start, text.mime.end, b'"text/plain"'))
    return spans.apply(result, edits)
