"""Reduce diffs: every file with its counts and headings, then the changes that matter most."""

import re
from collections.abc import Iterable, Iterator, Sequence

from coatcheck.reducers.lines import (
    around,
    claim,
    matching,
    of_cut_lines,
    overwritten,
    passages,
    shorten,
    split_lines,
)
from coatcheck.reducers.patches import Hunk, Patch, definitions, read, scopes
from coatcheck.reducers.select import is_weak, relevance
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
LONG_HUNK = 40
LIMIT = 400
MOST_FIRST = 5
OUTLINE_SHARE, FOCUSED_SHARE = 0.85, 0.4
MOST_NAMES = (0, 3, 10, 1000, 1000)
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
    cuts = {i: shorten(x, LIMIT, aim.focus) for i, x in enumerate(source) if len(x) > LIMIT + 40}
    lines = [cuts[i][0] if i in cuts else line for i, line in enumerate(source)]
    ranks, weak = ranked(source, patches, aim.focus)
    share = FOCUSED_SHARE if aim.focus.strip() and not weak else OUTLINE_SHARE
    best = list(dict.fromkeys(id(patch) for _, patch, _ in ranks)) if aim.focus.strip() else []
    outline = outlined(source, patches, int(aim.budget_tokens * share), best[:MOST_FIRST])
    left = aim.budget_tokens - estimate(outline) - 2
    chosen = claim(lines, claims(source, patches, ranks, aim.focus), left)
    body = outline + "\n" + passages(lines, chosen, range(1, len(lines) + 1))
    omissions = [*left_out(hunks, set(chosen)), *overwritten(text, lines)]
    omissions += of_cut_lines((len(source[i]), cuts[i][1]) for i in chosen if i in cuts)
    return Reduction(body, "diff", "selected", omissions, HANDLE, weak)


def left_out(hunks: Sequence[Hunk], shown: set[int]) -> Iterator[Omission]:
    """Return how many changed lines are shown of all, then how many lines of context."""
    changed = [i for hunk in hunks for i in hunk.changed()]
    around = [i for hunk in hunks for i in hunk.context]
    for unit, indices in (("changed lines", changed), ("lines of context", around)):
        seen = sum(i in shown for i in indices)
        if seen < len(indices):
            yield Omission(unit, seen, len(indices))


def outlined(
    lines: Sequence[str], patches: Sequence[Patch], budget: int, best: Sequence[int] = ()
) -> str:
    """Return a computed line on the whole diff and a line per file, as detailed as budget allows.

    With the highest detail the line of a file says all it defines anew and the place and heading
    of its hunks, with 0 only its counts. Of more files than budget holds those with the ids of
    best have their lines, then the first ones; the others are named by folder, or counted.
    """
    added, removed = totalled(patches)
    hunks = sum(len(patch.hunks) for patch in patches)
    head = f"computed: {len(patches):,} files, {hunks:,} hunks, +{added:,} -{removed:,} lines"
    left = budget - estimate(head) - 12
    rows = [file_line(lines, patch, 0) for patch in patches]
    costs = [estimate(row) + 1 for row in rows]
    if sum(costs) > left:
        return "\n".join([head, *crowded(patches, rows, costs, left, best)])
    left -= sum(costs)
    for detail in range(1, len(MOST_NAMES)):
        for number in sorted(range(len(rows)), key=lambda n: (weight(lines, patches[n]), n)):
            row = file_line(lines, patches[number], detail)
            if (cost := estimate(row) - estimate(rows[number])) <= left:
                left -= cost
                rows[number] = row
    return "\n".join([head, *rows])


def crowded(
    patches: Sequence[Patch],
    rows: Sequence[str],
    costs: Sequence[int],
    budget: int,
    best: Sequence[int],
) -> Iterator[str]:
    """Yield the lines of the files that budget holds, then the names of the others by folder."""
    first = [n for n, patch in enumerate(patches) if id(patch) in best]
    left = budget - sum(costs[n] for n in first)
    paths = "all files: " + ", ".join(patch.path for patch in patches)
    folders = "\n".join(f"{at}: {', '.join(names)}" for at, names in by_folder(patches).items())
    for names in (paths, folders):
        if estimate(names) <= left:
            yield from (rows[n] for n in first)
            yield names
            return
    chosen, left = set[int](), budget
    for number in dict.fromkeys([*first, *range(len(rows))]):
        if costs[number] > left:
            break
        chosen.add(number)
        left -= costs[number]
    yield from (rows[n] for n in sorted(chosen))
    plus, minus = totalled([patch for n, patch in enumerate(patches) if n not in chosen])
    yield f"and {len(patches) - len(chosen):,} more files, +{plus:,} -{minus:,} lines"


