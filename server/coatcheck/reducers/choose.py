"""Choose the rows, columns and fields a budget can hold: by focus, else index and outliers."""

from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.cells import CUT, cell
from coatcheck.reducers.columns import ERRORS, HANDLE, STATE, ends_of, is_total, words
from coatcheck.reducers.picks import claim_trouble, pick_rows, row_columns, standing_out
from coatcheck.reducers.rawjson import Value, scalar
from coatcheck.reducers.rows import LONG_CUT, Facts, Plan, named_row
from coatcheck.reducers.scoring import Scored, tables_of
from coatcheck.reducers.select import fill
from coatcheck.reducers.shape import split
from coatcheck.sizing import estimate

ROOT_SHARE = 0.4
ROWS_SHARE = 0.8
GRID_SHARE = 0.9
LISTING_SHARE = 0.3
GRID_CUT = 100
CROWD = 40
TROUBLE_SHARE = 0.25
LONG_LIST = 100
LEAST_COLUMNS = 4
MOST_ENDS = 3


def plans_within(scored: Scored, budget: int) -> list[Plan]:
    """Plan what to show of each section for about budget tokens."""
    plans = [Plan() for _ in scored.every]
    left = budget - 12 * len(plans)
    left -= _pick_fields(scored, plans, left)
    if scored.wants.text and not scored.loose:
        left -= pick_rows(scored, plans, int(left * ROWS_SHARE))
        left -= _pick_profiles(scored, plans, left // 2, most=3)
        _list_rest(scored, plans, min(left, int(budget * LISTING_SHARE)))
    else:
        left -= claim_trouble(scored, plans, int(left * TROUBLE_SHARE))
        left -= _pick_grids(scored, plans, int(left * GRID_SHARE))
        if scored.wants.text:
            left -= pick_rows(scored, plans, left)
        left -= _pick_profiles(scored, plans, left // 2)
        _pick_samples(scored, plans, left)
    return plans


def _pick_fields(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose the fields of the root object; return what they cost."""
    spent = 0
    for at, facts in enumerate(scored.every):
        if not facts.section.single:
            continue
        paths = list(facts.section.rows[0])
        share = max(ROOT_SHARE, len(paths) / (sum(map(_fields, scored.every)) or 1))
        values = _field_values(facts, scored, at)
        costs = [_field_cost(facts, scored, path) for path in paths]
        chosen = fill(costs, values, int(budget * share))
        plans[at].picked[0] = [paths[i] for i in chosen]
        plans[at].long.update((0, p) for p in plans[at].picked[0] if p in facts.named)
        spent += sum(costs[i] for i in chosen)
    return spent


def _fields(facts: Facts) -> int:
    return sum(map(len, facts.section.rows))


def _field_cost(facts: Facts, scored: Scored, path: str) -> int:
    limit = LONG_CUT if path in facts.named else CUT
    last = split(path)[1]
    return estimate(f"{last}={cell(facts.section.rows[0][path], limit)}, ") + 1


def _field_values(facts: Facts, scored: Scored, at: int) -> list[float]:
    row = facts.section.rows[0]
    tables = bool(tables_of(scored))
    siblings: Counter[str] = Counter()
    values = []
    for (path, value), score in zip(row.items(), scored.scores[at], strict=True):
        owner = split(path)[0]
        siblings[owner] += 1
        worth = facts.columns[path].value * CROWD / max(CROWD, siblings[owner])
        worth *= 0.4 if value is False else 1.0
        worth += 3.0 * score / max(scored.top, scored.rare)
        if path in facts.named and "." not in path:
            worth += 1.0
        if _is_vital(path, tables):
            worth += 5.0
        values.append(worth)
    return _once(list(row.values()), values)


def _once(cells: Sequence[Value], values: Sequence[float]) -> list[float]:
    """Return values, lowered for cells whose text stands in a cell of more value."""
    order = sorted(range(len(cells)), key=lambda i: -values[i])
    seen: set[str] = set()
    once = list(values)
    for i in order:
        text = cell(cells[i])
        if len(text) > 3 and text in seen:
            once[i] *= 0.4
        seen.add(text)
    return once


def _is_vital(path: str, beside_rows: bool) -> bool:
    """Tell whether a field of the root is a cursor or a total of a list, or part of an error."""
    owner, last = split(path)
    parts = words(last)
    if beside_rows and is_total(path):
        return True
    return bool(ERRORS.intersection([*words(owner), *parts])) and not path.count(".") > 2


def _pick_profiles(scored: Scored, plans: Sequence[Plan], budget: int, *, most: int = 6) -> int:
    """Choose columns to compute over, the named ones first; return a rough cost."""
    spent = 0
    for at in tables_of(scored):
        facts = scored.every[at]
        if len(facts.section.rows) < 8 or (scored.wants.text and scored.every[at].section.is_inner):
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
    worth = column.value + 5.0 * (path in facts.named)
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
    """List the handles of the rows not shown, of lists with shown rows and of the largest."""
    largest = max(tables_of(scored), key=lambda at: _fields(scored.every[at]), default=-1)
    for at in tables_of(scored):
        facts, plan = scored.every[at], plans[at]
        if scored.every[at].section.is_inner or (at != largest and not plan.picked):
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
    outer = [at for at in tables if not scored.every[at].section.is_inner]
    for position, at in enumerate(outer):
        facts, plan = scored.every[at], plans[at]
        share = (budget - spent) // (len(outer) - position)
        plan.cut = GRID_CUT
        plan.grid, cost = _grid_within(facts, scored, share)
        if _is_bare(facts, plan.grid):
            plan.grid, cost = (), 0
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


def _is_bare(facts: Facts, grid: Sequence[str]) -> bool:
    """Tell whether a long grid shows little more than numbers or times by which rows are named."""
    counted = facts.handle in facts.columns and facts.columns[facts.handle].kind in (
        "number",
        "time",
    )
    return counted and len(facts.section.rows) > LONG_LIST and len(grid) < LEAST_COLUMNS


def _grid_worth(facts: Facts, path: str, scored: Scored) -> float:
    column = facts.columns[path]
    named = 2.0 if path in facts.named else 1.0
    return named * column.value * column.filled / max(1, len(facts.section.rows))


def _column_cost(facts: Facts, path: str) -> int:
    rows = facts.section.rows
    sample = rows[:: max(1, len(rows) // 50)]
    text = ",".join(cell(row[path], GRID_CUT) if path in row else "" for row in sample)
    return estimate(path) + estimate(text) * len(rows) // max(1, len(sample)) + 1


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
        odd = standing_out(facts)
        ends = [i for path in plan.profiles[:MOST_ENDS] for i in ends_of(facts.section, path)]
        order = list(dict.fromkeys([*odd, 0] if plan.grid else [*odd, 0, 1, total - 1, *ends]))
        cap = max(60, share // 3)
        found = [(i, row_columns(facts, scored, i, cap)) for i in order if 0 <= i < total]
        order = [i for i, paths in found if paths]
        columns = [paths for _, paths in found if paths]
        costs = [
            estimate(named_row(facts, i, c, set())) + 4 for i, c in zip(order, columns, strict=True)
        ]
        for i in fill(costs, [0.0] * len(order), share, first=range(len(order))):
            plan.picked[order[i]] = columns[i]
            spent += costs[i]
    return spent
