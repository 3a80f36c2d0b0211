"""Lay a result out in passages that a model can point at."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from coatcheck import excerpt
from coatcheck.protocols import Reducer
from coatcheck.reducers.lines import clean, severity
from coatcheck.reducers.select import relevance
from coatcheck.sizing import CLAUDE_FACTOR, content_class, estimate
from coatcheck.types import Aim, Omission

# So much that nothing is selected: only what loses nothing, or drops announced ballast, remains.
EVERYTHING = 1_000_000_000
# A longer line is cut at the ends of its sentences, so that a pointer need not cost a page.
PIECE_CHARS = 500
BREAK = re.compile(r"(?<=[.!?;])\s+|(?<=[,>}])(?=[\s<{\"])|\s+")
SECTION = re.compile(
    r"(?:.*: )?[\d,]+ (?:rows|entries)(?P<how> under their columns|, name by name)?"
    r"(?:, [\d,]+ shown)?"
)
LEGEND = ("same in every row: ", "empty ", "columns not shown: ", "built from ", "not shown: ")
COMPUTED = ("computed over ", "  ")
# What a number in brackets before a passage costs.
NUMBER_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece that can be pointed at: the line it stands on (from 1) and its text.

    under are the indices of the passages that say how to read it, such as the names of its
    columns.
    """

    line: int
    text: str
    under: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A result as passages, in source order.

    is_source: the lines are those that a fetch addresses. omissions are those of the form itself,
    dropped as ballast. chosen_of is 0, but of a form that holds only what rules have chosen the
    number of lines of the source.
    """

    passages: tuple[Passage, ...]
    is_source: bool
    text: str
    tokens: int
    omissions: Sequence[Omission] = ()
    chosen_of: int = 0


def form_of(text: str, aim: Aim, reduce: Reducer) -> Form:
    """Return text without ballast where its kind has such a form, else as it is."""
    whole = reduce(text, Aim(EVERYTHING, tool=aim.tool, arguments=aim.arguments))
    if whole is None or whole.level not in ("lossless", "trimmed"):
        laid = clean(excerpt.lined(text)[0])
        return Form(tuple(_passages(laid)), True, laid, estimate(laid))
    found = tuple(_passages(whole.text))
    return Form(found, False, whole.text, estimate(whole.text), whole.omissions)


def chosen_form(text: str, aim: Aim, reduce: Reducer, tokens: int) -> Form | None:
    """Return what rules choose of text for about so many tokens; None when they have no say.

    The same rules with more room, and with what they compute over the whole: a model that reads a
    result in part chooses from more than they do, not from other parts of it.
    """
    made = reduce(text, replace(aim, budget_tokens=tokens))
    if made is None or made.level not in ("selected", "trimmed", "lossless"):
        return None
    laid = excerpt.lined(text)[0]
    lines = sum(1 for line in laid.split("\n") if line.strip())
    found = tuple(_passages(made.text, headed=True))
    return Form(found, False, made.text, estimate(made.text), (), lines)


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
        found.update(form.passages[index].under)
    return found


def _only(form: Form, chosen: Sequence[int]) -> Form:
    kept = sorted(legends(form, chosen))
    place = {old: new for new, old in enumerate(kept)}
    passages = []
    for index in kept:
        old = form.passages[index]
        under = tuple(place[above] for above in old.under)
        passages.append(Passage(old.line, old.text, under))
    return replace(form, passages=tuple(passages))


def _passages(text: str, *, headed: bool = False) -> Iterator[Passage]:
    """Yield the passages of text.

    Rows stand under the lines that name and explain their columns. With headed set, a line that
    ends with a colon stands over those up to the next such line.
    """
    lines = text.split("\n")
    count = 0
    legend: set[int] = set()
    explained: tuple[int, ...] = ()
    heading: tuple[int, ...] = ()
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if found := _legend(lines, at):
            legend, explained, heading = found, (), ()
        under: tuple[int, ...] = ()
        if at in legend:
            explained, heading = (*explained, count), ()
        elif headed and line.endswith(":"):
            heading = (count,)
        else:
            under = heading or explained
        for piece in [line] if legend else _pieces(line):
            if piece.strip():
                yield Passage(at + 1, piece, under)
                count += 1


def _legend(lines: Sequence[str], at: int) -> set[int]:
    """Return the lines that say how to read the rows below line at, none if none does.

    What is computed over the rows may stand between them.
    """
    found = SECTION.fullmatch(lines[at][:300])
    if not found:
        return set()
    end = at + 1
    while end < len(lines) and lines[end].startswith(LEGEND):
        end += 1
    legend = set(range(at, end))
    while end < len(lines) and lines[end].startswith(COMPUTED):
        end += 1
    has_columns = found["how"] == " under their columns" or (
        found["how"] is None and end < len(lines) and "=" not in lines[end]
    )
    return legend | {end} if has_columns and end < len(lines) else legend


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
