"""What every line-based reducer needs: clean lines, severity, templates, passages of a budget."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from coatcheck.reducers.select import is_weak, relevance
from coatcheck.sizing import estimate
from coatcheck.types import Omission

ANSI = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][0-9A-B]|[@-Z\\^_=>])"
)
# Those in small letters look at the line in small letters: faster than ignoring case.
ERRORS = re.compile(
    r"\b(?:ERROR|ERRORS|SEVERE|FATAL|CRITICAL|CRIT|ALERT|EMERG|PANIC|FAIL|FAILED|FAILURE)\b"
    r"|\b[A-Z][A-Za-z]{1,40}?(?:Killed|BackOff|Failed|Failure)\b|\bEvicted\b"
    r"|(?:Error|Exception)\b(?=[:\s(]|$)|^Traceback |[✗✖✕❌]\s"
    r"|^\s*×\s"  # noqa: RUF001 a mark of test runners
    r"|\"level\":\s?(?:5|6)0\b|^[EF]\d{4} \d|^\s*[EF]/|\s[EF]\s+[\w.$-]+\s?:|\" [5]\d\d \d"
)
SMALL_ERRORS = re.compile(
    r"[\[<|(](?:error|err|fatal|crit|critical|alert|emerg|panic|severe)[\]>|)]"
    r"|(?:level|lvl|severity)\"?\s?[=:]\s?\"?(?:err|fatal|crit|panic|alert)"
    r"|(?:^|[:\])|]\s)\s?(?:\w+[ -])?"
    r"(?:error|fatal|panic|exception|failed|failure)(?:\[\w+\])?:"
    r"|^\s*(?:error|fatal|panic|--- fail|not ok)\b|^\s*(?:npm err!|err!|e: )"
    r"|\b(?:exit(?:ed)?(?: with)?(?:(?: \w+)? code| status)?|returned|rc|errno)"
    r"[ :=(]+-?[1-9]\d*\b|out of memory|oom-kill|core dumped|segfault"
)
WARNINGS = re.compile(
    r"\b(?:WARN|WARNING)\b|Warning\b(?=[:\s(]|$)"
    r"|\"level\":\s?40\b|^W\d{4} \d|^\s*W/|\s[W]\s+[\w.$-]+\s?:|\" [4]\d\d \d|⚠"
)
SMALL_WARNINGS = re.compile(
    r"[\[<|(](?:warn|warning)[\]>|)]|(?:level|lvl|severity)\"?\s?[=:]\s?\"?warn"
    r"|(?:^|[:\])|]\s)\s?warn(?:ing)?(?:\[\w+\])?:|^\s*(?:npm )?warn(?:ing)?\b"
)
MENTIONS = re.compile(
    r"\b(?:errors?|exceptions?|fail(?:ed|ure|ing|s)?|fatal|panic(?:ked)?|abort(?:ed)?|denied"
    r"|refused|rejected|timed?[ -]?out|timeout|deadlock|oom|killed|crash(?:ed|loopbackoff)?"
    r"|unable|cannot|could not|not found|unreachable|invalid|segfault|corrupt\w*|assertion\w*"
    r"|warn(?:ing)?s?)\b"
)
# No line without one of these is severe: asking for them first is ten times faster.
STEMS = (
    *("err", "fail", "warn", "fatal", "panic", "except", "traceback", "crit", "severe", "alert"),
    *("emerg", "abort", "denied", "refused", "reject", "timed", "timeout", "time-out", "time out"),
    *(
        "deadlock",
        "oom",
        "backoff",
        "evicted",
        "out of memory",
        "kill",
        "crash",
        "core dumped",
        "segfault",
        "corrupt",
    ),
    *("unable", "cannot", "could not", "not found", "invalid", "unreachable", "assert", "exit"),
    *("returned", "rc=", "rc ", "rc:", "not ok", '"level":', "✗", "✖", "✕", "❌", "⚠"),
    "×",  # noqa: RUF001 a mark of test runners
)
TERSE = re.compile(r"(?m)^[ \t]*[EWF](?:\d{4} |/)|\" [45]\d\d | [EWF] +[\w.$-]+ ?:|^[Ee]:")
NOTHING = re.compile(
    r"\b(?:no|0|without) (?:errors?|warnings?|fail(?:ures|ed)?)\b"
    r"|\b(?:errors?|warnings?|fail(?:ures|ed)?)[ =:]+0\b",
    re.IGNORECASE,
)
DIGITS = re.compile(r"[0-9]+")
WORD = re.compile(r"[^\W_]+")
TIMES = re.compile(r" \(x\d+\)$")
FOLDED = 'computed: a line with "(x17)" at its end stands 17 times in a row'
LONG_LINE = 600
PLACE_TOKENS = 5
GAP_CHARS = 40
WEAKEST = 0.3
FOCUSED, SMALL_BUDGET = 0.7, 400
SEARCHED_CHARS = 1_000_000
NO_NOTES: Mapping[int, str] = MappingProxyType({})


def strip_ansi(text: str) -> str:
    """Return text without terminal escape sequences."""
    return ANSI.sub("", text) if "\x1b" in text else text


def clean(text: str) -> str:
    """Return text without escape sequences, of each overwritten line only its last state.

    The number of line feeds does not change, so line numbers stay those of the source.
    """
    text = strip_ansi(text)
    if "\r" not in text:
        return text
    return "\n".join(
        last_state(line) if "\r" in line else line
        for line in text.replace("\r\n", "\n").split("\n")
    )


def split_lines(text: str) -> list[str]:
    """Return the lines of text once cleaned; a line feed at the end begins no further line."""
    lines = clean(text).split("\n")
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def last_state(line: str) -> str:
    """Return what a terminal shows last of a line that carriage returns overwrite."""
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")


def severity(line: str, stems: Sequence[str] = STEMS, *, terse: bool = True) -> int:
    """Return 3 for a line that reports an error, 2 a warning, 1 one that speaks of trouble, 0 else.

    HTTP status 5xx and non-zero exit codes are errors, HTTP status 4xx is a warning. stems and
    terse are what severities found to be needed at all.
    """
    line = line[:LONG_LINE]
    low = line.lower()
    for stem in stems:
        if stem in low:
            break
    else:
        if not terse or TERSE.search(line) is None:
            return 0
    if NOTHING.search(low):
        line = NOTHING.sub("", line)
        low = line.lower()
    if ERRORS.search(line) or SMALL_ERRORS.search(low):
        return 3
    if WARNINGS.search(line) or SMALL_WARNINGS.search(low):
        return 2
    return int(MENTIONS.search(low) is not None)


def severities(lines: Sequence[str]) -> list[int]:
    """Return the severity of each line, faster than one by one."""
    text = "\n".join(lines)
    low = text.lower()
    stems = [stem for stem in STEMS if stem in low]
    terse = TERSE.search(text) is not None
    return [severity(line, stems, terse=terse) if line else 0 for line in lines]


def is_severe(line: str) -> bool:
    """Tell whether line reports an error, a warning, a failing test or a non-zero exit."""
    return severity(line) >= 2


def template(line: str) -> str:
    """Return line with its numbers collapsed, equal for lines that differ only in numbers."""
    return DIGITS.sub("0", line[:LONG_LINE]).strip()


def ends(indices: Iterable[int], keys: Sequence[str]) -> list[int]:
    """Return of each group of equal keys[i] the first index, then of each group the last one."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for index in indices:
        first.setdefault(keys[index], index)
        last[keys[index]] = index
    return list(dict.fromkeys([*first.values(), *last.values()]))


