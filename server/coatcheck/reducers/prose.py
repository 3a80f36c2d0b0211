"""Reduce prose, markdown, changelogs and search hits: outline, then passages word for word."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from coatcheck.reducers.outline import Lines, Section, Unit, fenced, sections, units
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
    values, weak = valued(text, pieces, parts, aim.focus)
    share = OUTLINE_SHARE if aim.focus and not weak else OUTLINE_SHARE_ALONE
    outline = outlined(parts, round(aim.budget_tokens * share))
    budget = aim.budget_tokens - estimate(outline)
    chosen = pick(text, pieces, values, budget)
    passages = list(shown(lines, pieces, chosen))
    body = "\n".join(filter(None, [outline, *passages]))
    return Reduction(
        body, "prose", "selected", omitted(lines, pieces, chosen), "a word of it", weak_focus=weak
    )


def valued(
    text: str, pieces: Sequence[Unit], parts: Sequence[Section], focus: str
) -> tuple[list[float], bool]:
    """Return the value of each unit and whether the focus hardly matched anything."""
    texts = [text[piece.start : piece.end] for piece in pieces]
    scores = relevance(texts, focus)
    paths = [path(parts, i) for i in range(len(parts))]
    called = named(paths, focus)
    weak = bool(focus.strip()) and not called and is_weak(texts, scores, focus)
    if weak or not focus.strip():
        return by_position(pieces, parts), weak
    titles = relevance(paths, focus)
    values = [
        score + HEADING_WEIGHT * titles[piece.section]
        for score, piece in zip(scores, pieces, strict=True)
    ]
    for i, j in linked(texts, pieces):
        values[j] += NEIGHBOUR * scores[i]
        values[i] += NEIGHBOUR * scores[j]
    best = max(values)
    return [
        value + best if piece.section in called else (value if value >= FLOOR * best else 0.0)
        for value, piece in zip(values, pieces, strict=True)
    ], weak


def named(paths: Sequence[str], focus: str) -> set[int]:
    """Return the few sections whose title, with those above it, says most of the focus."""
    shares = coverage(paths, focus)
    best = max(shares, default=0.0)
    found = {i for i, share in enumerate(shares) if share == best}
    return found if best >= NAMED_FROM and len(found) <= MOST_NAMED else set()


def linked(texts: Sequence[str], pieces: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    """Yield neighbours that belong together: in one paragraph, or a line that announces code."""
    for (i, one), (j, two) in pairwise(enumerate(pieces)):
        if one.block == two.block or (
            one.section == two.section and texts[i].rstrip().endswith((":", "\uff1a"))
        ):
            yield i, j


def path(parts: Sequence[Section], number: int) -> str:
    """Return the title of a section below the titles it stands under."""
    titles, level = [parts[number].title], parts[number].level
    for section in reversed(parts[:number]):
        if 0 < section.level < level:
            titles.append(section.title)
            level = section.level
        if level <= 1:
            break
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


def pick(text: str, pieces: Sequence[Unit], values: Sequence[float], budget: int) -> list[int]:
    """Return the indices of the units to show, each with the heading above it."""
    costs = [estimate(text[p.start : p.end]) + LABEL_TOKENS for p in pieces]
    heading = {p.section: i for i, p in enumerate(pieces) if p.is_heading}
    left, chosen = budget, set[int]()
    for index in sorted((i for i, v in enumerate(values) if v > 0), key=lambda i: -values[i]):
        wanted = {index, heading.get(pieces[index].section, index)} - chosen
        cost = sum(costs[i] for i in wanted)
        if cost <= left:
            left -= cost
            chosen |= wanted
    return sorted(chosen)


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
        if estimate(out) <= budget:
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
