"""Reduce the output of test runners: counts per suite, failing tests with what they tell."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from coatcheck.reducers.lines import (
    claim,
    is_weak_match,
    matching,
    of_cut_lines,
    omitted,
    overwritten,
    passages,
    severities,
    shorten,
    split_lines,
)
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

PASSES = frozenset({"PASSED", "PASS", "ok", "OK", "Passed", "✓", "✔", "√"})
FAILS = frozenset(
    {"FAILED", "FAIL", "ERROR", "Failed", "***Failed", "not ok", "✗", "✕", "✖", "×", "❌"}  # noqa: RUF001
)
CASES = (
    # pytest -v, and its short summary
    re.compile(
        r"(?P<suite>\S+?)::(?P<name>\S.*?) (?P<word>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b"
    ),
    re.compile(
        r"(?P<word>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (?P<suite>[^\s:]+)::(?P<name>\S+)"
    ),
    re.compile(r"(?P<word>FAILED|ERROR) (?P<suite>[^\s:]+\.\w+)(?= - |$)(?P<name>)"),
    # go test, cargo test, unittest -v, TAP, gradle, ctest
    re.compile(r"\s*--- (?P<word>PASS|FAIL|SKIP): (?P<name>\S+)(?P<suite>)"),
    re.compile(r"test (?P<suite>)(?P<name>\S+) \.\.\. (?P<word>ok|FAILED|ignored)"),
    re.compile(r"(?P<name>\w+) \((?P<suite>[\w.]+)\).* \.\.\. (?P<word>ok|FAIL|ERROR|skipped)"),
    re.compile(r"\s*(?P<word>ok|not ok) \d+ -? ?(?P<name>.+)(?P<suite>)"),
    re.compile(r"(?P<suite>\S.*?) > (?P<name>\S.*?) (?P<word>PASSED|FAILED|SKIPPED)$"),
    re.compile(
        r"\s*\d+/\d+ Test +#\d+: (?P<suite>)(?P<name>\S+) \.*\s*(?P<word>Passed|\*\*\*Failed)"
    ),
)
# jest, vitest, mocha: a suite line, then its cases below it
SUITE = re.compile(
    r"\s*(PASS|FAIL|✓|✔|√|❯|✗|✕|×|❌) +(\S+\.(?:test|spec|cy)\.\w+|\S+_test\.\w+)"  # noqa: RUF001
)
MARKED = re.compile(
    r"\s+(?P<word>[✓✔√✗✕✖×❌]) (?P<suite>)(?P<name>.+?)(?: \(?\d+(?:\.\d+)? ?m?s\)?)?$"  # noqa: RUF001
)
DOTS = re.compile(r"(\S+\.\w+) ([.FEsxXR]+)(?: +\[ *\d+%\])?$")
SUMMARY = re.compile(
    r"=+ .*\b(?:passed|failed|errors?|no tests ran)\b.* =+$|\s*Tests?:? +.*\b(?:passed|failed)\b"
    r"|\s*(?:Test Suites|Test Files|Snapshots|Suites):? +\d|test result: |Ran \d+ tests? in"
    r"|FAILED \((?:failures|errors)=|\s*\d+ (?:passing|failing|pending)\b|Tests run: \d+|BUILD "
    r"|\d+ tests? completed|\d+% tests passed|# (?:tests|pass|fail) \d+|Total Tests:|OK\b.{0,40}$"
    r"|(?:\d+ (?:passed|failed|errors?|skipped|warnings?)(?:, | in |$)){2,}|make: \*\*\*|FAIL$"
    r"|.*\b[Ee]xit(?:ed)?(?: with)? (?:code|status) ?:? ?\d+|!+ .* !+$|(?:ok|FAIL)\t\S"
)
WHY = re.compile(
    r"E {2,}(?:\S*(?:Error|Exception|Warning|Failure|Failed)\b|assert\b)|\s*(?:→|panic:|●) ?\S"
    r"|\s*(?:[\w.]*\.)?\w*(?:Error|Exception|Failure)(?: \[\w+\])?: |thread '.*' panicked"
    r"|\s+\w+_test\.go:\d+:|\s*[Ee]rror:|\s*assert(?:ion)?\b|\s*[Cc]aused by"
)
DETAIL = re.compile(
    r"E {2,}\S|> |\s*[-+]? ?(?:[Ee]xpected|[Rr]eceived|[Aa]ctual|[Gg]ot|[Ww]ant|left|right)\b"
    r".{0,3}:|\S+:\d+: \w|\s+at .*:\d+|not ok "
)
HEADER = re.compile(r"_{3,} .+ _{3,}$|(?:FAIL|ERROR): |-{4} .* -{4}$|  ● ")
PLACE = re.compile(r"\s*-->|\s+at |\s+File ")
NOISE = re.compile(r"=== (?:RUN|PAUSE|CONT) |running \d+ tests?$")
MOST_CHARS, MOST_LINES = 8_000_000, 200_000
SUITES_SHARE = 0.5
LIMIT = 400
FEW_SUITES = 12
MOST_NAMED = 20
HANDLE = "a test name"


@dataclass(slots=True)
class Suite:
    """What became of the tests of one suite, and what its own line says of it."""

    word: str = ""
    passed: int = 0
    other: int = 0
    failed: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """The suites by name in order, and the lines that report a single test or suite."""

    suites: dict[str, Suite]
    lines: set[int]
    fails: dict[str, int]


def matches(text: str) -> bool:
    """Tell whether text looks like the output of a test runner."""
    lines = text[:20_000].split("\n")[:300] + text[-5_000:].split("\n")[-40:]
    told = sum(1 for line in lines if case_in(line[:LIMIT]) or DOTS.match(line[:LIMIT]))
    return told >= 3 or (told > 0 and any(SUMMARY.match(line[:LIMIT]) for line in lines))


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return counts per suite, failing tests by name, and what they tell word for word.

    None for a lossless aim, when no test result is found, and for very long texts.
    """
    if aim.lossless or len(text) > MOST_CHARS or text.count("\n") > MOST_LINES:
        return None
    source = split_lines(text)
    results = read(source)
    ends = [i for i, line in enumerate(source) if SUMMARY.match(line[:LIMIT])]
    if not results.lines and not ends:
        return None
    cuts = {i: shorten(x, LIMIT, aim.focus) for i, x in enumerate(source) if len(x) > LIMIT + 40}
    lines = [cuts[i][0] if i in cuts else line for i, line in enumerate(source)]
    head = suites_part(results, int(aim.budget_tokens * SUITES_SHARE))
    why, details, notes = telling(source, results)
    found = matching(source, aim.focus)
    left = aim.budget_tokens - estimate(head) - 2
    chosen = claim(lines, claims(source, results, ends, (why, details), found), left, notes)
    verbatim = passages(lines, chosen, range(1, len(lines) + 1), notes)
    body = "\n".join(filter(None, [head, verbatim]))
    omissions = omitted("lines", len(chosen), len(lines))
    omissions += of_cut_lines((len(source[i]), cuts[i][1]) for i in chosen if i in cuts)
    omissions += overwritten(text, lines)
    weak = is_weak_match(source, found, aim.focus)
    return Reduction(body, "tests", "selected", omissions, HANDLE, weak)


