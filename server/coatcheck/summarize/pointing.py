"""Turn an answer into a view: pointers resolved, quotes found, values checked, errors kept."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from coatcheck.reducers.lines import ends, severity, template
from coatcheck.reducers.select import relevance
from coatcheck.sizing import estimate
from coatcheck.summarize import guard
from coatcheck.summarize.forms import Form, legends
from coatcheck.types import Omission, Reduction

# What a place and its line break cost.
PLACE_TOKENS = 6
SEVERE_SHARE = 0.5
THIN_SHARE = 0.25
ABOUT_SHARE = 0.5
MOST_POINTERS = 400

Trust = Literal["full", "part", "none"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said: a text, ranges of passage numbers, quotes; the weightiest first."""

    text: str
    keep: tuple[tuple[int, int], ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What is left of an answer after the check.

    chosen are indices of passages, the weightiest first; loose are quotes that stand in no
    passage, only in the source. missed says what did not pass, "" when all did; forged tells
    that a quote or a pointer was among it.
    """

    text: str
    chosen: tuple[int, ...]
    loose: tuple[str, ...]
    missed: str
    forged: bool

    @property
    def trust(self) -> Trust:
        """Say how far the answer is believed.

        A model that was caught once is not trusted to leave anything out: what it says in other
        sentences may still be shown, above the deterministic view. One that points at what is
        not there, or makes up a quotation, is not believed at all.
        """
        if not self.missed:
            return "full" if self.chosen or self.loose else "none"
        return "part" if self.text and not self.forged else "none"


def parse(text: str) -> Answer:
    """Return the answer that text spells. Raises: ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        raise ValueError("no answer")
    keep = tuple(_range(item) for item in _list(found.get("keep")))
    quotes = tuple(str(item) for item in _list(found.get("quotes")))
    return Answer(found["text"], keep[:MOST_POINTERS], quotes[:MOST_POINTERS])


def check(answer: Answer, form: Form, text: str) -> Findings:
    """Return what of answer stands in text, whose form the model has read."""
    known = guard.source(text, form.text)
    said = guard.checked(answer.text, known)
    chosen: dict[int, None] = {}
    loose, false_pointers, false_quotes = [], 0, 0
    for first, last in answer.keep:
        if not 1 <= first <= last <= len(form.passages):
            false_pointers += 1
        else:
            chosen.update(dict.fromkeys(range(first - 1, last)))
    for quote in answer.quotes:
        where = _standing(quote, form)
        if where is not None:
            chosen[where] = None
        elif len(quote) >= guard.LEAST_QUOTE_CHARS and guard.flat(quote) in known.text:
            loose.append(guard.flat(quote))
        else:
            false_quotes += 1
    missed = [
        f"{count} {what}"
        for count, what in (
            (said.dropped, "sentences"),
            (false_pointers, "pointers"),
            (false_quotes, "quotes"),
        )
        if count
    ]
    return Findings(
        said.text,
        tuple(chosen),
        tuple(loose),
        ", ".join(missed),
        bool(false_pointers + false_quotes),
    )


def pointed(
    found: Findings,
    form: Form,
    model: str,
    *,
    target_tokens: int,
    budget_tokens: int,
    what: str = "summary",
) -> Reduction | None:
    """Return the passages within target_tokens and the severe lines, below the checked text.

    budget_tokens bounds the severe lines. None when nothing is left out: nothing was gained.
    """
    head = [said(model, found.text, what)] if found.text else []
    loose = [f"from the source: {quote}" for quote in found.loose]
    costs = [estimate(passage.text) + PLACE_TOKENS for passage in form.passages]
    left = target_tokens - estimate("\n".join([*head, *loose]))
    shown = legends(form, _within(found.chosen, costs, left))
    severe = _severe(form) if budget_tokens else []
    room = round(budget_tokens * SEVERE_SHARE)
    shown |= legends(form, _within((i for i in severe if i not in shown), costs, room))
    lines = {form.passages[index].line for index in shown}
    omissions = _omissions(form, shown, lines)
    if not shown or not omissions:
        return None
    body = "\n".join([*head, *_written(form, sorted(shown)), *loose])
    of_lines = form.is_source or form.chosen_of
    handle = "a word of the line" if of_lines else "a word of it"
    return Reduction(body, "summary", "summarized", omissions, handle)


def is_thin(found: Findings, form: Form, target_tokens: int, focus: str) -> bool:
    """Tell whether an answer points at next to nothing: a lazy model's.

    Little is enough when something is looked for, and a passage pointed at speaks of it about as
    much as any does. It is not enough for an overview, whatever is said above it.
    """
    if len(found.chosen) < 2 and not found.text and not found.loose:
        return True
    shown = sum(estimate(form.passages[index].text) for index in found.chosen)
    if shown >= THIN_SHARE * target_tokens and not focus:
        return False
    return not focus or not _speaks_of(focus, found, form)


def _speaks_of(focus: str, found: Findings, form: Form) -> bool:
    """Tell whether a passage pointed at is about focus, measured by the one that is most so."""
    texts = [*(passage.text for passage in form.passages), *found.loose]
    scores = relevance(texts, focus)
    pointed_at = [*found.chosen, *range(len(form.passages), len(texts))]
    return max((scores[i] for i in pointed_at), default=0.0) >= ABOUT_SHARE * max(scores)


def above(found: Findings, model: str, planned: Reduction) -> Reduction:
    """Return the deterministic reduction with the sentences that passed on top."""
    return Reduction(
        f"{said(model, found.text)}\n{planned.text}",
        planned.kind,
        "summarized",
        planned.omissions,
        planned.handle,
        planned.weak_focus,
    )


def said(model: str, text: str, what: str = "summary") -> str:
    """Return the line that says whose words these are, and that their values were checked."""
    return f"{what} ({model}, values checked): {text}"


def _within(order: Iterable[int], costs: Sequence[int], tokens: int) -> list[int]:
    """Return of order what fits into tokens, at least the first of it."""
    taken: list[int] = []
    for index in order:
        if costs[index] <= tokens or not taken:
            tokens -= costs[index]
            taken.append(index)
    return taken


def _severe(form: Form) -> list[int]:
    """Return first and last of each kind of severe passage, errors before warnings."""
    texts = [passage.text for passage in form.passages]
    grades = [severity(text) for text in texts]
    keys = [template(text) for text in texts]
    errors, warnings = (
        ends((i for i, grade in enumerate(grades) if grade == wanted), keys) for wanted in (3, 2)
    )
    return [*errors, *warnings]


def _written(form: Form, indices: Sequence[int]) -> Iterator[str]:
    """Yield the passages, each run of neighbours under its place: @line as a fetch addresses it."""
    for _, run in groupby(enumerate(indices), lambda pair: pair[1] - pair[0]):
        passages = [form.passages[index] for _, index in run]
        first, last = passages[0].line, passages[-1].line
        mark = "@" if form.is_source else "#"
        if not form.chosen_of:  # else no line can be addressed, or says itself where it stands
            yield f"{mark}{first}:" if first == last else f"{mark}{first}-{last}:"
        for _, pieces in groupby(passages, lambda passage: passage.line):
            yield "".join(piece.text for piece in pieces).rstrip()


def _omissions(form: Form, shown: set[int], lines: set[int]) -> list[Omission]:
    """Return what is left out: lines, characters of lines shown in part, what the form dropped."""
    if form.chosen_of:
        return [Omission("lines", min(len(lines), form.chosen_of), form.chosen_of)]
    out = []
    total = sum(1 for line in form.text.split("\n") if line.strip())
    if len(lines) < total:
        out.append(Omission("lines", len(lines), total, "" if form.is_source else "of the form"))
    of_lines = [(i, len(p.text)) for i, p in enumerate(form.passages) if p.line in lines]
    every, seen = sum(n for _, n in of_lines), sum(n for i, n in of_lines if i in shown)
    if seen < every:
        out.append(Omission("characters", seen, every, "of the lines shown in part"))
    return [*out, *form.omissions]


def _standing(quote: str, form: Form) -> int | None:
    """Return the index of the passage that holds quote."""
    wanted = guard.flat(quote)
    if len(wanted) < guard.LEAST_QUOTE_CHARS:
        return None
    return next(
        (i for i, passage in enumerate(form.passages) if wanted in guard.flat(passage.text)), None
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _range(item: Any) -> tuple[int, int]:
    if not isinstance(item, dict) or not all(type(item.get(k)) is int for k in ("first", "last")):
        raise ValueError("no range")
    return item["first"], item["last"]