def by_folder(patches: Sequence[Patch]) -> dict[str, list[str]]:
    """Return the names of the files with their counts, below their folders."""
    folders: dict[str, list[str]] = {}
    for patch in patches:
        folder, _, name = patch.path.rpartition("/")
        added, removed = patch.counts()
        counts = f" +{added}" * bool(added) + f" -{removed}" * bool(removed)
        folders.setdefault(f"{folder}/" if folder else ".", []).append(f"{name}{counts}")
    return folders


def totalled(patches: Sequence[Patch]) -> tuple[int, int]:
    """Return how many lines these files gain and lose."""
    counts = [patch.counts() for patch in patches]
    return sum(plus for plus, _ in counts), sum(minus for _, minus in counts)


def weight(lines: Sequence[str], patch: Patch) -> int:
    """Return 0 for a file of code, 1 for tests and documents, 2 for what a machine made."""
    if is_machine_made(lines, patch):
        return 2
    return int(ASIDE.search(patch.path) is not None or patch.state == "deleted")


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
        listed("in", headings(lines, patch, detail), detail),
    ]
    return "; ".join([line, *filter(None, parts)])


def listed(word: str, names: Sequence[str], detail: int) -> str:
    """Return word and as many names as detail allows."""
    if not names:
        return ""
    most = MOST_NAMES[detail]
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{word} {', '.join(names[:most])}{more}"


def headings(lines: Sequence[str], patch: Patch, detail: int) -> list[str]:
    """Return what the hunks stand in, with the highest detail with lines of the new file."""
    placed = detail == len(MOST_NAMES) - 1
    places: dict[str, list[int]] = {}
    for hunk in patch.hunks:
        names = scopes(lines, hunk)
        for name in names or ([hunk.heading.strip()[:40]] if placed else []):
            places.setdefault(name, []).append(hunk.line)
    if not placed:
        return list(places)
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
    texts = [hunk_text(lines, *pair) for pair in pairs] if focus.strip() else []
    scores = relevance(texts, focus)
    scores = [
        s * (1 + named_parts(p.path, focus)) for s, (p, _) in zip(scores, pairs, strict=False)
    ]
    told = max(scores, default=0.0)
    if told > 0:
        worth = [score / told for score in scores]
    else:
        made = {id(patch): is_machine_made(lines, patch) for patch in patches}
        worth = [
            0.0 if made[id(patch)] else importance(lines, patch, hunk) for patch, hunk in pairs
        ]
    triples = [(w, *pair) for w, pair in zip(worth, pairs, strict=True) if w > 0.2]
    return sorted(triples, key=lambda t: (-t[0], t[2].at)), is_weak(texts, scores, focus)


def named_parts(path: str, focus: str) -> int:
    """Return how many of the last parts of path stand together in focus."""
    parts = path.split("/")
    for count in range(min(len(parts), 6), 0, -1):
        if "/".join(parts[-count:]) in focus:
            return count
    return 0


def hunk_text(lines: Sequence[str], patch: Patch, hunk: Hunk) -> str:
    """Return the words by which a hunk is found: its path, its heading and its lines."""
    body = [lines[i][:LIMIT] for i in sorted(hunk.changed() + hunk.context)[:400]]
    return "\n".join([patch.path, hunk.heading, *body])


def importance(lines: Sequence[str], patch: Patch, hunk: Hunk) -> float:
    """Return what a hunk is worth without a focus: code before tests and docs."""
    worth = 0.5 if ASIDE.search(patch.path) else 1.0
    defined = any(definitions(lines, hunk.changed()))
    return worth + (0.3 if defined else 0.0) + 1 / (10 + len(hunk.changed()))


def claims(
    lines: Sequence[str],
    patches: Sequence[Patch],
    ranks: Sequence[tuple[float, Patch, Hunk]],
    focus: str,
) -> Iterator[tuple[Iterable[int], float]]:
    """Return who may fill how much of what the outline left of the budget."""
    yield range(min(patches[0].at, 12)), 0.3
    yield (i for _, _, hunk in ranks for i in [hunk.at, *in_order(lines, hunk, focus)]), 1.0


def in_order(lines: Sequence[str], hunk: Hunk, focus: str) -> Iterator[int]:
    """Return the changed lines of a hunk, in a long one first those of the focus."""
    changed = hunk.changed()
    if len(changed) > LONG_HUNK:
        found = matching([lines[i] for i in changed], focus)
        yield from (changed[n] for n in around(found, len(changed), 2))
    yield from changed
