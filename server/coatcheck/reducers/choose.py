"""Choose the rows, columns and fields a budget can hold: by focus, else index and outliers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers import lines as marks
from coatcheck.reducers.cells import CUT, cell
from coatcheck.reducers.columns import STATE, words
from coatcheck.reducers.rawjson import scalar
from coatcheck.reducers.rows import LONG_CUT, Facts, Plan, named_row
from coatcheck.reducers.select import fill, relevance
from coatcheck.reducers.shape import split
from coatcheck.reducers.wants import Wants, exact, extremes, texts
from coatcheck.sizing import estimate

UNIT_CHARACTERS = 1_000
STRONG = 0.4
WEAK = 0.25
ROWS_SHARE = 0.7
WEAK_SHARE = 0.3
GRID_SHARE = 0.8
LISTING_SHARE = 0.3
MOST_PICKED = 200
MOST_ODD = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """Sections with what the focus gives each row or field; top is the highest score."""

    every: Sequence[Facts]
    wants: Wants
    scores: Sequence[Sequence[float]]
    top: float
    weak: bool


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
    for facts, own in zip(every, scores, strict=True):
        for index in extremes(wants, facts.section, dict(facts.columns)):
            own[index] = max(own[index], top or 1.0) * 1.5
            ends += 1
    best = max(range(len(units)), key=lambda i: matched[i], default=-1)
    weak = not ends and (top == 0.0 or (best >= 0 and _share(units[best], wants) < WEAK))
    top = max((s for own in scores for s in own), default=0.0)
    return Scored(every, wants, scores, top, weak)


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


def plans_within(scored: Scored, budget: int) -> list[Plan]:
    """Plan what to show of each section for about budget tokens."""
    plans = [Plan() for _ in scored.every]
    left = budget - 12 * len(plans)
    left -= _pick_fields(scored, plans, left)
    if scored.wants.text and not scored.weak:
        left -= _pick_rows(scored, plans, int(left * ROWS_SHARE))
        left -= _pick_profiles(scored, plans, left // 2, most=3)
        _list_rest(scored, plans, min(left, int(budget * LISTING_SHARE)))
    else:
        if scored.top > 0:
            left -= _pick_rows(scored, plans, int(left * WEAK_SHARE))
        left -= _pick_grids(scored, plans, int(left * GRID_SHARE))
        left -= _pick_profiles(scored, plans, left // 2)
        _pick_samples(scored, plans, left)
    return plans


def _tables(scored: Scored) -> list[int]:
    return [i for i, facts in enumerate(scored.every) if not facts.section.single]


def _pick_fields(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose the fields of the root object; return what they cost."""
    spent = 0
    for at, facts in enumerate(scored.every):
        if not facts.section.single:
            continue
        share = 0.5 if _tables(scored) else 1.0
        paths = list(facts.section.rows[0])
        values = _field_values(facts, scored, at)
        costs = [_field_cost(facts, scored, path) for path in paths]
        chosen = fill(costs, values, int(budget * share))
        plans[at].picked[0] = [paths[i] for i in chosen]
        plans[at].long.update((0, p) for p in plans[at].picked[0] if scored.wants.names(p))
        spent += sum(costs[i] for i in chosen)
    return spent


def _field_cost(facts: Facts, scored: Scored, path: str) -> int:
    limit = LONG_CUT if scored.wants.names(path) else CUT
    last = split(path)[1]
    return estimate(f"{last}={cell(facts.section.rows[0][path], limit)}, ") + 1


def _field_values(facts: Facts, scored: Scored, at: int) -> list[float]:
    seen: set[str] = set()
    siblings: Counter[str] = Counter()
    values = []
    for (path, value), score in zip(facts.section.rows[0].items(), scored.scores[at], strict=True):
        column = facts.columns[path]
        text = cell(value)
        owner = split(path)[0]
        siblings[owner] += 1
        worth = column.value * 12 / max(12, siblings[owner])
        if (text in seen and len(text) > 3) or value is False:
            worth *= 0.4
        seen.add(text)
        if score:
            worth += 3.0 * score / scored.top
        if scored.wants.names(path) and "." not in path:
            worth += 1.0
        values.append(worth)
    return values


