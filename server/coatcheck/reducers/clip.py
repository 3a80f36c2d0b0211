"""Clip any text to a budget: head, tail, severe lines, lines of the focus; all numbered."""

from collections.abc import Iterable, Sequence

from coatcheck.reducers.lines import (
    around,
    claim,
    clean,
    ends,
    matching,
    of_cut_lines,
    omitted,
    overwritten,
    passages,
    severities,
    shorten,
    template,
)
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

READ_CHARS = 8_000_000
READ_LINES = 400_000
FEW_LINES = 20_000
MOST_LINES = 5_000
HANDLE = "a word of it"
SCALES = (1.0, 0.85, 0.7, 0.5, 0.3, 0.15, 0.07, 0.03)
CHARS_PER_TOKEN, LEAST_CHARS, LEAST_SCALE = 3, 12, 0.6


def matches(text: str) -> bool:
    """Tell that any text can be clipped."""
    return bool(text)


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the head, the tail, severe lines and lines of the focus; None when text fits.

    Total on any string. Of a text over 8 million characters only the two ends are read.
    """
    if aim.lossless or estimate(text[: aim.budget_tokens * 8]) <= aim.budget_tokens >= estimate(
        text
    ):
        return None
    lines, numbers = readable(text)
    for scale in SCALES:
        reduction = clipped(text, lines, numbers, aim, scale)
        if reduction.text and estimate(reduction.text) <= aim.budget_tokens:
            return reduction
    return Reduction("", "clip", "clipped", [Omission("characters", 0, len(text))])


def readable(text: str) -> tuple[list[str], Sequence[int]]:
    """Return the lines that are looked at and their numbers, counted from 1."""
    total = text.count("\n") + 1
    if total <= FEW_LINES or (len(text) <= READ_CHARS and total <= READ_LINES):
        return clean(text).split("\n"), range(1, total + 1)
    half = READ_LINES // 2
    head = text[: READ_CHARS // 2].split("\n", half)[:-1]
    tail = text[-READ_CHARS // 2 :].rsplit("\n", half)[1:]
    numbers = [*range(1, len(head) + 1), *range(total - len(tail) + 1, total + 1)]
    return clean("\n".join(head + tail)).split("\n"), numbers


def clipped(
    text: str, lines: list[str], numbers: Sequence[int], aim: Aim, scale: float
) -> Reduction:
    """Return the best lines for the budget, the shorter cut the smaller scale is."""
    characters = int(aim.budget_tokens * scale * CHARS_PER_TOKEN)
    if len(lines) == 1:
        body, gone = shorten(lines[0], characters, aim.focus)
        omissions = omitted("characters", len(lines[0]) - gone, len(lines[0]))
    else:
        limit = max(LEAST_CHARS, characters // min(len(lines), 5))
        cuts = {i: shorten(line, limit, aim.focus) for i, line in long_lines(lines, limit)}
        short = [cuts[i][0] if i in cuts else line for i, line in enumerate(lines)]
        budget = int(aim.budget_tokens * max(scale, LEAST_SCALE))
        chosen = claim(short, claims(lines, aim.focus), budget)
        body = passages(short, chosen, numbers)
        omissions = omitted("lines", len(chosen), text.count("\n") + 1)
        omissions += of_cut_lines((len(lines[i]), cuts[i][1]) for i in chosen if i in cuts)
    omissions += overwritten(text, lines)
    weak = bool(aim.focus.strip()) and not matching(lines, aim.focus)
    return Reduction(body, "clip", "clipped", omissions, HANDLE, weak)


def long_lines(lines: Sequence[str], limit: int) -> Iterable[tuple[int, str]]:
    """Return index and line of those over limit characters."""
    return ((i, line) for i, line in enumerate(lines) if len(line) > limit)


def claims(lines: Sequence[str], focus: str) -> Iterable[tuple[Iterable[int], float]]:
    """Return who may fill how much of the budget: severe lines, the focus, the ends."""
    total = len(lines)
    grades = severities(lines)
    keys = [template(line) if grade else "" for line, grade in zip(lines, grades, strict=True)]
    for grade, share in ((3, 0.4), (2, 0.5)):
        yield ends([i for i, g in enumerate(grades) if g == grade], keys), share
    found = matching(lines, focus)
    yield around(found, total), 0.85 if found else 0.5
    yield ends([i for i, g in enumerate(grades) if g == 1], keys), 0.9 if found else 0.6
    half = [(i, total - 1 - i) for i in range(min(total, MOST_LINES))]
    yield (i for pair in half for i in pair), 1.0