def case_in(line: str) -> re.Match[str] | None:
    """Return the test result that line reports."""
    return next((found for case in (*CASES, MARKED) if (found := case.match(line))), None)


def read(lines: Sequence[str]) -> Results:
    """Return the results of single tests; one reported twice counts once."""
    results = Results({}, set(), {})
    seen: set[tuple[str, str, int]] = set()
    current, turn = "", 0
    for index, line in enumerate(lines):
        line = line[:LIMIT]
        if suite := SUITE.match(line):
            current, turn = suite[2], index
            results.lines.add(index)
            results.suites.setdefault(current, Suite()).word = suite[1]
        elif dots := DOTS.match(line):
            results.lines.add(index)
            count_dots(results.suites.setdefault(dots[1], Suite()), dots[2])
        elif NOISE.match(line):
            results.lines.add(index)
        elif found := case_in(line):
            suite_name = found["suite"] or current
            key = (suite_name, found["name"], turn)
            results.lines.add(index)
            if key not in seen:
                seen.add(key)
                count_case(results, found, suite_name, index)
    return results


def count_dots(suite: Suite, marks: str) -> None:
    """Add the tests that a row of marks such as "..F.s" reports."""
    suite.passed += marks.count(".")
    bad = sum(mark in "FE" for mark in marks)
    suite.other += len(marks) - marks.count(".") - bad


def count_case(results: Results, found: re.Match[str], name: str, index: int) -> None:
    """Add one test to its suite."""
    suite = results.suites.setdefault(name, Suite())
    if found["word"] in PASSES:
        suite.passed += 1
    elif found["word"] in FAILS:
        suite.failed[found["name"]] = None
        results.fails[found["name"] or name] = index
    else:
        suite.other += 1


