"""Take a tool result apart into its text and the rest, and put it together again."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck import spans
from coatcheck.types import ExcerptError

_TEXT_BLOCK = "text"


@dataclass(frozen=True, slots=True)
class Body:
    """The text inside a tool result, and the parts that travel beside it.

    text is that of the text blocks and of embedded text resources joined by one newline; if there
    are no text blocks, the structuredContent as received, if there is any. others are the blocks
    that are not in text, embedded the text resources that are, both as received. final tells a
    finished tool result from one that asks for input or names a task. documents are those of
    others whose text was read into text, each with how many of its pages.
    """

    text: str
    others: Sequence[bytes]
    is_error: bool
    final: bool
    embedded: Sequence[bytes] = ()
    documents: Sequence[tuple[bytes, str]] = ()


def open_body(result: bytes) -> Body | None:
    """Return the body of a tools/call result, None when it is not shaped like one."""
    try:
        parsed = spans.loads(result)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("content", []), list):
        return None
    content = parsed.get("content", [])
    has_text = any(isinstance(b, dict) and b.get("type") == _TEXT_BLOCK for b in content)
    structured = None if has_text else spans.member(result, "structuredContent")
    if structured and parsed["structuredContent"] is not None:
        texts = [result[structured.start : structured.end].decode("utf-8", "surrogateescape")]
        _, embedded, others = _blocks(result, content, with_resources=False)
    else:
        texts, embedded, others = _blocks(result, content)
    return Body(
        text="\n".join(texts),
        embedded=embedded,
        others=others,
        is_error=parsed.get("isError") is True,
        final=parsed.get("resultType", "complete") == "complete" and "task" not in parsed,
    )


def with_text(result: bytes, text: str, others: Sequence[bytes]) -> bytes:
    """Return result with text as its one text block before others, and no structuredContent.

    Every other member stays as received.
    """
    block = spans.dumps({"type": "text", "text": text})
    content = b"[" + b",".join([block, *others]) + b"]"
    bare = spans.apply(result, spans.without(result, {"content", "structuredContent"}))
    rest = bare.strip()[1:-1].strip()
    return b'{"content":' + content + (b"," + rest if rest else b"") + b"}"


def block(result: bytes, number: int) -> tuple[bytes, str]:
    """Return the bytes that content block number of result stands for, and their MIME type.

    Blocks count from 1. Raises: ExcerptError if there is none, or it holds no data.
    """
    parsed = spans.loads(result)
    content = parsed.get("content", []) if isinstance(parsed, dict) else []
    if not isinstance(content, list) or not 1 <= number <= len(content):
        count = len(content) if isinstance(content, list) else 0
        raise ExcerptError(f"there is no block {number}: this has {count} blocks, from 1")
    found = content[number - 1]
    inner = found.get("resource", found) if isinstance(found, dict) else {}
    text, data = inner.get("text"), inner.get("data", inner.get("blob"))
    mime = str(inner.get("mimeType") or ("text/plain" if data is None else ""))
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass"), mime
    try:
        if isinstance(data, str):
            return base64.b64decode(data, validate=True), mime or "application/octet-stream"
        raise ValueError
    except ValueError:  # binascii.Error too
        raise ExcerptError(f"block {number} holds neither text nor data") from None


def structured_of(result: bytes) -> bytes:
    """Return the structuredContent of a result as received, b"" if it has none."""
    found = spans.member(result, "structuredContent")
    return result[found.start : found.end] if found else b""


def with_structured(result: bytes, structured: bytes, others: Sequence[bytes]) -> bytes:
    """Return result with structured as structuredContent, and as its one text block."""
    text = structured.decode("utf-8", "surrogateescape")
    shown = with_text(result, text, others)
    return shown[:-1] + b',"structuredContent":' + structured + b"}"


def _blocks(
    result: bytes, content: list[object], *, with_resources: bool = True
) -> tuple[list[str], list[bytes], list[bytes]]:
    """Return the texts of content, and the raw bytes of its text resources and other blocks."""
    texts: list[str] = []
    embedded: list[bytes] = []
    others: list[bytes] = []
    raw: list[tuple[int, int]] | None = None
    for index, block in enumerate(content):
        if isinstance(block, dict) and block.get("type") == _TEXT_BLOCK:
            texts.append(str(block.get("text", "")))
            continue
        if raw is None:
            where = spans.member(result, "content")
            raw = spans.items(result, where.start) if where else []
        text = _resource_text(block) if with_resources else None
        if text is not None:
            texts.append(text)
        (others if text is None else embedded).append(result[slice(*raw[index])])
    return texts, embedded, others


def _resource_text(block: object) -> str | None:
    """Return the text of an embedded text resource, None for any other block."""
    if not isinstance(block, dict) or block.get("type") != "resource":
        return None
    resource = block.get("resource")
    text = resource.get("text") if isinstance(resource, dict) else None
    return text if isinstance(text, str) else None
