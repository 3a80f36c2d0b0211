"""Reduce source code to an outline with line numbers, and to the bodies that the focus names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from coatcheck.reducers.budget import tightened
from coatcheck.reducers.select import fill, relevance
from coatcheck.reducers.symbols import (
    IMPORT,
    MAX_LINE,
    Source,
    Symbol,
    source_of,
    symbols,
)
from coatcheck.reducers.wordlist import words
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

MAX_CHARS = 10_000_000
MAX_LINES = 100_000  # no file a person wrote has as many
MAX_COMMENT = 60  # lines above a symbol that are taken with it
MAX_IMPORTS = 300  # characters of the names in the line about imports
BODY_SHARE = 0.75  # of the budget, for the bodies that the focus names
AROUND = 0.4  # of the budget, for the outline around them
MARK = 8  # tokens of a line that says which lines follow
BRIEF = 3  # tokens that line number and comma add to a name
WORD = re.compile(r"[A-Za-z_$][\w$]*")
QUOTED = re.compile(r"\s+(?:[\w.]+\s+)?\"([^\"]+)\"\s*")
COMMENT = ("///", "//", "#", "*", "/*", "--", ";;")
EXITS = re.compile(r"\s*(?:return|raise|yield|throw|panic!?|exit|Err|Ok|abort)\b")
CONTAINERS = words(
    "class interface struct trait impl module mod namespace object protocol extension contract"
    " service message enum record union"
)


@dataclass(slots=True)
class Plan:
    """Which lines are shown word for word, and which symbols by their first line or name."""

    lines: set[int] = field(default_factory=set)
    heads: set[int] = field(default_factory=set)
    names: set[int] = field(default_factory=set)


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return outline and sought bodies of source code, None for text that defines nothing.

    Lines shown are the source's own, with the numbers a tool wrote before them; the outline is
    "first-last: line" or, in brackets, "line name".
    """
    if aim.lossless or len(text) > MAX_CHARS or text.count("\n") > MAX_LINES:
        return None
    source = source_of(text)
    found = symbols(source.lines)
    if not found:
        return None
    top = preface(source, found)
    spent = estimate("\n".join(top))
    named = sought(source, found, aim.focus)
    raw = text.split("\n")
    weak = bool(aim.focus) and not named and not mentions(found, aim.focus)

    def made(room: int) -> Reduction:
        plan = planned(source, found, raw, named, replace(aim, budget_tokens=room - spent))
        shown = len(plan.lines | {found[index].start for index in plan.heads})
        return Reduction(
            "\n".join([*top, *written(plan, raw, source, found)]),
            "code",
            "selected",
            [Omission("lines", shown, len(raw), "lines of source code")],
            handle="a name in it",
            weak_focus=weak,
        )

    return tightened(made, aim.budget_tokens)


def planned(
    source: Source, found: Sequence[Symbol], raw: Sequence[str], named: Sequence[int], aim: Aim
) -> Plan:
    """Return what is shown within aim: the bodies of the named symbols, then an outline."""
    plan = Plan()
    left = aim.budget_tokens
    for index in named:
        left -= take_body(plan, source, raw, found[index], aim.focus, round(left * BODY_SHARE))
    room = min(left, round(aim.budget_tokens * AROUND)) if named else left
    outline(plan, source, found, room)
    return plan


def preface(source: Source, found: Sequence[Symbol]) -> list[str]:
    """Return the lines about the file: how it is numbered, what it says first, what it imports."""
    lines = []
    if source.numbered and source.shift:
        lines.append(f"[line 1 of this text is line {1 + source.shift} of the file]")
    names: list[str] = []
    places: list[int] = []
    in_block = False
    for number, line in enumerate(source.lines):
        in_block = line.startswith("import (") or (in_block and not line.startswith(")"))
        match = IMPORT.match(line) or (QUOTED.fullmatch(line) if in_block else None)
        if match and len(line) <= MAX_LINE:
            places.append(number + 1)
            names.append(next(group for group in match.groups() if group))
    if names:
        listed = " ".join(dict.fromkeys(names))
        listed = listed if len(listed) <= MAX_IMPORTS else listed[:MAX_IMPORTS] + "…"
        lines.append(f"[{len(names)} imports, lines {places[0]}-{places[-1]}: {listed}]")
    return lines


