"""Reduce diffs: every file with its counts and headings, then the changes that matter most."""

import re
from collections.abc import Iterable, Iterator, Sequence

from coatcheck.reducers.lines import (
    claim,
    of_cut_lines,
    overwritten,
    passages,
    shorten,
    split_lines,
)
from coatcheck.reducers.patches import Hunk, Patch, definitions, heading_name, read
from coatcheck.reducers.select import relevance
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

DIFF = re.compile(r"(?m)^(?:diff --(?:git|cc|combined) |@@ -\d+|@@@ -\d+|Index: .*\n===)")
MACHINE_MADE = re.compile(
    r"(?i)(?:^|/)(?:[\w.-]*lock\.(?:json|ya?ml)|[\w.-]+\.lock|go\.sum|npm-shrinkwrap\.json"
    r"|[\w.-]+\.min\.\w+|[\w.-]+\.(?:map|snap|svg)|[\w.-]+(?:_pb2(?:_grpc)?\.py|\.pb\.(?:go|cc|h))"
    r"|[\w.-]*\.?(?:generated|designer)\.\w+)$"
    r"|(?:^|/)(?:node_modules|vendor|third_party|dist|__snapshots__|__generated__)/"
)
ASIDE = re.compile(r"(?i)(?:^|/)(?:tests?|docs?|examples?|fixtures?|changelog)\b|\.(?:md|rst|txt)$")
MOST_CHARS = 8_000_000
LONG_CHANGE = 2000
OUTLINE_SHARE = 0.6
HANDLE = "a path or a word of the change"


