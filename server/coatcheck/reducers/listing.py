"""Reduce lists that name files: diagnostics, matches of a search, and lists of paths."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from coatcheck.reducers.findings import PATH, Finding, is_frame, read
from coatcheck.reducers.lines import (
    claim,
    focused,
    is_weak_match,
    matching,
    omitted,
    passages,
    severity,
    shorten,
    split_lines,
)
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

MOST_CHARS, MOST_LINES = 8_000_000, 400_000
LIMIT = 300
RULES_SHARE, FILES_SHARE = 0.3, 0.55
BRANCH = re.compile(r"[\s\u00a0│|]*(?:[├└][─-]+|[|`+\\]--+) ?")
MOST_FOUND, MOST_BETWEEN = 30, 5_000
STARTS = "every path below begins with"
LONG_START = 16
MOST_RULES, RULED = 60, 0.6
FACTORED = "a line that begins with a space goes on where the path above it ends:"


def matches(text: str) -> bool:
    """Tell whether most lines of text point to a place in a file, or are paths."""
    lines = [line for line in text[:20_000].split("\n")[:200] if line.strip()]
    if len(lines) < 5:
        return False
    found = len(read(lines))
    own = sum(1 for line in lines if not is_frame(line))
    paths = sum(1 for line in lines if PATH.match(line.strip()[:300]))
    return 0 < 0.5 * own <= found or paths >= 0.9 * len(lines)


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return counts by rule and file and the findings that fit, or the folders of a path list.

    A path stands once above its findings, whose own part is word for word. With a lossless aim
    that is all that is done.
    """
    if len(text) > MOST_CHARS or text.count("\n") > MOST_LINES:
        return None
    source = split_lines(text)
    findings = read(source)
    if aim.lossless:
        return factored(source, findings)
    own = sum(1 for line in source if not is_frame(line))
    titled = sum(1 for f in findings if not source[f.at].endswith(f.rest))
    if findings and 2 * (len(findings) + titled) >= own:
        return reduce_findings(source, findings, aim)
    return reduce_paths(source, aim) or reduce_tree(source, aim)


def reduce_tree(lines: Sequence[str], aim: Aim) -> Reduction | None:
    """Return a drawn tree: entries of the focus with the folders above, then level by level."""
    depths = {i: len(m[0]) for i, line in enumerate(lines) if (m := BRANCH.match(line))}
    if 10 * len(depths) < 7 * sum(1 for line in lines if line.strip()):
        return None
    found = [i for i in matching(lines, aim.focus) if i in depths]
    near = [up for i in found[:MOST_FOUND] for up in (i, *above(depths, i))]
    levels = sorted(depths, key=lambda i: (depths[i], i))
    chosen = claim(lines, [([0], 1.0), (near, 0.7), (levels, 1.0)], aim.budget_tokens)
    body = passages(lines, chosen, range(1, len(lines) + 1))
    omissions = omitted("lines", len(chosen), len(lines))
    weak = is_weak_match(lines, found, aim.focus)
    return Reduction(body, "tree", "selected", omissions, "a name in the tree", weak)


def above(depths: Mapping[int, int], index: int) -> Iterator[int]:
    """Return the entries of a tree that the entry at index stands below, the nearest first."""
    depth = depths[index]
    for i in range(index - 1, max(-1, index - MOST_BETWEEN), -1):
        if i in depths and depths[i] < depth:
            depth = depths[i]
            yield i


def reduce_findings(lines: Sequence[str], findings: Sequence[Finding], aim: Aim) -> Reduction:
    """Return counts by rule and by file, and below each file the findings shown."""
    focus = aim.focus if aim.focus.strip() else ""
    found = ranked(findings, focus)
    weak = is_weak_match([f"{f.path} {f.rest}" for f in findings], found, focus)
    budget = focused(aim.budget_tokens, bool(found) and not weak)
    rules = Counter(f.rule for f in findings if f.rule)
    if sum(rules.values()) < RULED * len(findings):
        rules, findings = Counter(), [replace(f, rule="") for f in findings]
    head = [totals(findings, rules, int(budget * RULES_SHARE))]
    if start := shared_start([f.path for f in findings]):
        head.append(f"{STARTS} {start}")
        findings = [replace(f, path=f.path.removeprefix(start)) for f in findings]
    places = {f.at for f in findings}
    others = [i for i, line in enumerate(lines) if i not in places and line.strip()]
    ends = [i for i in others if is_summary(lines[i]) and not is_frame(lines[i])][-3:]
    left = (
        budget
        - sum(estimate(row) + 1 for row in head)
        - sum(estimate(lines[i][:LIMIT]) + 2 for i in ends)
    )
    files = files_part(findings, int(left * (0.3 if found else FILES_SHARE)))
    left -= sum(estimate(row) + 1 for row in files)
    chosen = chosen_findings(findings, found, rules, left)
    body = [*head, *files, *grouped(findings, chosen), *(lines[i][:LIMIT] for i in ends)]
    unit = "findings" if rules else "matches"
    omissions = omitted(unit, len(chosen), len(findings))
    omissions += omitted("other lines", len(ends), len(others))
    handle = "a path or a rule" if rules else "a path"
    return Reduction("\n".join(body), "findings", "selected", omissions, handle, weak)


