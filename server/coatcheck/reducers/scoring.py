"""Score the rows and fields of sections against a focus."""

from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.columns import troubled
from coatcheck.reducers.rows import Facts
from coatcheck.reducers.select import relevance
from coatcheck.reducers.wants import Wants, asks_for_trouble, exact, extremes, texts

UNIT_CHARACTERS = 1_000
WEAK = 0.25


@dataclass(frozen=True, slots=True)
class Scored:
    """Sections with what the focus gives each row or field; top is the highest score."""

    every: Sequence[Facts]
    wants: Wants
    scores: Sequence[Sequence[float]]
    top: float
    weak: bool
    trouble: bool = False


def scored_by(every: Sequence[Facts], wants: Wants) -> Scored:
    """Score every row, and every field of the root object, against the focus."""
    units: list[str] = []
    for facts in every:
        if facts.section.single:
            row = facts.section.rows[0]
            units += [f"{p} {' '.join(texts(v))}"[:UNIT_CHARACTERS] for p, v in row.items()]
        else:
            units += [
                " ".join(t[:300] for v in row.values() for t in texts(v))[:UNIT_CHARACTERS]
                for row in facts.section.rows
            ]
    matched = relevance(units, wants.text) if wants.text.strip() else [0.0] * len(units)
    scores, at = [], 0
    for facts in every:
        section = facts.section
        size = len(section.rows[0]) if section.single else len(section.rows)
        own = list(matched[at : at + size])
        at += size
        if not section.single:
            own = [
                a + b for a, b in zip(own, exact(wants, section, dict(facts.columns)), strict=True)
            ]
        scores.append(own)
    _inherit(every, scores)
    top = max((s for own in scores for s in own), default=0.0)
    ends = 0
    trouble = asks_for_trouble(wants)
    for facts, own in zip(every, scores, strict=True):
        columns = dict(facts.columns)
        asked = extremes(wants, facts.section, columns)
        if trouble and not facts.section.single:
            asked += troubled(facts.section, columns)
        for index in asked:
            own[index] += top or 1.0
        ends += len(asked)
    best = max(range(len(units)), key=lambda i: matched[i], default=-1)
    weak = not ends and (top == 0.0 or (best >= 0 and _share(units[best], wants) < WEAK))
    top = max((s for own in scores for s in own), default=0.0)
    return Scored(every, wants, scores, top, weak, trouble)


def _inherit(every: Sequence[Facts], scores: list[list[float]]) -> None:
    """Give the rows inside a row a part of its score, so that they come with it."""
    for facts, own in zip(every, scores, strict=True):
        for at, (index, row) in enumerate(facts.section.parents):
            if row >= 0 and not every[index].section.single:
                own[at] = max(own[at], 0.5 * scores[index][row])


def _share(unit: str, wants: Wants) -> float:
    """Return how many of the focus's own words a unit holds, as a share."""
    asked = {p for p in wants.phrases if " " not in p}
    return sum(word in unit.casefold() for word in asked) / (len(asked) or 1)


def tables_of(scored: Scored) -> list[int]:
    """Return the numbers of the sections that have rows."""
    return [i for i, facts in enumerate(scored.every) if not facts.section.single]


def is_outer(every: Sequence[Facts], facts: Facts) -> bool:
    """Tell whether no row of a section stands inside a row of another one."""
    return all(
        row < 0 or every[index].section.single or every[index] is facts
        for index, row in facts.section.parents
    )
