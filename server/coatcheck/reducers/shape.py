"""See a parsed document as sections: flat records with the place they came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from coatcheck.reducers.codec import is_map
from coatcheck.reducers.rawjson import Number, Value, loads

INLINE_CHARACTERS = 120
MANY_MEMBERS = 16
VERY_MANY_MEMBERS = 200
KEY = "key"
VALUE = "value"
NAMES = ("name", "full_name", "login", "title", "displayName", "key", "label")

Row = dict[str, Value]


@dataclass(slots=True)
class Section:
    """The records of one list, map or object of a document.

    path is "" for the root. rows map a dotted path to a scalar or a short list. parents gives,
    for each row, the section and the row that hold it. single: one object, not a list. widest:
    how many columns may stand without a name at each cell. is_inner: its rows stand inside rows of
    another section; has_owners: of another one or, in a tree, of this one.
    """

    path: str
    unit: str = "rows"
    single: bool = False
    rows: list[Row] = field(default_factory=list)
    parents: list[tuple[int, int]] = field(default_factory=list)
    widest: int = 8
    is_inner: bool = False
    has_owners: bool = False


def sections_of(value: Value) -> list[Section]:
    """Return the sections of a document, the root object first, lists in order of appearance."""
    walk = _Walk()
    if isinstance(value, dict) and not (is_map(value) or _is_long_map(value)):
        root = walk.section("", "fields", single=True)
        walk.record(value, root, (0, 0))
    else:
        walk.group("", value, None)
    return walk.found


def exceeds(value: Value, limit: int) -> bool:
    """Tell whether value is longer than limit characters, looking no further than that."""
    todo, used = [value], 0
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            used += 2 + sum(len(str(key)) + 4 for key in node)
            todo.extend(node.values())
        elif isinstance(node, list):
            used += 2 + len(node)
            todo.extend(node)
        else:
            used += len(node) + 2 if isinstance(node, str) else 5
        if used > limit:
            return True
    return False


class _Walk:
    """Collects sections while a document is walked, level by level."""

    def __init__(self) -> None:
        self.found: list[Section] = []
        self.places: dict[str, int] = {}

    def section(self, path: str, unit: str, *, single: bool = False) -> int:
        """Return the number of the section of path, made when it is new."""
        if path not in self.places:
            self.places[path] = len(self.found)
            self.found.append(Section(path, unit, single))
        return self.places[path]

    def group(self, path: str, value: Value, parent: tuple[int, int] | None) -> None:
        """Add the items of a list, or the members of a map, as rows of one section."""
        entries = value.items() if isinstance(value, dict) else None
        index = self.section(path, "entries" if entries else "rows")
        if parent is not None and not self.found[parent[0]].single:
            self.found[index].has_owners = True
            self.found[index].is_inner |= parent[0] != index
        for key, item in entries or ((None, v) for v in value):  # type: ignore[attr-defined]
            self.record(item, index, parent or (index, -1), key)

    def record(
        self, item: Value, index: int, parent: tuple[int, int], key: str | None = None
    ) -> None:
        """Add one row: plain members by dotted path, groups inside it as their own sections."""
        section = self.found[index]
        row: Row = {} if key is None else {KEY: key}
        section.rows.append(row)
        section.parents.append(parent)
        here = (index, len(section.rows) - 1)
        if not isinstance(item, dict):
            row[VALUE] = item
            return
        for path, value in self._members(item, section):
            path = _unused(path, row)
            if not self._is_group(value, section, path) or _is_short(value):
                row[path] = value
                continue
            names = None if section.single else _names(value)
            if names:
                row[path] = names
            self.group(self._inner(section, path), value, here)

    def _members(self, item: dict[str, Value], section: Section) -> Iterator[tuple[str, Value]]:
        """Yield (dotted path, value) of everything in item that is no plain object."""
        todo: list[tuple[str, Value]] = [(join("", k), v) for k, v in reversed(item.items())]
        while todo:
            path, value = todo.pop()
            value = _opened(value)
            pairs = _pairs(value)
            if pairs is None or self._is_group(value, section, path):
                yield path, value
            else:
                todo.extend((join(path, k), v) for k, v in reversed(pairs.items()))

    def _is_group(self, value: Value, section: Section, path: str) -> bool:
        """Tell whether value is a list or a map of records, or of many values of one type."""
        if isinstance(value, list):
            return _pairs(value) is None and any(isinstance(v, dict) for v in value)
        if not isinstance(value, dict) or not value:
            return False
        if is_map(value) or _is_long_map(value):
            return True
        known = self._inner(section, path) in self.places
        return known and all(isinstance(v, dict) for v in value.values())

    def _inner(self, section: Section, path: str) -> str:
        """Name the section of a group inside a row; a tree of one kind stays one section."""
        if not section.single and split(section.path)[1] == path:
            return section.path
        return f"{section.path}[].{path}" if section.path else path


def join(owner: str, key: str) -> str:
    """Return the path of key inside owner; a key that holds a dot stands in brackets."""
    if "." in key:
        return f"{owner}[{key}]"
    return f"{owner}.{key}" if owner else key


def split(path: str) -> tuple[str, str]:
    """Return the owner and the last key of a path that join() made."""
    if path.endswith("]"):
        owner, _, key = path[:-1].partition("[")
        return owner, key
    owner, _, key = path.rpartition(".")
    return owner, key


def _unused(path: str, row: Row) -> str:
    """Return path, or the next free name when two members of a record share one path."""
    name, turn = path, 2
    while name in row:
        name, turn = f"{path} ({turn})", turn + 1
    return name


def _is_short(value: Value) -> bool:
    return not exceeds(value, INLINE_CHARACTERS) and "://" not in repr(value)


def _is_long_map(value: dict[str, Value]) -> bool:
    """Tell whether value is a table of two columns: many members of one type, or very many."""
    if len(value) < MANY_MEMBERS:
        return False
    kinds = {type(v) for v in value.values()}
    one = len(kinds) == 1 and kinds <= {str, Number}
    return one or (len(value) >= VERY_MANY_MEMBERS and not kinds & {dict, list})


def _opened(value: Value) -> Value:
    """Return the object that a string holds as JSON text, else value."""
    if type(value) is str and len(value) > 40 and value[0] in "{[" and value[-1] in "}]":
        try:
            inner = loads(value)
        except (ValueError, RecursionError):
            return value
        return inner if isinstance(inner, dict | list) else value
    return value


def _pairs(value: Value) -> dict[str, Value] | None:
    """Return value as members to flatten: a plain object, or a list of key and value pairs."""
    if isinstance(value, dict):
        return value or None
    if not isinstance(value, list) or not value:
        return None
    named: dict[str, Value] = {}
    for item in value:
        if not isinstance(item, dict) or len(item) != 2:
            return None
        (first, key), (second, content) = sorted(item.items(), key=lambda kv: kv[0].lower())
        if first.lower() not in ("key", "name") or second.lower() != "value":
            return None
        if type(key) is not str or key in named:
            return None
        named[key] = content
    return named


def _names(value: Value) -> Value:
    """Return what the items of a list are called, None where they have no common name."""
    if not isinstance(value, list) or len(value) > 20:
        return None
    for name in NAMES:
        found = [v.get(name) for v in value if isinstance(v, dict)]
        if len(found) == len(value) and all(isinstance(f, str) for f in found):
            return found
    return None
