"""Reduce tables in text: CSV, TSV, psql, mysql and markdown tables, columns of a command."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coatcheck.reducers import HEADER_BYTES
from coatcheck.reducers.cells import safe
from coatcheck.reducers.digest import digest, whole_room
from coatcheck.reducers.rawjson import MAX_CHARACTERS
from coatcheck.reducers.shape import Row, Section
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

KIND = "table"
WIDEST = 16
MIN_ROWS = 3
HOPELESS = 8
MAX_COLUMNS = 200
EVEN = 0.95
SAMPLE_LINES = 200
MAX_ASIDE = 6
WORDED = 5
SAME = "same in every row: "

RULE = re.compile(r"[ |+:=─━┼┬┴├┤-]*[-─━=]{2,}[ |+:=─━┼┬┴├┤-]*")
DASHES = re.compile(r"-{3,}(?: +-{2,})+")
VALUE = re.compile(r"-?\d+(?:\.\d+)?$|\d{1,4}[-/:.]\d|\d{4,}")
GAP = re.compile(r" {2,}|\t+")
TITLE = re.compile(r"[A-Z0-9%#][\w%#./()-]*(?: [\w%#./()-]+)*")


@dataclass(frozen=True, slots=True)
class Table:
    """A parsed table: its column names, its rows of cells, the lines that stand around it.

    places are, for each row, its first line and the one after its last, counted from 0.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    places: Sequence[tuple[int, int]]
    before: Sequence[str] = ()
    after: Sequence[str] = ()


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of a table within aim, None when text is no table."""
    table = parse(text)
    if table is None:
        return None
    before = estimate(text)
    room = whole_room(before, aim.budget_tokens)
    if aim.lossless or before <= HOPELESS * aim.budget_tokens:
        lossless = _lossless(table) or text
        fits = aim.lossless or estimate(lossless) <= room
        if fits and len(lossless) + HEADER_BYTES < len(text):
            return Reduction(lossless, KIND, "lossless")
    if aim.lossless:
        return None
    found = digest([_section(table)], aim, KIND, room, before=table.before, after=table.after)
    return found if 0 < len(found.text) < len(text) else None


def parse(text: str) -> Table | None:
    """Return the table that text is, None when it is none. Ragged rows keep all their cells."""
    text = text.lstrip("\ufeff")
    if len(text) > MAX_CHARACTERS or text.count("\n") < MIN_ROWS:
        return None
    lines = text.splitlines()
    return _ruled(lines) or _delimited(text, lines) or _aligned(lines)


def _ruled(lines: Sequence[str]) -> Table | None:
    """Read psql, mysql and markdown tables: a header over a rule, cells between bars."""
    at = next((i for i, line in enumerate(lines[:8]) if _is_rule(line, lines, i)), -1)
    if at < 1:
        return None
    columns = _bars(lines[at - 1])
    first = at + 1
    last = first
    while last < len(lines) and ("|" in lines[last] or "│" in lines[last]):
        last += 1
    rows = [_bars(line) for line in lines[first:last]]
    before = [line for line in lines[: at - 1] if line.strip() and not RULE.fullmatch(line)]
    after = [line for line in lines[last:] if line.strip() and not RULE.fullmatch(line)]
    places = [(i, i + 1) for i in range(first, last)]
    return _checked(Table(columns, rows, places, before, after))


def _is_rule(line: str, lines: Sequence[str], at: int) -> bool:
    above = lines[at - 1] if at else ""
    return bool(RULE.fullmatch(line)) and ("|" in above or "│" in above)


def _bars(line: str) -> list[str]:
    line = line.strip().replace("│", "|")
    line = line.removeprefix("|").removesuffix("|") if line.startswith("|") else line
    return [part.strip() for part in re.split(r"(?<!\\)\|", line)]


def _delimited(text: str, lines: Sequence[str]) -> Table | None:
    """Read CSV with the delimiter that splits the sampled lines most evenly."""
    sample = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    for delimiter in (",", "\t", ";", "|"):
        counts = Counter(line.count(delimiter) for line in sample)
        usual, often = counts.most_common(1)[0]
        if usual and 2 * often >= len(sample):
            table = _read_csv(text, delimiter)
            if table is not None:
                return table
    return None


def _read_csv(text: str, delimiter: str) -> Table | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found, places, first = [], [], 0
    try:
        for row in reader:
            if row:
                found.append(row)
                places.append((first, reader.line_num))
            first = reader.line_num
    except csv.Error:
        return None
    if len(found) < MIN_ROWS or not _looks_like_header(found[0], found[1:]):
        return None
    return _checked(Table(found[0], found[1:], places[1:]))


def _looks_like_header(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first line names columns: short distinct words, no numbers, no sentences."""
    names = [name.strip() for name in header]
    if len(names) < 2 or len(set(names)) < len(names) or any(map(VALUE.match, names)):
        return False
    return all(len(n) <= 60 and not n.endswith((".", "!", "?", ":")) for n in names) and any(names)