def full_name(found: Sequence[Symbol], index: int) -> str:
    """Return the name of a symbol after the names of those around it."""
    names: list[str] = []
    while index >= 0 and len(names) < 8:
        names.append(found[index].name)
        index = found[index].parent
    return ".".join(reversed(names))


def sought(source: Source, found: Sequence[Symbol], focus: str) -> list[int]:
    """Return the indices of the symbols that focus names, best first.

    A name counts when it stands in focus as an identifier; when focus names the symbol around it
    too, only that one counts. Without any, the symbols whose words match focus best.
    """
    if not focus:
        return []
    asked = {word for word in WORD.findall(focus) if is_identifier(word, focus)}
    hits = [i for i, s in enumerate(found) if s.name.split(".")[-1].split(":")[-1] in asked]
    inside = [i for i in hits if found[i].parent in hits]
    best = inside or hits
    if best:
        scores = relevance([" ".join(head_lines(source, found[i])) for i in best], focus)
        return [best[i] for i in sorted(range(len(best)), key=lambda i: (-scores[i], i))]
    words = [
        f"{full_name(found, i)} {source.lines[s.start]} {documented(source, s)}"
        for i, s in enumerate(found)
    ]
    scores = relevance(words, focus)
    return strongest(scores, focus)


def is_identifier(word: str, focus: str) -> bool:
    """Tell whether word is written in focus as code is, not as a plain word of a sentence."""
    if "_" in word or "$" in word or not (word.islower() or word.istitle()):
        return True
    return (
        re.search(rf"[`'\".]{re.escape(word)}\b|\b{re.escape(word)}(?:\(|[`'\"]|\.\w)", focus)
        is not None
    )


def strongest(scores: Sequence[float], focus: str) -> list[int]:
    """Return the few indices that stand out of scores, best first."""
    best = max(scores, default=0.0)
    ranked = sorted((i for i, s in enumerate(scores) if s > 0.7 * best), key=lambda i: -scores[i])
    return ranked if 0 < len(ranked) <= 3 and best > 0 else []


def mentions(found: Sequence[Symbol], focus: str) -> bool:
    """Tell whether focus asks about the file as a whole or about any name in it."""
    return any(relevance([symbol.name for symbol in found], focus))


def documented(source: Source, symbol: Symbol) -> str:
    """Return the first line of the text that documents symbol, "" when there is none."""
    after = source.lines[symbol.head + 1 : symbol.head + 2]
    if after and after[0].lstrip().startswith(('"""', "'''", 'r"""')):
        return after[0].strip()
    before = source.lines[symbol.start - 1].strip() if symbol.start else ""
    return before if before.startswith(COMMENT) else ""


def commented(source: Source, symbol: Symbol) -> int:
    """Return the first of the comment lines directly above symbol."""
    first = symbol.start
    while first > 0 and symbol.start - first < MAX_COMMENT:
        if not source.lines[first - 1].lstrip().startswith(COMMENT):
            break
        first -= 1
    return first


