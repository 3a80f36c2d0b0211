"""Reduce logs: totals by code, every kind of failure word for word, then the patterns."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from coatcheck.reducers.lines import (
    LONG_LINE,
    around,
    claim,
    focused,
    folded,
    is_weak_match,
    matching,
    of_cut_lines,
    omitted,
    overwritten,
    passages,
    severities,
    severity,
    shorten,
    split_lines,
    template,
)
from coatcheck.reducers.templates import (
    Group,
    grouped,
    named,
    pattern,
    stamp_end,
    told_values,
    varying,
    words_of,
)
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

MOST_CHARS = 8_000_000
MOST_LINES = 400_000
LEVEL = re.compile(
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|SEVERE|FATAL|CRITICAL|ALERT|PANIC)(?![A-Za-z])"
)
LEVEL_MARK = re.compile(
    r"[\[<]((?i:trace|debug|info|notice|warn|warning|error|err|crit|fatal|emerg))[\]>:]"
    r"|level=\"?((?i:trace|debug|info|notice|warn|warning|error|err|crit|fatal|panic))\b"
    r"|(\"(?:level|severity|lvl)\":\s?\"?\w+)"
)
STATUS = re.compile(
    r"\" ([1-5]\d\d)(?: |$)|[Ss][Tt][Aa][Tt][Uu][Ss](?:_?[Cc]ode)?\"?[=:]\s?\"?([1-5]\d\d)\b"
    r"|HTTP/[\d.]+\"? ([1-5]\d\d)\b"
)
CONTINUED = re.compile(
    r"[ \t]+\S|(?:Caused by|Traceback|goroutine \d|\.\.\. \d+ more|Suppressed)"
    r"|\w[\w.]*(?:Error|Exception)\b"
)
DURATION = re.compile(
    r"\b(\d{1,12}(?:\.\d{1,9})?) ?(?:ms|s|secs?|seconds|us|µs|minutes)\b"
    r"|(?i:time|duration|elapsed|took|latency)\w{0,8}\"?[ =:]{1,3}(\d{1,12}(?:\.\d{1,9})?)\b"
)
FRAME = re.compile(r"\s+at [\w.$<]|\s+File \".*\", line \d+|\t/.*:\d+")
CAUSE = re.compile(r"\s*(?:Caused by|Suppressed|--->|\[cause\]|caused by)[: ]")
TRACE_START = re.compile(
    r"(?:Traceback|Caused by|Exception in|goroutine \d|\w[\w.]*(?:Error|Exception)\b)"
)
LATER_STAMP = re.compile(r"\d{1,4}[-/](?:\d\d|[A-Z][a-z]{2})[-/]\d{2,4}[ T:]\d\d:\d\d:\d\d")
HANDLE = "a word of the line"
ALIKE, TIMED_PATTERNS, OFTEN = 2, 3, 5
NEW_WORDS = 6
PATTERNS = "patterns (computed: how many lines @first of them; * is a value, times left out):"
TRACE_HEAD, TRACE_TAIL = 3, 5


def matches(text: str) -> bool:
    """Tell whether most lines of text begin with a time stamp or name a level."""
    lines = [line for line in text[:20_000].split("\n")[:200] if line.strip()]
    told = sum(1 for line in lines if stamp_end(line[:200]) or level_of(line[:200]))
    return len(lines) >= 5 and told >= 0.6 * len(lines)


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return totals, failures, lines of the focus and patterns of a log within the budget.

    With a lossless aim only equal lines in a row are counted. None for more than 8 million
    characters or 400,000 lines.
    """
    if len(text) > MOST_CHARS or text.count("\n") > MOST_LINES:
        return None
    if aim.lossless:
        short = folded(text.split("\n"))
        return Reduction(short, "logs", "lossless") if short and len(short) < len(text) else None
    source = split_lines(text)
    limit = max(200, aim.budget_tokens)
    cuts = {i: shorten(x, limit, aim.focus) for i, x in enumerate(source) if len(x) > limit + 40}
    lines = [cuts[i][0] if i in cuts else line for i, line in enumerate(source)]
    traces = traced(source)
    groups = grouped(["" if i in traces else line for i, line in enumerate(source)])
    head = totals(source, traces)
    asked = of_status(source, aim.focus)
    found = [*asked, *matching(source, aim.focus)]
    weak = not asked and is_weak_match(source, found, aim.focus)
    kinds = severe_kinds(source, groups)
    budget = focused(aim.budget_tokens, not weak and bool(found)) - estimate(head) - 4
    notes = notes_of(source, kinds)
    chosen = claim(lines, claims(source, groups, kinds, found), budget, notes)
    verbatim = passages(lines, chosen, range(1, len(lines) + 1), notes)
    shown, patterns = pattern_part(lines, groups, chosen, budget - estimate(verbatim))
    if estimate(body := "\n".join(filter(None, [head, verbatim, patterns]))) > aim.budget_tokens:
        return None
    seen = {*chosen, *shown}
    omissions = omitted("lines", len(seen), len(lines))
    omissions += of_cut_lines((len(source[i]), cuts[i][1]) for i in sorted(seen) if i in cuts)
    omissions += overwritten(text, lines)
    return Reduction(body, "logs", "selected", omissions, HANDLE, weak)