def _aligned(lines: Sequence[str]) -> Table | None:
    """Read the columns of a command such as kubectl get, docker ps, ps aux or df."""
    places = [(i, i + 1) for i, line in enumerate(lines) if line.strip()]
    lines = [lines[i].expandtabs(8).rstrip() for i, _ in places]
    if len(lines) <= MIN_ROWS:
        return None
    if DASHES.fullmatch(lines[1]):
        cells = [_slices(x, [m.start() for m in re.finditer(r"-+", lines[1])]) for x in lines]
        return _checked(Table(cells[0], cells[2:], places[2:]))
    if not _is_title(lines[0]):
        return None
    starts = _starts(lines)
    names = lines[0].split()
    if len(starts) < min(len(names), WORDED) and all(map(str.isupper, names)):
        cells = [line.split(maxsplit=len(names) - 1) for line in lines]
        if table := _checked(Table(cells[0], cells[1:], places[1:])):
            return table
    if len(starts) < 2:
        return None
    cells = _parted([_slices(line, starts) for line in lines])
    return _checked(Table(cells[0], cells[1:], places[1:]))


def _parted(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """Part the columns under two names that stand close together, as RSS and TTY of ps do."""
    sizes = []
    for column in zip(*cells, strict=True):
        counts = {len(text.split()) for text in column}
        sizes.append(max(counts) if len(counts) == 1 else 0)
    return [
        [
            part
            for cell, n in zip(row, sizes, strict=True)
            for part in (cell.split() if n > 1 else [cell])
        ]
        for row in cells
    ]


def _is_title(line: str) -> bool:
    parts = [part for part in GAP.split(line.strip()) if part]
    letters = [c for c in line if c.isalpha()]
    upper = sum(c.isupper() for c in letters)
    if letters and upper >= 0.8 * len(letters) and len(line.split()) >= 2:
        return True
    return len(parts) >= 3 and all(map(TITLE.fullmatch, parts)) and len(line) < 300


def _starts(lines: Sequence[str]) -> list[int]:
    """Return where columns begin: after every position that is blank in all the lines."""
    width = min(max(map(len, lines)), 2_000)
    used = bytearray(width + 1)
    for line in lines:
        for match in re.finditer(r"\S+", line[:width]):
            used[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
    starts = [i for i in range(width) if used[i] and (i == 0 or not used[i - 1])]
    edges = [*starts, width]
    return [a for a, b in pairwise(edges) if _is_column(lines, a, b)]


def _is_column(lines: Sequence[str], start: int, end: int) -> bool:
    """Tell whether a title stands there, and cells below it or a wide gap before it."""
    title = lines[0]
    if not title[start:end].strip():
        return start == 0
    apart = start == 0 or not title[max(0, start - 2) : start].strip()
    return apart or any(line[start:end].strip() for line in lines[1:])


def _slices(line: str, starts: Sequence[int]) -> list[str]:
    ends = [*starts[1:], len(line) + 1]
    return [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]


def _checked(table: Table) -> Table | None:
    """Return the table if nearly all rows have as many cells as it has columns."""
    width = len(table.columns)
    even = sum(len(row) == width for row in table.rows)
    if len(table.rows) < MIN_ROWS or not 2 <= width <= MAX_COLUMNS:
        return None
    if len(table.before) > MAX_ASIDE or len(table.after) > MAX_ASIDE:
        return None
    return table if even >= EVEN * len(table.rows) else None


def _section(table: Table) -> Section:
    names = _unique(table.columns)
    section = Section("", "rows", widest=WIDEST)
    for cells in table.rows:
        extra = [f"column {i + 1}" for i in range(len(names), len(cells))]
        row: Row = dict(zip([*names, *extra], cells, strict=False))
        section.rows.append(row)
        section.parents.append((0, -1))
    return section


def _unique(columns: Sequence[str]) -> list[str]:
    names: list[str] = []
    taken: set[str] = set()
    for position, column in enumerate(columns):
        name = column.strip() or f"column {position + 1}"
        while name in taken:
            name = f"{name} ({position + 1})"
        taken.add(name)
        names.append(name)
    return names


def _lossless(table: Table) -> str | None:
    """Return the table as CSV, constant columns said once; None where that is not exact."""
    width = len(table.columns)
    if any(len(row) != width for row in table.rows):
        return None
    same = [i for i in range(width) if len({row[i] for row in table.rows}) == 1]
    kept = [i for i in range(width) if i not in same] or [0]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([table.columns[i] for i in kept])
    writer.writerows([row[i] for i in kept] for row in table.rows)
    body = out.getvalue()
    back = list(csv.reader(io.StringIO(body, newline="")))[1:]
    if back != [[row[i] for i in kept] for row in table.rows]:
        return None
    pairs = io.StringIO(newline="")
    csv.writer(pairs, lineterminator="").writerow(
        [f"{table.columns[i]}={table.rows[0][i]}" for i in same if i not in kept]
    )
    lines = [*table.before, f"{len(table.rows):,} rows"]
    lines += [SAME + pairs.getvalue()] if pairs.getvalue() else []
    return safe("\n".join([*lines, body.rstrip("\n"), *table.after]))