def suites_part(results: Results, budget: int) -> str:
    """Return computed counts: of all tests, of each suite with its failing tests, of the others."""
    suites = {name: s for name, s in results.suites.items() if s.passed or s.other or s.failed}
    if not suites:
        return unnamed_part(results.suites)
    passed, other = sum(s.passed for s in suites.values()), sum(s.other for s in suites.values())
    failed = sum(len(s.failed) for s in suites.values())
    head = f"computed from the tests named: passed = {passed:,}, failed = {failed:,}"
    rows = [head + (f", other = {other:,}" if other else "")]
    left = budget - estimate(rows[0]) - 12
    rest: Counter[str] = Counter()
    whole = [name for name, suite in suites.items() if list(suite.failed) == [""]]
    if whole and (cost := estimate(row := f"failed as a whole: {', '.join(whole)}") + 1) <= left:
        left -= cost
        rows.append(row)
        suites = {name: suite for name, suite in suites.items() if name not in set(whole)}
    for name, suite in sorted(suites.items(), key=lambda pair: not pair[1].failed):
        row = suite_line(name, suite)
        cost = estimate(row) + 1
        if cost <= left and (suite.failed or len(suites) <= FEW_SUITES):
            left -= cost
            rows.append(row)
        else:
            rest.update(suites=1, passed=suite.passed, failed=len(suite.failed))
    if rest["suites"]:
        bad = f", {rest['failed']:,} failed" if rest["failed"] else ""
        rows.append(f"{rest['suites']:,} more suites: {rest['passed']:,} passed{bad}")
    return "\n".join(rows)


def unnamed_part(suites: Mapping[str, Suite]) -> str:
    """Return computed counts of suites that report no single tests, "" if there are none."""
    failed = [name for name, suite in suites.items() if suite.word in FAILS]
    if not suites:
        return ""
    names = f": {', '.join(failed[:MOST_NAMED])}" if failed else ""
    more = f" and {len(failed) - MOST_NAMED:,} more" if len(failed) > MOST_NAMED else ""
    passed = len(suites) - len(failed)
    return f"computed: {passed:,} suites passed, {len(failed):,} failed{names}{more}"


def suite_line(name: str, suite: Suite) -> str:
    """Return one suite: how many tests passed, and the failing ones by name."""
    counts = [f"{suite.passed:,} passed"] if suite.passed else []
    counts += [f"{suite.other:,} skipped or expected to fail"] if suite.other else []
    if suite.failed:
        counts.append(f"{len(suite.failed):,} failed: {', '.join(filter(None, suite.failed))}")
    return f"{name or 'tests'}: {', '.join(counts)}"


def telling(lines: Sequence[str], results: Results) -> tuple[list[int], list[int], dict[int, str]]:
    """Return the lines that say why tests fail, those with details, and how many are alike.

    Of equal lines there is the first; those equal but for their numbers come after all others.
    """
    alike: dict[str, list[int]] = {}
    kinds: dict[str, int] = {}
    grades: dict[int, bool] = {}
    for index, line in enumerate(lines):
        line = line[:LIMIT]
        why = WHY.match(line) is not None
        if index not in results.lines and (why or DETAIL.match(line)):
            alike.setdefault(line.strip(), []).append(index)
            grades[index] = why
    firsts = [members[0] for members in alike.values()]
    for index in firsts:
        kinds.setdefault(re.sub(r"\d+", "0", lines[index][:LIMIT].strip()), index)
    notes = {m[0]: f"first of {len(m):,} alike" for m in alike.values() if len(m) > 1}
    order = list(dict.fromkeys([*kinds.values(), *firsts]))
    return [i for i in order if grades[i]], [i for i in order if not grades[i]], notes


def near(lines: Sequence[str], told: Sequence[int], results: Results) -> Iterator[int]:
    """Return for each line that tells why: the heading above it, the line and its neighbours.

    Neighbours that report another test are none.
    """
    heads = set(results.fails.values())
    seen = {""}
    for index in told:
        for above in range(index, max(-1, index - 60), -1):
            if above in heads or HEADER.match(lines[above][:LIMIT]):
                yield above
                break
        for i in (index + 1, index - 1, index + 2, index - 2):
            if 0 <= i < len(lines) and i not in results.lines and lines[i].strip() not in seen:
                seen.add(lines[i].strip())
                yield i


def claims(
    lines: Sequence[str],
    results: Results,
    ends: Sequence[int],
    told: tuple[Sequence[int], Sequence[int]],
    found: Sequence[int],
) -> Iterator[tuple[Iterable[int], float]]:
    """Return who may fill how much of the budget with lines word for word."""
    why, details = told
    yield ends[::-1], 0.35
    yield why, 1.0
    yield [i for i in found if i not in results.lines], 1.0
    yield near(lines, why, results), 1.0
    yield details, 1.0
    rest = [i for i, line in enumerate(lines) if i not in results.lines and line.strip()]
    grades = severities([lines[i] for i in rest])
    graded = {i for i, grade in zip(rest, grades, strict=True) if grade >= 2}
    places = {n + 1 for n in graded if any(PLACE.match(x) for x in lines[n + 1 : n + 2])}
    yield sorted(graded | places), 1.0
    yield [*rest[-1:], *rest[:2]], 1.0
