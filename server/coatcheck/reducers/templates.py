"""Group lines that say the same with other values, and count those values."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coatcheck.reducers.lines import LONG_LINE

APART = r"\s,;|=(){}\[\]\"'<>"
VARYING = re.compile(rf"(?<![^{APART}])[^{APART}\d]*+\d[^{APART}]*+")
WORDS = re.compile(rf"[^{APART}]+")
DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
DATE = (
    rf"(?:(?:{DAYS}),? +)?(?:"
    r"\d{1,4}[-./]\d{1,2}(?:[-./]\d{1,4})?"
    rf"|\d{{1,2}}[ /-](?:{MONTHS})[ /-]\d{{2,4}}|(?:{MONTHS}) +\d{{1,2}}(?:,? \d{{4}})?"
    r"|\d{8})[T :_|-]+"
)
STAMP = re.compile(
    rf"[\[(<]?(?:(?:{DATE})?\d{{1,2}}:\d{{1,2}}(?::\d{{1,2}})?(?:[.,:]\d+)?(?![\d:])"
    r"|\d{6} \d{6}\b|\d{10,13}(?:\.\d+)?\b)"
    r"(?: ?(?:Z|UTC|GMT|AM|PM)\b)?(?: ?[+-]\d\d:?\d\d\b)?(?: \d{4}\b)?[\])>]?(?: - |[\s|,:])*"
)
TIME = re.compile(r"(?:\d+[-/]\w+[-/]\d+[T:_])?\d{1,2}:\d\d:\d\d")
REPEATED = re.compile(r"\*(?:[\s,|]+\*)+")
DIGIT = re.compile(r"\d")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?\w{0,2}")
NAME = re.compile(r"[^\W\d]")
SEVERAL = 5
MOST_KEYS = 3000
MOST_WORDS = 40
LISTED_VALUES = 12
FEW_VALUES = 3
LONG_VALUE = 5
LISTED_CHARS = 200


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines alike: their indices in order, and their words with "0" where a value stands."""

    members: Sequence[int]
    words: Key


def stamp_end(line: str) -> int:
    """Return where the text after the time stamp at the beginning of line starts, 0 without one."""
    found = STAMP.match(line)
    return found.end() if found else 0


def grouped(lines: Sequence[str]) -> list[Group]:
    """Return the groups of lines alike, in order of their first line; blank lines are in none.

    First every word with a digit counts as a value; then a word counts as one if, all others
    being equal, a value or at least five different words stand in its place.
    """
    exact: dict[str, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        line = line[:LONG_LINE]
        key = VARYING.sub("0", line[stamp_end(line) :]).strip()
        if key:
            exact[key].append(index)
    split = {key: tuple(WORDS.findall(key)) for key in exact}
    masks = merged(list(dict.fromkeys(split.values()))) if len(exact) <= MOST_KEYS else {}
    groups: dict[Key, list[int]] = defaultdict(list)
    for key, members in exact.items():
        words = split[key]
        groups[masks.get(words, words) if words else (key,)].extend(members)
    found = [Group(sorted(members), words) for words, members in groups.items()]
    return sorted(found, key=lambda group: group.members[0])


def merged(keys: Sequence[Key]) -> dict[Key, Key]:
    """Return the mask of each key in which a place, or two, hold different words."""
    masks = {key: key for key in keys}
    for _ in range(2):
        there = set(masks.values())
        kinds = Counter(blank for key in there for blank in blanked(key) if blank != key)
        for key, mask in masks.items():
            ranks = [(-kinds[b] - SEVERAL * (b in there), p) for p, b in enumerate(blanked(mask))]
            best, place = min(ranks, default=(0, 0))
            if -best >= SEVERAL:
                masks[key] = blanked(mask)[place]
    return {key: masks.get(mask, mask) for key, mask in masks.items()}


def blanked(key: Key) -> list[Key]:
    """Return key once per place, with "0" there; nothing for a key of one word or very many."""
    if not 2 <= len(key) <= MOST_WORDS:
        return []
    return [(*key[:p], "0", *key[p + 1 :]) for p in range(len(key))]


def varying(lines: Sequence[str], group: Group) -> dict[int, Counter[str]]:
    """Return the values and how often they occur, by place, where the lines of group differ."""
    rows = [row for i in group.members if len(row := words_of(lines[i])) == len(group.words)]
    columns = {p: Counter(row[p] for row in rows) for p, w in enumerate(group.words) if w == "0"}
    return {place: counts for place, counts in columns.items() if len(counts) > 1}


def words_of(line: str) -> list[str]:
    """Return the words of line after its time stamp."""
    line = line[:LONG_LINE]
    return WORDS.findall(line[stamp_end(line) :])


def pattern(line: str, values: Mapping[int, Counter[str]], detail: int) -> str:
    """Return line without its time, and with what stands in the places that vary.

    With detail 0 that is "*", also for long values that do not vary; with 1 up to 12 values are
    listed with counts, as in "status {200 (77), 404 (13)}"; with 2 of more the first and the
    last: "{a … z, 35 values}".
    """
    body = line[stamp_end(line) : LONG_LINE]
    out, end = [], 0
    for place, word in enumerate(WORDS.finditer(body)):
        if place in values or (detail == 0 and is_long_value(word[0])):
            told = listed(values[place], detail) if place in values else "*"
            out += [body[end : word.start()], told]
            end = word.end()
    rest = " …" if len(line) > LONG_LINE else ""
    return REPEATED.sub("*", "".join(out) + body[end:] + rest).strip()


def is_long_value(word: str) -> bool:
    """Tell whether word looks like an id, an address or a time rather than a name."""
    return len(word) > LONG_VALUE and 2 * len(DIGIT.findall(word)) >= min(len(word), 12)


def named(values: Mapping[int, Counter[str]], words: Key) -> str:
    """Return the listed values of each place that varies, after the word before it."""
    out = []
    for place, counts in values.items():
        if (told := listed(counts, 1)) != "*":
            before = words[place - 1] if place else ""
            out.append(f"{before} {told}" if NAME.search(before) else told)
    return "; ".join(out)


def listed(counts: Counter[str], detail: int) -> str:
    """Return values with their counts, the most frequent first; "*" for times and many values."""
    first, last = next(iter(counts)), next(reversed(counts))
    if detail == 0 or TIME.match(first):
        return "*"
    single = max(counts.values()) == 1
    if len(counts) > (FEW_VALUES if single else LISTED_VALUES):
        return "*" if detail == 1 else f"{{{first} … {last}, {len(counts):,} values}}"
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    text = ", ".join(f"{value} ({count:,})" for value, count in ranked)
    return f"{{{text}}}" if len(text) <= LISTED_CHARS or detail == 2 else "*"


def told_values(values: Mapping[int, Counter[str]]) -> str:
    """Return all values of the places with 12 at most: names, then addresses; no bare numbers."""
    small = [counts for counts in values.values() if len(counts) <= LISTED_VALUES]
    few = [c for c in small if not TIME.match(v := next(iter(c))) and not NUMBER.fullmatch(v)]
    out = ""
    for counts in sorted(few, key=lambda c: NAME.search(next(iter(c))) is None):
        parts = [f"{v} ({n:,})" if n > 1 else v for v, n in counts.most_common()]
        if len(out) + len(text := "{" + ", ".join(parts) + "}") <= LISTED_CHARS:
            out += f" {text}" if out else text
    return out