def factored(lines: Sequence[str], findings: Sequence[Finding]) -> Reduction | None:
    """Return the lines with each path written once above them; None if that cannot be undone."""
    rest = {f.at: f for f in findings if lines[f.at] == f.path + f.rest}
    out, path = [], ""
    for index, line in enumerate(lines):
        finding = rest.get(index)
        if finding and finding.path != path:
            out.append(finding.path)
        path = finding.path if finding else ""
        out.append(f" {finding.rest}" if finding else line)
    if not rest or unfactored(out) != list(lines):
        return None
    return Reduction("\n".join([FACTORED, *out]), "findings", "lossless")


def unfactored(rows: Sequence[str]) -> list[str]:
    """Return the lines of which factored made these rows."""
    out, path = [], ""
    for row, below in zip(rows, [*rows[1:], ""], strict=True):
        if row.startswith(" "):
            out.append(path + row[1:])
        elif below.startswith(" "):
            path = row
        else:
            out.append(row)
    return out


def is_summary(line: str) -> bool:
    """Tell whether line sums up: words with a number, or trouble of its own."""
    return bool(re.search(r"\d", line) and re.search(r"[A-Za-z]{3}", line)) or severity(line) >= 2


def ranked(findings: Sequence[Finding], focus: str) -> list[int]:
    """Return the numbers of the findings that speak of focus, best first.

    A finding of a file, or of a rule, that focus names word for word comes before all others.
    """
    if not focus:
        return []
    found = matching([f"{f.path} {f.rest}" for f in findings], focus)
    words = set(re.findall(r"[^\s`'\",;?()]+", focus))
    exact = {n: f.rule in words or named(f.path, focus) for n, f in enumerate(findings)}
    return sorted(found, key=lambda n: not exact[n])


def named(path: str, focus: str) -> bool:
    """Tell whether focus names path, by its last two parts or more."""
    return "/".join(path.replace("\\", "/").split("/")[-2:]) in focus


def totals(findings: Sequence[Finding], rules: Counter[str], budget: int) -> str:
    """Return the computed line of totals: findings, files, findings by rule."""
    files = len({f.path for f in findings})
    unit = "findings" if rules else "matches"
    text = f"computed: total = {len(findings):,} {unit} in {files:,} files"
    left = budget - estimate(text)
    parts = []
    for rule, count in rules.most_common(MOST_RULES):
        left -= estimate(part := f"{rule} = {count:,}") + 1
        if left < 0:
            break
        parts.append(part)
    if len(parts) < len(rules):
        parts.append(f"and {len(rules) - len(parts):,} more rules")
    return text + ("; by rule: " + ", ".join(parts) if parts else "")


def files_part(findings: Sequence[Finding], budget: int) -> list[str]:
    """Return the files with the numbers of their findings, by folder, as far as budget goes."""
    counts = Counter(f.path for f in findings)
    folders: dict[str, list[str]] = defaultdict(list)
    for path, count in counts.items():
        folder, name = split_path(path)
        folders[folder].append(f"{name} {count:,}")
    rows = [f"{folder}: {', '.join(names)}" for folder, names in folders.items()]
    out, left = ["by file:"], budget - 15
    for row in rows:
        if (cost := estimate(row) + 1) > left:
            break
        left -= cost
        out.append(row)
    if len(out) - 1 < len(rows):
        out.append(f"and {len(rows) - len(out) + 1:,} more folders")
    return out


def shared_start(paths: Sequence[str]) -> str:
    """Return the folders that all paths begin with but for the last two, "" if they are short."""
    low, high = min(paths), max(paths)
    size = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    start = low[:size]
    parts = start.replace("\\", "/").split("/")[:-1]
    start = start[: len("/".join(parts[:-1])) + 1] if len(parts) > 1 else ""
    return start if len(start) >= LONG_START else ""


