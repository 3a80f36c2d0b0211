"""Cut prose into sections and, below them, units small enough to be chosen one by one."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

ATX = re.compile(r" {0,3}(#{1,6})\s+\S")
UNDERLINE = re.compile(r" {0,3}(={3,}|-{3,}|~{3,}|\^{3,})\s*$")
HIT = re.compile(r"\[\d{1,4}\] \S|(?i:title|result \d+): \S|\*\*[^*]{2,80}\*\*:?$")
CAPITALS = re.compile(r"[A-Z][A-Z0-9 ,/&'()-]{3,60}$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+\S|\|")
SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[*_`]*[A-Z0-9À-Þ])|(?<=[\u3002\uff01\uff1f])"
)
ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Za-z]|[Mm]rs?|[Dd]r|[Ss]t|vs|etc|cf|e\.g|i\.e|[Nn]o|[Ff]ig|al|approx))\.$"
)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^()\s]*(?:\([^()\s]*\))?[^()]*\)")
ANCHOR = re.compile(r"<a [^<>]*>\s*(?:</a>)?")
ORIGIN = re.compile(
    r"(?i)\W{0,4}(?:url|link|source|path|file|id|ref|doi|date|published|author)s?\W{0,3}:\W{0,3}\S"
    r"|\s*<?https?://\S+>?\s*$"
)
ORIGIN_LINES = 6
RELEASE = re.compile(r"(?i)(?:version |release )?\W{0,2}v?\d+\.\d+")
LONG_PARAGRAPH = 300
SHORT_SENTENCE = 40
LONG_SENTENCE = 1200
CODE_CHUNK_LINES = 12


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with all below it up to the next heading; level 0 is the text before the first.

    Lines count from 1, the heading's own is the first.
    """

    level: int
    title: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A verbatim piece of the text from start to end, in characters."""

    start: int
    end: int
    section: int
    block: int
    is_heading: bool = False


class Lines:
    """The lines of a text with their places; numbers count from 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = text.split("\n")
        self.starts = list(accumulate((len(line) + 1 for line in self.all), initial=0))
        self.in_fence = list(fenced(self.all))

    def number_at(self, place: int) -> int:
        """Return the number of the line that holds the character at place."""
        return bisect_right(self.starts, place) - 1

    def end(self, number: int) -> int:
        """Return the place behind the last character of line number."""
        return self.starts[number + 1] - 1


class Document:
    """A text as sections and units; above holds the section each section stands under, or -1."""

    def __init__(self, text: str) -> None:
        self.lines = Lines(text)
        self.sections = sections(self.lines)
        self.above = parents(self.sections)
        self.units = units(self.lines, self.sections)
        roots = [s for s, over in zip(self.sections, self.above, strict=True) if over < 0]
        self.has_one_title = sum(section.level > 0 for section in roots) == 1
        self.texts = [text[unit.start : unit.end] for unit in self.units]

    def path(self, number: int) -> str:
        """Return the title of a section below the titles it stands under."""
        titles = []
        while number >= 0:
            titles.append(self.sections[number].title)
            number = self.above[number]
        return " / ".join(reversed(titles))


