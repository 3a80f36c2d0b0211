"""Read a focus against records: which columns it names, which values, which extremes."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coatcheck.reducers.columns import Column, vocabulary, words
from coatcheck.reducers.rawjson import Value, scalar
from coatcheck.reducers.shape import Section, split

WORD = re.compile(r"[^\W_]+")
LONGEST_PHRASE = 8
MOST = vocabulary("highest largest most max maximum top best biggest longest greatest peak")
LEAST = vocabulary("lowest smallest least min minimum fewest shortest cheapest worst")
LAST = vocabulary("latest newest last recent")
FIRST = vocabulary("oldest earliest first")
COMMON = vocabulary(
    "a an and any are as at be by did do does for from has have how i if in is it its me my no not"
    " of on or our so such than that the their them then there these they this those to was we were"
    " what when where which who why will with would you your all each find show list get"
)


@dataclass(frozen=True, slots=True)
class Wants:
    """A focus in pieces: its words, and every phrase of up to eight of them."""

    text: str
    words: frozenset[str]
    phrases: frozenset[str]

    def names(self, path: str) -> bool:
        """Tell whether the focus names the column of path (its last key, any number of words)."""
        parts = words(split(path)[1])
        return bool(parts) and all(self._has(part) for part in parts)

    def holds(self, text: str) -> str:
        """Return text in plain words if the focus holds it as a phrase, else ""."""
        plain = " ".join(WORD.findall(text[:200].casefold()))
        return plain if plain in self.phrases else ""

    def _has(self, word: str) -> bool:
        return (
            word in self.words or word + "s" in self.words or word.removesuffix("s") in self.words
        )


def read(focus: str) -> Wants:
    """Take a focus apart."""
    found = WORD.findall(focus.casefold())[:400]
    phrases = {
        " ".join(found[i : i + n])
        for n in range(1, LONGEST_PHRASE + 1)
        for i in range(len(found) - n + 1)
    }
    named = {word.lower() for word in words(focus)} | set(found)
    return Wants(focus, frozenset(named), frozenset(phrases - COMMON - {""}))


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
    for index, row in enumerate(section.rows):
        for path, value in row.items():
            for text in texts(value):
                plain = wants.holds(text)
                if plain:
                    found.setdefault(path, []).append((index, plain))
    return found


def extremes(wants: Wants, section: Section, columns: dict[str, Column]) -> list[int]:
    """Return the rows that stand at the end of a named column that the focus asks about."""
    most = bool(wants.words & (MOST | LAST))
    least = bool(wants.words & (LEAST | FIRST))
    if not (most or least):
        return []
    chosen: list[int] = []
    for column in columns.values():
        if column.kind not in ("number", "text") or not wants.names(column.path):
            continue
        ranked = _ranked(section, column)
        if len(ranked) > 1:
            chosen += _ends(ranked, most=most, least=least)
    return list(dict.fromkeys(chosen))


def _ranked(section: Section, column: Column) -> list[tuple[float, int]]:
    if column.kind != "number":
        return []
    known = []
    for index, row in enumerate(section.rows):
        number = as_number(row.get(column.path))
        if number is not None:
            known.append((number, index))
    return sorted(known)


def _ends(ranked: Sequence[tuple[float, int]], *, most: bool, least: bool) -> list[int]:
    high = [i for n, i in ranked if n == ranked[-1][0]][:3] if most else []
    low = [i for n, i in ranked if n == ranked[0][0]][:3] if least else []
    return high + low


def as_number(value: Value) -> float | None:
    """Return value as a number to compare by, None when it is none."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return None if math.isnan(number) else number
    return None


def texts(value: Value) -> Iterable[str]:
    """Yield the scalars of a cell as text; empties, true and false tell nothing."""
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(reversed(node))
        elif isinstance(node, dict):
            todo.extend(reversed(node.values()))
        elif node is not None and not isinstance(node, bool):
            yield scalar(node)
