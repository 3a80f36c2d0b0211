"""Write the rule of one tool into the text of a config file, all else as it stands."""

from collections.abc import Mapping, Sequence

from coatcheck.nodes import Edit, Member, NotEditable, apply, insert_member, remove_member
from coatcheck.notations import toml


def literal(name: str) -> str:
    """Return the pattern that means this name alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def with_rule(text: str, name: str, values: Mapping[str, object]) -> str:
    """Return text with the table [tools."name"] saying exactly values.

    A new table stands before all others of [tools], because the first that matches wins.
    Raises: NotParsed, NotEditable.
    """
    pattern = literal(name)
    tools = toml.parse(text).get("tools")
    if tools is not None and tools.node.flow and tools.node.members:
        raise NotEditable("[tools] is written in one line")
    found = tools.node.get(pattern) if tools else None
    if found is not None:
        return _changed(text, found, values)
    table = "\n".join([f"[tools.{toml.quote(pattern)}]", *_lines(values), ""])
    others: Sequence[Member] = tools.node.members if tools else ()
    if not others:
        return f"{text.rstrip()}\n\n{table}" if text.strip() else table
    at = _above(text, min(member.start for member in others))
    return f"{text[:at]}{table}\n{text[at:]}"


def _changed(text: str, table: Member, values: Mapping[str, object]) -> str:
    """Return text with the members of one table changed, added and removed."""
    edits: list[Edit] = []
    for member in table.node.members:
        if member.key not in values:
            edits.append(remove_member(text, table.node, member.key))
        elif member.node.value != _plain(member.key, values[member.key]):
            written = _written(member.key, values[member.key])
            edits.append((member.node.start, member.node.end, written))
    new = [f"{key} = {_written(key, value)}" for key, value in _new(table, values)]
    if new and not table.node.members:
        end = text.find("\n", table.start)
        end = len(text) if end < 0 else end
        edits.append((end, end, "".join(f"\n{line}" for line in new)))
    elif new:
        last = max(table.node.members, key=lambda member: member.node.end)
        edits += [insert_member(text, last, line, flow=table.node.flow) for line in new]
    return apply(text, edits)


def _new(table: Member, values: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(key, value) for key, value in values.items() if table.node.get(key) is None]


def _above(text: str, at: int) -> int:
    """Return where the line of at begins, with the comments that stand right above it."""
    start = text.rfind("\n", 0, at) + 1
    while start and text[text.rfind("\n", 0, start - 1) + 1 :].startswith("#"):
        start = text.rfind("\n", 0, start - 1) + 1
    return start


def _lines(values: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_written(key, value)}" for key, value in values.items()]


def _plain(key: str, value: object) -> object:
    """Return a value of a rule as TOML has it."""
    if key == "keep" and isinstance(value, int):
        return f"{value}s"
    return list(value) if isinstance(value, tuple) else value


def _written(key: str, value: object) -> str:
    plain = _plain(key, value)
    if isinstance(plain, list):
        return f"[{', '.join(toml.quote(str(item)) for item in plain)}]"
    if isinstance(plain, bool):
        return str(plain).lower()
    return toml.quote(plain) if isinstance(plain, str) else f"{plain}"