def fenced(lines: Sequence[str]) -> Iterator[bool]:
    """Yield for each line whether it belongs to a fenced block, its fences included."""
    fence = ""
    for line in lines:
        match = FENCE.match(line)
        if fence:
            yield True
            if match and match[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        else:
            fence = match[1] if match else ""
            yield bool(match)


def headings(source: Lines) -> Iterator[tuple[int, int, int]]:
    """Yield first line, line of the title and level of each heading."""
    lines, in_fence = source.all, source.in_fence
    ranks: dict[str, int] = {}
    last = -1
    for i, line in enumerate(lines):
        if in_fence[i] or i <= last or not line.strip():
            continue
        above = lines[i - 1].strip() if i else ""
        below = lines[i + 1] if i + 1 < len(lines) and not in_fence[i + 1] else ""
        rule = UNDERLINE.match(below)
        atx = ATX.match(line)
        if atx:
            yield i, i, len(atx[1])
        elif rule and not UNDERLINE.match(line) and not ITEM.match(line) and len(line) < 200:
            has_top = bool(above) and above[0] == rule[1][0] and UNDERLINE.match(above) is not None
            level = ranks.setdefault(rule[1][0] + ("2" if has_top else ""), len(ranks) + 1)
            yield (i - 1 if has_top else i), i, level
            last = i + 1
        elif not above and (HIT.match(line) or CAPITALS.match(line)) and len(line) < 300:
            yield i, i, 3


def sections(source: Lines) -> list[Section]:
    """Return the sections of a text in order; the first one may have no heading."""
    lines = source.all
    found = list(headings(source))
    out = []
    if not found or found[0][0] > 0:
        out.append(Section(0, "", 1, found[0][0] if found else len(lines)))
    for k, (first, at, level) in enumerate(found):
        last = found[k + 1][0] if k + 1 < len(found) else len(lines)
        out.append(Section(level, plain(lines[at]), first + 1, last))
    return leveled(out)


def leveled(parts: list[Section]) -> list[Section]:
    """Return sections with releases side by side: changelogs often give patches a lower level."""
    releases = [s.level for s in parts if s.level and RELEASE.match(s.title)]
    if len(releases) < 3:
        return parts
    top = min(releases)
    return [replace(s, level=top) if s.level and RELEASE.match(s.title) else s for s in parts]


def parents(parts: Sequence[Section]) -> list[int]:
    """Return for each section the index of the one it stands under, -1 for none."""
    out: list[int] = []
    above: list[int] = []
    for number, section in enumerate(parts):
        while above and parts[above[-1]].level >= section.level:
            above.pop()
        out.append(above[-1] if above else -1)
        if section.level:
            above.append(number)
    return out


def plain(heading: str) -> str:
    """Return a heading without marks, link targets and anchors."""
    return LINK.sub(r"\1", ANCHOR.sub("", heading)).strip().strip("#").strip()


def units(lines: Lines, parts: Sequence[Section]) -> list[Unit]:
    """Return all units of the text in order: headings, list items, sentences, pieces of code."""
    out: list[Unit] = []
    block = 0
    for number, section in enumerate(parts):
        begin = section.first - 1
        if section.level:
            end = heading_end(lines, section)
            out.append(Unit(lines.starts[begin], lines.end(end), number, block, is_heading=True))
            begin = end + 1
            block += 1
        for first, last in blocks(lines, begin, section.last):
            pieces = (
                code_pieces(lines, first, last)
                if lines.in_fence[first]
                else sentences(lines.text, lines.starts[first], lines.end(last))
            )
            out.extend(Unit(start, end, number, block) for start, end in pieces)
            block += 1
    return out


def heading_end(lines: Lines, section: Section) -> int:
    """Return the number of the last line of a heading, with the lines that say where it is from.

    So the address of a search hit is never shown without its title, nor the title without it.
    """
    end = section.first - 1
    for i in range(end + 1, min(end + 3, section.last)):
        if UNDERLINE.match(lines.all[i]):
            end = i
    for i in range(end + 1, min(end + 1 + ORIGIN_LINES, section.last)):
        if ORIGIN.match(lines.all[i]) and not lines.in_fence[i]:
            end = i
        elif lines.all[i].strip():
            break
    return end


def blocks(source: Lines, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield first and last line of each paragraph, list item and fenced block in first..last."""
    lines, in_fence = source.all, source.in_fence
    start: int | None = None
    for i in range(first, last):
        breaks = start is not None and (
            in_fence[i] != in_fence[start] or (not in_fence[i] and ITEM.match(lines[i]))
        )
        if start is not None and (breaks or not (lines[i].strip() or in_fence[i])):
            yield start, i - 1
            start = None
        if start is None and lines[i].strip():
            start = i
    if start is not None:
        yield start, last - 1


def code_pieces(lines: Lines, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield a fenced block whole, or in pieces when it is long."""
    for begin in range(first, last + 1, CODE_CHUNK_LINES):
        end = min(begin + CODE_CHUNK_LINES - 1, last)
        yield lines.starts[begin], lines.end(end)


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a paragraph, the whole paragraph when it is short."""
    if end - start > LONG_PARAGRAPH:
        for match in SENTENCE_END.finditer(text, start, end):
            stop = match.start()
            if stop - start >= SHORT_SENTENCE and not ABBREVIATED.search(text, stop - 8, stop):
                yield from bounded(text, start, stop)
                start = match.end()
    if start < end:
        yield from bounded(text, start, end)


def bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the piece from start to end, in parts when it is very long."""
    while end - start > LONG_SENTENCE:
        blank = text.rfind(" ", start + LONG_SENTENCE // 2, start + LONG_SENTENCE)
        stop = blank if blank > 0 else start + LONG_SENTENCE
        yield start, stop
        start = stop
    yield start, end