def matching(lines: Sequence[str], focus: str) -> list[int]:
    """Return the indices of the lines that speak of focus, best first.

    In a very long text only lines that hold a word of focus are weighed at all.
    """
    if not focus.strip():
        return []
    where: Sequence[int] = range(len(lines))
    if sum(map(len, lines)) > SEARCHED_CHARS:
        words = sorted({re.escape(word) for word in WORD.findall(focus) if len(word) > 1})
        held = re.compile("|".join(words) or r"(?!)", re.IGNORECASE)
        where = [i for i, line in enumerate(lines) if held.search(line)]
    scores = relevance([lines[i][:2000] for i in where], focus)
    least = max(scores, default=0.0) * WEAKEST
    pairs = zip(scores, where, strict=True)
    ranked = sorted((-score, i) for score, i in pairs if score > 0 and score >= least)
    return [i for _, i in ranked]


def is_weak_match(lines: Sequence[str], found: Sequence[int], focus: str) -> bool:
    """Tell whether a focus was given but the best line found holds hardly anything of it."""
    best = [lines[i][:2000] for i in found[:1]]
    return is_weak(best, [1.0] * len(best), focus)


def around(indices: Iterable[int], total: int, reach: int = 1) -> Iterable[int]:
    """Return each index followed by its neighbours up to reach lines away."""
    for index in indices:
        yield index
        for step in range(1, reach + 1):
            yield from (i for i in (index - step, index + step) if 0 <= i < total)