def split_path(path: str) -> tuple[str, str]:
    """Return the folder of path, with its separator, and the name in it."""
    at = max(path.rfind("/"), path.rfind("\\")) + 1
    return path[:at] or ".", path[at:]


def chosen_findings(
    findings: Sequence[Finding], found: Sequence[int], rules: Counter[str], budget: int
) -> dict[int, str]:
    """Return what is shown of which findings: of the focus, first of each rule, of each file."""
    firsts: dict[str, int] = {}
    files: dict[str, int] = {}
    for number, finding in enumerate(findings):
        firsts.setdefault(finding.rule, number)
        files.setdefault(finding.path, number)
    rare = sorted(firsts.values(), key=lambda n: rules[findings[n].rule])
    order = dict.fromkeys([*found, *rare, *files.values(), *range(len(findings))])
    chosen: dict[int, str] = {}
    seen: set[str] = set()
    refused = 0
    for number in order:
        finding = findings[number]
        text = shorten(finding.rest, LIMIT)[0]
        cost = estimate(text) + 2 + (0 if finding.path in seen else estimate(finding.path) + 1)
        if cost > budget:
            refused += 1
            if refused > 50:
                break
            continue
        budget -= cost
        seen.add(finding.path)
        chosen[number] = text
    return chosen


def grouped(findings: Sequence[Finding], chosen: dict[int, str]) -> Iterator[str]:
    """Return the chosen findings below their paths, files and findings in source order."""
    before = ""
    places = {f.path: n for n, f in reversed(list(enumerate(findings)))}
    for number in sorted(chosen, key=lambda n: (places[findings[n].path], n)):
        if findings[number].path != before:
            before = findings[number].path
            yield before
        yield f" {chosen[number]}"


def reduce_paths(lines: Sequence[str], aim: Aim) -> Reduction | None:
    """Return a list of paths by folder, folders beyond the budget as counts."""
    paths = [(i, line.strip()) for i, line in enumerate(lines) if PATH.match(line.strip()[:500])]
    if not paths or 10 * len(paths) < 9 * sum(1 for line in lines if line.strip()):
        return None
    found = matching([path for _, path in paths], aim.focus)
    start = shared_start([path for _, path in paths])
    paths = [(i, path.removeprefix(start)) for i, path in paths]
    folders: dict[str, list[int]] = defaultdict(list)
    for number, (_, path) in enumerate(paths):
        folders[split_path(path)[0]].append(number)
    head = f"computed: total = {len(paths):,} paths in {len(folders):,} folders"
    head += f"\n{STARTS} {start}" if start else ""
    left = aim.budget_tokens - estimate(head) - 12
    shown: set[int] = set()
    left -= show(paths, found, shown, left // 2)
    show(paths, spread(list(folders.values())), shown, left)
    rows = [head]
    for folder, numbers in folders.items():
        names = [split_path(paths[n][1])[1] for n in numbers if n in shown]
        more = len(numbers) - len(names)
        if names:
            rows.append(f"{folder}: {', '.join(names)}" + (f" and {more:,} more" if more else ""))
    hidden = sum(1 for numbers in folders.values() if not shown.intersection(numbers))
    if hidden:
        rows.append(f"and {hidden:,} more folders")
    omissions = omitted("paths", len(shown), len(paths))
    body = "\n".join(rows)
    if estimate(body) > aim.budget_tokens:
        return None
    weak = is_weak_match([path for _, path in paths], found, aim.focus)
    return Reduction(body, "paths", "selected", omissions, "a part of the path", weak)


def spread(folders: Sequence[Sequence[int]]) -> Iterator[int]:
    """Return the first of every folder, then the second of every folder, and so on."""
    for turn in range(max(map(len, folders), default=0)):
        yield from (numbers[turn] for numbers in folders if turn < len(numbers))


def show(
    paths: Sequence[tuple[int, str]], order: Iterable[int], shown: set[int], budget: int
) -> int:
    """Add to shown the paths that budget tokens hold, in this order; return what they cost."""
    spent = 0
    folders = {split_path(paths[n][1])[0] for n in shown}
    for number in order:
        folder, name = split_path(paths[number][1])
        cost = estimate(name) + 1 + (0 if folder in folders else estimate(folder) + 5)
        if number in shown:
            continue
        if spent + cost > budget:
            break
        spent += cost
        shown.add(number)
        folders.add(folder)
    return spent
