"""Write the rows and fields of sections as lines, everything left out announced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coatcheck.reducers.cells import CUT, cell, is_cut
from coatcheck.reducers.columns import LINK, PUBLIC_LINKS, Column, describe, handle_of, profile
from coatcheck.reducers.rawjson import scalar
from coatcheck.reducers.shape import Row, Section, split

LONG_CUT = 800
TABLE_FROM = 6
MOST_SAME = 16
SAME_CUT = 80
DROPPED = ("empty", "link", "opaque")


@dataclass(frozen=True, slots=True)
class Facts:
    """A section with its columns, the column that names a row, and the columns worth showing.

    same: columns of one value; twins: columns that repeat another one; built: by column, how its
    values are made from another one; named: columns that the focus names.
    """

    section: Section
    columns: Mapping[str, Column]
    handle: str
    kept: Sequence[str]
    same: Sequence[str]
    twins: Mapping[str, str]
    built: Mapping[str, str]
    named: frozenset[str]


@dataclass(slots=True)
class Plan:
    """What to show of one section.

    grid: columns shown of every row, cells cut at cut; framed: every row is told by what is the
    same in all; picked: columns by row; listed: columns of which one line
    lists the rows that are not shown; profiles: computed columns; long: (row, column) in full.
    """

    grid: Sequence[str] = ()
    framed: bool = False
    cut: int = CUT
    picked: dict[int, Sequence[str]] = field(default_factory=dict)
    listed: bool = False
    profiles: Sequence[str] = ()
    long: set[tuple[int, str]] = field(default_factory=set)


def facts_of(section: Section, named: Iterable[str] = (), key: str = "") -> Facts:
    """Look at the columns of a section; the named ones are kept whatever they hold.

    key is the column that is known to name a row, where the section has it.
    """
    columns = describe(section)
    named = frozenset(named)
    handle = key if key in columns else handle_of(section, columns)
    handle = "" if section.single else handle
    same = [c.path for c in columns.values() if c.same is not None and len(section.rows) > 1]
    twins = _twins(section, columns, handle)
    built = {} if section.single else _built(section, columns)
    kept = [
        c.path
        for c in columns.values()
        if ((c.kind not in DROPPED and c.value > 0.4) or c.path in named)
        and c.path not in same
        and c.path not in twins
        and c.path not in built
    ]
    return Facts(section, columns, handle, kept, same, twins, built, named)


def _twins(section: Section, columns: dict[str, Column], handle: str) -> dict[str, str]:
    """Return the columns that repeat the handle in every row."""
    if not handle or len(section.rows) < 3:
        return {}
    return {
        path: handle
        for path, column in columns.items()
        if path != handle
        and column.present == columns[handle].present == len(section.rows)
        and column.distinct == columns[handle].distinct
        and all(row[path] == row[handle] for row in section.rows)
    }


def _built(section: Section, columns: Mapping[str, Column]) -> dict[str, str]:
    """Return how the public link of the rows is made from one other column, if it is."""
    if len(section.rows) < 3:
        return {}
    link = next((p for p in PUBLIC_LINKS if p in columns and columns[p].kind == "text"), "")
    whole = section.rows[0].get(link)
    if not isinstance(whole, str) or not LINK.fullmatch(whole):
        return {}
    for path, column in columns.items():
        part = section.rows[0].get(path)
        if path == link or column.same is not None or not isinstance(part, str) or not part:
            continue
        before, found, after = whole.rpartition(part)
        if not found or not before.endswith(("/", "=", "#", ":")):
            continue
        if all(row.get(link) == f"{before}{row.get(path)}{after}" for row in section.rows):
            return {link: f"{link} = {before}{{{path}}}{after} (first row: {whole})"}
    return {}


def field_lines(facts: Facts, plan: Plan) -> tuple[list[str], int]:
    """Write the chosen fields of one object, a line per object inside it; return lines, count."""
    row = facts.section.rows[0]
    chosen = set(plan.picked.get(0, ()))
    groups: dict[str, list[str]] = {}
    hidden: dict[str, int] = {}
    for path, value in row.items():
        owner, last = split(path)
        if path in chosen:
            limit = LONG_CUT if (0, path) in plan.long else CUT
            groups.setdefault(owner, []).append(f"{last}={cell(value, limit)}")
        else:
            hidden[owner] = hidden.get(owner, 0) + 1
    whole = sum(_whole(row, path, LONG_CUT if (0, path) in plan.long else CUT) for path in chosen)
    lines = []
    for owner, pairs in groups.items():
        left = hidden.pop(owner, 0)
        head = ".".join(filter(None, (facts.section.path, owner)))
        more = f" ({left} more)" if left else ""
        lines.append((f"{head}: " if head else "") + ", ".join(pairs) + more)
    if hidden:
        lines.append("not shown: " + _counted_names(hidden))
    return lines, whole


def _counted_names(hidden: Mapping[str, int], most: int = 10) -> str:
    """Write owner (fields) of the objects of which nothing is shown, the biggest first."""
    ranked = sorted(hidden.items(), key=lambda kv: -kv[1])
    names = [
        f"{name or 'top level'} ({count} {'field' if count == 1 else 'fields'})"
        for name, count in ranked[:most]
    ]
    rest = ranked[most:]
    if rest:
        names.append(f"{len(rest)} more objects ({_fields(sum(c for _, c in rest))})")
    return ", ".join(names)


def _fields(count: int) -> str:
    return f"{count:,} field" + ("s" if count != 1 else "")


def table_lines(facts: Facts, plan: Plan, every: Sequence[Facts]) -> tuple[list[str], int]:
    """Write a section of rows as the plan says; return the lines and how many fields they show."""
    section = facts.section
    total = len(section.rows)
    shown = total if plan.grid or plan.framed else len(plan.picked)
    title = section.path or ("records" if section.unit == "rows" else "the document")
    head = f"{title}: {total:,} {section.unit if total != 1 else _singular(section)}"
    if not shown:
        names = _names([*facts.kept, *facts.same], 8)
        listing = _listing(facts, set()) if plan.listed else []
        profiles = _profiles(facts, plan)
        return [f"{head}, not shown ({names})", *profiles, *listing], len(listing) * total
    lines = [head + (f", {shown:,} shown" if shown < total else "")]
    hoisted, count = _hoisted(facts)
    lines += hoisted
    lines += _left_out(facts, plan)
    lines += _profiles(facts, plan)
    if plan.grid:
        lines += _grid(facts, plan, every)
        count += sum(_whole(row, path, plan.cut) for row in section.rows for path in plan.grid)
    lines += _picked_rows(facts, plan, every)
    count += sum(
        _whole(section.rows[i], path, LONG_CUT if (i, path) in plan.long else CUT)
        for i, paths in plan.picked.items()
        for path in paths
        if path not in plan.grid and path not in facts.built
    )
    if plan.listed and shown < total:
        lines += _listing(facts, set(plan.picked))
        count += total - shown
    return lines, count


def _said_once(facts: Facts) -> list[str]:
    """Return the columns of one value that are worth a word: the named and the most wanted."""
    worth = [
        path
        for path in facts.same
        if facts.columns[path].kind not in DROPPED or path in facts.named
    ]
    worth.sort(key=lambda path: (path not in facts.named, -facts.columns[path].value))
    chosen = set(worth[:MOST_SAME])
    return [path for path in facts.same if path in chosen]


def _hoisted(facts: Facts) -> tuple[list[str], int]:
    total, first = len(facts.section.rows), facts.section.rows[0]
    once = {path: LONG_CUT if path in facts.named else SAME_CUT for path in _said_once(facts)}
    same = [f"{path}={cell(first[path], cut)}" for path, cut in once.items()]
    same += [f"{path}={{{handle}}}" for path, handle in facts.twins.items()]
    empty = [p for p in facts.same if p not in once and facts.columns[p].kind == "empty"]
    count = sum(_whole(first, path, cut) for path, cut in once.items())
    count += len(facts.twins) + len(facts.built) + len(empty)
    lines = ["same in every row: " + ", ".join(same)] if same else []
    lines += [f"built from the row: {how}" for how in facts.built.values()]
    lines += ["empty in every row: " + _names(empty, 12)] if empty else []
    return lines, count * total


def _left_out(facts: Facts, plan: Plan) -> list[str]:
    """Announce the columns of which nothing is shown, by kind."""
    told = set(plan.grid).union(*plan.picked.values(), facts.twins, facts.built, _said_once(facts))
    kinds: dict[str, list[str]] = {}
    for path, column in facts.columns.items():
        if path in told or (path in facts.same and column.kind == "empty"):
            continue
        kind = column.kind if column.kind in ("link", "opaque", "empty") else "other"
        kinds.setdefault(kind, []).append(path)
    if not kinds:
        return []
    parts = [f"{len(names)} {kind} ({_names(names, 4)})" for kind, names in kinds.items()]
    return ["columns not shown: " + "; ".join(parts)]


def _names(names: Sequence[str], most: int) -> str:
    if len(names) <= most:
        return ", ".join(names)
    return ", ".join(names[:most]) + f" and {len(names) - most} more"


def _profiles(facts: Facts, plan: Plan) -> list[str]:
    texts = [profile(facts.section, facts.columns[p], facts.handle) for p in plan.profiles]
    found = [text for text in texts if text]
    if not found:
        return []
    total = len(facts.section.rows)
    return [f"computed over all {total:,} {facts.section.unit}:", *(f"  {t}" for t in found)]


def _grid(facts: Facts, plan: Plan, every: Sequence[Facts]) -> list[str]:
    rows, columns, cut = facts.section.rows, plan.grid, plan.cut
    if len(columns) == 1 and not facts.section.has_owners:
        return [f"{columns[0]}: " + ", ".join(_cell(row, columns[0], cut) for row in rows)]
    owners = [owner_of(facts, i, every) for i in range(len(rows))]
    if len(columns) > facts.section.widest:
        return [_pairs(row, columns, owner) for row, owner in zip(rows, owners, strict=True)]
    lines = [",".join([*_owner_title(facts), *columns])]
    for row, owner in zip(rows, owners, strict=True):
        lines.append(
            ",".join([*([owner] if owner else []), *(_cell(row, path, cut) for path in columns)])
        )
    return lines


def _owner_title(facts: Facts) -> list[str]:
    return ["of"] if facts.section.has_owners else []


def _cell(row: Row, path: str, cut: int) -> str:
    return cell(row[path], cut) if path in row else ""


def _whole(row: Row, path: str, limit: int = CUT) -> bool:
    return path in row and not is_cut(row[path], limit)


def _pairs(row: Row, columns: Iterable[str], owner: str = "") -> str:
    pairs = [f"of={owner}"] if owner else []
    pairs += [f"{path}={cell(row[path])}" for path in columns if path in row]
    return ", ".join(pairs)


def _picked_rows(facts: Facts, plan: Plan, every: Sequence[Facts]) -> list[str]:
    """Write the chosen rows: with a name at every cell, many of one shape under their columns."""
    order = sorted(plan.picked)
    owners = {i: owner_of(facts, i, every) for i in order}
    shapes = {tuple(paths) for paths in plan.picked.values()}
    if len(order) < TABLE_FROM or len(shapes) > 1:
        return [named_row(facts, i, plan.picked[i], plan.long, owners[i]) for i in order]
    columns = shapes.pop()
    head = ",".join([_singular(facts.section), *_owner_title(facts), *columns])
    return [head, *(plain_row(facts, i, columns, plan.long, owners[i]) for i in order)]


def plain_row(
    facts: Facts,
    index: int,
    columns: Iterable[str],
    long: set[tuple[int, str]],
    owner: str = "",
) -> str:
    """Write one row without names, its number in the source first."""
    row = facts.section.rows[index]
    cells = [_cell(row, path, LONG_CUT if (index, path) in long else CUT) for path in columns]
    return ",".join([str(index + 1), *([owner] if owner else []), *cells])


def _singular(section: Section) -> str:
    return {"entries": "entry", "rows": "row"}.get(section.unit, section.unit)


def named_row(
    facts: Facts,
    index: int,
    columns: Iterable[str],
    long: set[tuple[int, str]],
    owner: str = "",
) -> str:
    """Write one row with a name at every cell and its number in the source."""
    row = facts.section.rows[index]
    pairs = [f"of={owner}"] if owner else []
    pairs += [
        f"{path}={cell(row[path], LONG_CUT if (index, path) in long else CUT)}"
        for path in columns
        if path in row
    ]
    return f"{_singular(facts.section)} {index + 1}: " + ", ".join(pairs)


def owner_of(facts: Facts, index: int, every: Sequence[Facts]) -> str:
    """Return the name of the row that holds a row of an inner list, "" for other rows."""
    if not facts.section.has_owners:
        return ""
    at, row = facts.section.parents[index]
    if row < 0:
        return "the top"
    parent = every[at]
    value = parent.section.rows[row].get(parent.handle) if parent.handle else None
    return cell(value, 60) if isinstance(value, str) else f"row {row + 1}"


def _listing(facts: Facts, shown: set[int]) -> list[str]:
    rows = facts.section.rows
    names = [scalar(r.get(facts.handle, "?")) for i, r in enumerate(rows) if i not in shown]
    lead = "the other rows" if shown else "rows"
    return [f"{lead} by {facts.handle}: " + ", ".join(cell(name, 80) for name in names)]
