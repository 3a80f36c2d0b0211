"""Values of a config text with the places they stand at, and edits that touch nothing else."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

Edit = tuple[int, int, str]

# What begins the first line of an item of a YAML list; the lines below it begin with spaces.
_DASHES = re.compile(r"(?<=\n) *(?:- +)+")


class NotParsed(ValueError):
    """A text that its notation does not allow, or that says one thing twice."""


class NotEditable(ValueError):
    """A text that is right but is written in a way that is not edited."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value and its place: text[start:end] is how it is written.

    value is the plain Python value. flow is false for what is written a line each, without
    brackets; start and end then only enclose the parts.
    """

    start: int
    end: int
    value: Any
    members: tuple["Member", ...] = ()
    items: tuple["Node", ...] = ()
    flow: bool = True

    def get(self, key: str) -> "Member | None":
        """Return the member named key, None if there is none."""
        return next((member for member in self.members if member.key == key), None)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a mapping; text[start:key_end] is its key, the last part of a dotted one."""

    key: str
    start: int
    node: Node
    key_end: int


def mapping(start: int, end: int, members: Sequence[Member], *, flow: bool = True) -> Node:
    """Return the node of a mapping. Raises: NotParsed if two members have the same key."""
    value = {member.key: member.node.value for member in members}
    if len(value) != len(members):
        raise NotParsed("a key stands twice in one table")
    return Node(start, end, value, tuple(members), flow=flow)


def sequence(start: int, end: int, items: Sequence[Node], *, flow: bool = True) -> Node:
    """Return the node of a list."""
    return Node(start, end, [item.value for item in items], items=tuple(items), flow=flow)


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return text with each (start, end, replacement) in place.

    Edits must not overlap; insertions at one place keep their order.
    """
    out, at = [], 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        if start < at:
            raise NotEditable("two changes overlap")
        out += [text[at:start], replacement]
        at = end
    return "".join([*out, text[at:]])


def rename(member: Member, key: str) -> Edit:
    """Return the edit that writes key, as the notation writes keys, in place of a member's."""
    return member.start, member.key_end, key


def restate(node: Node, value: str) -> Edit:
    """Return the edit that writes value, as the notation writes values, in place of node."""
    return node.start, node.end, value


def insert_member(text: str, after: Member, pair: str, *, flow: bool) -> Edit:
    """Return the edit that writes pair (a key with its value) behind the member after."""
    at = after.node.end
    if flow:
        return at, at, ", " + pair
    at = line_end(text, at)
    return at, at, _DASHES.sub(_spaces, _new_line(text, after.start)) + pair


def remove_member(text: str, table: Node, key: str) -> Edit:
    """Return the edit that takes the member named key out of table; undoes insert_member."""
    index = next(i for i, member in enumerate(table.members) if member.key == key)
    member = table.members[index]
    if not table.flow:
        return _whole_lines(text, member.start, member.node.end)
    if index:
        return table.members[index - 1].node.end, member.node.end, ""
    if index + 1 < len(table.members):
        return member.start, table.members[index + 1].start, ""
    return member.start, member.node.end, ""


def prepend(text: str, items: Node, words: Sequence[str]) -> Edit:
    """Return the edit that writes words before the items of a list."""
    if not items.items:
        at = items.start + 1
        return at, at, ", ".join(words)
    at = items.items[0].start
    joint = ", " if items.flow else _new_line(text, at)
    return at, at, "".join(word + joint for word in words)


def append(text: str, items: Node, words: Sequence[str]) -> Edit:
    """Return the edit that writes words behind the items of a list."""
    if not items.items:
        return prepend(text, items, words)
    last = items.items[-1]
    if items.flow:
        return last.end, last.end, "".join(", " + word for word in words)
    at = line_end(text, last.end)
    return at, at, "".join(_new_line(text, last.start) + word for word in words)


def remove_first(items: Node, count: int) -> Edit:
    """Return the edit that takes the first count items out of a list; undoes prepend."""
    first, last = items.items[0], items.items[count - 1]
    if count < len(items.items):
        return first.start, items.items[count].start, ""
    return first.start, last.end, ""


def remove_items(text: str, items: Node, indexes: Collection[int]) -> list[Edit]:
    """Return the edits that take some, not all, items out of a list; undoes append."""
    edits: list[Edit] = []
    kept = min(set(range(len(items.items))) - set(indexes))
    for index in indexes:
        item = items.items[index]
        if not items.flow:
            edits.append(_whole_lines(text, item.start, item.end))
        elif index < kept:
            edits.append((item.start, items.items[index + 1].start, ""))
        else:
            edits.append((items.items[index - 1].end, item.end, ""))
    return edits


def line_start(text: str, at: int) -> int:
    """Return where the line of at begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Return where the line of at ends, before its line break."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if text.endswith("\r", 0, end) else end


def _new_line(text: str, at: int) -> str:
    """Return a line break and what stands before at in its line, as the file writes it."""
    end = text.find("\n")
    ending = "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"
    return ending + text[line_start(text, at) : at].lstrip("\ufeff")


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _whole_lines(text: str, start: int, end: int) -> Edit:
    """Return the edit that takes out the lines of start to end with the line break before."""
    begin = line_start(text, start)
    stop = line_end(text, end)
    if begin:
        return line_end(text, begin - 1), stop, ""
    after = text.find("\n", stop) + 1
    return begin, after or stop, ""