def take_body(
    plan: Plan, source: Source, raw: Sequence[str], symbol: Symbol, focus: str, room: int
) -> int:
    """Put the lines of symbol into plan as far as room goes; return the tokens they cost.

    A body that is too long keeps its signature, the lines that match focus and those that leave it.
    """
    last = min(symbol.end, len(raw) - 1)
    body = [n for n in range(symbol.start, last + 1) if n not in plan.lines]
    above = [n for n in range(commented(source, symbol), symbol.start) if n not in plan.lines]
    costs = {n: estimate(raw[n]) + 1 for n in [*above, *body]}
    for numbers in ([*above, *body], body):
        spent = sum(costs[n] for n in numbers) + MARK
        if spent <= room:
            plan.lines.update(numbers)
            return spent
    if sum(costs[n] for n in body if n <= symbol.head) + MARK > room:
        return 0
    values = line_values(raw, body, focus)
    prices = [costs[n] + MARK // 2 for n in body]
    first = [i for i, n in enumerate(body) if n <= symbol.head]
    chosen = fill(prices, values, room, first=first)
    plan.lines.update(body[i] for i in chosen)
    return sum(prices[i] for i in chosen)


def line_values(raw: Sequence[str], numbers: Sequence[int], focus: str) -> list[float]:
    """Return what each line of a body is worth: what focus names, what leaves, what is early."""
    scores = relevance([raw[n] for n in numbers], focus)
    best = max(scores, default=0.0) or 1.0
    return [
        score / best + (1.0 if EXITS.match(raw[n]) else 0.0) + 0.5 / (1 + i) + 0.01
        if WORD.search(raw[n])
        else 0.0
        for i, (n, score) in enumerate(zip(numbers, scores, strict=True))
    ]


def outline(plan: Plan, source: Source, found: Sequence[Symbol], room: int) -> None:
    """Put into plan the names of all symbols that room holds, then first lines of the better."""
    values = [worth(found, index) for index in range(len(found))]
    shown = {i for i, symbol in enumerate(found) if symbol.start in plan.lines}
    brief = [estimate(symbol.name) + BRIEF for symbol in found]
    values = [0.0 if i in shown else value for i, value in enumerate(values)]
    plan.names.update(fill(brief, values, room))
    room -= sum(brief[i] for i in plan.names)
    more = [
        max(1, estimate(head_line(source, symbol)) + 6 - brief[i]) for i, symbol in enumerate(found)
    ]
    upgraded = fill(more, [values[i] if i in plan.names else 0.0 for i in range(len(found))], room)
    plan.heads.update(upgraded)
    plan.names.difference_update(upgraded)


def worth(found: Sequence[Symbol], index: int) -> float:
    """Return what a symbol is worth in an outline: public before private, outer before inner."""
    symbol = found[index]
    parent = found[symbol.parent] if symbol.parent >= 0 else None
    value = 4.0 if symbol.kind in CONTAINERS else 3.0
    if symbol.kind == "value":
        value = 1.0
    if parent and parent.kind not in CONTAINERS:
        return 0.2
    if parent and parent.parent >= 0:
        value *= 0.8
    if symbol.name.startswith("_") or (parent and parent.name.startswith("_")):
        value *= 0.4
    return value


def head_lines(source: Source, symbol: Symbol) -> Sequence[str]:
    """Return the lines of symbol's signature, what decorates it included."""
    return source.lines[symbol.start : symbol.head + 1]


def head_line(source: Source, symbol: Symbol) -> str:
    """Return the line of symbol that bears its name."""
    lines = head_lines(source, symbol)
    bare = symbol.name.split(".")[-1]
    line = next((line for line in lines if bare in line), lines[0] if lines else "")
    return line[:MAX_LINE]


def written(
    plan: Plan, raw: Sequence[str], source: Source, found: Sequence[Symbol]
) -> Iterator[str]:
    """Yield the lines of the view in source order."""
    starts = sorted([*plan.heads, *plan.names], key=lambda i: (found[i].start, i))
    events = [(found[i].start, i) for i in starts if found[i].start not in plan.lines]
    previous = -2
    names: list[str] = []
    todo = sorted([*events, *((number, -1) for number in plan.lines)])
    for number, index in todo:
        if index in plan.names:
            names.append(f"{number + 1} {found[index].name}")
            continue
        if names:
            yield f"[{', '.join(names)}]"
            names = []
        if index >= 0:
            yield f"{number + 1}-{found[index].end + 1}:{head_line(source, found[index])}"
            previous = -2
            continue
        if number != previous + 1:
            end = run_end(plan.lines, number)
            yield f"[lines {number + 1}-{end + 1}]" if end > number else f"[line {number + 1}]"
        yield raw[number]
        previous = number
    if names:
        yield f"[{', '.join(names)}]"


def run_end(numbers: set[int], number: int) -> int:
    """Return the last of the consecutive numbers that begin at number."""
    while number + 1 in numbers:
        number += 1
    return number
