"""Choose the units of a body that a budget can hold, best first, shown in source order."""

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate

from coatcheck.reducers.terms import ENDINGS, UNSPACED, WORD, Term, fold, stem, terms

SATURATION = 1.2
LENGTH_SHARE = 0.6
WEAK_BELOW = 0.3
ENOUGH = 2.0
LIKENESS = 0.75
MOST_LOOKALIKES = 5_000
MOST_CHARACTERS = 2_000_000


def relevance(units: Sequence[str], focus: str) -> list[float]:
    """Return one score per unit, 0.0 where nothing of focus occurs in it.

    BM25 over words with other endings, whole identifiers and their parts, quoted phrases, numbers
    and dates in several written forms. Where a word occurs nowhere, words like it count a little.
    """
    scores = [0.0] * len(units)
    wanted = terms(focus)
    if not wanted or not units:
        return scores
    text = Text(units)
    mean = (len(text.raw) / len(units)) or 1.0
    for term in wanted:
        counts = text.counts(term) or text.near(term)
        weight = term.weight * math.log(1 + (len(units) - len(counts) + 0.5) / (len(counts) + 0.5))
        for index, count in counts.items():
            long = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * len(units[index]) / mean)
            scores[index] += weight * count * (1 + SATURATION) / (count + long)
    return scores


class Text:
    """The units joined by newlines, so that one pass per term finds all its places."""

    def __init__(self, units: Sequence[str]) -> None:
        self.raw = "\n".join(units)
        self.folded = fold(self.raw)
        self.starts = list(accumulate((len(unit) + 1 for unit in units), initial=0))[:-1]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The words of the first two million characters."""
        return frozenset(WORD.findall(self.folded[:MOST_CHARACTERS]))

    def counts(self, term: Term) -> dict[int, float]:
        """Return how often term occurs, by index of the unit; a partial match counts less."""
        found: defaultdict[int, float] = defaultdict(float)
        for form in term.forms:
            if form.partition(" ")[0] not in self.folded:
                continue  # much faster than the pattern
            for match in pattern(form, term.is_exact).finditer(self.folded):
                worth = self.worth(match, term.is_exact)
                if worth:
                    found[bisect_right(self.starts, match.start()) - 1] += worth
        return found

    def worth(self, match: re.Match[str], is_exact: bool) -> float:
        """Return 1 for a whole word, less for the beginning or the inside of one."""
        start, end = match.span()
        begins = self.is_edge(start - 1, start)
        if is_exact:
            return float(begins and self.is_edge(end - 1, end))
        size = end - start - len(match.group(1))
        if begins and (
            ENDINGS.match(match.group(1)) or self.is_edge(start + size - 1, start + size)
        ):
            return 1.0
        if size < 4:
            return 0.0
        return 0.5 if begins else 0.25

    def is_edge(self, left: int, right: int) -> bool:
        """Tell whether a word ends between two neighbouring places, or a part in camelCase."""
        one, two = self.raw[left:right], self.raw[right : right + 1]
        if one.isdigit() != two.isdigit() and self.is_worded(left, right):
            return True
        if not (one.isalnum() and two.isalnum()) or (not one.isupper() and two.isupper()):
            return True
        return UNSPACED.match(one) is not None or UNSPACED.match(two) is not None

    def is_worded(self, left: int, right: int) -> bool:
        """Tell whether three letters or more stand beside a number, as in tier17Price."""
        return (self.raw[max(0, left - 2) : right].isalpha() and left > 1) or self.raw[
            right : right + 3
        ].isalpha()

    def near(self, term: Term) -> dict[int, float]:
        """Return counts of words that are written almost like term, which occurs nowhere."""
        form = term.forms[0]
        if len(form) < 5 or term.is_exact or not form.isalpha():
            return {}
        found: defaultdict[int, float] = defaultdict(float)
        for word in lookalikes(form, self.vocabulary):
            for index, count in self.counts(Term((word,), is_exact=True)).items():
                found[index] += count / 2
        return found


def pattern(form: str, is_exact: bool) -> re.Pattern[str]:
    """Return a pattern for one form; any white space matches a space in it.

    A number that is only a part of a longer one does not match: not 0.4.0 in 10.4.0 or 0.4.0.1.
    """
    literal = re.escape(form).replace(r"\ ", r"\s+")
    if not is_exact:
        return re.compile(literal + r"([^\W\d_]*)")
    head = rf"(?<!\d\.)(?<!\d){literal}" if form[0].isdigit() else literal
    return re.compile(head + r"(?!\.?\d)" if form[-1].isdigit() else head)


def lookalikes(word: str, vocabulary: Iterable[str]) -> list[str]:
    """Return at most three words of vocabulary that are written almost like word, best first."""
    size = len(word)
    near = sorted(w for w in vocabulary if w[0] == word[0] and size - 2 <= len(w) <= size + 5)
    stems = {stem(other): other for other in near[:MOST_LOOKALIKES]}
    return [stems[one] for one in get_close_matches(word, stems, n=3, cutoff=LIKENESS)]


def coverage(units: Sequence[str], focus: str) -> list[float]:
    """Return for each unit the share of focus that occurs in it, from 0.0 to 1.0."""
    held = [0.0] * len(units)
    wanted = terms(focus)
    if not wanted or not units:
        return held
    text = Text(units)
    for term in wanted:
        for index in text.counts(term) or text.near(term):
            held[index] += term.weight
    whole = sum(term.weight for term in wanted)
    return [part / whole for part in held]


def is_weak(units: Sequence[str], scores: Sequence[float], focus: str) -> bool:
    """Tell whether a focus was given but even the best unit holds hardly anything of it.

    Of a long focus, two words or one identifier in the best unit are enough.
    """
    whole = sum(term.weight for term in terms(focus))
    best = max(range(len(scores)), key=lambda i: (scores[i], -i), default=None)
    if not whole or best is None or scores[best] <= 0:
        return whole > 0
    return coverage([units[best]], focus)[0] < min(WEAK_BELOW, ENOUGH / whole)


def fill(
    costs: Sequence[int], values: Sequence[float], budget: int, *, first: Iterable[int] = ()
) -> list[int]:
    """Return the indices that fit into budget, in source order.

    The units named in first claim the budget before the others, in the order given; the rest
    follow by falling value (ties by position). A unit that does not fit is passed over.
    """
    order = dict.fromkeys(first)
    order.update(
        dict.fromkeys(sorted((i for i, v in enumerate(values) if v > 0), key=lambda i: -values[i]))
    )
    left, chosen = budget, []
    for index in order:
        if costs[index] <= left:
            left -= costs[index]
            chosen.append(index)
    return sorted(chosen)


def runs(chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last index of each run of consecutive indices; chosen is sorted."""
    start = previous = None
    for index in chosen:
        if previous is None or index != previous + 1:
            if start is not None and previous is not None:
                yield start, previous
            start = index
        previous = index
    if start is not None and previous is not None:
        yield start, previous
