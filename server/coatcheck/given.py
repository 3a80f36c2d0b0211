"""Say in numbers which part of an artifact a fetch gave, so that the books can keep it.

"lines:120-180" is the range that was asked for, "chars:0-8000" a slice of the text, and
"at:12-14,20" are lines of the text as `excerpt.lined` lays it out.
"""

import re
from collections.abc import Iterator, Sequence

from coatcheck import excerpt
from coatcheck.types import ExcerptError

# Of more pieces than that the books keep nothing.
MOST_PIECES = 60

_PLACE = re.compile(r"@(\d+)(?:-(\d+))?:")


def part_of_slice(text: str, page: str) -> str:
    """Return where in text a page stands that was cut out of it, "" when it does not."""
    start = text.find(page)
    return f"chars:{start}-{start + len(page)}" if page and start >= 0 else ""


def part_of_passages(page: str, pattern: str = "") -> str:
    """Return the lines of the passages in page; with a pattern those that it matches."""
    wanted: set[int] | None = None
    if pattern:
        try:
            wanted = set(excerpt.matches(page, pattern))
        except ExcerptError:
            return ""
    numbers = [number for at, number in _numbered(page) if wanted is None or at in wanted]
    pieces = list(_runs(sorted(set(numbers))))
    return f"at:{','.join(pieces)}" if 0 < len(pieces) <= MOST_PIECES else ""


def _numbered(page: str) -> Iterator[tuple[int, int]]:
    """Yield the index of each line of passages, and its number in the text."""
    number = 0
    for at, line in enumerate(page.split("\n")):
        if place := _PLACE.match(line):
            number = int(place[1])
        elif number:
            yield at, number
            number += 1


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    start = at = 0
    while at < len(numbers):
        at += 1
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            first, last = numbers[start], numbers[at - 1]
            yield f"{first}" if first == last else f"{first}-{last}"
            start = at


def lines_of(text: str, pieces: str) -> str:
    """Return the lines that "12-14,20" means, joined by newlines. Raises: ValueError."""
    lines = text.split("\n")
    found: list[str] = []
    for piece in pieces.split(","):
        first, _, last = piece.partition("-")
        found += lines[int(first) - 1 : int(last or first)]
    return "\n".join(found)
