"""Score the rows and fields of sections against a focus."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from coatcheck.reducers.columns import troubled
from coatcheck.reducers.rows import Facts
from coatcheck.reducers.select import is_weak, relevance
from coatcheck.reducers.shape import Row
from coatcheck.reducers.terms import UNSPACED
from coatcheck.reducers.terms import words as spoken
from coatcheck.reducers.wants import Wants, asks_for_trouble, exact, extremes, texts

UNIT_CHARACTERS = 1_000
CELL_CHARACTERS = 300
LOOSE = 0.25
FLAT = 0.15


@dataclass(frozen=True, slots=True)
class Scored:
    """Sections with what the focus gives each row or field.

    top: the highest score; rare: what a word is worth that one unit holds; loose: the focus tells
    no rows from others; weak: hardly anything of it occurs; trouble: it asks what is failing.
    """

    every: Sequence[Facts]
    wants: Wants
    scores: Sequence[Sequence[float]]
    top: float
    rare: float
    loose: bool
    weak: bool
    trouble: bool


def scored_by(every: Sequence[Facts], wants: Wants) -> Scored:
    """Score every row, and every field of the root object, against the focus."""
    units: list[str] = []
    for facts in every:
        if facts.section.single:
            row = facts.section.rows[0]
            units += [f"{p} {' '.join(texts(v))}"[:UNIT_CHARACTERS] for p, v in row.items()]
        else:
            units += map(_row_text, facts.section.rows)
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
            own[index] += 2.0 * (top or 1.0)
        ends += len(asked)
    loose = not ends and (_is_flat(every, scores) or _best_share(units, matched, wants) < LOOSE)
    weak = not ends and is_weak(units, matched, wants.text)
    top = max((s for own in scores for s in own), default=0.0)
    return Scored(every, wants, scores, top, log(1 + len(units)), loose, weak, trouble)


def _row_text(row: Row) -> str:
    parts: list[str] = []
    for value in row.values():
        if isinstance(value, str):
            parts.append(value if len(value) < CELL_CHARACTERS else value[:CELL_CHARACTERS])
        elif isinstance(value, list | dict):
            parts.extend(text[:CELL_CHARACTERS] for text in texts(value))
    return " ".join(parts)[:UNIT_CHARACTERS]


def _is_flat(every: Sequence[Facts], scores: Sequence[Sequence[float]]) -> bool:
    """Tell whether no row is told from the others of its list."""
    own = [one for facts, one in zip(every, scores, strict=True) if not facts.section.single]
    return all(max(one) - min(one) <= FLAT * max(one) for one in own if one)


def _best_share(units: Sequence[str], matched: Sequence[float], wants: Wants) -> float:
    """Return how many of the focus's own words the best unit holds, as a share."""
    best = max(range(len(units)), key=lambda i: matched[i], default=-1)
    asked = {p for p in wants.phrases if " " not in p and not UNSPACED.search(p)}
    asked |= {pair for pair in spoken(wants.text) if UNSPACED.search(pair)}
    unit = units[best].casefold() if best >= 0 and matched[best] > 0 else ""
    return sum(word in unit for word in asked) / (len(asked) or 1)


def _inherit(every: Sequence[Facts], scores: list[list[float]]) -> None:
    """Give the rows inside a row a part of its score, so that they come with it."""
    for facts, own in zip(every, scores, strict=True):
        for at, (index, row) in enumerate(facts.section.parents):
            if row >= 0 and not every[index].section.single:
                own[at] = max(own[at], 0.5 * scores[index][row])


def tables_of(scored: Scored) -> list[int]:
    """Return the numbers of the sections that have rows."""
    return [i for i, facts in enumerate(scored.every) if not facts.section.single]
