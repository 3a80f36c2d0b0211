"""Reduce prose, markdown, changelogs and search hits: outline, then passages word for word."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from coatcheck.reducers.outline import Document, Lines, Section
from coatcheck.reducers.select import coverage, is_weak, relevance, runs
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

# Of the best unit's score: what scores less is not worth its tokens.
FLOOR = 0.45
# What a unit gains from its neighbour in the same paragraph, and from the titles over it.
NEIGHBOUR_WEIGHT = 0.4
TITLE_WEIGHT = 0.8
# Of the focus: a title that holds as much names the section that is asked for.
NAMED_FROM = 0.5
MOST_NAMED = 4
# Of the best value: a title that says as much has its section shown, if that is short.
SURE = 0.9
SHORT_SECTION = 700
OUTLINE_SHARE = 0.15
OUTLINE_SHARE_ALONE = 0.4
MATCH_WEIGHT = 3.0
FIRST_UNITS = 3
LABEL_TOKENS = 5
READ_CHARACTERS = 4_000_000


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return outline and passages of text; None when it fits the budget or is far too long."""
    if aim.lossless or len(text) > READ_CHARACTERS or estimate(text) <= aim.budget_tokens:
        return None
    document = Document(text.replace("\r\n", "\n"))
    values, is_sure = valued(document, aim.focus)
    room = round(aim.budget_tokens * OUTLINE_SHARE_ALONE)
    outline = "" if is_sure else outlined(document.sections, room)
    chosen = pick(document, values, aim.budget_tokens - estimate(outline))
    if not chosen:
        return None
    passages = list(shown(document, chosen))
    if is_sure:
        left = aim.budget_tokens - estimate("\n".join(passages))
        room = min(left, round(aim.budget_tokens * OUTLINE_SHARE))
        outline = outlined(document.sections, room, is_brief=True)
    weak = bool(aim.focus.strip()) and not is_sure
    body = "\n".join(filter(None, [outline, *passages]))
    return Reduction(
        body, "prose", "selected", omitted(document, chosen), "a word of it", weak_focus=weak
    )


def valued(document: Document, focus: str) -> tuple[list[float], bool]:
    """Return the value of each unit, and whether focus is something to be sure of.

    Where it hardly matches anything, beginnings count as without a focus, matches beside them.
    """
    places = by_position(document)
    if not focus.strip() or not document.units:
        return places, False
    scores = relevance(document.texts, focus)
    called = named(document, focus)
    if not called and is_weak(document.texts, scores, focus):
        best = max(scores) or 1.0
        return [a + MATCH_WEIGHT * b / best for a, b in zip(places, scores, strict=True)], False
    titles = relevance([document.path(i) for i in range(len(document.sections))], focus)
    units = document.units
    values = [s + TITLE_WEIGHT * titles[u.section] for s, u in zip(scores, units, strict=True)]
    for (i, one), (j, two) in pairwise(enumerate(units)):
        if one.block == two.block:
            values[j] += NEIGHBOUR_WEIGHT * scores[i]
            values[i] += NEIGHBOUR_WEIGHT * scores[j]
    best = max(values)
    called |= answering(document, values, best)
    return [
        value + best if unit.section in called else value * (value >= FLOOR * best)
        for value, unit in zip(values, units, strict=True)
    ], True


def answering(document: Document, values: Sequence[float], best: float) -> set[int]:
    """Return the short sections in which the focus finds a title or the best unit.

    What a title announces stands below it, mostly in other words.
    """
    found = {
        unit.section
        for unit, value in zip(document.units, values, strict=True)
        if value >= (SURE if unit.is_heading else 1.0) * best
    }
    sizes = Counter(dict.fromkeys(found, 0))
    for unit, text in zip(document.units, document.texts, strict=True):
        if unit.section in found:
            sizes[unit.section] += len(text)
    return {section for section in found if sizes[section] <= SHORT_SECTION}


def named(document: Document, focus: str) -> set[int]:
    """Return the few sections whose title, with those above it, says most of the focus."""
    shares = coverage([document.path(i) for i in range(len(document.sections))], focus)
    best = max(shares, default=0.0)
    found = {i for i, share in enumerate(shares) if share == best}
    tops = [i for i in found if document.above[i] not in found]
    return found if best >= NAMED_FROM and len(tops) <= MOST_NAMED else set()


def by_position(document: Document) -> list[float]:
    """Return values where nothing is asked: beginnings first, spread over the whole text.

    The first units and the last, then the first of each section, then of each paragraph (every
    8th before every 4th and so on), then what follows.
    """
    values: list[float] = []
    section = block = -1
    for i, unit in enumerate(document.units):
        if unit.is_heading:
            values.append(0.0)
            continue
        if i < FIRST_UNITS or i == len(document.units) - 1:
            value = 5.0 - 0.1 * i if i < FIRST_UNITS else 4.0
        elif unit.section != section:
            value = 2.0 + 1 / max(1, document.sections[unit.section].level)
        elif unit.block != block:
            value = 1.0 + 0.01 * (unit.block & -unit.block).bit_length()
        else:
            value = 0.1
        section, block = unit.section, unit.block
        values.append(value)
    return values


