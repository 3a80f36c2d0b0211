"""Write JSON as hoisted rows and columns, and read them back: the lossless level.

A document becomes lines: `path: a=1, b=x` for the plain members of an object, and
`path: N rows` with the hoisted lines and N row lines below it for a list of objects.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.rawjson import Number, Value, dumps, loads

NARROW = 8
SPARSE = 0.3
MIN_ENTRIES = 3
USUAL = 0.8

PLAIN = re.compile(r"[^\s\"\[{=,:\x00-\x1f](?:[^\",\x00-\x1f]*[^\s\",\x00-\x1f])?")
PLAIN_KEY = re.compile(r"[^\s\".,=:\[\]{}()\x00-\x1f](?:[^\".,=:\x00-\x1f]*[^\s\".,=:\x00-\x1f])?")
NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Infinity)|NaN")
WORDS: dict[str, Value] = {"null": None, "true": True, "false": False}
ROWS = re.compile(r"(?:(.*): )?(\d+) (rows|entries)( under their columns|, name by name)")
SAME = "same in every row: "
EMPTY = "empty (null) in every row: "
KEY = "(key)"

Path = tuple[str, ...]
Row = dict[Path, Value]


def encode(value: Value, *, widest: int = NARROW) -> str | None:
    """Return value as lines that decode() reads back, None where it has no such shape.

    Rows of at most widest columns stand under a column line, wider ones name each cell.
    """
    lines: list[str] = []
    if is_table(value):
        _write_table(lines, (), value, widest)
    elif isinstance(value, dict) and value:
        _write_object(lines, (), value, widest)
    else:
        return None
    return "\n".join(lines)


def decode(text: str) -> Value:
    """Read what encode() wrote. Raises: ValueError."""
    lines = text.split("\n")
    root: dict[str, Value] = {}
    at = 0
    while at < len(lines):
        head = ROWS.fullmatch(lines[at])
        if head:
            path = _read_path(head[1]) if head[1] else ()
            table, at = _read_table(lines, at + 1, head)
            if not path:
                return table
            _put(root, path, table)
        else:
            path, start = _read_owner(lines[at])
            for key, cell in _read_pairs(lines[at], start):
                _put(root, path + key, cell)
            at += 1
    return root


def is_table(value: Value) -> bool:
    """Tell whether value is a list of two objects or more."""
    return isinstance(value, list) and len(value) > 1 and all(type(v) is dict for v in value)


def is_map(value: Value) -> bool:
    """Tell whether value is an object whose members are records of one shape."""
    if not isinstance(value, dict) or len(value) < MIN_ENTRIES:
        return False
    if not all(type(v) is dict for v in value.values()):
        return False
    often = Counter(key for v in value.values() for key in v)
    usual = sum(count for count in often.values() if count >= USUAL * len(value))
    return 0 < sum(often.values()) <= 2 * usual


def cell(value: Value) -> str:
    """Write one value so that it can be read back with its type."""
    if type(value) is str:
        plain = PLAIN.fullmatch(value) and value not in WORDS and not NUMBER.fullmatch(value)
        return value if plain else dumps(value)
    return dumps(value)


def name(path: Path) -> str:
    """Write a path of keys with dots, a key that could mislead in quotes."""
    return ".".join(k if PLAIN_KEY.fullmatch(k) else json.dumps(k) for k in path)


def flatten(record: dict[str, Value]) -> Row:
    """Return the members of record by path; lists and empty objects are values."""
    row: Row = {}
    todo: list[tuple[Path, Value]] = [((key,), value) for key, value in reversed(record.items())]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict) and value:
            todo.extend(((*path, key), v) for key, v in reversed(value.items()))
        else:
            row[path] = value
    return row


@dataclass(frozen=True, slots=True)
class Hoisted:
    """Rows without the cells that are equal in all of them."""

    same: Row
    empty: Sequence[Path]
    columns: Sequence[Path]


def hoist(rows: Sequence[Row]) -> Hoisted:
    """Find the cells that every row has with one value, and the columns that are left."""
    columns = list(dict.fromkeys(path for row in rows for path in row))
    same: Row = {}
    for path, value in rows[0].items():
        if all(path in row and _equal(row[path], value) for row in rows):
            same[path] = value
    empty = [path for path, value in same.items() if value is None]
    return Hoisted(
        {path: value for path, value in same.items() if value is not None},
        empty,
        [path for path in columns if path not in same],
    )


def _equal(a: Value, b: Value) -> bool:
    return type(a) is type(b) and a == b


def _write_object(lines: list[str], path: Path, value: dict[str, Value], widest: int) -> None:
    pairs, inner = [], []
    for key, child in value.items():
        if (isinstance(child, dict) and child) or is_table(child):
            inner.append((key, child))
        else:
            pairs.append(f"{name((key,))}={cell(child)}")
    if pairs:
        lines.append((name(path) + ": " if path else "") + ", ".join(pairs))
    for key, child in inner:
        if is_table(child) or is_map(child):
            _write_table(lines, (*path, key), child, widest)
        elif isinstance(child, dict):
            _write_object(lines, (*path, key), child, widest)


def _write_table(lines: list[str], path: Path, value: Value, widest: int) -> None:
    rows: list[Row] = []
    if isinstance(value, dict):
        rows = [{(KEY,): key, **flatten(v)} for key, v in value.items()]
    elif isinstance(value, list):
        rows = [flatten(v) for v in value]
    parts = hoist(rows)
    filled = sum(map(len, rows)) - len(rows) * (len(parts.same) + len(parts.empty))
    gaps = 1 - filled / (len(rows) * len(parts.columns) or 1)
    narrow = 0 < len(parts.columns) <= widest and gaps <= SPARSE
    unit = "entries" if isinstance(value, dict) else "rows"
    manner = " under their columns" if narrow else ", name by name"
    lines.append((name(path) + ": " if path else "") + f"{len(rows)} {unit}{manner}")
    if parts.same:
        lines.append(SAME + ", ".join(f"{_column(p)}={cell(v)}" for p, v in parts.same.items()))
    if parts.empty:
        lines.append(EMPTY + ", ".join(map(_column, parts.empty)))
    if narrow:
        lines.append(",".join(map(_column, parts.columns)))
        lines.extend(
            ",".join(cell(row[p]) if p in row else "" for p in parts.columns) for row in rows
        )
    else:
        lines.extend(
            ", ".join(f"{_column(p)}={cell(row[p])}" for p in parts.columns if p in row)
            for row in rows
        )


def _column(path: Path) -> str:
    return KEY if path == (KEY,) else name(path)


def _read_table(lines: Sequence[str], at: int, head: re.Match[str]) -> tuple[Value, int]:
    total = int(head[2])
    shared: Row = {}
    if at < len(lines) and lines[at].startswith(SAME):
        shared.update(_read_pairs(lines[at], len(SAME)))
        at += 1
    if at < len(lines) and lines[at].startswith(EMPTY):
        shared.update((path, None) for path in _read_names(lines[at], len(EMPTY)))
        at += 1
    if head[4].startswith(","):
        found = [dict(_read_pairs(line, 0)) for line in lines[at : at + total]]
    else:
        columns = _read_names(lines[at], 0)
        at += 1
        found = [_read_cells(line, columns) for line in lines[at : at + total]]
    if len(found) != total:
        raise ValueError("rows are missing")
    records: list[Value] = []
    entries: dict[str, Value] = {}
    for row in found:
        key = row.pop((KEY,), None)
        record: dict[str, Value] = {}
        for path, value in {**shared, **row}.items():
            _put(record, path, value)
        records.append(record)
        entries[str(key)] = record
    return (entries if head[3] == "entries" else records), at + total


def _put(root: dict[str, Value], path: Path, value: Value) -> None:
    node = root
    for key in path[:-1]:
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise ValueError("a value stands where an object is needed")
        node = child
    node[path[-1]] = value


def _read_owner(line: str) -> tuple[Path, int]:
    """Return the path before ": " of an object line and where its pairs begin."""
    path, end = _take_path(line, 0)
    return (path, end + 2) if line.startswith(": ", end) else ((), 0)


def _read_path(text: str) -> Path:
    path, end = _take_path(text, 0)
    if end != len(text):
        raise ValueError("not a path")
    return path


def _take_path(line: str, at: int) -> tuple[Path, int]:
    if line.startswith(KEY, at):
        return (KEY,), at + len(KEY)
    keys = []
    while True:
        if line.startswith('"', at):
            key, at = json.JSONDecoder().raw_decode(line, at)
        else:
            match = PLAIN_KEY.match(line, at)
            if not match:
                raise ValueError("a name is missing")
            key, at = match[0], match.end()
        keys.append(key)
        if not line.startswith(".", at):
            return tuple(keys), at
        at += 1


def _read_names(line: str, at: int) -> list[Path]:
    names = []
    while at < len(line):
        path, at = _take_path(line, at)
        names.append(path)
        at += 2 if line.startswith(", ", at) else 1
    return names


def _read_pairs(line: str, at: int) -> list[tuple[Path, Value]]:
    pairs = []
    while at < len(line):
        path, at = _take_path(line, at)
        if not line.startswith("=", at):
            raise ValueError("a value is missing")
        value, at = _take_cell(line, at + 1)
        pairs.append((path, value))
        at += 2
    return pairs


def _read_cells(line: str, columns: Sequence[Path]) -> Row:
    row, at = {}, 0
    for path in columns:
        if at < len(line) and line[at] != ",":
            row[path], at = _take_cell(line, at)
        at += 1
    if at <= len(line):
        raise ValueError("a row is too long")
    return row


def _take_cell(line: str, at: int) -> tuple[Value, int]:
    if line[at : at + 1] in ('"', "[", "{"):
        end = _end_of_json(line, at)
        return loads(line[at:end]), end
    end = line.find(",", at)
    end = len(line) if end < 0 else end
    word = line[at:end]
    if word in WORDS:
        return WORDS[word], end
    return (Number(word) if NUMBER.fullmatch(word) else word), end


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def _end_of_json(line: str, at: int) -> int:
    depth = 0
    for match in TOKEN.finditer(line, at):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
        if depth == 0:
            return match.end()
    raise ValueError("an open bracket")
