"""Reduce prose, markdown, changelogs and search hits: outline, then passages word for word."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from coatcheck.reducers.outline import Lines, Section, Unit, fenced, parents, sections, units
from coatcheck.reducers.select import coverage, is_weak, relevance, runs
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

# Of the best unit's score: what scores less is not worth its tokens.
FLOOR = 0.45
NEIGHBOUR = 0.3
HEADING_WEIGHT = 0.8
# Of the focus: a title that holds as much names the section that is asked for.
NAMED_FROM = 0.5
MOST_NAMED = 4
OUTLINE_SHARE = 0.15
OUTLINE_SHARE_ALONE = 0.4
LABEL_TOKENS = 5
READ_CHARACTERS = 4_000_000


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return outline and passages of text; None when it fits the budget or is far too long."""
    if aim.lossless or len(text) > READ_CHARACTERS or estimate(text) <= aim.budget_tokens:
        return None
    lines = Lines(text)
    in_fence = list(fenced(lines.all))
    parts = sections(lines.all, in_fence)
    pieces = units(lines, in_fence, parts)
    if not pieces:
        return None
    texts = [text[piece.start : piece.end] for piece in pieces]
    above = parents(parts)
    values, weak = valued(texts, pieces, parts, above, aim.focus)
    share = OUTLINE_SHARE if aim.focus and not weak else OUTLINE_SHARE_ALONE
    outline = outlined(parts, round(aim.budget_tokens * share))
    budget = aim.budget_tokens - estimate(outline)
    chosen = pick(texts, pieces, above, values, budget)
    passages = list(shown(lines, pieces, chosen))
    body = "\n".join(filter(None, [outline, *passages]))
    return Reduction(
        body, "prose", "selected", omitted(lines, pieces, chosen), "a word of it", weak_focus=weak
    )


def valued(
    texts: Sequence[str],
    pieces: Sequence[Unit],
    parts: Sequence[Section],
    above: Sequence[int],
    focus: str,
) -> tuple[list[float], bool]:
    """Return the value of each unit and whether the focus hardly matched anything."""
    scores = relevance(texts, focus)
    paths = [path(parts, above, i) for i in range(len(parts))]
    called = named(paths, above, focus)
    weak = bool(focus.strip()) and not called and is_weak(texts, scores, focus)
    if weak or not focus.strip():
        return by_position(pieces, parts), weak
    titles = relevance(paths, focus)
    values = [
        score + HEADING_WEIGHT * titles[piece.section]
        for score, piece in zip(scores, pieces, strict=True)
    ]
    for (i, one), (j, two) in pairwise(enumerate(pieces)):
        if one.block == two.block:
            values[j] += NEIGHBOUR * scores[i]
            values[i] += NEIGHBOUR * scores[j]
    best = max(values)
    return [
        value + best if piece.section in called else (value if value >= FLOOR * best else 0.0)
        for value, piece in zip(values, pieces, strict=True)
    ], weak


def named(paths: Sequence[str], above: Sequence[int], focus: str) -> set[int]:
    """Return the few sections whose title says most of the focus, with all below them."""
    shares = coverage(paths, focus)
    best = max(shares, default=0.0)
    found = {i for i, share in enumerate(shares) if share == best}
    tops = [i for i in found if above[i] not in found]
    return found if best >= NAMED_FROM and len(tops) <= MOST_NAMED else set()


def path(parts: Sequence[Section], above: Sequence[int], number: int) -> str:
    """Return the title of a section below the titles it stands under."""
    titles = []
    while number >= 0:
        titles.append(parts[number].title)
        number = above[number]
    return " / ".join(reversed(titles))


def by_position(pieces: Sequence[Unit], parts: Sequence[Section]) -> list[float]:
    """Return values where nothing is asked: beginnings first, of the text and of its sections."""
    values = []
    rank: dict[int, int] = {}
    for i, piece in enumerate(pieces):
        if piece.is_heading:
            values.append(0.0)
            continue
        rank[piece.section] = rank.get(piece.section, 0) + 1
        depth = max(1, parts[piece.section].level)
        values.append(1 / (rank[piece.section] + 0.3 * depth) + (i < 3) + (i == len(pieces) - 1))
    return values


