"""Say how a result differs from an earlier one: by record, by line, by element."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from coatcheck.reducers import rawjson
from coatcheck.reducers.digest import digest
from coatcheck.reducers.rawjson import Value, dumps
from coatcheck.reducers.records import same
from coatcheck.reducers.shape import sections_of
from coatcheck.sizing import estimate
from coatcheck.types import Aim
from coatcheck.view import counted, number

KEYS = ("id", "key", "name", "number", "uid", "url")
# Other fields that may name a record, when their values differ: InstanceId, full_name, Arn.
ENDINGS = (*KEYS, "identifier", "arn")
MOST_CHARACTERS = 4_000_000
MOST_LINES = 50_000
MOST_CHANGED_LINES = 2_000
MOST_OPERATIONS = 2_000
MOST_SHARE = 0.5
PLACE_CHARACTERS = 80
SHORT_LIST = 8
# A new record that costs more is written in part. One of 15 records is more than 5 % of a list.
NEW_TOKENS = 80

Path = tuple["str | int | Key", ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A record of a list by what it is called: the field, and the value there as JSON."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One step from the old value to the new one: set, gone, new at a place, or the order."""

    kind: str
    path: Path
    value: Value = None
    old: Value = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from an old text to a new one, as text, and in words how much that is."""

    text: str
    what: str


def difference(old: str, new: str, focus: str = "") -> Difference | None:
    """Return how new differs from old, None where that is not shorter or cannot be said exactly.

    What is said was applied to old and gave new: for JSON every value, for other text every
    character. Of a big new record only the fields that say most, or that focus asks for, are
    written then, with their count.
    """
    if max(len(old), len(new)) > MOST_CHARACTERS:
        return None
    found = _of_records(old, new, focus) or _of_lines(old, new)
    return found if found and len(found.text) <= MOST_SHARE * len(new) else None


# JSON


def _of_records(old: str, new: str, focus: str) -> Difference | None:
    before, after = rawjson.parse(old), rawjson.parse(new)
    if before is None or after is None or before.form != after.form:
        return None
    steps = []
    for step in operations((), before.value, after.value):
        steps.append(step)
        if len(steps) > MOST_OPERATIONS:
            return None
    if not steps or not same(rebuilt(before.value, steps), after.value):
        return None
    counts = {kind: sum(step.kind == kind for step in steps) for kind in ("set", "new", "gone")}
    named = {"set": "changed", "new": "new", "gone": "gone"}
    what = ", ".join(f"{count:,} {named[kind]}" for kind, count in counts.items() if count)
    text = "\n".join(written(step, focus) for step in steps)
    return Difference(text, what or "another order")


def operations(path: Path, old: Value, new: Value) -> Iterator[Operation]:
    """Yield the steps that lead from old to new below path."""
    if same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_object(path, old, new)
    elif isinstance(old, list) and isinstance(new, list) and (field := key_of(old, new)):
        yield from _of_list(path, field, old, new)
    elif isinstance(old, list) and isinstance(new, list) and _is_comparable(old, new):
        yield from _of_items(path, old, new)
    else:
        yield Operation("set", path, new, old)


def _is_comparable(old: Sequence[Value], new: Sequence[Value]) -> bool:
    """Tell whether items are worth comparing one by one, and not too many for it."""
    few = max(len(old), len(new)) <= SHORT_LIST
    if few and not any(isinstance(item, dict | list) for item in (*old, *new)):
        return False
    return len(old) * len(new) <= MOST_CHANGED_LINES**2


def _of_items(path: Path, old: Sequence[Value], new: Sequence[Value]) -> Iterator[Operation]:
    """Yield the steps for a list whose items have no key, from its end, by their old places."""
    matched = SequenceMatcher(None, [*map(dumps, old)], [*map(dumps, new)], autojunk=False)
    for kind, a, b, c, d in reversed(matched.get_opcodes()):
        if kind == "replace" and b - a == d - c:
            for step in range(b - a):
                yield from operations((*path, a + step), old[a + step], new[c + step])
        elif kind != "equal":
            for place in range(b - 1, a - 1, -1):
                yield Operation("gone", (*path, place))
            for step in range(d - c):
                yield Operation("new", (*path, a + step), new[c + step], at=a + step)


def _of_object(path: Path, old: dict[str, Value], new: dict[str, Value]) -> Iterator[Operation]:
    for name in old:
        if name not in new:
            yield Operation("gone", (*path, name))
    for name, value in new.items():
        if name in old:
            yield from operations((*path, name), old[name], value)
        else:
            yield Operation("set", (*path, name), value)


def _of_list(
    path: Path, field: str, old: Sequence[Value], new: Sequence[Value]
) -> Iterator[Operation]:
    before, after = keyed(old, field), keyed(new, field)
    for value in before:
        if value not in after:
            yield Operation("gone", (*path, Key(field, value)))
    stay = [value for value in before if value in after]
    for value, record in after.items():
        if value in before:
            yield from operations((*path, Key(field, value)), before[value], record)
    order = list(after)
    for place, value in enumerate(order):
        if value not in before:
            yield Operation("new", (*path, Key(field, value)), after[value], at=place)
    if stay != [value for value in order if value in before]:
        yield Operation("order", path, list(order), field)


def key_of(old: Sequence[Value], new: Sequence[Value]) -> str:
    """Return the field that names every record of both lists, "" if there is none."""
    if not old or not new or not isinstance(old[0], dict):
        return ""
    names = [str(name) for name in old[0] if str(name).lower().endswith(ENDINGS)]
    ranked = sorted(names, key=_rank)
    found = (n for n in ranked if all(_is_named(records, n) for records in (old, new)))
    return next(found, "")


def _rank(name: str) -> int:
    """Return how early a field is tried as a key: id before url, url before repository_id."""
    low = name.lower()
    if low in KEYS:
        return KEYS.index(low)
    return len(KEYS) + next(i for i, ending in enumerate(ENDINGS) if low.endswith(ending))


def _is_named(records: Sequence[Value], field: str) -> bool:
    names = [
        dumps(record[field])
        for record in records
        if isinstance(record, dict)
        and field in record
        and not isinstance(record[field], dict | list | bool | None)
    ]
    return len(names) == len(records) == len(set(names))


def keyed(records: Sequence[Value], field: str) -> dict[str, Value]:
    """Return the records of a list by the JSON of field."""
    return {dumps(record[field]): record for record in records if isinstance(record, dict)}


def rebuilt(old: Value, steps: Sequence[Operation]) -> Value:
    """Return old after all steps were taken; old itself stays as it is."""
    value = copied(old)
    for step in steps:
        if not step.path and step.kind == "set":
            value = copied(step.value)
        elif step.kind == "order":
            _reorder(reached(value, step.path), step)
        else:
            _take(reached(value, step.path[:-1]), step)
    return value


def copied(value: Value) -> Value:
    """Return value with lists and objects of its own."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def reached(value: Value, path: Path) -> Value:
    """Return what lies at path."""
    for part in path:
        if isinstance(value, list):
            value = value[_index(value, part)]
        elif isinstance(value, dict):
            value = value[part]
    return value


