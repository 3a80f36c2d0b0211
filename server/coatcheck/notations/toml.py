"""Read TOML into nodes; the standard library says what is right, this module where it stands."""

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from coatcheck.nodes import Member, Node, NotEditable, NotParsed, mapping, sequence

_SPACE = re.compile(r"[ \t]*+")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_SCALAR = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+"
    r"|[^\s,\]}#]+",
    re.DOTALL,
)


def quote(value: str) -> str:
    """Return value as a basic string."""
    from json import dumps

    return dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """Return name as a key, bare where that is allowed."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)


def parse(text: str) -> Node:
    """Return the document as a node. Raises: NotParsed, NotEditable."""
    try:
        truth = tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotParsed(f"not TOML: {error}") from None
    node = _Reader(text).read()
    if node.value != truth:
        raise NotEditable("this TOML is written in a way that is not edited")
    return node


@dataclass(slots=True)
class _Table:
    """A table while it is being read; its members may stand far apart."""

    start: int
    members: dict[str, tuple[tuple[int, int], Any]] = field(default_factory=dict)

    def node(self) -> Node:
        parts = [
            Member(key, at[0], _frozen(part), at[1]) for key, (at, part) in self.members.items()
        ]
        end = max((part.node.end for part in parts), default=self.start)
        return mapping(self.start, end, parts, flow=False)


def _frozen(part: Any) -> Node:
    if isinstance(part, _Table):
        return part.node()
    if isinstance(part, list):
        tables = [table.node() for table in part]
        return sequence(tables[0].start, tables[-1].end, tables, flow=False)
    return part  # type: ignore[no-any-return] # the only other kind is a Node


class _Reader:
    """Reads one text that tomllib has found right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = _Table(0)

    def read(self) -> Node:
        """Return the root table."""
        table, at = self._root, self._blank(1 if self._text.startswith("\ufeff") else 0)
        while at < len(self._text):
            if self._text.startswith("[", at):
                table, at = self._header(at)
            else:
                at = self._pair(table, at)
            at = self._blank(at)
        return self._root.node()

    def _header(self, begin: int) -> tuple[_Table, int]:
        many = self._text.startswith("[[", begin)
        keys, end = self._keys(begin + 1 + many)
        *above, (last, at) = keys
        table = self._descend(self._root, above)
        end += 1 + many
        if not many:
            return self._descend(table, [(last, at)]), end
        new = _Table(end)
        table.members.setdefault(last, (at, []))[1].append(new)
        return new, end

    def _descend(self, table: _Table, keys: list[tuple[str, tuple[int, int]]]) -> _Table:
        for key, at in keys:
            found = table.members.setdefault(key, (at, _Table(at[0])))[1]
            table = found[-1] if isinstance(found, list) else found
            if not isinstance(table, _Table):
                raise NotEditable("a table is written in two places")
        return table

    def _pair(self, table: _Table, begin: int) -> int:
        keys, end = self._keys(begin)
        *above, (last, at) = keys
        node = self._value(self._space(end + 1))
        self._descend(table, above).members[last] = (at, node)
        return node.end

    def _keys(self, at: int) -> tuple[list[tuple[str, tuple[int, int]]], int]:
        """Return the parts of a dotted key with their places, and where the key ends."""
        keys = []
        while True:
            at = self._space(at)
            found = self._match(_KEY, at)
            keys.append((_key(found[0]), found.span()))
            at = self._space(found.end())
            if not self._text.startswith(".", at):
                return keys, at
            at += 1

    def _value(self, at: int) -> Node:
        if self._text.startswith("[", at):
            return self._array(at)
        if self._text.startswith("{", at):
            return self._inline(at)
        found = self._match(_SCALAR, at)
        return Node(at, found.end(), tomllib.loads("x=" + found[0])["x"])

    def _array(self, start: int) -> Node:
        items, at = [], self._blank(start + 1)
        while not self._text.startswith("]", at):
            items.append(self._value(at))
            at = self._comma(items[-1].end)
        return sequence(start, at + 1, items)

    def _inline(self, start: int) -> Node:
        table, at = _Table(start), self._blank(start + 1)
        while not self._text.startswith("}", at):
            at = self._comma(self._pair(table, at))
        return _inline(table, start, at + 1)

    def _comma(self, at: int) -> int:
        at = self._blank(at)
        return self._blank(at + 1) if self._text.startswith(",", at) else at

    def _space(self, at: int) -> int:
        return self._match(_SPACE, at).end()

    def _blank(self, at: int) -> int:
        return self._match(_BLANK, at).end()

    def _match(self, pattern: re.Pattern[str], at: int) -> re.Match[str]:
        found = pattern.match(self._text, at)
        if found is None:
            raise NotEditable(f"not understood at line {self._text.count(chr(10), 0, at) + 1}")
        return found


def _inline(table: _Table, start: int, end: int) -> Node:
    members = [
        Member(key, at[0], _inline(part, part.start, part.start) if dotted else part, at[1])
        for key, (at, part) in table.members.items()
        for dotted in [isinstance(part, _Table)]
    ]
    return mapping(start, end, members)


def _key(written: str) -> str:
    if written[0] not in "\"'":
        return written
    return str(tomllib.loads("x=" + written)["x"])