def matches(text: str) -> bool:
    """Tell whether text holds the heading of a unified or combined diff."""
    return DIFF.search(text[:50_000]) is not None


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return all files of a diff with counts, and the changes that fit, sign and indent exact.

    None for a lossless aim, without any hunk, and above 8 million characters.
    """
    if aim.lossless or len(text) > MOST_CHARS:
        return None
    source = split_lines(text)
    patches = read(source)
    hunks = [hunk for patch in patches for hunk in patch.hunks]
    if not hunks:
        return None
    outline = outlined(source, patches, int(aim.budget_tokens * OUTLINE_SHARE))
    cuts = {i: shorten(x, LIMIT, aim.focus) for i, x in enumerate(source) if len(x) > LIMIT + 40}
    lines = [cuts[i][0] if i in cuts else line for i, line in enumerate(source)]
    ranks, weak = ranked(source, patches, aim.focus)
    left = aim.budget_tokens - estimate(outline) - 2
    chosen = claim(lines, claims(source, patches, ranks), left)
    body = outline + "\n" + passages(lines, chosen, range(1, len(lines) + 1))
    omissions = [*left_out(hunks, set(chosen)), *overwritten(text, lines)]
    omissions += of_cut_lines((len(source[i]), cuts[i][1]) for i in chosen if i in cuts)
    return Reduction(body, "diff", "selected", omissions, HANDLE, weak)


LIMIT = 400


def left_out(hunks: Sequence[Hunk], shown: set[int]) -> Iterator[Omission]:
    """Return how many changed lines are shown of all, then how many lines of context."""
    changed = [i for hunk in hunks for i in hunk.changed()]
    around = [i for hunk in hunks for i in hunk.context]
    for unit, indices in (("changed lines", changed), ("lines of context", around)):
        seen = sum(i in shown for i in indices)
        if seen < len(indices):
            yield Omission(unit, seen, len(indices))


def outlined(lines: Sequence[str], patches: Sequence[Patch], budget: int) -> str:
    """Return a computed line on the whole diff and a line per file, as detailed as budget allows.

    With detail 3 the line of a file says what it defines anew and where its hunks are, with 2 and
    1 less of it, with 0 only its counts; then files beyond the budget are counted.
    """
    added, removed = (sum(side) for side in zip(*(p.counts() for p in patches), strict=True))
    hunks = sum(len(patch.hunks) for patch in patches)
    head = f"computed: {len(patches):,} files, {hunks:,} hunks, +{added:,} -{removed:,} lines"
    for detail in (3, 2, 1, 0):
        rows = [file_line(lines, patch, detail) for patch in patches]
        text = "\n".join([head, *rows])
        if estimate(text) <= budget:
            return text
    kept, left = [], budget - estimate(head) - 12
    for row in rows:
        left -= estimate(row) + 1
        if left < 0:
            break
        kept.append(row)
    rest = [patch.counts() for patch in patches[len(kept) :]]
    plus, minus = sum(c[0] for c in rest), sum(c[1] for c in rest)
    return "\n".join([head, *kept, f"and {len(rest):,} more files, +{plus:,} -{minus:,} lines"])


def file_line(lines: Sequence[str], patch: Patch, detail: int) -> str:
    """Return path, counts and state of a file, and what is defined and changed in it."""
    added, removed = patch.counts()
    made = is_machine_made(lines, patch)
    state = "".join(f" ({word})" for word in (patch.state, made and "generated") if word)
    line = f"{patch.path} +{added:,} -{removed:,}{state}"
    if detail == 0 or made:
        return line
    new = list(dict.fromkeys(definitions(lines, [i for h in patch.hunks for i in h.added])))
    gone = dict.fromkeys(definitions(lines, [i for h in patch.hunks for i in h.removed]))
    parts = [
        listed("defines", [name for name in new if name not in gone], detail),
        listed("changes", [name for name in new if name in gone], detail),
        listed("drops", [name for name in gone if name not in new], detail),
        listed("in", headings(patch, detail), detail),
    ]
    return "; ".join([line, *filter(None, parts)])


def listed(word: str, names: Sequence[str], detail: int) -> str:
    """Return word and names, few of many with detail 1."""
    if not names:
        return ""
    most = 3 if detail == 1 else len(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{word} {', '.join(names[:most])}{more}"


def headings(patch: Patch, detail: int) -> list[str]:
    """Return the distinct headings of the hunks, with detail 3 with their lines in the new file."""
    places: dict[str, list[int]] = {}
    for hunk in patch.hunks:
        places.setdefault(heading_name(hunk.heading), []).append(hunk.line)
    if detail < 3:
        return [name for name in places if name]
    return [f"{name} @{','.join(map(str, at))}".strip() for name, at in places.items()]


def is_machine_made(lines: Sequence[str], patch: Patch) -> bool:
    """Tell whether a file is a lock file, generated, minified or vendored."""
    if MACHINE_MADE.search(patch.path):
        return True
    return any(len(lines[i]) > LONG_CHANGE for hunk in patch.hunks for i in hunk.added[:50])


def ranked(
    lines: Sequence[str], patches: Sequence[Patch], focus: str
) -> tuple[list[tuple[float, Patch, Hunk]], bool]:
    """Return the hunks with their worth, best first, and whether the focus matched hardly any."""
    pairs = [(patch, hunk) for patch in patches for hunk in patch.hunks]
    scores = relevance([hunk_text(lines, *pair) for pair in pairs], focus) if focus.strip() else []
    told = max(scores, default=0.0)
    if told > 0:
        worth = [score / told for score in scores]
    else:
        worth = [importance(lines, *pair) for pair in pairs]
    triples = [(w, *pair) for w, pair in zip(worth, pairs, strict=True) if w > 0.2]
    return sorted(triples, key=lambda t: (-t[0], t[2].at)), bool(focus.strip()) and told <= 0


def hunk_text(lines: Sequence[str], patch: Patch, hunk: Hunk) -> str:
    """Return the words by which a hunk is found: its path, its heading and its lines."""
    body = [lines[i][:LIMIT] for i in sorted(hunk.changed() + hunk.context)[:400]]
    return "\n".join([patch.path, hunk.heading, *body])


def importance(lines: Sequence[str], patch: Patch, hunk: Hunk) -> float:
    """Return what a hunk is worth without a focus: code before tests and docs, then generated."""
    if is_machine_made(lines, patch):
        return 0.0
    worth = 0.5 if ASIDE.search(patch.path) else 1.0
    defined = any(definitions(lines, hunk.changed()))
    return worth + (0.3 if defined else 0.0) + 1 / (10 + len(hunk.changed()))


def claims(
    lines: Sequence[str], patches: Sequence[Patch], ranks: Sequence[tuple[float, Patch, Hunk]]
) -> Iterator[tuple[Iterable[int], float]]:
    """Return who may fill how much of what the outline left of the budget."""
    yield range(min(patches[0].at, 12)), 0.3
    yield (i for _, _, hunk in ranks for i in [hunk.at, *hunk.changed()]), 1.0
