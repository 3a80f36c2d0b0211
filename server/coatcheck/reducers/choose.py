"""Choose the rows, columns and fields a budget can hold: by focus, else index and outliers."""

import re
from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.cells import CUT, cell
from coatcheck.reducers.columns import ERRORS, HANDLE, STATE, TOTALS, troubled, words
from coatcheck.reducers.rawjson import scalar
from coatcheck.reducers.rows import LONG_CUT, Facts, Plan, named_row
from coatcheck.reducers.scoring import Scored, is_outer, tables_of
from coatcheck.reducers.select import fill
from coatcheck.reducers.shape import split
from coatcheck.reducers.wants import Wants, texts
from coatcheck.sizing import estimate

STRONG = 0.4
EQUAL = 0.6
ROWS_SHARE = 0.8
WEAK_SHARE = 0.3
GRID_SHARE = 0.8
LISTING_SHARE = 0.3
GRID_CUT = 100
MOST_PICKED = 200
MOST_ODD = 3
ASKED = 4.0
MIN_ROW = 60
DIGITS = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


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


def _pick_fields(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose the fields of the root object; return what they cost."""
    spent = 0
    for at, facts in enumerate(scored.every):
        if not facts.section.single:
            continue
        share = 0.5 if tables_of(scored) else 1.0
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
    tables = tables_of(scored)
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
        if _is_vital(path, bool(tables)):
            worth += 5.0
        values.append(worth)
    return values


def _is_vital(path: str, beside_rows: bool) -> bool:
    """Tell whether a field of the root is a cursor or a total of a list, or part of an error."""
    owner, last = split(path)
    parts = words(last)
    if beside_rows and TOTALS.intersection(parts):
        return True
    return bool(ERRORS.intersection([*words(owner), *parts])) and not path.count(".") > 2


def _row_columns(facts: Facts, scored: Scored, index: int, cap: int) -> list[str]:
    """Choose the columns of a row that a reader gets by name, the handle first.

    The handle and what the focus asks for claim the budget, and may exceed cap by a little.
    """
    row = facts.section.rows[index]
    ranked = {
        path: _cell_worth(facts, scored, index, path)
        for path in facts.columns
        if path in row and (path in facts.kept or path not in facts.same)
    }
    ranked = {path: worth for path, worth in ranked.items() if worth > 0.4}
    paths = list(ranked)
    costs = [estimate(f"{p}={cell(row[p], _limit(scored.wants, p))}, ") for p in paths]
    first: list[int] = []
    claimed = 0
    for i in sorted(range(len(paths)), key=lambda i: -ranked[paths[i]]):
        if ranked[paths[i]] >= ASKED and (not first or claimed + costs[i] <= max(cap, MIN_ROW)):
            first.append(i)
            claimed += costs[i]
    return [paths[i] for i in fill(costs, list(ranked.values()), max(cap, claimed), first=first)]


def _cell_worth(facts: Facts, scored: Scored, index: int, path: str) -> float:
    value = facts.section.rows[index][path]
    column, wants = facts.columns[path], scored.wants
    named = wants.names(path)
    worth = column.value
    if value is None or value == "":
        worth *= 0.3
    if path in facts.twins or (facts.kept and path not in facts.kept and not named):
        worth *= 0.1
    if path == facts.handle:
        return worth + 10.0
    if (named and not scored.weak) or (
        scored.trouble and STATE.intersection(words(split(path)[1])[-1:])
    ):
        worth += ASKED
    if any(wants.holds(text) for text in texts(value)):
        worth += 3.0
    return worth


def _limit(wants: Wants, path: str) -> int:
    return LONG_CUT if wants.names(path) else CUT


def _pick_rows(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose rows by focus over all sections, with the cells that fit; return their cost.

    The best row claims the budget first, then those that stand out, up to a third of it.
    """
    units = [
        (at, index)
        for at in tables_of(scored)
        for index, score in enumerate(scored.scores[at])
        if score >= STRONG * scored.top
    ]
    units.sort(key=lambda u: (-scored.scores[u[0]][u[1]], u))
    odd = [(at, i) for at in tables_of(scored) for i in _standing_out(scored.every[at])[:MOST_ODD]]
    units = list(dict.fromkeys([*units[:1], *odd, *units[1:MOST_PICKED]]))
    best = scored.scores[units[0][0]][units[0][1]] if units else 0.0
    equal = sum(scored.scores[at][index] >= EQUAL * best for at, index in units)
    cap = max(16, budget // max(1, min(equal, 40)) - 6)
    found = [(u, _row_columns(scored.every[u[0]], scored, u[1], cap)) for u in units]
    units = [unit for unit, paths in found if paths]
    columns = [paths for _, paths in found if paths]
    costs = []
    for (at, index), paths in zip(units, columns, strict=True):
        long = {(index, p) for p in paths if scored.wants.names(p)}
        costs.append(estimate(named_row(scored.every[at], index, paths, long)) + 4)
    values = _fresh(scored, units)
    first = _claims(units, costs, set(odd), budget)
    chosen = fill(costs, values, budget, first=first)
    for i in chosen:
        at, index = units[i]
        plans[at].picked[index] = columns[i]
        plans[at].long.update((index, p) for p in columns[i] if scored.wants.names(p))
    return sum(costs[i] for i in chosen)


def _fresh(scored: Scored, units: Sequence[tuple[int, int]]) -> list[float]:
    """Return the scores of rows, lower for each row before that says the same but for digits."""
    seen: Counter[tuple[object, ...]] = Counter()
    values = []
    for at, index in units:
        facts = scored.every[at]
        row = facts.section.rows[index]
        total = len(facts.section.rows)
        kind = tuple(
            DIGITS.sub("0", scalar(row.get(p))[:200])
            for p in facts.kept
            if facts.columns[p].kind == "text" and 10 * facts.columns[p].distinct < 9 * total
        )
        values.append(scored.scores[at][index] / (1 + 0.2 * seen[at, kind]))
        seen[at, kind] += 1
    return values


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
    for at in tables_of(scored):
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
    if column.kind in ("number", "time"):
        worth += -2.0 if HANDLE.intersection(last) else 1.0
    if STATE.intersection(last):
        worth += 1.0
    return worth if column.distinct > 1 else 0.0


def _listing_cost(facts: Facts, left_out: int) -> int:
    if not facts.handle:
        return 10**9
    text = ", ".join(scalar(row.get(facts.handle, "")) for row in facts.section.rows)
    return 10 + estimate(text) * left_out // max(1, len(facts.section.rows))


def _list_rest(scored: Scored, plans: Sequence[Plan], budget: int) -> None:
    for at in tables_of(scored):
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
    tables = tables_of(scored)
    outer = [at for at in tables if not _is_inner(scored, at)]
    for position, at in enumerate(outer):
        facts, plan = scored.every[at], plans[at]
        share = (budget - spent) // (len(outer) - position)
        plan.cut = GRID_CUT
        plan.grid, cost = _grid_within(facts, scored, share)
        plan.framed = not facts.kept
        spent += cost
    for at in tables:
        facts = scored.every[at]
        if at in outer or len(facts.section.rows) > 400:
            continue
        margin = 5 * len(facts.section.rows)
        columns, cost = _grid_within(facts, scored, budget - spent - margin, most=3)
        plans[at].framed = not facts.kept
        if columns:
            plans[at].grid, plans[at].cut = columns, GRID_CUT
            spent += cost + margin
    return spent


def _is_inner(scored: Scored, at: int) -> bool:
    return not is_outer(scored.every, scored.every[at])


def _grid_within(
    facts: Facts, scored: Scored, budget: int, *, most: int = 99
) -> tuple[list[str], int]:
    """Return the columns of all rows that budget holds, the handle first, and their cost."""
    total = len(facts.section.rows)
    usual = [p for p in facts.kept if 2 * facts.columns[p].present >= total] or list(facts.kept)
    usual.sort(key=lambda p: (p != facts.handle, -_grid_worth(facts, p, scored)))
    chosen: set[str] = set()
    spent = 10
    for path in usual:
        cost = _column_cost(facts, path)
        if len(chosen) < min(most, facts.section.widest) and spent + cost <= budget:
            chosen.add(path)
            spent += cost
        elif path == facts.handle:
            break
    return [p for p in facts.columns if p in chosen], spent if chosen else 0


def _grid_worth(facts: Facts, path: str, scored: Scored) -> float:
    column = facts.columns[path]
    named = 2.0 if not scored.weak and scored.wants.names(path) else 1.0
    return named * column.value * column.present / max(1, len(facts.section.rows))


def _column_cost(facts: Facts, path: str) -> int:
    rows = facts.section.rows
    sample = rows[:: max(1, len(rows) // 50)]
    size = sum(len(cell(row[path], GRID_CUT)) + 1 for row in sample if path in row)
    return estimate("x" * (size * len(rows) // max(1, len(sample)) + len(path)))


def _pick_samples(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Show the first rows, the last, and those that stand out; return their cost."""
    spent = 0
    tables = tables_of(scored)
    for position, at in enumerate(tables):
        facts, plan = scored.every[at], plans[at]
        share = (budget - spent) // (len(tables) - position)
        total = len(facts.section.rows)
        if plan.framed or set(plan.grid) >= set(facts.kept):
            continue
        odd = _standing_out(facts)
        order = list(dict.fromkeys(odd if plan.grid else [*odd, 0, 1, total - 1]))[:12]
        cap = max(60, share // 3)
        found = [(i, _row_columns(facts, scored, i, cap)) for i in order if 0 <= i < total]
        order = [i for i, paths in found if paths]
        columns = [paths for _, paths in found if paths]
        costs = [
            estimate(named_row(facts, i, c, set())) + 4 for i, c in zip(order, columns, strict=True)
        ]
        for i in fill(costs, [0.0] * len(order), share, first=range(len(order))):
            plan.picked[order[i]] = columns[i]
            spent += costs[i]
    return spent


def _standing_out(facts: Facts) -> list[int]:
    """Return rows that speak of an error while most do not, or hold a field that few have."""
    rows = facts.section.rows
    total = len(rows)
    rare = {p for p, c in facts.columns.items() if c.present <= max(1, total // 50)}
    severe = troubled(facts.section, {p: facts.columns[p] for p in facts.kept})
    found = severe if 10 * len(severe) <= max(10, total) else severe[:1]
    found += [i for i, row in enumerate(rows) if rare.intersection(row)]
    return found[:6]
