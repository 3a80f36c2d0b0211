"""Plan changes of the rules that name the tools a client runs without a question."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from coatcheck import nodes
from coatcheck.dialect import Location
from coatcheck.nodes import Edit, Node, NotEditable
from coatcheck.notations import NOTATIONS

TOOL = "fetch_artifact"
_ODD = re.compile(r"[^A-Za-z0-9_-]")


def rule(server: str, tool: str) -> str:
    """Return the rule that permits one tool of a server, as Claude Code names it."""
    return f"mcp__{_ODD.sub('_', server)}__{tool}"


def added(text: str, location: Location, servers: Collection[str]) -> str:
    """Return text with our tool permitted wherever another tool of its server is.

    Raises: NotParsed, NotEditable.
    """
    rules = _rules(text, location)
    new = [] if rules is None else _missing(rules.value, servers)
    if rules is None or not new:
        return text
    quote = NOTATIONS[location.notation].quote
    edit = nodes.append(text, rules, [quote(word) for word in new])
    return _proved(text, location, [edit], [*rules.value, *new])


def removed(text: str, location: Location, servers: Collection[str]) -> str:
    """Return text without the rules that permit our tool of these servers. Raises as added."""
    rules = _rules(text, location)
    ours = {rule(server, TOOL) for server in servers}
    indexes = [i for i, item in enumerate(rules.items if rules else ()) if item.value in ours]
    if rules is None or not indexes:
        return text
    if len(indexes) == len(rules.items):
        edits: Sequence[Edit] = [nodes.remove_first(rules, len(indexes))]
    else:
        edits = nodes.remove_items(text, rules, indexes)
    return _proved(text, location, edits, [item for item in rules.value if item not in ours])


def _missing(rules: Sequence[object], servers: Collection[str]) -> list[str]:
    """Return the rules for our tool that are wanted: a tool is permitted by name, not all are."""
    known = set(map(str, rules))
    return [
        rule(server, TOOL)
        for server in servers
        if any(word.startswith(rule(server, "")) for word in known)
        and not known & {rule(server, "*"), rule(server, TOOL), rule(server, "")[:-2]}
    ]


def _rules(text: str, location: Location) -> Node | None:
    """Return the list of rules, None if the text has none."""
    node = NOTATIONS[location.notation].parse(text)
    for key in location.at:
        member = node.get(key)
        if member is None:
            return None
        node = member.node
    return node if isinstance(node.value, list) else None


def _proved(text: str, location: Location, edits: Sequence[Edit], expected: list[Any]) -> str:
    after = nodes.apply(text, edits)
    rules = _rules(after, location)
    if rules is None or rules.value != expected:
        raise NotEditable("the change would not come out as meant")
    return after
