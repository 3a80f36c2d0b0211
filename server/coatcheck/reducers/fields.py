"""Reduce the records of known tools: keep or drop named fields first, then the generic way."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from coatcheck import reducers
from coatcheck.reducers.codec import Path, name
from coatcheck.reducers.columns import is_total
from coatcheck.reducers.rawjson import Value, dumps, parse
from coatcheck.reducers.wants import Wants, read
from coatcheck.types import Aim, Forced, Omission, Reduction

# What identifies a record when nothing better is known, the first that it has.
HANDLES = ("id", "key", "ref", "number", "iid", "uuid", "uid", "name")
NAMES_SAID = 8
UNIT = "fields"
WILDCARD = re.compile(r"(\*|\?|\[!?[^\[\]!]+\])")

Verdict = Literal["whole", "kept", "unnamed", "gone"]


@dataclass(frozen=True, slots=True)
class Fields:
    """What is known of the fields of a tool's results.

    keep and drop hold names of fields with wildcards; a name is that of a key, or the last keys
    of a path with dots: "title", "user.login", "*_url". Of what keep names, or of everything when
    it names nothing, drop takes away. key is the field that identifies a record. What the focus
    names stays, so do key, and cursors and totals outside lists. reducer is the kind of content
    that the rest is taken for.
    """

    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    key: str = ""
    reducer: Forced = "auto"


@dataclass(slots=True)
class Pruned:
    """A document without the fields that are left out, and how many went, by name."""

    value: Value
    left: int
    gone: Counter[Path]


def reduce_by(fields: Fields, text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of text with fields kept or dropped; what is left out is announced.

    Where nothing may or can be left out, only the key and the reducer count.
    """
    aim = replace(aim, key=fields.key)
    document = None if aim.lossless or not (fields.keep or fields.drop) else parse(text)
    pruned = prune(document.value, fields, aim.focus) if document else None
    if pruned is None or not pruned.gone:
        return reducers.reduce_as(fields.reducer, text, aim)
    found = _reduced(fields.reducer, dumps(pruned.value), aim)
    return _announced(found, pruned, fields.key)


def _reduced(kind: Forced, rest: str, aim: Aim) -> Reduction:
    """Return the best reduction of what is left, itself where none is better.

    How much it gains over the whole text is for the caller to judge.
    """
    if kind in ("auto", "records"):
        found = reducers.load("records")(rest, aim)
    else:
        found = reducers.reduce_as(kind, rest, aim)
    return found or Reduction(rest, "json", "lossless")


def prune(value: Value, fields: Fields, focus: str = "") -> Pruned:
    """Return value without the fields to leave out.

    A record of which something is kept keeps a field that identifies it.
    """
    gone: Counter[Path] = Counter()
    rest = _within(value, (), _Judge(fields, read(focus)), gone)
    return Pruned(rest, _leaves(value) - sum(gone.values()), gone)


class _Judge:
    """Tell what becomes of a path; each is looked at once, so that many records cost little."""

    def __init__(self, fields: Fields, wants: Wants) -> None:
        self.names_all = not fields.keep
        self.adds_handle = bool(fields.keep) and not fields.key
        self._wants = wants
        self._kept, self._dropped = _matching(fields.keep), _matching(fields.drop)
        self._key = _matching([fields.key])
        self._known: dict[tuple[Path, bool], Verdict] = {}

    def __call__(self, path: Path, in_list: bool) -> Verdict:
        found = self._known.get((path, in_list))
        if found is None:
            found = self._known[path, in_list] = self._decide(path, in_list)
        return found

    def _decide(self, path: Path, in_list: bool) -> Verdict:
        dotted = "." + ".".join(path)
        is_paging = not in_list and is_total(path[-1])
        if is_paging or self._key(dotted) or self._wants.names(path[-1]):
            return "whole"
        if self._dropped(dotted):
            return "gone"
        is_kept = self.names_all or any(map(self._kept, _upwards(dotted)))
        return "kept" if is_kept else "unnamed"


def _upwards(dotted: str) -> Iterator[str]:
    """Yield a dotted path and those of the objects that it stands in."""
    while dotted:
        yield dotted
        dotted = dotted.rpartition(".")[0]


def _matching(names: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a path with a leading dot ends in one of names."""
    ends = "|".join(_spelled(name) for name in names if name)
    search = re.compile(rf"\.(?:{ends})\Z" if ends else r"(?!)").search
    return lambda dotted: search(dotted) is not None


def _spelled(name: str) -> str:
    """Return the pattern of a name; a wildcard stands for a part of one key."""
    parts = WILDCARD.split(name)
    return "".join(re.escape(part) if i % 2 == 0 else _wild(part) for i, part in enumerate(parts))


def _wild(mark: str) -> str:
    if mark in ("*", "?"):
        return "[^.]*" if mark == "*" else "[^.]"
    inside = re.escape(mark.strip("[!]")).replace(r"\-", "-")
    return f"[^.{inside}]" if mark.startswith("[!") else f"[{inside}]"


def _within(
    value: Value, path: Path, judge: _Judge, gone: Counter[Path], in_list: bool = False
) -> Value:
    if isinstance(value, list):
        return [_within(item, path, judge, gone, True) for item in value]
    if not isinstance(value, dict):
        return value
    rest: dict[str, Value] = {}
    for key, member in value.items():
        verdict = judge((*path, key), in_list)
        if verdict == "whole" or (verdict == "kept" and not _holds_objects(member)):
            rest[key] = member
        elif verdict != "gone" and _holds_objects(member):
            lost: Counter[Path] = Counter()
            inside = _within(member, (*path, key), judge, lost, in_list)
            if verdict == "kept" or _leaves(member) > sum(lost.values()):
                rest[key] = inside
                gone.update(lost)
    handle = next((h for h in HANDLES if h in value), "") if judge.adds_handle and rest else ""
    for key in value.keys() - rest.keys() - {handle}:
        gone[(*path, key)] += _leaves(value[key])
    return {key: rest.get(key, value[key]) for key in value if key in rest or key == handle}


def _holds_objects(value: Value) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and bool(value)


def _leaves(value: Value) -> int:
    """Count the fields in value; a list of plain values is one."""
    if not _holds_objects(value):
        return 1
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


def _announced(found: Reduction, pruned: Pruned, key: str) -> Reduction:
    """Return found with what was left out before counted in and named."""
    gone = sum(pruned.gone.values())
    shown = next((o for o in found.omissions if o.unit == UNIT), None)
    others = [o for o in found.omissions if o is not shown]
    before = shown or Omission(UNIT, pruned.left, pruned.left)
    counted = Omission(UNIT, before.shown, before.total + gone, before.what)
    names = sorted(pruned.gone, key=lambda path: (-pruned.gone[path], path))
    said = ", ".join(map(name, names[:NAMES_SAID]))
    more = f" and {len(names) - NAMES_SAID:,} more" if len(names) > NAMES_SAID else ""
    notice = f"{gone:,} fields left out by rule: {said}{more}"
    level = "trimmed" if found.level == "lossless" else found.level
    return replace(
        found,
        text=f"{notice}\n{found.text}",
        level=level,
        omissions=[*others, counted],
        handle=f"its {key}" if key else found.handle,
    )