def totals(lines: Sequence[str], traces: Mapping[int, int]) -> str:
    """Return the computed line of totals: lines, levels, statuses, traces, first and last time."""
    levels = Counter(level for line in lines if (level := level_of(line[:300])))
    has_status = STATUS.search("\n".join(line[:2000] for line in lines)) is not None
    statuses = Counter(
        found[1] or found[2] or found[3]
        for line in lines
        if has_status and (found := STATUS.search(line[:2000]))
    )
    stamps = [line[:end].strip(" -|,:") for line in lines if (end := stamp_end(line[:100]))]
    stamps = stamps or [found[0] for line in lines if (found := LATER_STAMP.search(line[:100]))]
    parts = [f"total = {len(lines):,} lines"]
    if levels:
        parts.append(", ".join(f"{level} = {n:,}" for level, n in levels.most_common(8)))
    if statuses:
        pairs = sorted(statuses.items(), key=lambda pair: (-pair[1], pair[0]))[:12]
        parts.append(", ".join(f"status {status} = {n:,}" for status, n in pairs))
    if traces:
        count = len(set(traces.values()))
        parts.append(f"stack traces = {count:,} of {len(traces):,} lines")
    if len(stamps) > 1:
        parts.append(f"from {stamps[0]} to {stamps[-1]}")
    return "computed over the whole log: " + "; ".join(parts)


def level_of(line: str) -> str:
    """Return the level that line names, as it spells it, "" if none."""
    if found := LEVEL.search(line):
        return found[0]
    found = LEVEL_MARK.search(line)
    return (found[1] or found[2] or found[3]).replace('"', "") if found else ""


def severe_kinds(lines: Sequence[str], groups: Sequence[Group]) -> list[tuple[int, list[int]]]:
    """Return (grade, indices of its lines) of each kind of error, then of each kind of warning.

    A kind is a pattern with one grade and one HTTP status.
    """
    kinds: dict[tuple[int, int, str], list[int]] = {}
    grades = severities(lines)
    for number, group in enumerate(groups):
        for index in group.members:
            grade = grades[index]
            if grade >= 2:
                status = STATUS.search(lines[index][:2000])
                key = (-grade, number, status[0][-5:] if status else "")
                kinds.setdefault(key, []).append(index)
    return [(-key[0], members) for key, members in sorted(kinds.items(), key=lambda kind: kind[0])]


