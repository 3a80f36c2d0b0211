"""Lay a result out in passages that a model can point at."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from coatcheck import excerpt
from coatcheck.reducers.lines import clean, severity
from coatcheck.reducers.select import relevance
from coatcheck.sizing import CLAUDE_FACTOR, content_class, estimate
from coatcheck.types import Aim, Omission, Reducer

# So much that nothing is selected: only what loses nothing, or drops announced ballast, remains.
EVERYTHING = 1_000_000_000
# A longer line is cut at the ends of its sentences, so that a pointer need not cost a page.
PIECE_CHARS = 500
BREAK = re.compile(r"(?<=[.!?;])\s+|(?<=[,>}])(?=[\s<{\"])|\s+")
SECTION = re.compile(
    r"(?:.*: )?[\d,]+ (?:rows|entries)(?P<how> under their columns|, name by name)?"
)
LEGEND = ("same in every row: ", "empty ", "columns not shown: ", "built from ", "not shown: ")
# What a number in brackets before a passage costs.
NUMBER_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece that can be pointed at: the line it stands on (from 1) and its text.

    under are the indices (first, end) of the passages that say how to read it, such as the names
    of its columns.
    """

    line: int
    text: str
    under: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Form:
    """A result as passages, in source order.

    is_source: the lines are those that a fetch addresses. total counts lines, before any were
    left out for their cost; omissions are those of the form itself, dropped as ballast.
    """

    passages: tuple[Passage, ...]
    is_source: bool
    total: int
    text: str
    tokens: int
    omissions: Sequence[Omission] = ()


def form_of(text: str, aim: Aim, reduce: Reducer) -> Form:
    """Return text without ballast where its kind has such a form, else as it is."""
    whole = reduce(text, Aim(EVERYTHING, tool=aim.tool, arguments=aim.arguments))
    is_source = whole is None or whole.level not in ("lossless", "trimmed")
    laid = clean(excerpt.lined(text)[0]) if is_source or whole is None else whole.text
    dropped = () if is_source or whole is None else whole.omissions
    lines = laid.split("\n")
    return Form(tuple(_passages(lines)), is_source, len(lines), laid, estimate(laid), dropped)


def cost_of(form: Form) -> int:
    """Return the estimated tokens of the numbered passages of form."""
    return form.tokens + NUMBER_TOKENS * len(form.passages)


def claude_factor(form: Form) -> float:
    """Return tokens of Claude for one estimated token of form."""
    return CLAUDE_FACTOR[content_class(form.text)]


def within(form: Form, tokens: int, focus: str) -> Form:
    """Return form with the passages that matter most, at most so many tokens of them.

    Severe lines first, then what focus is about, then every so many-th of the rest.
    """
    costs = [estimate(passage.text) + NUMBER_TOKENS for passage in form.passages]
    if sum(costs) <= tokens:
        return form
    texts = [passage.text for passage in form.passages]
    scores = relevance(texts, focus) if focus else [0.0] * len(texts)
    order = sorted(
        range(len(texts)),
        key=lambda i: (-(severity(texts[i]) >= 2), -scores[i], -((i & -i) or len(texts)), i),
    )
    chosen, left = set(), tokens
    for index in order:
        if costs[index] <= left:
            left -= costs[index]
            chosen.add(index)
    return _only(form, sorted(chosen))


def legends(form: Form, chosen: Iterable[int]) -> set[int]:
    """Return chosen and the passages that say how to read them."""
    found = set(chosen)
    for index in tuple(found):
        found.update(range(*form.passages[index].under))
    return found


def _only(form: Form, chosen: Sequence[int]) -> Form:
    kept = sorted(legends(form, chosen))
    place = {old: new for new, old in enumerate(kept)}
    passages = []
    for index in kept:
        old = form.passages[index]
        first, end = old.under
        under = (place[first], place[end - 1] + 1) if end > first else (0, 0)
        passages.append(Passage(old.line, old.text, under))
    return replace(form, passages=tuple(passages))


def _passages(lines: Sequence[str]) -> Iterator[Passage]:
    count, at = 0, 0
    under = (0, 0)
    while at < len(lines):
        legend = _legend(lines, at)
        whole = under != (0, 0)
        if legend:
            under = (count, count + legend)
        for number in range(at, at + max(1, legend)):
            pieces = [lines[number]] if whole or legend else _pieces(lines[number])
            for piece in pieces:
                if piece.strip():
                    yield Passage(number + 1, piece, (0, 0) if legend else under)
                    count += 1
        at += max(1, legend)


def _legend(lines: Sequence[str], at: int) -> int:
    """Return how many lines from at on say how to read the rows below them, 0 if none does."""
    found = SECTION.fullmatch(lines[at][:300])
    if not found:
        return 0
    end = at + 1
    while end < len(lines) and lines[end].startswith(LEGEND):
        end += 1
    has_columns = found["how"] == " under their columns" or (
        found["how"] is None and end < len(lines) and "=" not in lines[end]
    )
    return end - at + (has_columns and end < len(lines))


def _pieces(line: str) -> Iterator[str]:
    """Yield line in pieces of about PIECE_CHARS; joined they are the line."""
    start, last = 0, 0
    if len(line) > PIECE_CHARS:
        for found in BREAK.finditer(line):
            at = found.end()
            if at - start > PIECE_CHARS and last > start:
                yield line[start:last]
                start = last
            if (
                found[0] == ""
                or line[found.start() - 1 : found.start()] in set(".!?;")
                or (at - start > PIECE_CHARS // 2)
            ):
                last = at
    yield line[start:]
