"""Choose the units of a body that a budget can hold, best first, shown in source order."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W_]+")


def relevance(units: Sequence[str], focus: str) -> list[float]:
    """Return one score per unit, 0.0 where nothing of focus occurs in it (BM25)."""
    terms = list(dict.fromkeys(WORD.findall(focus.casefold())))
    counts = [Counter(WORD.findall(unit.casefold())) for unit in units]
    lengths = [sum(count.values()) for count in counts]
    mean = (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0
    found = {term: sum(term in count for count in counts) for term in terms}
    weight = {t: math.log(1 + (len(units) - n + 0.5) / (n + 0.5)) for t, n in found.items() if n}
    return [
        sum(
            w * c[t] * 2.2 / (c[t] + 1.2 * (0.25 + 0.75 * length / mean))
            for t, w in weight.items()
            if c[t]
        )
        for c, length in zip(counts, lengths, strict=True)
    ]


def fill(
    costs: Sequence[int], values: Sequence[float], budget: int, *, first: Iterable[int] = ()
) -> list[int]:
    """Return the indices that fit into budget, in source order.

    The units named in first claim the budget before the others, in the order given; the rest
    follow by falling value (ties by position). A unit that does not fit is passed over.
    """
    order = dict.fromkeys(first)
    order.update(dict.fromkeys(sorted(range(len(costs)), key=lambda i: (-values[i], i))))
    left, chosen = budget, []
    for index in order:
        if costs[index] <= left and (values[index] > 0 or index in set(first)):
            left -= costs[index]
            chosen.append(index)
    return sorted(chosen)