def claim(
    lines: Sequence[str],
    claims: Iterable[tuple[Iterable[int], float]],
    budget: int,
    notes: Mapping[int, str] = NO_NOTES,
) -> list[int]:
    """Return the indices of lines that fit into budget tokens, in source order.

    claims are (indices in order of worth, share of the budget up to which they may fill it);
    notes are what passages will write above some lines.
    """
    chosen: set[int] = set()
    spent = 0
    for indices, share in claims:
        refused = 0
        for index in indices:
            if index in chosen:
                continue
            cost = estimate(lines[index]) + 1
            cost += 0 if index - 1 in chosen or index + 1 in chosen else PLACE_TOKENS
            cost += estimate(notes[index]) + 2 * PLACE_TOKENS if index in notes else 0
            if spent + cost > budget * share:
                refused += 1
                if refused > 50:
                    break
                continue
            spent += cost
            chosen.add(index)
    return sorted(chosen)


def passages(
    lines: Sequence[str],
    chosen: Sequence[int],
    numbers: Sequence[int],
    notes: Mapping[int, str] = NO_NOTES,
) -> str:
    """Return the chosen lines as passages, each headed by its line numbers as in "@12-14:".

    A line with a note begins a passage: "@12-14 (@12: first of 30 alike, last @480):".
    """
    out: list[str] = []
    run: list[int] = []
    for index in [*chosen, -1]:
        if run and (index < 0 or numbers[index] != numbers[run[-1]] + 1 or index in notes):
            first, last = numbers[run[0]], numbers[run[-1]]
            where = f"@{first}" if first == last else f"@{first}-{last}"
            at = "" if first == last else f"@{first}: "
            out.append(where + (f" ({at}{notes[run[0]]})" if run[0] in notes else "") + ":")
            out.extend(lines[i] for i in run)
            run = []
        run.append(index)
    return "\n".join(out)


def shorten(line: str, limit: int, focus: str = "") -> tuple[str, int]:
    """Return line cut to about limit characters and the number of its characters left out.

    A cut names its size in place: "abc …[+1,234 characters]… xyz". What holds a word of focus
    stays, then the beginning and the end.
    """
    if len(line) <= limit + GAP_CHARS:
        return line, 0
    spot = focus_spot(line, focus)
    third = max(1, limit // 3)
    if spot is None or spot < third or spot > len(line) - third:
        pieces = [(0, limit - third), (len(line) - third, len(line))]
    else:
        left = max(third, spot - third // 2)
        pieces = [(0, third), (left, min(left + third, len(line) - third))]
        pieces.append((len(line) - third, len(line)))
    return cut(line, pieces)


def cut(line: str, pieces: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """Return the pieces of line in order, the size of each gap in between, and all that is gone."""
    out, end, gone = "", 0, 0
    for first, last in pieces:
        if first > end:
            out += f" …[+{first - end:,} characters]… "
            gone += first - end
        out += line[max(first, end) : last]
        end = max(end, last)
    return out, gone


def focus_spot(line: str, focus: str) -> int | None:
    """Return where the rarest word of focus stands in line, None when there is none."""
    if not focus:
        return None
    low = line.casefold()
    found = [
        (low.count(word), -len(word), low.find(word))
        for word in dict.fromkeys(WORD.findall(focus.casefold()))
        if len(word) > 2 and word in low
    ]
    return min(found)[2] if found else None


def folded(lines: Sequence[str]) -> str | None:
    """Return lines with equal ones in a row written once, as "line (x17)"; None if ambiguous."""
    if any(TIMES.search(line) for line in lines):
        return None
    runs = [(line, len(list(same))) for line, same in groupby(lines)]
    return "\n".join([FOLDED, *(f"{line} (x{n})" if n > 1 else line for line, n in runs)])


def focused(budget: int, found: bool) -> int:
    """Return the tokens to use: less of a large budget when lines of the focus were found."""
    return max(int(budget * FOCUSED), min(budget, SMALL_BUDGET)) if found else budget


def omitted(unit: str, shown: int, total: int) -> list[Omission]:
    """Return what is left out of total units, nothing when all are shown."""
    return [Omission(unit, shown, total)] if shown < total else []


def of_cut_lines(cuts: Iterable[tuple[int, int]]) -> list[Omission]:
    """Return what is left out within lines that are shown, from (length, characters gone)."""
    pairs = [pair for pair in cuts if pair[1]]
    total, gone = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return [Omission("characters", total - gone, total, "of the lines cut short")] if gone else []


def overwritten(text: str, lines: Sequence[str]) -> list[Omission]:
    """Return what carriage returns overwrote, of a text that was cleaned into lines."""
    total = text.count("\r") - text.count("\r\n")
    what = "progress written over itself, only its last state shown"
    return [Omission("states", 0, total, what)] if total and lines else []