def _row_columns(facts: Facts, scored: Scored, index: int, cap: int) -> list[str]:
    """Choose the columns of a row that a reader gets by name, the handle first."""
    row = facts.section.rows[index]
    wants = scored.wants
    ranked = []
    for path in facts.columns:
        if (
            path not in row
            or (path in facts.same and path not in facts.kept)
            or path in facts.twins
        ):
            continue
        worth = facts.columns[path].value
        worth += 10.0 * (path == facts.handle) + 4.0 * wants.names(path)
        if facts.kept and path not in facts.kept and not wants.names(path):
            worth *= 0.1
        if any(wants.holds(text) for text in texts(row[path])):
            worth += 3.0
        ranked.append((path, worth))
    paths = [path for path, _ in ranked]
    costs = [estimate(f"{p}={cell(row[p], _limit(wants, p))}, ") for p in paths]
    keep = [w if w > 0.4 else 0.0 for _, w in ranked]
    first = [i for i, p in enumerate(paths) if p == facts.handle]
    return [paths[i] for i in fill(costs, keep, cap, first=first)]


def _limit(wants: Wants, path: str) -> int:
    return LONG_CUT if wants.names(path) else CUT


def _pick_rows(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose rows by focus over all sections, with the cells that fit; return their cost.

    The best row claims the budget first, then those that stand out, up to a third of it.
    """
    units = [
        (at, index)
        for at in _tables(scored)
        for index, score in enumerate(scored.scores[at])
        if score >= STRONG * scored.top
    ]
    units.sort(key=lambda u: (-scored.scores[u[0]][u[1]], u))
    odd = [(at, i) for at in _tables(scored) for i in _standing_out(scored.every[at])[:MOST_ODD]]
    units = list(dict.fromkeys([*units[:1], *odd, *units[1:MOST_PICKED]]))
    cap = max(80, budget // max(1, min(len(units), 6)))
    found = [(u, _row_columns(scored.every[u[0]], scored, u[1], cap)) for u in units]
    units = [unit for unit, paths in found if paths]
    columns = [paths for _, paths in found if paths]
    costs = []
    for (at, index), paths in zip(units, columns, strict=True):
        long = {(index, p) for p in paths if scored.wants.names(p)}
        costs.append(estimate(named_row(scored.every[at], index, paths, long)) + 4)
    values = [scored.scores[at][index] for at, index in units]
    first = _claims(units, costs, set(odd), budget)
    chosen = fill(costs, values, budget, first=first)
    for i in chosen:
        at, index = units[i]
        plans[at].picked[index] = columns[i]
        plans[at].long.update((index, p) for p in columns[i] if scored.wants.names(p))
    return sum(costs[i] for i in chosen)


def _claims(
    units: Sequence[tuple[int, int]], costs: Sequence[int], odd: set[tuple[int, int]], budget: int
) -> list[int]:
    """Return the first unit and the odd ones that together cost at most a third of budget."""
    first, spent = [0] if units else [], 0
    for i, unit in enumerate(units):
        if unit in odd and spent + costs[i] <= budget // 3:
            first.append(i)
            spent += costs[i]
    return first


def _pick_profiles(scored: Scored, plans: Sequence[Plan], budget: int, *, most: int = 6) -> int:
    """Choose columns to compute over, the named ones first; return a rough cost."""
    spent = 0
    for at in _tables(scored):
        facts = scored.every[at]
        if len(facts.section.rows) < 8 or (scored.wants.text and _is_inner(scored, at)):
            continue
        ranked = sorted(
            (p for p in facts.kept if p != facts.handle),
            key=lambda p: -_profile_worth(facts, scored, p),
        )
        chosen = []
        for path in ranked[:most]:
            cost = 40
            if spent + cost > budget:
                break
            spent += cost
            chosen.append(path)
        plans[at].profiles = [p for p in facts.columns if p in chosen]
    return spent


def _profile_worth(facts: Facts, scored: Scored, path: str) -> float:
    column = facts.columns[path]
    last = words(path)[-1:]
    worth = column.value + 5.0 * scored.wants.names(path)
    if column.kind == "number" and last != ["id"]:
        worth += 1.0
    if STATE.intersection(last):
        worth += 1.0
    return worth if column.distinct > 1 else 0.0


def _listing_cost(facts: Facts, left_out: int) -> int:
    if not facts.handle:
        return 10**9
    text = ", ".join(scalar(row.get(facts.handle, "")) for row in facts.section.rows)
    return 10 + estimate(text) * left_out // max(1, len(facts.section.rows))


def _list_rest(scored: Scored, plans: Sequence[Plan], budget: int) -> None:
    for at in _tables(scored):
        facts, plan = scored.every[at], plans[at]
        if _is_inner(scored, at):
            continue
        rest = len(facts.section.rows) - len(plan.picked)
        cost = _listing_cost(facts, rest)
        if rest and not plan.grid and cost <= budget:
            plan.listed = True
            budget -= cost


def _pick_grids(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Show all rows of the outer lists in as many columns as fit; return the cost."""
    spent = 0
    tables = _tables(scored)
    outer = [at for at in tables if not _is_inner(scored, at)]
    for position, at in enumerate(outer):
        share = (budget - spent) // (len(outer) - position)
        facts = scored.every[at]
        for count in range(facts.section.widest, 0, -1):
            columns = _best_columns(facts, count, scored)
            cost = _grid_cost(facts, columns)
            if len(columns) == count and cost <= share:
                plans[at].grid = columns
                spent += cost
                break
    for at in tables:
        facts = scored.every[at]
        if at in outer or len(facts.section.rows) > 400:
            continue
        columns = _best_columns(facts, 3, scored)
        cost = _grid_cost(facts, columns) + 5 * len(facts.section.rows)
        if columns and spent + cost <= budget:
            plans[at].grid = columns
            spent += cost
    return spent


def _is_inner(scored: Scored, at: int) -> bool:
    return not is_outer(scored.every, scored.every[at])


def _best_columns(facts: Facts, count: int, scored: Scored) -> list[str]:
    total = len(facts.section.rows)
    usual = [p for p in facts.kept if 2 * facts.columns[p].present >= total] or list(facts.kept)
    ranked = sorted(usual, key=lambda p: (p != facts.handle, -_grid_worth(facts, p, scored)))[
        :count
    ]
    return [p for p in facts.columns if p in ranked]


def _grid_worth(facts: Facts, path: str, scored: Scored) -> float:
    column = facts.columns[path]
    named = 2.0 if not scored.weak and scored.wants.names(path) else 1.0
    return named * column.value * column.present / max(1, len(facts.section.rows))


def _grid_cost(facts: Facts, columns: Sequence[str]) -> int:
    rows = facts.section.rows
    sample = rows[:: max(1, len(rows) // 50)]
    size = sum(len(cell(row[p])) + 1 for row in sample for p in columns if p in row)
    return estimate("x" * (size * len(rows) // max(1, len(sample)))) + 10


def _pick_samples(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Show the first rows, the last, and those that stand out; return their cost."""
    spent = 0
    tables = _tables(scored)
    for position, at in enumerate(tables):
        facts, plan = scored.every[at], plans[at]
        share = (budget - spent) // (len(tables) - position)
        total = len(facts.section.rows)
        if plan.grid and (set(plan.grid) >= set(facts.kept) or total > 50):
            continue
        order = list(dict.fromkeys([*_standing_out(facts), 0, 1, total - 1]))[:12]
        cap = max(60, share // 3)
        found = [(i, _row_columns(facts, scored, i, cap)) for i in order if 0 <= i < total]
        order = [i for i, paths in found if paths]
        columns = [paths for _, paths in found if paths]
        costs = [
            estimate(named_row(facts, i, c, set())) + 4 for i, c in zip(order, columns, strict=True)
        ]
        for i in fill(costs, [0.0] * len(order), share, first=range(len(order))):
            if not plan.grid:
                plan.picked[order[i]] = columns[i]
                spent += costs[i]
    return spent


def _standing_out(facts: Facts) -> list[int]:
    """Return rows that speak of an error while most do not, or hold a field that few have."""
    rows = facts.section.rows
    total = len(rows)
    rare = {p for p, c in facts.columns.items() if c.present <= max(1, total // 50)}
    state = [p for p in facts.kept if STATE.intersection(words(p)[-1:])]
    severe = [
        i for i, row in enumerate(rows) if any(marks.is_severe(scalar(row.get(p))) for p in state)
    ]
    found = severe if 10 * len(severe) <= max(10, total) else severe[:1]
    found += [i for i, row in enumerate(rows) if rare.intersection(row)]
    return found[:6]


def is_outer(every: Sequence[Facts], facts: Facts) -> bool:
    """Tell whether no row of a section stands inside a row of another one."""
    return all(
        row < 0 or every[index].section.single or every[index] is facts
        for index, row in facts.section.parents
    )
