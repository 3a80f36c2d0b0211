"""Reduce trees to the branches that matter: snapshots of pages, XML, YAML, indented outlines."""

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from coatcheck.reducers import snapshots
from coatcheck.reducers.budget import tightened
from coatcheck.reducers.lines import is_severe
from coatcheck.reducers.select import relevance
from coatcheck.reducers.xmltext import is_xml, tree_lines
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

MAX_CHARS = 20_000_000
MAX_NODES = 200_000
MAX_LINE = 400  # characters of a line that are shown
MAX_CLIMB = 30
MAX_MISSES = 300  # lines in a row that do not fit before no more are tried
MAX_INDENT = 30  # levels of XML that are indented
MAX_ITEMS = 5  # of a list whose lines are weighed on their own
FITTING = 0.7  # share of the best match of an item from which they are
WEAK = 0.2  # share of the best match from which a line counts as sought
AROUND = 0.4  # share of the budget for the rest of the tree when something was found
RARE = 0.1  # share of the lines of one key that a value may have to be odd
FEW = 0.34  # and the most distinct values of that key, as a share
NOISE = re.compile(
    r"\s*+(?:- )?(?:f:[\w.{}\"-]+|managedFields|kubectl\.kubernetes\.io/last-applied\S*):"
)
QUIET = re.compile(
    r"\s*+(?:- )?(?:uid|resourceVersion|generation|selfLink|creationTimestamp|pod-template-hash"
    r"|containerID|imageID|apiVersion|probeTime|schemaLocation)\b"
)
NAMED = re.compile(r"\s*+(?:- )?[\"']?(?:name|id|title|artifactId)[\"']?\s*[:=]", re.IGNORECASE)
IDENTITY = re.compile(
    r"\s*+(?:- )?[\"']?(?:kind|namespace|status|phase|type|version|image"
    r"|state|reason|message|host|url|replicas|severity|level|error|key)[\"']?\s*[:=]",
    re.IGNORECASE,
)
KEY = re.compile(r"[\w./:$-]+")
DRAWN = re.compile(r"^(?:[│ \xa0]|\|(?!--))*+(?:├──|└──|\|--|`--|\+--|\\--) ?", re.M)