def claims(
    lines: Sequence[str],
    groups: Sequence[Group],
    kinds: Sequence[tuple[int, list[int]]],
    found: Sequence[int],
) -> Iterator[tuple[Iterable[int], float]]:
    """Return who may fill how much of the budget with lines word for word."""
    once, again = spread(found, groups)
    yield first_blocks(lines, kinds), 0.6
    yield wordings(lines, kinds), 0.65
    yield [members[-1] for _, members in kinds], 0.65
    yield rare_mentions(lines, groups), 0.7
    yield around(once, len(lines)), 0.85
    yield again, 0.6
    yield [len(lines) - 1], 0.9
    yield slowest(lines, groups), 0.3
    yield [g.members[0] for g in groups[:1] if len(g.members) == 1], 0.5


def wordings(lines: Sequence[str], kinds: Sequence[tuple[int, list[int]]]) -> list[int]:
    """Return the first line of each wording of a kind, words that vary included."""
    firsts: dict[str, int] = {}
    for _, members in kinds:
        for index in members:
            firsts.setdefault(template(lines[index]), index)
    return list(firsts.values())


def rare_mentions(lines: Sequence[str], groups: Sequence[Group]) -> list[int]:
    """Return the lines that speak of trouble in words nearly no other line has."""
    few = [i for group in groups if len(group.members) <= ALIKE for i in group.members]
    return [i for i in few if severity(lines[i]) == 1]


def spread(found: Sequence[int], groups: Sequence[Group]) -> tuple[list[int], list[int]]:
    """Return the lines found in their order: up to two of each pattern, then the others."""
    pattern_of = {i: number for number, group in enumerate(groups) for i in group.members}
    seen: Counter[int] = Counter()
    once: list[int] = []
    again: list[int] = []
    for index in found:
        number = pattern_of.get(index, -1)
        seen[number] += 1
        (once if seen[number] <= ALIKE else again).append(index)
    return once, again


def slowest(lines: Sequence[str], groups: Sequence[Group]) -> list[int]:
    """Return the line with the longest duration of each frequent pattern that states durations."""
    out: list[tuple[float, int]] = []
    for group in sorted(groups, key=lambda g: -len(g.members)):
        if len(out) == TIMED_PATTERNS or len(group.members) < OFTEN:
            break
        if DURATION.search(lines[group.members[0]][:LONG_LINE]) is None:
            continue
        found = [(m, i) for i in group.members if (m := DURATION.search(lines[i][:LONG_LINE]))]
        if found:
            out.append(max((float(m[1] or m[2]), -i) for m, i in found))
    return [-i for _, i in out]


def first_blocks(lines: Sequence[str], kinds: Sequence[tuple[int, list[int]]]) -> Iterator[int]:
    """Return the first line of each kind, of errors with the trace below it, each trace once."""
    traces = set()
    for grade, members in kinds:
        yield members[0]
        below = trace_below(lines, members[0]) if grade > 2 else []
        told = tuple(re.sub(r"\d+", "0", lines[i][:LONG_LINE]) for i in below)
        if told not in traces:
            traces.add(told)
            yield from below[-1:]
            yield from below[:TRACE_HEAD]
            yield from (i for i in below if CAUSE.match(lines[i]))
            yield from below[TRACE_HEAD:][-TRACE_TAIL:]


def traced(lines: Sequence[str]) -> dict[int, int]:
    """Return the lines of stack traces, each with the line that reports the trouble above it."""
    out: dict[int, int] = {}
    end = 0
    for index, line in enumerate(lines):
        if index < end or not (FRAME.match(line) or TRACE_START.match(line)):
            continue
        trace = [index, *trace_below(lines, index)]
        end = trace[-1] + 1
        if not any(FRAME.match(lines[i]) for i in trace):
            continue
        if index and severity(lines[index - 1]) >= 2:
            out.update((i, index - 1) for i in trace)
        elif severity(line) >= 2:
            out.update((i, index) for i in trace[1:])
    return out


def trace_below(lines: Sequence[str], index: int) -> list[int]:
    """Return the indices of the lines that continue the line at index, 200 at most."""
    out: list[int] = []
    for i in range(index + 1, min(index + 200, len(lines))):
        if stamp_end(lines[i][:100]) or not CONTINUED.match(lines[i]):
            break
        out.append(i)
    return out


