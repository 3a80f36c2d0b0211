"""Reduce XML that is mostly a list of like elements: feeds, search answers, dependencies."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from coatcheck.reducers.digest import digest, whole_room
from coatcheck.reducers.rawjson import Value
from coatcheck.reducers.shape import sections_of
from coatcheck.reducers.xmltext import NAMESPACE, is_xml, parts
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

KIND = "xml"
MAX_CHARS = 4_000_000
MAX_DEPTH = 60
LEAST_RECORDS = 6
# Of all elements: those that stand in the longest list of like elements.
LEAST_SHARE = 0.6
ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


@dataclass(slots=True)
class Element:
    """One element while it is read; size counts it and all elements inside."""

    name: str
    members: dict[str, list[Value]] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    size: int = 1
    most: int = 0

    def value(self) -> Value:
        """Return the element as a record, a leaf as its text."""
        said = " ".join("".join(self.text).split())
        if not self.members:
            return said
        record: dict[str, Value] = {
            key: found[0] if len(found) == 1 else found for key, found in self.members.items()
        }
        return {**record, "text": said} if said else record


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the like elements of XML as rows, None when most of it is no list of such."""
    if aim.lossless or len(text) > MAX_CHARS or not is_xml(text):
        return None
    root = read(text)
    if root is None or root.most < LEAST_SHARE * root.size:
        return None
    before = estimate(text)
    room = whole_room(before, aim.budget_tokens)
    found = digest(sections_of(root.value()), aim, KIND, room)
    kept = Omission("characters", min(len(found.text), len(text)), len(text), "markup")
    level = "trimmed" if found.level == "lossless" else found.level
    return replace(found, level=level, omissions=[*found.omissions, kept])


def read(text: str) -> Element | None:
    """Return all elements of text inside one without a name, None when they nest too deep."""
    stack = [Element("")]
    for kind, name, rest in parts(text):
        if kind == "text":
            stack[-1].text.append(name)
        elif kind == "close":
            if len(stack) > 1 and stack[-1].name == name:
                close(stack)
        else:
            stack.append(Element(name, dict(attributes(rest))))
            if len(stack) > MAX_DEPTH:
                return None
            if kind == "empty":
                close(stack)
    while len(stack) > 1:
        close(stack)
    return stack[0]


def attributes(rest: str) -> Iterator[tuple[str, list[Value]]]:
    """Yield the attributes without declarations of name spaces."""
    for found in ATTRIBUTE.finditer(NAMESPACE.sub("", rest)):
        yield f"@{found[1]}", [found[2] if found[2] is not None else found[3]]


def close(stack: list[Element]) -> None:
    """Put the innermost element into the one around it."""
    done = stack.pop()
    above = stack[-1]
    above.members.setdefault(done.name, []).append(done.value())
    above.size += done.size
    above.names[done.name] += done.size
    listed = [name for name in above.names if len(above.members[name]) >= LEAST_RECORDS]
    above.most = max([done.most, above.most, *(above.names[name] for name in listed)])
