"""Reduce a commit history (git log) to a row per commit, those of the focus in full."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.lines import claim, focused, passages, split_lines
from coatcheck.reducers.select import fill, relevance
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

COMMIT = re.compile(r"commit ([0-9a-f]{7,64})\b")
FIELD = re.compile(r"(Author|Date|AuthorDate|Merge|Commit|CommitDate): +(.*)")
EMAIL = re.compile(r"\s*<[^>]*>$")
DAY = re.compile(r"\d{4}-\d\d-\d\d|\w{3} \w{3} +\d{1,2}(?= )|\d+ \w+ ago")
MOST_LINES = 400_000
ROWS_SHARE, FULL_SHARE = 0.9, 0.5
HANDLE = "its hash"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: the range of its lines and what its row says."""

    first: int
    end: int
    hash: str
    author: str
    day: str
    subject: str


def matches(text: str) -> bool:
    """Tell whether text is a git log in one of its long formats."""
    found = re.match(r"\s*commit [0-9a-f]{7,64}\b.*\n(?:\w+: .*\n)+", text[:2000])
    return found is not None and text.count("\ncommit ") > 1


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return hash and subject of the commits that fit, and in full those of the focus.

    Hashes are cut to 7 or more characters, as git does. None for a lossless aim, for fewer than
    two commits and for patches.
    """
    if aim.lossless or text.count("\n") > MOST_LINES or "\ndiff --git " in text:
        return None
    lines = split_lines(text)
    commits = read(lines)
    if len(commits) < 2:
        return None
    head = totals(commits)
    scores = scored(lines, commits, aim.focus)
    best = sorted((n for n, s in enumerate(scores) if s > 0), key=lambda n: (-scores[n], n))
    left = focused(aim.budget_tokens, bool(best)) - estimate(head) - 4
    near = [n for n in best[:5] if scores[n] >= 0.8 * scores[best[0]]]
    spans = [i for n in near for i in range(commits[n].first, commits[n].end)]
    chosen = claim(lines, [(spans, FULL_SHARE)], left)
    full = passages(lines, chosen, range(1, len(lines) + 1))
    rows, shown = rows_part(commits, scores, left - estimate(full))
    full_ones = {n for n in near if commits[n].first in chosen}
    subjects = len(set(shown) - full_ones)
    omissions = [
        Omission("commits", len(full_ones | set(shown)), len(commits)),
        Omission("lines", len(chosen) + subjects, len(lines)),
    ]
    body = "\n".join(filter(None, [head, full, rows]))
    kept = [o for o in omissions if o.shown < o.total]
    weak = bool(aim.focus.strip()) and not best
    return Reduction(body, "commits", "selected", kept, HANDLE, weak)


def read(lines: Sequence[str]) -> list[Commit]:
    """Return the commits of a log in order."""
    starts = [(i, m[1]) for i, line in enumerate(lines) if (m := COMMIT.match(line))]
    ends = [i for i, _ in starts[1:]] + [len(lines)]
    return [read_commit(lines, i, end, h) for (i, h), end in zip(starts, ends, strict=False)]


def read_commit(lines: Sequence[str], first: int, end: int, name: str) -> Commit:
    """Return the commit on the lines from first up to end."""
    fields: dict[str, str] = {}
    at = first + 1
    while at < end and (found := FIELD.match(lines[at])):
        fields[found[1]] = found[2]
        at += 1
    subject = next((line.strip() for line in lines[at:end] if line.strip()), "")
    date = DAY.search(fields.get("Date", fields.get("AuthorDate", "")))
    author = EMAIL.sub("", fields.get("Author", ""))
    return Commit(first, end, name, author, date[0] if date else "", subject)


def totals(commits: Sequence[Commit]) -> str:
    """Return the computed line of totals: commits, days, authors."""
    authors = Counter(c.author for c in commits if c.author).most_common(8)
    parts = [f"computed: total = {len(commits):,} commits"]
    if commits[0].day:
        parts.append(f"from {commits[0].day} to {commits[-1].day}")
    if authors:
        parts.append("by " + ", ".join(f"{author} ({n:,})" for author, n in authors))
    return "; ".join(parts)


def scored(lines: Sequence[str], commits: Sequence[Commit], focus: str) -> list[float]:
    """Return what each commit has to do with focus; its subject counts twice."""
    if not focus.strip():
        return [0.0] * len(commits)
    texts = ["\n".join(line[:400] for line in lines[c.first : c.end][:200]) for c in commits]
    heads = relevance([c.subject for c in commits], focus)
    return [a + 2 * b for a, b in zip(relevance(texts, focus), heads, strict=True)]


def rows_part(
    commits: Sequence[Commit], scores: Sequence[float], budget: int
) -> tuple[str, list[int]]:
    """Return a row per commit as far as budget goes, best first, in source order."""
    size = short_hash([c.hash for c in commits])
    for detail in (2, 1, 0):
        rows = [row(c, size, detail) for c in commits]
        costs = [estimate(r + "\n") for r in rows]
        if sum(costs) <= budget:
            break
    values = [1 + s + 1 / (1 + n) for n, s in enumerate(scores)]
    chosen = fill(costs, values, budget)
    return "\n".join(rows[n] for n in chosen), chosen


def row(commit: Commit, size: int, detail: int) -> str:
    """Return hash and subject, with detail 1 also the day, with 2 also the author."""
    parts = [commit.hash[:size], commit.day if detail else "", commit.subject]
    if detail == 2 and commit.author:
        parts.append(f"({commit.author})")
    return " ".join(filter(None, parts))


def short_hash(hashes: Sequence[str]) -> int:
    """Return the least number of characters, 7 or more, that tells the hashes apart."""
    size = 7
    while size < 40 and len({h[:size] for h in hashes}) < len(set(hashes)):
        size += 1
    return size
