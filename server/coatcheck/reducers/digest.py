"""Write sections within a budget: everything without its ballast, else a selection."""

from collections.abc import Sequence
from dataclasses import replace

from coatcheck.reducers.cells import safe
from coatcheck.reducers.choose import is_outer, plans_within, scored_by
from coatcheck.reducers.rows import Facts, Plan, facts_of, field_lines, table_lines
from coatcheck.reducers.shape import Section
from coatcheck.reducers.wants import Wants, read
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

ROUNDS = 5


def digest(
    sections: Sequence[Section],
    aim: Aim,
    kind: str,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Reduction:
    """Return the sections within the budget: all rows without their ballast, or a selection.

    The lines of before and after stand around them as they are.
    """
    around = estimate("\n".join((*before, *after)))
    inner = replace(aim, budget_tokens=max(1, aim.budget_tokens - around))
    found = _fitting(sections, inner, kind)
    return replace(found, text=safe("\n".join((*before, found.text, *after))))


def _fitting(sections: Sequence[Section], aim: Aim, kind: str) -> Reduction:
    wants = read(aim.focus)
    every = [facts_of(s, _named(s, wants)) for s in sections]
    trimmed = _reduction(every, [_whole_plan(facts) for facts in every], kind)
    if estimate(trimmed.text) <= aim.budget_tokens:
        return trimmed
    scored = scored_by(every, wants)
    budget = aim.budget_tokens
    for _ in range(ROUNDS):
        found = _reduction(every, plans_within(scored, budget), kind, selected=True)
        cost = estimate(found.text)
        if cost <= aim.budget_tokens:
            break
        budget = max(20, int(budget * aim.budget_tokens / cost * 0.95))
    return replace(found, weak_focus=bool(aim.focus) and scored.weak)


def _named(section: Section, wants: Wants) -> list[str]:
    paths = dict.fromkeys(path for row in section.rows for path in row)
    return [path for path in paths if wants.names(path)]


def _whole_plan(facts: Facts) -> Plan:
    if facts.section.single:
        return Plan(picked={0: facts.kept})
    return Plan(grid=facts.kept or list(facts.columns)[:1])


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
            shown_rows.append((facts, total if plan.grid else len(plan.picked)))
        lines += found
        shown_fields += count
    total_fields = sum(len(row) for facts in every for row in facts.section.rows)
    short = [pair for pair in shown_rows if pair[1] < len(pair[0].section.rows)]
    short.sort(key=lambda pair: (not is_outer(every, pair[0]), -len(pair[0].section.rows)))
    omissions = _omissions(short, shown_fields, total_fields)
    handle = f"its {short[0][0].handle}" if short and short[0][0].handle else "its key"
    text = "\n".join(lines)
    level = "selected" if selected else "trimmed"
    return Reduction(text, kind, level, omissions, handle)  # type: ignore[arg-type]


def _omissions(
    shown_rows: Sequence[tuple[Facts, int]], shown_fields: int, total_fields: int
) -> list[Omission]:
    """Say rows first, of the outer and longest list first, then fields."""
    found = [
        Omission(facts.section.unit, shown, len(facts.section.rows), facts.section.path)
        for facts, shown in shown_rows
    ]
    fields = Omission("fields", min(shown_fields, total_fields), total_fields)
    return [*found, fields] if fields.shown < fields.total else found