def pick(
    texts: Sequence[str],
    pieces: Sequence[Unit],
    above: Sequence[int],
    values: Sequence[float],
    budget: int,
) -> list[int]:
    """Return the indices of the units to show, best first until budget is used.

    A unit comes with the headings it stands under; a line that announces code or a list with what
    it announces. Of units that say the same only the first is shown.
    """
    costs = [estimate(text) + LABEL_TOKENS for text in texts]
    heading = {piece.section: i for i, piece in enumerate(pieces) if piece.is_heading}
    announced = dict(announcements(texts, pieces))
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    left, chosen = budget, set[int]()
    for index in sorted((i for i, v in enumerate(values) if v > 0), key=lambda i: -values[i]):
        if first[texts[index]] != index and not pieces[index].is_heading:
            continue
        wanted = {index, *headings_over(pieces[index].section, above, heading)}
        wanted |= {announced[index]} if index in announced else set()
        cost = sum(costs[i] for i in wanted - chosen)
        if cost <= left:
            left -= cost
            chosen |= wanted
    return sorted(chosen)


def headings_over(section: int, above: Sequence[int], heading: Mapping[int, int]) -> Iterator[int]:
    """Yield the heading units of a section and of all it stands under."""
    while section >= 0:
        if section in heading:
            yield heading[section]
        section = above[section]


def announcements(texts: Sequence[str], pieces: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    """Yield a line that ends with a colon and the unit after it, both ways round for code."""
    for i, text in enumerate(texts[:-1]):
        if pieces[i].section == pieces[i + 1].section and text.rstrip().endswith((":", "\uff1a")):
            yield i, i + 1
            if texts[i + 1].lstrip().startswith(("```", "~~~")):
                yield i + 1, i


def outlined(parts: Sequence[Section], budget: int) -> str:
    """Return the headings with line and size, as deep as budget tokens allow."""
    titled = [section for section in parts if section.level]
    if len(titled) < 2:
        return ""
    for depth in sorted({section.level for section in titled}, reverse=True):
        some = [section for section in titled if section.level <= depth]
        rows = "\n".join(
            f"{s.first}: {'  ' * (s.level - 1)}{s.title[:120]} ({s.last - s.first + 1})"
            for s in some
        )
        out = f"outline, {len(some)} of {len(titled)} headings (line: heading (lines)):\n{rows}"
        if len(some) > 2 and estimate(out) <= budget:
            return out
    return (
        f"outline: {len(titled)} headings, from line {titled[0].first}: {titled[0].title[:80]}"
        f" to line {titled[-1].first}: {titled[-1].title[:80]}"
    )


def shown(lines: Lines, pieces: Sequence[Unit], chosen: Sequence[int]) -> Iterator[str]:
    """Yield each run of chosen units word for word, below its line numbers."""
    for i, j in runs(chosen):
        start, end = pieces[i].start, pieces[j].end
        first, last = lines.number_at(start), lines.number_at(max(start, end - 1))
        cut_before = "…" if lines.text[lines.starts[first] : start].strip() else ""
        cut_after = "…" if lines.text[end : lines.end(last)].strip() else ""
        place = f"@{first + 1}:" if first == last else f"@{first + 1}-{last + 1}:"
        yield f"{place}\n{cut_before}{lines.text[start:end]}{cut_after}"


def omitted(lines: Lines, pieces: Sequence[Unit], chosen: Sequence[int]) -> list[Omission]:
    """Return what is left out, in lines; a line shown in part counts, its rest in characters."""
    seen: set[int] = set()
    for i, j in runs(chosen):
        start, end = pieces[i].start, pieces[j].end
        first, last = lines.number_at(start), lines.number_at(max(start, end - 1))
        seen |= set(range(first, last + 1))
    whole = sum(lines.end(n) - lines.starts[n] for n in seen)
    kept = sum(
        pieces[j].end - pieces[i].start - (lines.text.count("\n", pieces[i].start, pieces[j].end))
        for i, j in runs(chosen)
    )
    out = [Omission("lines", len(seen), len(lines.all))]
    if kept < whole:
        out.append(Omission("characters", kept, whole, "of the lines shown in part"))
    return out