def _index(records: Sequence[Value], part: "str | int | Key") -> int:
    if isinstance(part, int):
        return part
    assert isinstance(part, Key)
    return list(keyed(records, part.field)).index(part.value)


def _take(owner: Value, step: Operation) -> None:
    last = step.path[-1]
    if isinstance(owner, dict):
        if step.kind == "gone":
            del owner[last]
        else:
            owner[last] = copied(step.value)
    elif isinstance(owner, list):
        if step.kind == "new":
            owner.insert(step.at, copied(step.value))
        elif step.kind == "gone":
            del owner[_index(owner, last)]
        else:
            owner[_index(owner, last)] = copied(step.value)


def _reorder(records: Value, step: Operation) -> None:
    if isinstance(records, list) and isinstance(step.value, list):
        found = keyed(records, str(step.old))
        records[:] = [found[name] for name in step.value]


def written(step: Operation, focus: str = "") -> str:
    """Write one step as a line, a big new record as several."""
    place = place_of(step.path)
    if step.kind == "gone":
        return f"gone: {place}"
    if step.kind == "new":
        place = f"new {place_of(step.path[:-1])}[{step.at}]"
        return f"{place}{_in_part(step, focus) or ': ' + dumps(step.value)}"
    if step.kind == "order":
        names = step.value if isinstance(step.value, list) else []
        return f"order of {place or 'the list'} by {step.old}: {', '.join(map(str, names))}"
    was = dumps(step.old)
    shown = "" if len(was) > PLACE_CHARACTERS or step.old is None else f" (was {was})"
    return f"{place or 'all'}: {dumps(step.value)}{shown}"


