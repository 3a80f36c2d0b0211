"""Say what each column of a section is, how much a reader wants it, and its computed profile."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.codec import NUMBER
from coatcheck.reducers.lines import is_severe
from coatcheck.reducers.measures import measure, moment
from coatcheck.reducers.rawjson import Value, scalar
from coatcheck.reducers.shape import KEY, Row, Section, split

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")
LINK = re.compile(r"(?:https?|git|ssh|wss?)://\S+|git@\S+")
BLOB = re.compile(r"[A-Za-z0-9+/_=-]{100,}")


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of text as a set."""
    return frozenset(text.split())


TOP = vocabulary("name title label subject summary headline number key login username slug symbol")
HANDLE = vocabulary("id sha uuid guid arn ref identifier commit email version tag path file host")
STATE = vocabulary(
    "state status conclusion action type kind level severity priority phase reason error errors"
    " code message result outcome available enabled active failed warning exit"
)
FACT = vocabulary(
    "language branch owner author assignee license visibility environment region price amount cost"
    " total duration size currency priority role category team country address"
)
TEXT = vocabulary("description body note notes content text comment detail details")
TIME = vocabulary("at date time timestamp created updated modified on")
# Keys whose value is what the row is called by even if it is a link.
IDENTITY = vocabulary("id guid doi arn")
# Words that name a row, but are no name of a column worth more than others.
NAMING = vocabulary("code uid url sku handle")
CALENDAR = vocabulary("day week month quarter year hour minute")
OPAQUE = vocabulary("gravatar avatar etag checksum signature nonce")
HEALTH = vocabulary("state status conclusion phase result outcome health ready")
TELLING = HEALTH | vocabulary("level severity reason error errors exit failed")
PAGING = re.compile(
    r"(?:\w+ )?total(?: \w+)?|count|(?:\w+ )*cursor|(?:next|previous|prev)(?: \w+)*|pages?"
    r"|page (?:size|count|number|token)|per page|limit|offset|start at|max results"
    r"|(?:\w+ )*(?:page|continuation|pagination) token|marker"
    r"|(?:\w+ )?has (?:more|next|previous)(?: \w+)?"
    r"|(?:\w+ )?truncated|incomplete(?: \w+)?|is last|remaining|(?:last )?evaluated key"
)
GOOD = vocabulary(
    "running ready active ok success successful succeeded passed pass completed complete available"
    " healthy up true enabled open closed merged done delivered paid normal info bound synced"
    " online deployed associated resolved green yes insync finished established listen none debug"
    " trace notice verbose"
)
ERRORS = vocabulary("error errors exception failure")
POOR = {"empty": 0.05, "opaque": 0.1, "link": 0.3, "blob": 0.6}
PUBLIC_LINKS = ("html_url", "web_url", "permalink", "webViewLink", "link", "url", "href")


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of one column over all rows of its section.

    value says how much a reader wants it; present and filled count its cells; same holds the one
    text of a column that has one value in every row. kind: empty, link, opaque, blob, list, number
    (anything that compares), time, text.
    """

    path: str
    kind: str
    value: float
    present: int
    filled: int
    distinct: int
    same: str | None


def is_total(path: str) -> bool:
    """Tell whether the last key names a total, a cursor or another part of pagination."""
    return PAGING.fullmatch(" ".join(words(split(path)[1]))) is not None


def words(path: str) -> list[str]:
    """Return the lower-case words of a key: created_at and createdAt give created, at."""
    return [word.lower() for word in WORD.findall(path)]


def describe(section: Section) -> dict[str, Column]:
    """Return the columns of a section in order of appearance."""
    cells: dict[str, list[Value]] = {}
    for row in section.rows:
        for path, value in row.items():
            cells.setdefault(path, []).append(value)
    public = next((p for p in PUBLIC_LINKS if p in cells), "")
    total = len(section.rows)
    return {path: _column(path, found, total, public) for path, found in cells.items()}


def _column(path: str, found: list[Value], total: int, public: str) -> Column:
    texts = [v if isinstance(v, str) else _as_text(v) for v in found]
    different = set(texts)
    kind = _kind(path, found, texts)
    value = _wanted(path, kind)
    if path == public and kind == "link" and len(different) > total // 2:
        kind, value = "text", 0.9
    lone = len(different) == 1 and len(found) == total
    filled = len(found) - sum(map(_is_blank, found))
    same = texts[0] if lone else None
    return Column(path, kind, value, len(found), filled, len(different), same)


def _is_blank(value: Value) -> bool:
    return value is None or value in ("", [], {})


def _as_text(value: Value) -> str:
    return repr(value) if isinstance(value, list | dict) else scalar(value)


def _kind(path: str, found: list[Value], texts: list[str]) -> str:
    filled = [t for v, t in zip(found, texts, strict=True) if not _is_blank(v)]
    if not filled:
        return "empty"
    if any(isinstance(v, list | dict) for v in found[:50]):
        return "list"
    sample = filled[:50]
    last = words(path)[-2:]
    if 5 * sum(LINK.fullmatch(t) is not None for t in sample) >= 4 * len(sample):
        return "text" if IDENTITY.intersection(last[-1:]) else "link"
    if last == ["node", "id"] or OPAQUE.intersection(last):
        return "opaque"
    if all(map(BLOB.fullmatch, sample)):
        return "blob"
    if all(map(NUMBER.fullmatch, sample)):
        return "number"
    if all(moment(text) is not None for text in sample):
        return "time"
    return "number" if all(measure(text) is not None for text in sample) else "text"


def _wanted(path: str, kind: str) -> float:
    depth = path.count(".")
    if kind in POOR:
        return POOR[kind] * 0.8**depth
    if path == KEY:
        return 4.0
    parts = words(split(path)[1]) or [""]
    last = parts[-1]
    base = 1.5 if kind == "number" else 1.2
    for group, value in (
        (TOP, 3.0),
        (STATE, 2.8),
        (HANDLE, 2.6),
        (FACT, 2.0),
        (TEXT, 2.4),
        (TIME, 1.6),
    ):
        if last in group:
            base = value
            break
    if depth == 0 and is_total(path):
        base = max(base, 2.0)
    if len(parts) > 2:
        base *= 0.85
    return float(base * 0.75**depth)


def handle_of(section: Section, columns: dict[str, Column]) -> str:
    """Return the column that names a row best: present in nearly all, nearly unique, short."""
    total = len(section.rows)
    about = {w.removesuffix("s") for w in words(split(section.path)[1])}
    best, best_score = "", 0.0
    for position, column in enumerate(columns.values()):
        if column.kind not in ("text", "number", "time") or 10 * column.present < 9 * total:
            continue
        score = _handle_score(column, about, total) - 0.001 * position
        if score > best_score:
            best, best_score = column.path, score
    return best


def _handle_score(column: Column, about: set[str], total: int) -> float:
    if column.distinct < 2 and total > 1:
        return 0.0
    parts = words(column.path) or [""]
    score = _naming(column, parts)
    if parts[-1] == "arn":
        score -= 1.5
    if score >= 2 and about.intersection(parts):
        score += 1.5
    score -= 1.0 * column.path.count(".")
    return score * (column.distinct / total) ** 2 if total else 0.0


def _naming(column: Column, parts: list[str]) -> float:
    """Say how much a column's name sounds like the name of its row."""
    if column.path == KEY:
        return 6.0
    if column.path == "full_name":
        return 5.0
    if parts[-1] in TOP:
        return 4.0
    if parts[-1] in HANDLE:
        return 3.0
    if parts[-1] in NAMING:
        return 2.5
    if column.kind == "text" and not TEXT.intersection(parts[-1:]):
        return 1.2
    if TIME.intersection(parts) or parts[-1] in CALENDAR:
        return 1.0
    return 0.5


