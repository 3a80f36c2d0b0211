"""Read a focus against records: which columns it names, which values, which extremes."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.columns import Column, vocabulary, words
from coatcheck.reducers.measures import measure
from coatcheck.reducers.rawjson import Value
from coatcheck.reducers.shape import Section, split

WORD = re.compile(r"[^\W_]+")
LONGEST_PHRASE = 8
MANY_WORDS = 30
MOST = vocabulary(
    "highest largest most max maximum top best biggest longest greatest peak heaviest slowest"
    " strongest busiest"
)
LEAST = vocabulary(
    "lowest smallest least min minimum fewest shortest cheapest worst fastest weakest"
)
LAST = vocabulary("latest newest last recent")
FIRST = vocabulary("oldest earliest first")
COMPARED = ("number", "time")
TROUBLE = vocabulary(
    "unhealthy failing failed failure failures broken crash crashing crashed crashes error errors"
    " erroring problem problems wrong down degraded stuck unavailable unready alerting"
)
NOT_GOOD = re.compile(
    r"\b(?:not|isn t|aren t|non|never) (?:\w+ )?(?:healthy|ready|running|ok|working|up)\b"
)
# Names of columns that are short for what people say.
SHORT = {
    short: frozenset(long.split())
    for short, long in {
        "mem": "memory",
        "rss": "memory",
        "msg": "message messages",
        "desc": "description",
        "qty": "quantity",
        "amt": "amount",
        "dest": "destination",
        "src": "source",
        "addr": "address",
        "ip": "address",
        "duration": "slow slowest fastest slower latency",
        "elapsed": "slow slowest fastest slower latency",
        "latency": "slow slowest fastest slower",
        "ms": "slow slowest fastest slower latency duration",
        "count": "number many",
        "size": "big biggest large",
        "mag": "magnitude strongest weakest",
        "magnitude": "strongest weakest",
        "price": "cheapest expensive cost",
        "age": "oldest youngest",
    }.items()
}
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
TOP_COUNT = re.compile(
    r"\b(?:top|first|last|the|which) (\d{1,2})\b|\b(\d{1,2}) (?:most|least|\w+est)\b"
)
VERBS = vocabulary("has have is are can was")
COMMON = vocabulary(
    "a an and any are as at be by did do does for from has have how i if in is it its me my no not"
    " of on or our so such than that the their them then there these they this those to was we were"
    " what when where which who why will with would you your all each find show list get"
)


@dataclass(frozen=True, slots=True)
class Wants:
    """A focus in pieces: its words, every phrase of up to eight of them, how many it asks for."""

    text: str
    many: int
    words: frozenset[str]
    phrases: frozenset[str]

    def names(self, path: str) -> bool:
        """Tell whether the focus names the column of path: all words of its last key.

        In a long focus one word alone names no column.
        """
        if not self.words:
            return False
        last = split(path)[1]
        parts = [part for part in words(last.split("(")[0] or last) if part not in VERBS]
        if len(parts) < 2 and len(self.words) > MANY_WORDS:
            return False
        return bool(parts) and all(self._has(part) for part in parts)

    def holds(self, text: str) -> str:
        """Return text in plain words if the focus holds it as a phrase, else ""."""
        first = WORD.search(text := text[:200].casefold())
        if first is None or first[0] not in self.words:
            return ""
        plain = " ".join(WORD.findall(text))
        return plain if plain in self.phrases else ""

    def _has(self, word: str) -> bool:
        """Tell whether the focus has word, its plural or singular, or what it is short for."""
        if word in self.words or word + "s" in self.words or word.removesuffix("s") in self.words:
            return True
        return word in SHORT and not self.words.isdisjoint(SHORT[word])


def read(focus: str) -> Wants:
    """Take a focus apart."""
    found = WORD.findall(focus.casefold())[:400]
    phrases = {
        " ".join(found[i : i + n])
        for n in range(1, LONGEST_PHRASE + 1)
        for i in range(len(found) - n + 1)
    }
    named = {word.lower() for word in words(focus)} | set(found)
    return Wants(focus, _many(focus), frozenset(named), frozenset(phrases - COMMON - {""}))


def _many(focus: str) -> int:
    """Return how many rows a focus such as "the three largest" or "top 5" asks for."""
    plain = focus.casefold()
    match = TOP_COUNT.search(plain)
    if match:
        return max(1, int(match[1] or match[2]))
    return next((COUNTS[word] for word in WORD.findall(plain) if word in COUNTS), 1)


def exact(wants: Wants, section: Section, columns: dict[str, Column]) -> list[float]:
    """Return per row how much of it the focus names word for word; rare values count more."""
    total = len(section.rows)
    scores = [0.0] * total
    if not wants.phrases:
        return scores
    for path, hits in _hits(wants, section).items():
        if columns[path].same is not None and total > 1:
            continue
        often = Counter(plain for _, plain in hits)
        named = 2.0 if wants.names(path) else 1.0
        for index, plain in hits:
            weight = math.log(1 + total / often[plain]) * (0.5 + 0.5 * plain.count(" ") + named)
            scores[index] += weight * (0.2 if len(plain) < 3 and named < 2 else 1.0)
    return scores


def _hits(wants: Wants, section: Section) -> dict[str, list[tuple[int, str]]]:
    """Return by column the rows, and the plain words, of the cells that the focus names."""
    found: dict[str, list[tuple[int, str]]] = {}
    memo: dict[str, str] = {}
    for index, row in enumerate(section.rows):
        for path, value in row.items():
            if isinstance(value, str):
                plain = memo.get(value)
                if plain is None:
                    plain = memo[value] = wants.holds(value)
                if plain:
                    found.setdefault(path, []).append((index, plain))
            elif value is True and wants.names(path):
                found.setdefault(path, []).append((index, "true"))
            elif isinstance(value, list | dict):
                plains = filter(None, map(wants.holds, texts(value)))
                found.setdefault(path, []).extend((index, plain) for plain in plains)
    return found


def extremes(wants: Wants, section: Section, columns: dict[str, Column]) -> list[int]:
    """Return the rows that stand at the end of a column that the focus asks about.

    The column is one it names; for "latest" and "oldest" also the first column of times.
    """
    high = bool(wants.words & (MOST | LAST))
    low = bool(wants.words & (LEAST | FIRST))
    if not (high or low):
        return []
    asked = [c for c in columns.values() if c.kind in COMPARED and wants.names(c.path)]
    if not asked and wants.words & (LAST | FIRST):
        asked = [c for c in columns.values() if c.kind == "time"][:1]
    chosen: list[int] = []
    for column in asked:
        ranked = _ranked(section, column)
        if len(ranked) > 1 and ranked[0][0] < ranked[-1][0]:
            chosen += _top(ranked[::-1], wants.many) if high else []
            chosen += _top(ranked, wants.many) if low else []
    return list(dict.fromkeys(chosen))


def _ranked(section: Section, column: Column) -> list[tuple[float, int]]:
    known = []
    for index, row in enumerate(section.rows):
        value = row.get(column.path)
        size = measure(value) if isinstance(value, str) else None
        if size is not None:
            known.append((size, index))
    return sorted(known)


def _top(ranked: Sequence[tuple[float, int]], many: int) -> list[int]:
    """Return the first rows, as many as asked for, and up to two that equal the last of them."""
    limit = ranked[min(many, len(ranked)) - 1][0]
    equal = [index for size, index in ranked[many : many + 2] if size == limit]
    return [index for _, index in ranked[:many]] + equal


def asks_for_trouble(wants: Wants) -> bool:
    """Tell whether the focus asks what is failing: an error word, or a good one with a not."""
    plain = " ".join(WORD.findall(wants.text.casefold()))
    return bool(wants.words & TROUBLE) or NOT_GOOD.search(plain) is not None


def texts(value: Value) -> Sequence[str]:
    """Return the scalars of a cell as text; empties, true and false tell nothing."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | dict):
        return ()
    found: list[str] = []
    todo: list[Value] = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(reversed(node))
        elif isinstance(node, dict):
            todo.extend(reversed(node.values()))
        elif isinstance(node, str):
            found.append(node)
    return found
