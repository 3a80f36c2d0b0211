"""Reduce an accessibility snapshot of a browser page: what can be acted on, with its ref."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coatcheck.reducers.budget import tightened
from coatcheck.reducers.lines import is_severe
from coatcheck.reducers.select import fill, relevance
from coatcheck.reducers.wordlist import words
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

MAX_CHARS = 20_000_000
MAX_PREAMBLE = 30  # lines around the snapshot that are shown
MAX_NOTE = 300  # characters of each when they are many
MAX_CLIMB = 40  # elements around one that are looked at
MAX_GROUP = 600  # characters of what stands beside an element
MAX_LABEL = 120  # characters of the texts inside that name an element without a name
FOOT = 30  # tokens of the line that counts what is not shown
MAX_RECORD = 240  # characters of a row or an item that is shown or left out as one
REPEATED = 0.2  # what an element is worth whose role and name were seen before
AROUND = 0.4  # share of the budget for the rest of the page when the focus was found
NODE = re.compile(r"([ \t]*)- (.*)")
QUOTED = re.compile(r"'((?:[^']|'')*)'(:?)(.*)")
ELEMENT = re.compile(
    r'([\w-]+)(?: ("(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)+/))?((?: \[[^\]]*\])*)(?::(?: (.*))?)?$'
)
PROPERTY = re.compile(r"/([\w-]+): ?(.*)")
ATTRIBUTE = re.compile(r"\[([^\]]*)\]")
MARKER = re.compile(r'^[ \t]*- \'?[a-z]+(?: "[^\n]*")?[^\n]*\[ref=\w+\]', re.M)
ADDRESS_SOUGHT = re.compile(r"(?i)\b(?:urls?|href|address(?:es)?|leads?)\b")

CONTROLS = words(
    "button textbox searchbox combobox checkbox radio switch slider spinbutton tab listbox"
)
ACTED_ON = CONTROLS | words("link menuitem menuitemcheckbox menuitemradio option treeitem gridcell")
SILENT = words("text generic paragraph cell listitem strong emphasis")
JOINED = words("row paragraph")
RECORDS = words("row listitem article")
GROUPS = words("listitem article row form dialog group paragraph")
WORD = re.compile(r"\w+")
PLACES = words(
    "banner navigation main contentinfo complementary search form dialog alertdialog region alert"
    " status tabpanel iframe table grid"
)
REPEATS_ITS_INSIDE = words("row cell generic listitem article list")


Unit = tuple[int, ...]  # indices of elements that are shown together


@dataclass(slots=True)
class Element:
    """One element: parent is the index of the one around it, -1 for none."""

    parent: int
    role: str
    name: str
    ref: str
    states: str
    text: str
    pointer: bool
    inside: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def label(self) -> str:
        """What a person would call it."""
        return self.name.strip('"') or self.text or " ".join(self.inside)[:MAX_LABEL]

    @property
    def acted_on(self) -> bool:
        """Whether an agent can click or fill it."""
        return bool(self.ref) and (self.role in ACTED_ON or self.pointer)


def matches(text: str) -> bool:
    """Tell whether text holds an accessibility snapshot, from its beginning."""
    return len(MARKER.findall(text[:6_000])) >= 3


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the elements of a snapshot that can be acted on, that speak, and that are sought."""
    if aim.lossless or len(text) > MAX_CHARS:
        return None
    elements, around = parse(text.split("\n"))
    if not elements:
        return None
    preamble = notes(around)
    units = together(elements, speaking(elements))
    scores = sought(elements, units, aim.focus)
    page = Shown(elements, units, preamble, addresses=bool(ADDRESS_SOUGHT.search(aim.focus)))
    costs = [
        sum(estimate(line_of(elements[i], addresses=page.addresses)) + 2 for i in unit)
        for unit in units
    ]
    left = aim.budget_tokens - estimate("\n".join(preamble)) - FOOT
    weak = bool(aim.focus) and not any(scores)
    if sum(costs) <= (left * AROUND if any(scores) else left):
        return reduction_of(page, range(len(units)), text, weak=weak)
    spent = aim.budget_tokens - left
    return tightened(
        lambda room: reduction_of(
            page, choose(elements, units, costs, scores, room - spent), text, weak=weak
        ),
        aim.budget_tokens,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A page whose units can be shown, each some elements; preamble goes before them."""

    elements: Sequence[Element]
    units: Sequence[Unit]
    preamble: Sequence[str]
    addresses: bool


def reduction_of(page: Shown, kept: Sequence[int], text: str, *, weak: bool) -> Reduction:
    """Return the reduction that shows the units at the positions kept."""
    shown = [index for position in kept for index in page.units[position]]
    lines = [
        *page.preamble,
        *tree(page.elements, shown, addresses=page.addresses),
        *rest(page.elements, page.units, shown),
    ]
    view = "\n".join(lines)
    total = len(page.elements)
    return Reduction(
        view,
        "snapshot",
        "trimmed" if len(kept) == len(page.units) else "selected",
        [
            Omission("elements", len(shown), total, "elements of the page"),
            Omission("characters", min(len(view), len(text)), len(text), "containers, addresses"),
        ],
        handle="its name",
        weak_focus=weak,
    )


def parse(lines: Sequence[str]) -> tuple[list[Element], list[str]]:
    """Return the elements of a snapshot in source order, and the lines that are not of it."""
    elements: list[Element] = []
    around: list[str] = []
    open_at: list[tuple[int, int]] = []
    for line in lines:
        found = NODE.match(line.rstrip())
        content = unquoted(found[2]) if found else ""
        depth = len(found[1]) if found else 0
        while open_at and open_at[-1][0] >= depth:
            open_at.pop()
        parent = open_at[-1][1] if open_at else -1
        if parent >= 0 and (held := PROPERTY.match(content)):
            if held[1] == "url":
                elements[parent].url = held[2]
            else:
                elements[parent].hints.append(held[2])
        elif found and (element := element_of(content, parent)):
            elements.append(element)
            open_at.append((depth, len(elements) - 1))
        elif line.strip() and not line.startswith("```"):
            around.append(line)
    name_unnamed(elements)
    return elements, around


def unquoted(content: str) -> str:
    """Return the content of a node without the quotes that YAML put around its key."""
    found = QUOTED.fullmatch(content) if content.startswith("'") else None
    return found[1].replace("''", "'") + found[2] + found[3] if found else content


def element_of(content: str, parent: int) -> Element | None:
    """Return the element that a node's content describes, None when it describes none."""
    found = ELEMENT.match(content)
    if found is None or (parent < 0 and "[" not in found[3] and not found[2]):
        return None
    ref, states, pointer = "", [], False
    for attribute in ATTRIBUTE.findall(found[3]):
        if attribute.startswith("ref="):
            ref = attribute[4:]
        elif attribute == "cursor=pointer":
            pointer = True
        elif attribute != "aria-hidden":
            states.append(f"[{attribute}]")
    return Element(parent, found[1], found[2] or "", ref, " ".join(states), found[4] or "", pointer)


def climb(elements: Sequence[Element], index: int) -> Iterator[int]:
    """Yield the indices of the elements around index, from the inside out, not endlessly many."""
    for _ in range(MAX_CLIMB):
        index = elements[index].parent
        if index < 0:
            return
        yield index


def name_unnamed(elements: Sequence[Element]) -> None:
    """Give elements that can be acted on but bear no name the texts inside them."""
    for index, element in enumerate(elements):
        said = element.name.strip('"') or element.text
        if not said:
            continue
        for above in climb(elements, index):
            if elements[above].acted_on:
                elements[above].inside.append(said)
                break


def speaking(elements: Sequence[Element]) -> list[int]:
    """Return the indices of elements that can be acted on or say something not said already."""
    parents = {element.parent for element in elements}
    found = []
    for index, element in enumerate(elements):
        if element.acted_on:
            found.append(index)
            continue
        unsaid = index in parents and element.role in REPEATS_ITS_INSIDE | PLACES
        said = element.text or ("" if unsaid else element.name)
        said = said.strip('"')
        if said and not already_said(elements, index, said):
            found.append(index)
    return found


def together(elements: Sequence[Element], indices: Sequence[int]) -> list[Unit]:
    """Return the elements at indices as units: those of a small row or item belong together."""
    units: list[list[int]] = []
    previous = -1
    for index in indices:
        group = next((i for i in climb(elements, index) if elements[i].role in RECORDS), -1)
        size = sum(len(elements[i].label) for i in units[-1]) if units else 0
        fits = size + len(elements[index].label) <= MAX_RECORD
        if group >= 0 and group == previous and fits:
            units[-1].append(index)
        else:
            units.append([index])
        previous = group
    return [tuple(unit) for unit in units]


def already_said(elements: Sequence[Element], index: int, said: str) -> bool:
    """Tell whether the element acted on around index says it."""
    for above in climb(elements, index):
        if elements[above].acted_on:
            return said in elements[above].label
    return False


def line_of(element: Element, *, addresses: bool) -> str:
    """Return the line that shows element."""
    name = element.name
    if not name and element.acted_on and not element.text:
        name = f'"{element.label}"' if element.label else " ".join(element.hints[:1])
    if element.role in SILENT and not element.acted_on:
        return element.text or name.strip('"')
    parts = [element.role, name, f"[ref={element.ref}]" if element.acted_on else "", element.states]
    line = " ".join(filter(None, parts)) + (f": {element.text}" if element.text else "")
    needs_url = addresses or (element.acted_on and not element.label)
    return f"{line} -> {element.url}" if element.url and needs_url else line


def sought(elements: Sequence[Element], units: Sequence[Unit], focus: str) -> list[float]:
    """Return how much each unit is what focus names, by its own words and those beside it.

    One with an element whose whole name stands in focus counts twice.
    """
    if not focus:
        return [0.0] * len(units)
    words = [" ".join(elements[i].label for i in unit) for unit in units]
    roles = [" ".join(elements[i].role for i in unit) for unit in units]
    own = relevance([" ".join(pair) for pair in zip(roles, words, strict=True)], focus)
    groups = [group_of(elements, unit[0]) for unit in units]
    gathered: dict[int, list[str]] = {}
    for group, said in zip(groups, words, strict=True):
        gathered.setdefault(group, []).append(said)
    order = list(gathered)
    beside = relevance([" ".join(gathered[group])[:MAX_GROUP] for group in order], focus)
    shared = dict(zip(order, beside, strict=True))
    asked = f" {' '.join(WORD.findall(focus.casefold()))} "
    best = max(own, default=0.0)
    return [
        score
        + (best if score and any(is_named(elements[i], asked) for i in unit) else 0)
        + (0.3 * shared[group] if score and group >= 0 else 0.0)
        for score, group, unit in zip(own, groups, units, strict=True)
    ]


def is_named(element: Element, asked: str) -> bool:
    """Tell whether the words of element's whole label stand in asked, one after the other."""
    words = " ".join(WORD.findall(element.label.casefold()))
    return len(words) > 1 and f" {words} " in asked


def group_of(elements: Sequence[Element], index: int) -> int:
    """Return the nearest element around index that holds things which belong together."""
    return next((i for i in climb(elements, index) if elements[i].role in GROUPS), -1)


def choose(
    elements: Sequence[Element],
    units: Sequence[Unit],
    costs: Sequence[int],
    scores: Sequence[float],
    left: int,
) -> list[int]:
    """Return the positions in units that the budget holds: what is sought, then the rest."""
    best = max(scores, default=0.0)
    values = [score if score >= best / 2 else 0.0 for score in scores]
    chosen = fill(costs, values, left) if best else []
    room = left - sum(costs[position] for position in chosen)
    if best:
        room = min(room, round(left * AROUND))
    taken = set(chosen)
    worth = [0.0 if p in taken else w for p, w in enumerate(worths(elements, units))]
    return sorted({*chosen, *fill(costs, worth, room)})


def worths(elements: Sequence[Element], units: Sequence[Unit]) -> list[float]:
    """Return what each unit is worth when nothing is sought: few things that do much lead."""
    seen: set[tuple[str, str]] = set()
    roles = Counter(element.role for element in elements)
    found = []
    for unit in units:
        best = 0.0
        for index in unit:
            key = (elements[index].role, elements[index].label)
            worth = worth_of(elements, index) * (REPEATED if key in seen else 1.0)
            best = max(best, worth + 0.4 / roles[elements[index].role])
            seen.add(key)
        found.append(best)
    return found


def worth_of(elements: Sequence[Element], index: int) -> float:
    """Return what one element is worth."""
    element = elements[index]
    roles = {elements[i].role for i in climb(elements, index)}
    if roles & {"alert", "dialog", "alertdialog", "status"} or element.role == "alert":
        return 5.0
    if element.role in CONTROLS and element.ref:
        return 4.0
    if element.role == "columnheader":
        return 3.5
    if element.role == "heading":
        return 3.0
    beside = bool(roles & {"navigation", "contentinfo", "banner", "menu"})
    if element.acted_on:
        return 1.5 if beside else 2.0
    return 0.5 if beside else 0.5 + min(len(element.label), 200) / 100


def tree(elements: Sequence[Element], shown: Sequence[int], *, addresses: bool) -> list[str]:
    """Return the lines of the elements shown, under the places they stand in."""
    lines: list[str] = []
    opened: list[int] = []
    beside, said = -1, set(shown)
    for index in shown:
        above = list(climb(elements, index))
        places = [i for i in reversed(above) if elements[i].role in PLACES and i not in said]
        same = 0
        while same < min(len(places), len(opened)) and places[same] == opened[same]:
            same += 1
        for depth in range(same, len(places)):
            place = elements[places[depth]]
            lines.append("  " * depth + f"{place.role} {place.name}".rstrip() + ":")
        joined = next((i for i in above if elements[i].role in JOINED), -1)
        line = line_of(elements[index], addresses=addresses)
        if joined >= 0 and joined == beside and places == opened:
            lines[-1] += (" | " if elements[joined].role == "row" else " ") + line
        else:
            lines.append("  " * len(places) + line)
        opened, beside = places, joined
    return lines


def rest(elements: Sequence[Element], units: Sequence[Unit], shown: Sequence[int]) -> list[str]:
    """Return the line that counts, by role, what could be acted on or read but is not shown."""
    left = {index for unit in units for index in unit} - set(shown)
    if not left:
        return []
    counts = Counter(elements[index].role for index in sorted(left))
    said = ", ".join(f"{role} {count}" for role, count in counts.most_common(8))
    return [f"[not shown: {said}]"]


def notes(around: Sequence[str]) -> list[str]:
    """Return the lines beside the snapshot: all when few, else the first and the severe ones."""
    if len(around) <= MAX_PREAMBLE:
        return [line for line in around if not line.startswith("### Snapshot")]
    kept = [line for i, line in enumerate(around) if i < MAX_PREAMBLE // 2 or is_severe(line)]
    kept = [line[:MAX_NOTE] for line in kept[:MAX_PREAMBLE]]
    return [*kept, f"[… {len(around) - len(kept)} lines beside the snapshot not shown]"]
