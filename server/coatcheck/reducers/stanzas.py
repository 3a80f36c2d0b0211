r"""Reduce records written as lines of key and value: apt-cache show, pip show, LDIF, mysql \G."""

import re
from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.digest import digest, whole_room
from coatcheck.reducers.shape import Row, Section
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

KIND = "records"
UNIT = "entries"
MAX_CHARS = 8_000_000
LEAST_RECORDS = 3
LEAST_ALIKE = 0.8
LEAST_KEYED = 0.4
WIDEST = 12
MOST_LINES = 500
MOST_AROUND = 3
RULE = re.compile(r"\*{3,} ?\d+\. row ?\*{3,}$|-\[ RECORD \d+ \][-+]*$")
FIELD = re.compile(r"([A-Za-z][\w.@/()%-]*(?: [\w.@/()%-]+){0,3})\s*(?::(?!//|:)|\|)(?:\s+(.*)|)$")


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return blocks of keys and values as rows, None when text is no list of like blocks."""
    if aim.lossless or len(text) > MAX_CHARS:
        return None
    blocks, after = cut(text.replace("\r\n", "\n").split("\n"))
    before: list[str] = []
    rows: list[Row] = []
    for number, block in enumerate(blocks):
        if (row := record(block)) is not None:
            rows.append(row)
        elif len(block) <= MOST_AROUND and number in (0, len(blocks) - 1):
            (after if number else before).extend(block)
        else:
            return None
    firsts = Counter(next(iter(row)) for row in rows)
    if len(rows) < LEAST_RECORDS:
        return None
    if firsts.most_common(1)[0][1] < LEAST_ALIKE * len(rows):
        return None
    section = Section("", UNIT, rows=rows, parents=[(0, -1)] * len(rows), widest=WIDEST)
    room = whole_room(estimate(text), aim.budget_tokens)
    found = digest([section], aim, KIND, room, before=before, after=after)
    return found if 0 < len(found.text) < len(text) else None


def cut(lines: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Return the blocks between rules, else between empty lines, and a last line below."""
    ruled = any(RULE.match(line) for line in lines[:3])
    blocks: list[list[str]] = [[]]
    for line in lines:
        if RULE.match(line) if ruled else not line.strip():
            blocks.append([])
        elif line.strip():
            blocks[-1].append(line)
    after = []
    if ruled and blocks[-1] and not FIELD.match(blocks[-1][-1].strip()):
        after.append(blocks[-1].pop())
    return [block for block in blocks if block], after


def record(block: Sequence[str]) -> Row | None:
    """Return a block as a row; a line without a key goes on with the value above it."""
    if len(block) > MOST_LINES:
        return None
    row: Row = {}
    key, keyed = "", 0
    margin = min(len(line) - len(line.lstrip()) for line in block)
    for line in block:
        indent = len(line) - len(line.lstrip())
        found = FIELD.match(line.strip())
        if found and (indent == margin or margin > 0) and found[1] not in row:
            key, keyed = found[1], keyed + 1
            row[key] = (found[2] or "").strip()
        elif key:
            row[key] = f"{row[key]}\n{line.strip()}"
        else:
            return None
    return row if len(row) > 1 and keyed >= LEAST_KEYED * len(block) else None
