"""Write sections within a budget: everything without its ballast, else a selection."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from coatcheck.reducers.budget import tightened
from coatcheck.reducers.cells import safe
from coatcheck.reducers.choose import plans_within
from coatcheck.reducers.rows import Facts, Plan, facts_of, field_lines, table_lines
from coatcheck.reducers.scoring import scored_by
from coatcheck.reducers.shape import Section
from coatcheck.reducers.wants import Wants, read
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

# Everything may cost a little more than a selection, as then nothing has to be fetched; what gains
# less than this is not worth a view.
WHOLE = 1.2
LEAST_GAIN = 0.15
LEAST_GAIN_TOKENS = 100


def whole_room(before_tokens: int, budget_tokens: int) -> float:
    """Return the most that all of a body of before_tokens may cost under a budget."""
    gain = max(LEAST_GAIN_TOKENS, LEAST_GAIN * before_tokens)
    return min(WHOLE * budget_tokens, before_tokens - gain)


def digest(
    sections: Sequence[Section],
    aim: Aim,
    kind: str,
    room: float,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Reduction:
    """Return the sections within the budget: all rows without their ballast, or a selection.

    Everything may cost room tokens. The lines of before and after stand around as they are.
    """
    around = estimate("\n".join((*before, *after)))
    inner = replace(aim, budget_tokens=max(1, aim.budget_tokens - around))
    found = _fitting(sections, inner, kind, room - around)
    return replace(found, text=safe("\n".join((*before, found.text, *after))))


def _fitting(sections: Sequence[Section], aim: Aim, kind: str, room: float) -> Reduction:
    wants = read(aim.focus)
    every = [facts_of(s, _named(s, wants), aim.key) for s in sections]
    if sum(len(facts.section.rows) * len(facts.kept) for facts in every) <= aim.budget_tokens:
        trimmed = _reduction(every, [_whole_plan(facts) for facts in every], kind)
        if estimate(trimmed.text) <= room:
            return trimmed
    scored = scored_by(every, wants)
    found = tightened(
        lambda room: _reduction(every, plans_within(scored, room), kind, selected=True),
        aim.budget_tokens,
    )
    return replace(found, weak_focus=bool(aim.focus) and scored.weak)


def _named(section: Section, wants: Wants) -> list[str]:
    paths = dict.fromkeys(path for row in section.rows for path in row)
    return [path for path in paths if wants.names(path)]


def _whole_plan(facts: Facts) -> Plan:
    if facts.section.single:
        return Plan(picked={0: facts.kept})
    return Plan(grid=facts.kept, framed=True)


def _reduction(
    every: Sequence[Facts], plans: Sequence[Plan], kind: str, *, selected: bool = False
) -> Reduction:
    lines: list[str] = []
    shown_fields, shown_rows = 0, []
    for facts, plan in zip(every, plans, strict=True):
        if facts.section.single:
            found, count = field_lines(facts, plan)
        else:
            found, count = table_lines(facts, plan, every)
            total = len(facts.section.rows)
            shown_rows.append((facts, total if plan.grid or plan.framed else len(plan.picked)))
        lines += found
        shown_fields += count
    total_fields = sum(len(row) for facts in every for row in facts.section.rows)
    short = [pair for pair in shown_rows if pair[1] < len(pair[0].section.rows)]
    short.sort(key=lambda pair: (pair[0].section.is_inner, -len(pair[0].section.rows)))
    rows = [
        Omission(facts.section.unit, shown, len(facts.section.rows), facts.section.path)
        for facts, shown in short
    ]
    fields = [Omission("fields", shown_fields, total_fields)]
    fields = [omission for omission in fields if omission.shown != omission.total]
    outer = [facts for facts, _ in shown_rows if not facts.section.is_inner]
    outer.sort(key=lambda facts: -len(facts.section.rows))
    fields_of_root = sum(len(facts.section.rows[0]) for facts in every if facts.section.single)
    fields_of_lead = sum(map(len, short[0][0].section.rows)) if short else 0
    if short and not short[0][0].section.is_inner and fields_of_lead > fields_of_root:
        lead: Facts | None = short[0][0]
        omissions = [*rows, *fields]
    else:
        lead, omissions = (outer[0] if outer else None), [*fields, *rows]
    handle = f"its {lead.handle}" if lead and lead.handle else "its key"
    text = "\n".join(lines)
    level: Literal["lossless", "trimmed", "selected"] = "selected" if selected else "trimmed"
    return Reduction(text, kind, level if omissions else "lossless", omissions, handle)
