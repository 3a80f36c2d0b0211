"""Find the structured blocks in a text: JSON, pages, tables, fenced data."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from coatcheck.reducers.detect import HTML_START, detect, is_table
from coatcheck.reducers.outline import FENCE
from coatcheck.types import Aim

LEAST_CHARACTERS = 500
LEAST_ROWS = 6
MOST_TRIES = 30
STRUCTURED = frozenset(
    {"records", "tables", "logs", "builds", "html", "trees", "snapshots", "diffs"}
)
OPENS_JSON = re.compile(r"[\s\ufeff]{0,3}[\[{]")
PAGE_END = re.compile(r"(?i)</html\s*>[ \t\r]*$", re.MULTILINE)
JSON_VALUE = re.compile(r"[\s\ufeff]*[\[{]")
LINE_END = re.compile(r"[ \t\r]*(?:\n|\Z)")
DECODER = json.JSONDecoder()


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each structured block starts and ends, in characters, in order."""
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    tries, at = MOST_TRIES, 0
    while at < len(lines):
        line, start, end = lines[at], starts[at], 0
        if match := FENCE.match(line):
            stop = fence_end(lines, at, match[1])
            if is_structured(text[starts[at + 1] : max(starts[at + 1], starts[stop] - 1)]):
                yield starts[at + 1], starts[stop] - 1
            at = stop + 1
            continue
        if OPENS_JSON.match(line) and tries > 0:
            end = json_end(text, start)
            tries -= not end
        elif HTML_START.match(line):
            close = PAGE_END.search(text, start)
            end = close.end() if close else len(text)
        elif is_table_start(lines, at):
            end = starts[table_end(lines, at)] - 1
        if end - start >= LEAST_CHARACTERS:
            yield start, min(end, len(text))
        at = max(at + 1, line_after(starts, end) if end else 0)


def line_after(starts: Sequence[int], place: int) -> int:
    """Return the number of the first line that begins behind place."""
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) // 2
        if starts[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


def fence_end(lines: Sequence[str], at: int, mark: str) -> int:
    """Return the number of the line that closes the fence opened at line at."""
    for number in range(at + 1, len(lines)):
        if lines[number].strip().startswith(mark) and not lines[number].strip().strip(mark[0]):
            return number
    return len(lines) - 1


def is_structured(text: str) -> bool:
    """Tell whether the inside of a fence is data rather than an example in prose."""
    return len(text) >= LEAST_CHARACTERS and detect(text, Aim(1)) in STRUCTURED


def json_end(text: str, start: int) -> int:
    """Return where the JSON values that start here end, one after the other; 0 for none.

    They end with their line: a line that goes on behind its last value is not JSON.
    """
    end = 0
    while place := JSON_VALUE.match(text, start):
        try:
            _, start = DECODER.raw_decode(text, place.end() - 1)
        except (ValueError, RecursionError):
            break
        if LINE_END.match(text, start):
            end = start
    return end


def is_table_start(lines: Sequence[str], at: int) -> bool:
    """Tell whether a table of some rows begins at line at, after a blank line or the start."""
    if at and lines[at - 1].strip():
        return False
    rows = lines[at : table_end(lines, at)][:50]
    return len(rows) >= LEAST_ROWS and is_table("", rows)


def table_end(lines: Sequence[str], at: int) -> int:
    """Return the number of the first line behind the paragraph that begins at line at."""
    while at < len(lines) and lines[at].strip():
        at += 1
    return at