def troubled(section: Section, columns: dict[str, Column]) -> list[int]:
    """Return the rows whose state is an error, or is not a good one where other rows' is.

    Rows that only warn count where none is worse.
    """
    bad: set[int] = set()
    warned: set[int] = set()
    for column in columns.values():
        last = words(split(column.path)[1])[-1:]
        if not TELLING.intersection(last) or column.distinct > 30 or column.kind == "list":
            continue
        states = [scalar(row.get(column.path)) for row in section.rows]
        kinds = {state: _trouble(state) for state in set(states)}
        has_good = bool(HEALTH.intersection(last)) and "good" in kinds.values()
        for index, state in enumerate(states):
            kind = kinds[state]
            if kind == "bad" or (kind == "other" and has_good):
                bad.add(index)
            elif kind == "warning":
                warned.add(index)
    return sorted(bad or warned)


def _trouble(state: str) -> str:
    """Sort a state into good, warning, bad, or other."""
    parts = words(state)
    if is_severe(state):
        return "warning" if {"warning", "warn"}.intersection(parts) else "bad"
    return "good" if not parts or GOOD.intersection(parts) or state == "null" else "other"


def profile(section: Section, column: Column, handle: str) -> str:
    """Return what code computed over all rows of a column, "" where nothing helps."""
    values = [
        (scalar(row[column.path]), row)
        for row in section.rows
        if column.path in row and not isinstance(row[column.path], list | dict | None)
    ]
    if column.kind in ("number", "time"):
        return _ends(column, values, handle)
    counts = Counter(text for text, _ in values)
    if len(counts) < 2 or 2 * len(counts) > len(values):
        return ""
    top = sorted(counts.items(), key=lambda kv: -kv[1])[:6]
    if sum(len(text) for text, _ in top) > 240:
        return ""
    rest = len(counts) - len(top)
    more = f", {rest} more values" if rest else ""
    return f"{column.path}: " + ", ".join(f"{text or '(empty)'} = {n}" for text, n in top) + more


def _ends(column: Column, values: Sequence[tuple[str, Row]], handle: str) -> str:
    known = [(size, text, row) for text, row in values if (size := measure(text)) is not None]
    if len(known) < 2 or column.path == handle:
        return ""
    low = min(known, key=lambda item: item[0])
    high = max(known, key=lambda item: item[0])
    if low[0] == high[0]:
        return ""
    return f"{column.path}: min {low[1]}{_at(low[2], handle)}, max {high[1]}{_at(high[2], handle)}"


def ends_of(section: Section, path: str) -> list[int]:
    """Return the rows with the lowest and the highest value of a column that can be compared."""
    sizes = [(measure(str(row.get(path) or "")), i) for i, row in enumerate(section.rows)]
    known = [(size, i) for size, i in sizes if size is not None]
    return [min(known)[1], max(known)[1]] if 2 * len(known) > len(sizes) else []


def _at(row: Row, handle: str) -> str:
    return f" ({scalar(row[handle])})" if handle and handle in row else ""
