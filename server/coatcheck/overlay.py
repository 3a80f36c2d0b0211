"""Plan entries for one project that stand in for those of a file its team shares."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from coatcheck import nodes
from coatcheck.dialect import Location
from coatcheck.nodes import Edit, Node, NotEditable
from coatcheck.notations import NOTATIONS


def added(text: str, location: Location, project: str, entries: Mapping[str, Any]) -> str:
    """Return text with entries of a project, by the names of servers it has none of.

    location.at leads to the entries, "*" in it to those of each project. Raises: NotParsed,
    NotEditable.
    """
    root = NOTATIONS[location.notation].parse(text)
    known, value = _value_at(root.value, _keys(location, project)), dict(entries)
    if not isinstance(root.value, dict) or known.keys() & value.keys():
        raise NotEditable("it has such an entry already")
    after = nodes.apply(text, [_edit(root, _keys(location, project), value)])
    said = NOTATIONS[location.notation].parse(after).value
    if _value_at(said, _keys(location, project)) != {**known, **value}:
        raise NotEditable("the change would not come out as meant")
    return after


def removed(text: str, location: Location, project: str, names: Collection[str]) -> str:
    """Return text without these entries of a project. Raises: NotParsed, NotEditable."""
    for name in names:
        node = NOTATIONS[location.notation].parse(text)
        for key in _keys(location, project):
            member = node.get(key)
            if member is None:
                raise NotEditable(f"there is no {key}")
            node = member.node
        text = nodes.apply(text, [nodes.remove_member(text, node, name)])
        NOTATIONS[location.notation].parse(text)
    return text


def _keys(location: Location, project: str) -> list[str]:
    return [project if key == "*" else key for key in location.at]


def _value_at(value: Any, keys: Collection[str]) -> dict[str, Any]:
    for key in keys:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}


def _edit(node: Node, keys: Collection[str], value: Any) -> Edit:
    """Return the edit that puts the members of value where keys lead, what is missing made."""
    rest = list(keys)
    while rest and (member := node.get(rest[0])) is not None:
        node = member.node
        rest.pop(0)
    if not isinstance(node.value, dict):
        raise NotEditable("what stands there is no table")
    for key in reversed(rest):
        value = {key: value}
    pairs = ", ".join(
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(item, ensure_ascii=False)}"
        for key, item in value.items()
    )
    if not node.members:
        return node.start + 1, node.start + 1, pairs
    end = node.members[-1].node.end
    return end, end, ", " + pairs