@dataclass(frozen=True, slots=True)
class Node:
    """One line of a tree; parent is the index of the line it hangs on, -1 for none."""

    parent: int
    depth: int
    line: str


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the branches of a tree that matter within aim, None when it is no tree."""
    if aim.lossless or len(text) > MAX_CHARS:
        return None
    if snapshots.matches(text):
        return snapshots.reduce(text, aim)
    if text.count("\n") > MAX_NODES:
        return None
    found = xml_nodes(text) if is_xml(text) else line_nodes(text)
    if len(found) < 4 or len(found) > MAX_NODES:
        return None
    return prune(found, text, aim)


def xml_nodes(text: str) -> list[Node]:
    """Return the elements of XML as a tree of lines."""
    return hang([(d, "  " * min(d, MAX_INDENT) + line) for d, line in tree_lines(text)])


def line_nodes(text: str) -> list[Node]:
    """Return the lines of text as a tree by their indentation.

    An item of a list hangs on the key above it also where both have the same indentation.
    """
    found = []
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare in ("---", "..."):
            continue
        drawn = DRAWN.match(line)
        indent = drawn.end() if drawn else len(line) - len(line.lstrip())
        found.append((indent * 2 + bare.startswith("- "), line.rstrip()))
    return hang(found)


def hang(lines: Sequence[tuple[int, str]]) -> list[Node]:
    """Return nodes for lines with their indents, each hung on the nearest line further out."""
    nodes: list[Node] = []
    around: list[tuple[int, int]] = []
    for indent, line in lines:
        while around and around[-1][0] >= indent:
            around.pop()
        nodes.append(Node(around[-1][1] if around else -1, len(around), line))
        around.append((indent, len(nodes) - 1))
    return nodes


def prune(nodes: Sequence[Node], text: str, aim: Aim) -> Reduction:
    """Return the lines that budget holds, each with the lines it hangs on."""
    noise = noisy(nodes)
    scores = sought(nodes, aim.focus)
    parents = {node.parent for node in nodes}
    costs = [
        estimate(node.line[:MAX_LINE]) + (4 if index in parents else 1)
        for index, node in enumerate(nodes)
    ]
    clean = [index for index in range(len(nodes)) if not noise[index]]
    base = values(nodes, noise)
    weak = bool(aim.focus) and not any(scores)
    if sum(costs[index] for index in clean) <= aim.budget_tokens:
        return reduction_of(nodes, clean, noise, text, weak=weak)
    return tightened(
        lambda room: reduction_of(
            nodes, chosen(nodes, costs, scores, base, room), noise, text, weak=weak
        ),
        aim.budget_tokens,
    )


def reduction_of(
    nodes: Sequence[Node], shown: Sequence[int], noise: Sequence[bool], text: str, *, weak: bool
) -> Reduction:
    """Return the reduction that shows these nodes and counts the others."""
    view = "\n".join(written(nodes, shown))
    dropped = sum(noise)
    omitted = [Omission("characters", min(len(view), len(text)), len(text), "markup")]
    if len(shown) < len(nodes):
        omitted.insert(0, Omission("lines", len(shown), len(nodes), "lines of the tree"))
    if dropped:
        omitted.append(Omission("lines", 0, dropped, "managedFields and other bookkeeping"))
    return Reduction(
        view,
        "tree",
        "trimmed" if len(shown) + dropped == len(nodes) else "selected",
        omitted,
        handle="a word of it",
        weak_focus=weak,
    )


def noisy(nodes: Sequence[Node]) -> list[bool]:
    """Return, per node, whether it is bookkeeping of a cluster that no reader asks for."""
    flags: list[bool] = []
    for node in nodes:
        above = node.parent >= 0 and flags[node.parent]
        flags.append(above or NOISE.match(node.line) is not None)
    return flags


def sought(nodes: Sequence[Node], focus: str) -> list[float]:
    """Return how much each line is what focus names, at most 1 for the best.

    What hangs on such a line, or beside it, counts too. In the few items of the list that the
    tree mostly is which focus describes best, lines are weighed against each other once more:
    a word that all items hold says nothing about the item, but much about its lines.
    """
    if not focus:
        return [0.0] * len(nodes)
    found = spread(nodes, range(len(nodes)), focus)
    for item, fit in best_items(nodes, focus):
        for index, score in zip(item, spread(nodes, item, focus), strict=True):
            found[index] = max(found[index], fit * score)
    return found


def spread(nodes: Sequence[Node], indices: Sequence[int], focus: str) -> list[float]:
    """Return the scores of the lines at indices, weighed against each other alone."""
    own = dict(
        zip(indices, shares(relevance([nodes[i].line for i in indices], focus)), strict=True)
    )
    best = dict(own)
    for index in reversed(indices):
        parent = nodes[index].parent
        if parent in best:
            best[parent] = max(best[parent], 0.5 * best[index])
    found: dict[int, float] = {}
    for index in indices:
        parent = nodes[index].parent
        around = max(0.5 * found.get(parent, 0.0), 0.3 * best.get(parent, 0.0))
        found[index] = min(1.0, own[index] + around)
    return list(found.values())


def best_items(nodes: Sequence[Node], focus: str) -> list[tuple[list[int], float]]:
    """Return the few items that focus describes best, as indices of their lines, with shares."""
    items: dict[int, list[int]] = {}
    for index, item in enumerate(items_of(nodes)):
        if item >= 0:
            items.setdefault(item, []).append(index)
    words = ["\n".join(nodes[i].line for i in item) for item in items.values()]
    fits = shares(relevance(words, focus))
    ranked = sorted(zip(items.values(), fits, strict=True), key=lambda pair: -pair[1])
    return [(item, fit) for item, fit in ranked[:MAX_ITEMS] if fit >= FITTING]


def shares(scores: Sequence[float]) -> list[float]:
    """Return scores as shares of the best."""
    top = max(scores, default=0.0) or 1.0
    return [score / top for score in scores]


def items_of(nodes: Sequence[Node]) -> list[int]:
    """Return, per node, the item it belongs to, -1 for none.

    Items are the lines that hang on one line, where that line has the most lines below it that
    are themselves hung on: the objects of a list, the records of a document.
    """
    parents = Counter(node.parent for node in nodes)
    branches = Counter(node.parent for index, node in enumerate(nodes) if index in parents)
    around, count = branches.most_common(1)[0] if branches else (-1, 0)
    found: list[int] = []
    for index, node in enumerate(nodes):
        above = found[node.parent] if node.parent >= 0 else -1
        found.append(index if node.parent == around and count > 1 else above)
    return found


def values(nodes: Sequence[Node], noise: Sequence[bool]) -> list[float]:
    """Return what each line is worth when nothing is sought: errors, odd values, names, the new."""
    paths = [signature(nodes, index) for index in range(len(nodes))]
    said = [node.line.strip() for node in nodes]
    alike, same = Counter(paths), Counter(said)
    distinct = Counter(path for path, _ in dict.fromkeys(zip(paths, said, strict=True)))
    seen: Counter[str] = Counter()
    found = []
    for index, node in enumerate(nodes):
        path = paths[index]
        seen[path] += 1
        base = 1.0 / (1 + node.depth) / seen[path]
        if NAMED.match(node.line) or IDENTITY.match(node.line):
            base += 0.5 / (1 + node.depth) / same[said[index]]
        if is_severe(node.line):
            base += 1.0 / seen[path]
        if same[said[index]] <= RARE * alike[path] and distinct[path] <= FEW * alike[path]:
            base += 1.0
        if QUIET.match(node.line):
            base *= 0.1
        found.append(0.0 if noise[index] else base)
    return found


def signature(nodes: Sequence[Node], index: int) -> str:
    """Return the key of a line after that of the line it hangs on, without its value."""
    node = nodes[index]
    names = [KEY.search(nodes[node.parent].line)] if node.parent >= 0 else []
    names.append(KEY.search(node.line))
    return f"{node.depth}/" + "/".join(match[0] if match else "" for match in names)


def chosen(
    nodes: Sequence[Node],
    costs: Sequence[int],
    scores: Sequence[float],
    base: Sequence[float],
    budget: int,
) -> list[int]:
    """Return the lines that budget holds, in source order: what is sought, then the rest."""
    names = labels(nodes)
    kept: set[int] = set()
    if any(scores):
        strong = [score if score >= WEAK else 0.0 for score in scores]
        left = grow(nodes, costs, strong, names, kept, budget)
        budget = min(left, round(AROUND * budget))
    grow(nodes, costs, base, names, kept, budget)
    return sorted(kept)


def grow(
    nodes: Sequence[Node],
    costs: Sequence[int],
    worth: Sequence[float],
    names: dict[int, int],
    kept: set[int],
    budget: int,
) -> int:
    """Add to kept the best lines that budget holds, with all they hang on; return what is left."""
    misses = 0
    for index in sorted((i for i, w in enumerate(worth) if w > 0), key=lambda i: -worth[i]):
        if budget <= 0 or misses > MAX_MISSES:
            break
        branch = climb(nodes, index, kept)
        is_name = len(branch) > 1 and names.get(branch[-1]) == index
        for item in [i for i in branch if i in names]:
            named = climb(nodes, names[item], kept)
            branch += [i for i in named if i not in branch]
        price = costs[index] + 4 if is_name else sum(costs[i] for i in branch)
        misses += 1
        if price <= budget:
            budget -= price
            kept.update(branch)
            misses = 0
    return budget


def climb(nodes: Sequence[Node], index: int, kept: AbstractSet[int]) -> list[int]:
    """Return index and the lines it hangs on that are not kept yet, from the inside out."""
    branch: list[int] = []
    while index >= 0 and index not in kept and len(branch) < MAX_CLIMB:
        branch.append(index)
        index = nodes[index].parent
    return branch


def labels(nodes: Sequence[Node]) -> dict[int, int]:
    """Return, by item of a list, the line nearest to it that names it."""
    found: dict[int, tuple[int, int]] = {}
    for index, node in enumerate(nodes):
        if NAMED.match(node.line):
            for distance, above in enumerate(climb(nodes, index, set())[:3]):
                if nodes[above].line.lstrip().startswith("- "):
                    found[above] = min(found.get(above, (9, 0)), (distance, index))
                    break
    return {item: index for item, (_, index) in found.items()}


def named_only(nodes: Sequence[Node], shown: Sequence[int]) -> dict[int, str]:
    """Return lines for the items of which nothing but the name is shown, by each of their lines.

    The item's first line becomes one line with the name, the others become nothing.
    """
    names = labels(nodes)
    held: Counter[int] = Counter()
    for index in shown:
        held.update(above for above in climb(nodes, index, set()) if above in names)
    lines: dict[int, str] = {}
    for item, name in names.items():
        chain = climb(nodes, name, set())
        chain = chain[: chain.index(item) + 1]
        if len(chain) > 1 and held[item] == len(chain):
            lines.update(dict.fromkeys(chain, ""))
            indent = nodes[item].line[: -len(nodes[item].line.lstrip())]
            lines[item] = f"{indent}- […] {nodes[name].line.strip()}"
    return lines


def written(nodes: Sequence[Node], shown: Sequence[int]) -> list[str]:
    """Return the lines shown; one that lost lines hanging on it ends with "[…]"."""
    kept = set(shown)
    lost = {node.parent for index, node in enumerate(nodes) if index not in kept}
    short = named_only(nodes, shown)
    lines = []
    for index in shown:
        if index in short:
            lines += [short[index]] if short[index] else []
            continue
        line = nodes[index].line
        if len(line) > MAX_LINE:
            line = f"{line[:MAX_LINE]} [… {len(line) - MAX_LINE} characters]"
        lines.append(f"{line} […]" if index in lost else line)
    return lines