def _in_part(step: Operation, focus: str) -> str:
    """Write the key and the most telling fields of a big record, "" where that gains little."""
    key, before = step.path[-1], estimate(dumps(step.value))
    if before <= NEW_TOKENS or not isinstance(key, Key) or not isinstance(step.value, dict):
        return ""
    found = digest(sections_of(step.value), Aim(NEW_TOKENS, focus=focus), "json", NEW_TOKENS)
    fields = next((omission for omission in found.omissions if omission.unit == "fields"), None)
    if fields is None or 2 * estimate(found.text) > before:
        return ""
    lines = found.text.replace("\n", "\n  ")
    return f" {key.field}={key.value}, {counted(fields)} shown:\n  {lines}"


def place_of(path: Path) -> str:
    """Write a path as in items[id=5].labels[0].name."""
    out = ""
    for part in path:
        if isinstance(part, Key):
            out += f"[{part.field}={part.value}]"
        elif isinstance(part, int):
            out += f"[{part}]"
        else:
            out += f".{part}" if out else part
    return out


# Other text

HUNK = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@.*")


def _of_lines(old: str, new: str) -> Difference | None:
    before, after = old.split("\n"), new.split("\n")
    if max(len(before), len(after)) > MOST_LINES:
        return None
    hunks = list(_hunks(before, after))
    changed = sum(two - one + four - three for one, two, three, four in hunks)
    if not hunks or changed > MOST_CHANGED_LINES:
        return None
    text = "\n".join(line for hunk in hunks for line in _hunk(before, after, hunk))
    if patched(before, text) != after:
        return None
    gone, come = (sum(h[i + 1] - h[i] for h in hunks) for i in (0, 2))
    return Difference(text, f"{number(gone, 'lines')} gone, {number(come, 'lines')} come")


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield first and end in before, first and end in after, of each place that differs."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    one, other = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(one) * len(other) > MOST_CHANGED_LINES**2:
        return
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind != "equal":
            yield head + a, head + b, head + c, head + d


def _hunk(
    before: Sequence[str], after: Sequence[str], hunk: tuple[int, int, int, int]
) -> Iterator[str]:
    """Yield the lines of one hunk: its places and what stands above it, -old, +new."""
    a, b, c, d = hunk
    above = _above(after, c)
    yield f"@@ -{a + 1},{b - a} +{c + 1},{d - c} @@" + (f" {above}" if above else "")
    yield from ("-" + line for line in before[a:b])
    yield from ("+" + line for line in after[c:d])


def _above(lines: Sequence[str], at: int) -> str:
    """Return the nearest line above that is less indented: the element that holds this place."""
    if at >= len(lines):
        return ""
    depth = len(lines[at]) - len(lines[at].lstrip())
    for i in range(at - 1, max(-1, at - 500), -1):
        line = lines[i]
        if line.strip() and len(line) - len(line.lstrip()) < depth:
            return line.strip()[:PLACE_CHARACTERS]
    return ""


def patched(before: Sequence[str], text: str) -> list[str]:
    """Return the lines of before after the hunks in text were applied to them."""
    out: list[str] = []
    at = 0
    lines = iter(text.split("\n"))
    for line in lines:
        found = HUNK.fullmatch(line)
        if found is None:
            return []
        first, gone, _, come = map(int, found.groups())
        out += before[at : first - 1]
        taken = [next(lines, "") for _ in range(gone + come)]
        if [line[1:] for line in taken[:gone]] != list(before[first - 1 : first - 1 + gone]):
            return []
        out += [line[1:] for line in taken[gone:]]
        at = first - 1 + gone
    return out + list(before[at:])
