"""Find the passages or records of a text that answer a question, best first."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from coatcheck.reducers.detect import detect
from coatcheck.reducers.outline import Document
from coatcheck.reducers.prose import valued
from coatcheck.reducers.select import coverage, relevance
from coatcheck.reducers.terms import significant
from coatcheck.reducers.wants import asks_for_trouble, read
from coatcheck.types import Aim

UNIT_CHARACTERS = 600
NEIGHBOUR_CHARACTERS = 300
TITLE_CHARACTERS = 100
NEIGHBOUR_WEIGHT = 0.3
TROUBLE_WEIGHT = 0.5
TROUBLES = "error errors failed failure crash crashed fatal exception warning unhealthy unavailable"
MOST_PASSAGES = 200
MOST_DEPTH = 30
WEIGHED_CHARACTERS = 4_000_000
MOST_CHARACTERS = 64 << 20

CLOSING = frozenset(" \t\r\x0b\x0c])},;")
CLOSES = re.compile(r"[\s\])},;]+")
BLANK = -1


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a text from start to end, in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A verbatim piece of a text and how well it answers.

    Lines count from 1, both included; offset is the place in the first line where it begins.
    """

    text: str
    first: int
    last: int
    offset: int
    score: float

    def placed(self) -> str:
        """Return the passage below its place, as in "@120-134:"."""
        lines = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        inside = f" (from character {self.offset + 1:,} of the line)" if self.offset else ""
        return f"@{lines}{inside}:\n{self.text}"


def find(text: str, question: str) -> tuple[list[Passage], int]:
    """Return the passages that speak of question, best first, and of how many they are.

    At most 200, each with its neighbours where they are short; of a table its first line leads.
    """
    is_huge = len(text) > WEIGHED_CHARACTERS
    kind = "" if is_huge else detect(text, Aim(0, question))
    document = Document(text) if kind == "prose" else None
    if document and len(document.sections) > 1:
        pieces = [Unit(unit.start, unit.end) for unit in document.units]
        scores = _under_titles(document, question)
    else:
        pieces = units(text)
        total = len(pieces)
        if is_huge:
            pieces = _mentioning(text, pieces, question)
        scores = _scores([text[unit.start : unit.end] for unit in pieces], question)
    ranked = sorted((i for i, score in enumerate(scores) if score), key=lambda i: -scores[i])
    if kind == "tables" and ranked:
        ranked.insert(0, 0)  # the names of the columns, without which no row can be read
    found = list(_passages(text, pieces, ranked[:MOST_PASSAGES], scores))
    return found, total if is_huge else len(pieces)


def _under_titles(document: Document, question: str) -> list[float]:
    """Return the score of each unit of prose; titles over it count, where they are asked for."""
    if not any(relevance(document.texts, question)):
        return [0.0] * len(document.units)
    values, is_sure = valued(document, question)
    return values if is_sure else _scores(document.texts, question)


def _scores(texts: Sequence[str], question: str) -> list[float]:
    """Return the score of each text, raised by its neighbours; 0 where nothing is found."""
    scores = relevance(texts, question)
    if asks_for_trouble(read(question)):
        troubles = relevance(texts, TROUBLES)
        scores = [a + TROUBLE_WEIGHT * b for a, b in zip(scores, troubles, strict=True)]
    return [
        score + NEIGHBOUR_WEIGHT * max(_at(scores, i - 1), _at(scores, i + 1)) if score else 0.0
        for i, score in enumerate(scores)
    ]


def share(passage: Passage, question: str) -> float:
    """Return how much of question a passage holds, so that those of several texts compare."""
    return coverage([passage.text], question)[0]


def missing(text: str, question: str) -> list[str]:
    """Return the words of question that occur nowhere in text."""
    return [word for word in significant(question) if not coverage([text], word)[0]]


def _at(scores: Sequence[float], index: int) -> float:
    return scores[index] if 0 <= index < len(scores) else 0.0


def _mentioning(text: str, pieces: Sequence[Unit], question: str) -> list[Unit]:
    """Return the units that hold a word of question, so that only these are weighed."""
    words = sorted({re.escape(word[:6]) for word in significant(question)})
    held = re.compile("|".join(words) or r"(?!)", re.IGNORECASE)
    starts = [unit.start for unit in pieces]
    found: dict[int, None] = {}
    used = 0
    for hit in held.finditer(text):
        index = bisect_right(starts, hit.start()) - 1
        if index >= 0 and index not in found:
            found[index] = None
            used += pieces[index].end - pieces[index].start
            if used > WEIGHED_CHARACTERS:
                break
    return [pieces[index] for index in found]


