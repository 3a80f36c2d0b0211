"""Choose the rows that a focus, an error or an end of a column singles out, and their cells."""

import re
from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.cells import CUT, cell
from coatcheck.reducers.columns import STATE, troubled, words
from coatcheck.reducers.rawjson import scalar
from coatcheck.reducers.rows import LONG_CUT, TABLE_FROM, Facts, Plan, named_row, plain_row
from coatcheck.reducers.scoring import Scored, tables_of
from coatcheck.reducers.select import fill
from coatcheck.reducers.shape import split
from coatcheck.reducers.wants import texts
from coatcheck.sizing import estimate

STRONG = 0.4
EQUAL = 0.6
MOST_PICKED = 200
MOST_ODD = 12
MOST_SHARED = 8
DIGITS = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")
ASKED = 4.0
MIN_ROW = 60
FITS = 3
FEW_ODD = 6


def row_columns(facts: Facts, scored: Scored, index: int, cap: int) -> list[str]:
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
    costs = [estimate(f"{p}={cell(row[p], _limit(facts, p))}, ") for p in paths]
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
    named = path in facts.named
    worth = column.value
    if value is None or value == "":
        worth *= 0.3
    if path in facts.twins or (facts.kept and path not in facts.kept and not named):
        worth *= 0.1
    if path == facts.handle:
        return worth + 10.0
    if named or (scored.trouble and STATE.intersection(words(split(path)[1])[-1:])):
        worth += ASKED
    if any(wants.holds(text) for text in texts(value)):
        worth += 3.0
    return worth


def _limit(facts: Facts, path: str) -> int:
    return LONG_CUT if path in facts.named else CUT


def pick_rows(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
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
    odd = [(at, i) for at in tables_of(scored) for i in standing_out(scored.every[at])[:MOST_ODD]]
    units = list(dict.fromkeys([*units[:1], *odd, *units[1:MOST_PICKED]]))
    best = scored.scores[units[0][0]][units[0][1]] if units else 0.0
    equal = Counter(at for at, index in units if scored.scores[at][index] >= EQUAL * best)
    spare = max(MIN_ROW, budget // 3 // max(1, len(odd)))
    crowded = {at for at, count in equal.items() if count >= TABLE_FROM}
    cap = max(16, budget // max(1, min(equal.total(), 40)) - 6)
    caps = [min(cap, spare) if unit in odd and i else cap for i, unit in enumerate(units)]
    found = zip(units, _columns_for(scored, units, crowded, caps), strict=True)
    kept = [(unit, paths) for unit, paths in found if paths]
    units, columns = [unit for unit, _ in kept], [paths for _, paths in kept]
    costs = [_row_cost(scored, unit, paths, crowded) for unit, paths in kept]
    values = _fresh(scored, units)
    first = _claims(units, costs, set(odd), budget)
    chosen = fill(costs, values, budget, first=first)
    for i in chosen:
        at, index = units[i]
        plans[at].picked[index] = columns[i]
        plans[at].long.update((index, p) for p in columns[i] if p in scored.every[at].named)
    return sum(costs[i] for i in chosen)


def _columns_for(
    scored: Scored, units: Sequence[tuple[int, int]], crowded: set[int], caps: Sequence[int]
) -> list[Sequence[str]]:
    """Choose the columns of each row; the rows of a crowded section share theirs."""
    shared = {
        at: _shared_columns(scored.every[at], scored, [i for a, i in units if a == at], max(caps))
        for at in sorted(crowded)
    }
    return [
        shared[at] if at in shared else _fitting_columns(scored, (at, index), cap)
        for (at, index), cap in zip(units, caps, strict=True)
    ]


def _fitting_columns(scored: Scored, unit: tuple[int, int], cap: int) -> Sequence[str]:
    """Choose columns until the whole row costs no more than cap: parts cost less than together."""
    room = cap
    paths: Sequence[str] = ()
    for _ in range(FITS):
        paths = row_columns(scored.every[unit[0]], scored, unit[1], room)
        cost = _row_cost(scored, unit, paths, set())
        if cost <= cap:
            break
        room = room * cap // cost - 2
    return paths


def _shared_columns(
    facts: Facts, scored: Scored, indices: Sequence[int], cap: int
) -> Sequence[str]:
    worth: dict[str, float] = {}
    costs: dict[str, int] = {}
    for index in indices[:20]:
        row = facts.section.rows[index]
        for path in row:
            if path in facts.kept or path not in facts.same:
                worth[path] = max(worth.get(path, 0.0), _cell_worth(facts, scored, index, path))
                cost = estimate(cell(row[path], _limit(facts, path)) + ",")
                costs[path] = max(costs.get(path, 0), cost)
    ranked = sorted((p for p in worth if worth[p] > 0.4), key=lambda p: -worth[p])
    chosen: list[str] = []
    spent = 0
    for path in ranked:
        limit = max(cap, MIN_ROW) if worth[path] >= ASKED else cap
        if len(chosen) < MOST_SHARED and (not chosen or spent + costs[path] <= limit):
            chosen.append(path)
            spent += costs[path]
    return [p for p in facts.columns if p in chosen]


def _row_cost(
    scored: Scored, unit: tuple[int, int], paths: Sequence[str], crowded: set[int]
) -> int:
    at, index = unit
    facts = scored.every[at]
    long = {(index, p) for p in paths if p in facts.named}
    write = plain_row if at in crowded else named_row
    return estimate(write(facts, index, paths, long)) + 4


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


def claim_trouble(scored: Scored, plans: Sequence[Plan], budget: int) -> int:
    """Choose the rows that speak of an error in few cells each; return what they cost."""
    units = [(at, i) for at in tables_of(scored) for i in severe(scored.every[at])[:MOST_ODD]]
    spent = 0
    for at, index in units:
        facts = scored.every[at]
        paths = row_columns(facts, scored, index, MIN_ROW)
        cost = _row_cost(scored, (at, index), paths, set())
        if paths and spent + cost <= budget:
            plans[at].picked[index] = paths
            spent += cost
    return spent


def standing_out(facts: Facts) -> list[int]:
    """Return rows that speak of an error while most do not, or hold a field that few have."""
    rows = facts.section.rows
    total = len(rows)
    rare = {p for p, c in facts.columns.items() if c.present <= max(1, total // 50)}
    found = severe(facts)
    found += [i for i, row in enumerate(rows) if rare.intersection(row)][:FEW_ODD]
    return found[:MOST_ODD]


def severe(facts: Facts) -> list[int]:
    """Return rows that speak of an error while most do not, the first of each wording first."""
    rows = facts.section.rows
    found = troubled(facts.section, {p: facts.columns[p] for p in facts.kept})
    if 10 * len(found) > max(10, len(rows)):
        return found[:1]
    said: dict[tuple[str, ...], int] = {}
    for index in found:
        cells = (scalar(rows[index].get(p))[:200] for p in facts.kept if _tells(facts, p))
        said.setdefault(tuple(DIGITS.sub("0", text) for text in cells), index)
    return list(dict.fromkeys([*said.values(), *found]))


def _tells(facts: Facts, path: str) -> bool:
    return facts.columns[path].kind == "text" and path != facts.handle
