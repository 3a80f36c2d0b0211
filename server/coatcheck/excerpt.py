"""Cut what a fetch asks for out of an artifact's text: a page, lines, or what a pattern matches."""

import re
from collections.abc import Sequence
from typing import Literal

from coatcheck import spans
from coatcheck.types import ExcerptError

PAGE_CHARS = 8_000
LONG_LINE_CHARS = 2_000
GREP_SECONDS = 2.0
CONTEXT_LINES = 2
EXAMPLE_CHARACTERS = 4_000

_RANGE = re.compile(
    r"\s*(?:(@|lines?\b)|(rows?|entry|entries|records?)\b)?\s*"
    r"(\d{1,18})\s*(?:(-)\s*(\d{1,18})?\s*)?:?\s*\Z",
    re.IGNORECASE,
)

_WORD = re.compile(r"\b[^\W\d_][\w-]{2,23}\b")

Unit = Literal["", "lines", "records"]


def cut(text: str, page: int, *, size: int = PAGE_CHARS) -> tuple[str, int]:
    """Return page number page of text and how many pages there are.

    Pages count from 1 and hold size characters; joined they are the text. An empty text has one
    empty page. Raises: ExcerptError if there is no such page.
    """
    pages = max(1, -(-len(text) // size))
    if not 1 <= page <= pages:
        raise ExcerptError(f"there is no page {page}: this has pages 1 to {pages}")
    return text[(page - 1) * size : page * size], pages


def page_chars(text: str, most_bytes: int) -> int:
    """Return the size of pages of text, so small that none has over most_bytes (0: no matter)."""
    size = PAGE_CHARS
    while most_bytes and not text.isascii() and _largest(text, size) > most_bytes:
        size = size * 3 // 4
    return size


def _largest(text: str, size: int) -> int:
    pages = (text[at : at + size] for at in range(0, len(text), size))
    return max(len(page.encode("utf-8", "surrogatepass")) for page in pages)


def lined(text: str) -> tuple[str, bool]:
    """Return the form of text that lines and grep address, and whether it was laid out anew.

    JSON with a line over 2,000 characters is laid out with an indent of one, so that its lines
    mean something; every other text is addressed as it is.
    """
    if max(map(len, text.split("\n")), default=0) <= LONG_LINE_CHARS:
        return text, False
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped.startswith(("{", "[")):
        return text, False
    try:
        spans.loads(stripped.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text, False
    return indent(stripped), True


def indent(text: str) -> str:
    """Return valid JSON laid out one member a line, every value written as in the source."""
    out: list[str] = []
    depth, line = 0, "\n"
    for token in _JSON_TOKEN.finditer(text):
        mark = token[0]
        if mark in ",{[":
            if mark != ",":
                depth += 1
                line = "\n" + " " * depth
            out.append(mark + line)
        elif mark in "}]":
            depth -= 1
            line = "\n" + " " * depth
            if out[-1][0] in "{[" and out[-1][1:2] == "\n":
                out[-1] = out[-1][0]  # nothing stands between the brackets
                out.append(mark)
            else:
                out.append(line + mark)
        else:
            key, value = token.groups()
            out.append(f"{key}: {value}" if key else mark)
    return "".join(out)


# A bracket, a comma, or a whole member: its key and what stands behind the colon, if not a bracket.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_JSON_TOKEN = re.compile(
    rf'[{{}}\[\],]|({_STRING})\s*+:\s*+((?:{_STRING}|[^\s{{}}\[\],:"]++)?)|{_STRING}|[^\s{{}}\[\],:"]++',
    re.DOTALL,
)


def parse_range(value: str) -> tuple[int, int | None, Unit]:
    """Return first and last of "120-180", "120" or "120-" (None: to the end), and their unit.

    "@5-9" and "line 5" are lines of the text, "row 5" and "entries 5-9" records of the view, as
    it and the answers of grep write them; without a word the unit is "". Raises: ExcerptError.
    """
    found = _RANGE.match(value)
    if not found:
        raise ExcerptError(f'lines="{value[:60]}" is no range; write lines="120-180"')
    first = int(found[3])
    last = int(found[5]) if found[5] else (None if found[4] else first)
    if first < 1:
        raise ExcerptError(f'lines="{value}" begins before 1, the first; write lines="120-180"')
    if last is not None and last < first:
        raise ExcerptError(f'lines="{value}" runs backwards; write lines="120-180"')
    return first, last, "lines" if found[1] else "records" if found[2] else ""


def slice_lines(text: str, first: int, last: int | None) -> tuple[str, int, int]:
    """Return lines first to last of text joined by newlines, the last one meant, and the total.

    Lines count from 1, both ends included; a last beyond the end means the end.
    Raises: ExcerptError if first is beyond the end.
    """
    lines = text.split("\n")
    if first > len(lines):
        raise ExcerptError(f"there is no line {first}: this has {len(lines)} lines")
    end = min(len(lines), last or len(lines))
    return "\n".join(lines[first - 1 : end]), end, len(lines)


def grep(text: str, pattern: str, *, context: int = CONTEXT_LINES) -> tuple[str, int]:
    """Return the lines that pattern matches, with context around them, and how many matched.

    Case does not matter unless pattern has a capital letter. Passages begin with their lines as
    "@120-134:". A pattern that is no regular expression is searched as plain words; one that
    takes too long ends the search. Raises: ExcerptError.
    """
    matched = matches(text, pattern)
    lines = text.split("\n")
    parts = []
    for first, last in passages(matched, len(lines), context):
        parts.append(f"@{first + 1}-{last + 1}:\n" + "\n".join(lines[first : last + 1]))
    return "\n".join(parts), len(matched)


def matches(text: str, pattern: str) -> list[int]:
    """Return the indices of the lines that pattern matches. Raises: ExcerptError.

    A wrong pattern that occurs nowhere as words is refused with its error and an example.
    """
    import regex  # here because only a fetch needs it and it costs start-up time

    flags = regex.MULTILINE | (regex.IGNORECASE if pattern == pattern.lower() else 0)
    wrong = ""
    try:
        compiled = regex.compile(pattern, flags)
    except regex.error as error:
        wrong = str(error)  # with the place, as in "missing ) at position 4"
        compiled = regex.compile(regex.escape(pattern), flags)
    found: list[int] = []
    at = number = 0
    try:
        for hit in compiled.finditer(text, timeout=GREP_SECONDS):
            number += text.count("\n", at, hit.start())
            at = hit.start()
            if not found or found[-1] != number:
                found.append(number)
    except TimeoutError:
        raise ExcerptError(
            f'grep="{pattern}" took over {GREP_SECONDS:g} s; use plain words of the line,'
            f' for example grep="{example_for(text)}"'
        ) from None
    if wrong and not found:
        raise ExcerptError(
            f'grep="{pattern[:200]}" is no regex ({wrong}) and stands nowhere as words;'
            f' for example grep="{example_for(text)}"'
        )
    return found


def example_for(text: str) -> str:
    """Return a telling word of text: the longest plain one of its first lines."""
    words = _WORD.findall(text[:EXAMPLE_CHARACTERS])
    return max(words, key=len, default="word")


def passages(matched: Sequence[int], total: int, context: int) -> list[tuple[int, int]]:
    """Return (first, last) of the passages that hold matched and context lines on each side."""
    out: list[tuple[int, int]] = []
    for line in matched:
        first, last = max(0, line - context), min(total - 1, line + context)
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return out