def _passages(
    text: str, pieces: Sequence[Unit], ranked: Sequence[int], scores: Sequence[float]
) -> Iterator[Passage]:
    """Yield each ranked unit with its short neighbours; what was yielded does not come again."""
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    given: set[int] = set()

    def size(index: int) -> int:
        return pieces[index].end - pieces[index].start

    def joins(near: int, left: int) -> bool:
        if not 0 <= near < len(pieces):
            return False
        is_short = size(near) <= NEIGHBOUR_CHARACTERS
        is_titled = near > left and size(left) <= TITLE_CHARACTERS
        return (
            near not in given
            and (is_short or is_titled)
            and not text[pieces[left].end : pieces[left + 1].start].strip()
        )

    for index in ranked:
        if index in given:
            continue
        first = index - joins(index - 1, index - 1)
        last = index + joins(index + 1, index)
        given.update(range(first, last + 1))
        start, end = pieces[first].start, pieces[last].end
        line = bisect_right(starts, start) - 1
        end_line = bisect_right(starts, max(start, end - 1)) - 1
        yield Passage(
            text[start:end].rstrip("\n"),
            line + 1,
            end_line + 1,
            start - starts[line],
            scores[index],
        )


def units(text: str) -> list[Unit]:
    """Cut text into records, blocks, paragraphs or lines of at most about 600 characters each.

    A block that is too long is cut where its least indented lines begin, then at blank lines,
    then line by line; a line that is too long is cut at sentences or spaces.
    """
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    depths = [_depth(line) for line in lines]
    out: list[Unit] = []
    todo = [(0, len(lines), 0)]
    while todo:
        first, last, depth = todo.pop()
        start, end = starts[first], min(starts[last], len(text))
        if end - start <= UNIT_CHARACTERS:
            if text[start:end].strip():
                out.append(Unit(start, end))
        elif last - first == 1:
            out.extend(_pieces(text, start, end))
        else:
            cuts = _cuts(depths, first, last) if depth < MOST_DEPTH else range(first, last)
            blocks = zip(cuts, [*cuts[1:], last], strict=True)
            todo += [(a, b, depth + 1) for a, b in blocks][::-1]
    return out


def _cuts(depths: Sequence[int | None], first: int, last: int) -> Sequence[int]:
    """Return where the blocks of lines first to last begin, at least two of them."""
    inner = range(first + 1, last)
    after_blank = [i for i in inner if depths[i] != BLANK and depths[i - 1] == BLANK]
    if after_blank:
        return [first, *after_blank]
    found = [depth for depth in depths[first:last] if depth != BLANK]
    least = min((depth for depth in found if depth is not None), default=0)
    heads = [i for i in range(first, last) if depths[i] == least]
    if heads == [first]:  # one head with all below it
        return [first, first + 1]
    return sorted({first, *heads}) if heads else [first, *inner]


def _depth(line: str) -> int | None:
    """Return how far a line is indented; None for one that begins no block, -1 for a blank one."""
    bare = line.lstrip(" \t")
    first = bare[:1]
    if not first.strip() and not bare.strip():
        return BLANK
    indent = len(line) - len(bare)
    while first == "-" and bare.startswith("- "):
        indent += 2
        bare = bare[2:]
    return None if bare[:1] in CLOSING and CLOSES.fullmatch(bare) else indent


def _pieces(text: str, start: int, end: int) -> Iterator[Unit]:
    """Yield a long line in pieces, cut after a sentence, a tag or a word."""
    while end - start > UNIT_CHARACTERS:
        window = text[start + UNIT_CHARACTERS // 2 : start + UNIT_CHARACTERS]
        cuts = [m.end() for m in re.finditer(r"[.!?]\s+|><", window)] or [
            m.end() for m in re.finditer(r"\s|,", window)
        ]
        stop = start + UNIT_CHARACTERS // 2 + (cuts[-1] if cuts else len(window))
        yield Unit(start, stop)
        start = stop
    yield Unit(start, end)