def notes_of(lines: Sequence[str], kinds: Sequence[tuple[int, list[int]]]) -> dict[int, str]:
    """Return for the first line of each kind how many there are, where the last is, what varies."""
    notes = {}
    for _, members in kinds:
        if len(members) > 1:
            first, words = members[0], tuple(words_of(lines[members[0]]))
            alike = Group(members, ("0",) * len(words))
            told = told_values(varying(lines, alike)) if len(members) >= ALIKE + 1 else ""
            more = f"; values {told}" if told else ""
            notes[first] = f"first of {len(members):,} alike, last @{members[-1] + 1}{more}"
    return notes


def of_status(lines: Sequence[str], focus: str) -> list[int]:
    """Return the lines with an HTTP status that focus asks for, as in "5xx"."""
    wanted = tuple(found[0] for found in re.findall(r"\b[1-5](?=xx\b)", focus))
    if not wanted:
        return []
    found = ((i, STATUS.search(line[:2000])) for i, line in enumerate(lines))
    return [i for i, m in found if m and (m[1] or m[2] or m[3]).startswith(wanted)]


def pattern_part(
    lines: Sequence[str], groups: Sequence[Group], chosen: Sequence[int], budget: int
) -> tuple[list[int], str]:
    """Return the single lines shown, and the patterns that budget tokens hold, in source order."""
    there = set(chosen)
    waiting = [g for g in groups if len(g.members) > 1 or g.members[0] not in there]
    left = budget - estimate(PATTERNS) - 12
    values = {}
    picked: dict[int, str] = {}
    for number in by_worth(lines, waiting):
        if left < 10:
            break
        values[number] = varying(lines, waiting[number])
        text = entry(lines, waiting[number], values[number], 0, there)
        if (cost := estimate(text) + 1) <= left:
            picked[number] = text
            left -= cost
    for detail in (1, 2):
        for number in sorted(picked, key=lambda n: (-len(waiting[n].members), n)):
            text = entry(lines, waiting[number], values[number], detail, there)
            if (cost := estimate(text) - estimate(picked[number])) <= left:
                picked[number] = text
                left -= cost
    missing = [g for n, g in enumerate(waiting) if n not in picked]
    out = [PATTERNS, *(picked[n] for n in sorted(picked))] if picked else []
    if missing:
        count = sum(len(g.members) for g in missing)
        out.append(f"not shown: {len(missing):,} more patterns, {count:,} lines")
    singles = [n for n in picked if len(waiting[n].members) == 1]
    shown = [waiting[n].members[0] for n in singles if " * " not in f" {picked[n]} "]
    return shown, "\n".join(out)


def by_worth(lines: Sequence[str], groups: Sequence[Group]) -> list[int]:
    """Return the indices of groups, those first that say most that is new for their length.

    New are words that no larger group holds; the size of a group and a mention of trouble weigh.
    """
    seen: set[str] = set()
    worth: dict[int, float] = {}
    for number in sorted(range(len(groups)), key=lambda n: (-len(groups[n].members), n)):
        group = groups[number]
        new = set(group.words) - seen
        seen |= new
        first = lines[group.members[0]]
        trouble = 2 if severity(first) else 1
        size = math.log2(1 + len(group.members))
        worth[number] = (0.2 + min(len(new), NEW_WORDS)) * size * trouble / (20 + len(first))
    return sorted(worth, key=lambda n: (-worth[n], n))


def entry(
    lines: Sequence[str],
    group: Group,
    values: Mapping[int, Counter[str]],
    detail: int,
    there: set[int],
) -> str:
    """Return how many lines follow which pattern; a single line word for word."""
    first, count = group.members[0], len(group.members)
    if count == 1:
        whole = lines[first][stamp_end(lines[first]) :].strip()
        return f"@{first + 1}: {whole if detail else pattern(lines[first], {}, 0)}"
    if first in there:
        told = named(values, group.words) if detail else ""
        return f"{count:,} @{first + 1}" + (f": {told}" if told else "")
    return f"{count:,} @{first + 1}: {pattern(lines[first], values, detail)}"