def pick(document: Document, values: Sequence[float], budget: int) -> list[int]:
    """Return the indices of the units to show, best first until budget is used.

    A unit comes with the headings it stands under; a line that announces code or a list with what
    it announces. Of units that say the same only the first is shown.
    """
    units, texts = document.units, document.texts
    costs = [estimate(text) + LABEL_TOKENS for text in texts]
    announced = dict(announcements(document))
    headings = {unit.section: i for i, unit in enumerate(units) if unit.is_heading}
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    left, chosen = budget, set[int]()
    for index in sorted((i for i, v in enumerate(values) if v > 0), key=lambda i: -values[i]):
        if first[texts[index]] != index and not units[index].is_heading:
            continue
        over = {headings[s] for s in lineage(document, units[index].section) if s in headings}
        wanted = {index, announced.get(index, index)} | over
        cost = sum(costs[i] for i in wanted - chosen)
        if cost <= left:
            left -= cost
            chosen |= wanted
    return sorted(chosen)


def lineage(document: Document, section: int) -> Iterator[int]:
    """Yield a section and those it stands under, but for the title over the whole text."""
    while section >= 0:
        if not (document.has_one_title and document.above[section] < 0):
            yield section
        section = document.above[section]


def announcements(document: Document) -> Iterator[tuple[int, int]]:
    """Yield a line that ends with a colon and the unit after it, both ways round for code."""
    for i, ((text, unit), (after, following)) in enumerate(
        pairwise(zip(document.texts, document.units, strict=True))
    ):
        if unit.section == following.section and text.rstrip().endswith((":", "\uff1a")):
            yield i, i + 1
            if after.lstrip().startswith(("```", "~~~")):
                yield i + 1, i


def outlined(sections: Sequence[Section], budget: int, *, is_brief: bool = False) -> str:
    """Return the headings with line and size, as deep as budget tokens allow, else the first."""
    titled = [section for section in sections if section.level]
    if len(titled) < 2:
        return ""
    for depth in sorted({section.level for section in titled}, reverse=True):
        some = [section for section in titled if section.level <= depth]
        out = rows(some, len(titled))
        if len(some) > 2 and estimate(out) <= budget:
            return out
    levels = sorted({s.level for s in titled})
    upper = ([s for s in titled if s.level <= level] for level in levels)
    tops = titled if is_brief else next((some for some in upper if len(some) > 2), titled)
    fitting = bisect_right(
        range(len(tops)), budget, key=lambda n: estimate(rows(tops[:n], len(titled)))
    )
    if fitting > 3 and not is_brief:
        return rows(tops[: fitting - 1], len(titled))
    out = (
        f"outline: {len(titled)} headings, from line {titled[0].first}: {titled[0].title[:80]}"
        f" to line {titled[-1].first}: {titled[-1].title[:80]}"
    )
    return out if estimate(out) <= budget else ""


def rows(sections: Sequence[Section], total: int) -> str:
    """Return an outline with one row for each of sections."""
    top = min((section.level for section in sections), default=0)
    listed = "\n".join(
        f"{s.first}: {'  ' * (s.level - top)}{s.title[:120]} ({s.last - s.first + 1})"
        for s in sections
    )
    return f"outline, {len(sections)} of {total} headings (line: heading (lines)):\n{listed}"


def shown(document: Document, chosen: Sequence[int]) -> Iterator[str]:
    """Yield each run of chosen units word for word, below its line numbers."""
    lines = document.lines
    for start, end, first, last in spans(document, chosen):
        before = "…" if lines.text[lines.starts[first] : start].strip() else ""
        after = "…" if lines.text[end : lines.end(last)].strip() else ""
        place = f"@{first + 1}:" if first == last else f"@{first + 1}-{last + 1}:"
        yield f"{place}\n{before}{lines.text[start:end]}{after}"


def spans(document: Document, chosen: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield each run of chosen units as places start and end, and first and last line."""
    for i, j in runs(chosen):
        start, end = document.units[i].start, document.units[j].end
        first = document.lines.number_at(start)
        yield start, end, first, document.lines.number_at(max(start, end - 1))


def omitted(document: Document, chosen: Sequence[int]) -> list[Omission]:
    """Return what is left out, in lines; a line shown in part counts, its rest in characters."""
    lines: Lines = document.lines
    seen: set[int] = set()
    kept = 0
    for start, end, first, last in spans(document, chosen):
        seen |= set(range(first, last + 1))
        kept += end - start - lines.text.count("\n", start, end)
    whole = sum(len(lines.all[number]) for number in seen)
    out = [Omission("lines", len(seen), len(lines.all))]
    if kept < whole:
        out.append(Omission("characters", kept, whole, "of the lines shown in part"))
    return out
