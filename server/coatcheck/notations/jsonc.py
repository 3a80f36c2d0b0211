"""Read JSON, with comments and trailing commas if the client allows them, into nodes."""

import json
import re

from coatcheck.nodes import Member, Node, NotParsed, mapping, sequence

_STRICT = re.compile(r"[ \t\r\n]*+")
_COMMENTED = re.compile(
    r"(?:[ \t\r\n]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+",
)
_SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"|-?[0-9][0-9.eE+-]*+|true|false|null')


def quote(value: str) -> str:
    """Return value as a JSON string."""
    return json.dumps(value, ensure_ascii=False)


def parse(text: str) -> Node:
    """Return the value of a strict JSON text. Raises: NotParsed."""
    return _Reader(text, _STRICT).read()


def parse_commented(text: str) -> Node:
    """Return the value of a JSON text with comments and trailing commas. Raises: NotParsed."""
    return _Reader(text, _COMMENTED).read()


class _Reader:
    """Reads one text; space tells what may stand between two tokens."""

    def __init__(self, text: str, space: re.Pattern[str]) -> None:
        self._text, self._space = text, space

    def read(self) -> Node:
        """Return the only value of the text."""
        try:
            node = self._value(self._skip(1 if self._text.startswith("\ufeff") else 0))
        except RecursionError:
            raise NotParsed("nested too deep") from None
        if (at := self._skip(node.end)) != len(self._text):
            raise self._wrong(at)
        return node

    def _value(self, at: int) -> Node:
        if self._text.startswith("{", at):
            return self._mapping(at)
        if self._text.startswith("[", at):
            return self._sequence(at)
        found = _SCALAR.match(self._text, at)
        if not found:
            raise self._wrong(at)
        try:
            return Node(at, found.end(), json.loads(found[0]))
        except ValueError:
            raise self._wrong(at) from None

    def _mapping(self, start: int) -> Node:
        members: list[Member] = []
        at = self._skip(start + 1)
        while not self._text.startswith("}", at):
            key = self._value(at)
            at = self._skip(key.end)
            if not isinstance(key.value, str) or not self._text.startswith(":", at):
                raise self._wrong(at)
            node = self._value(self._skip(at + 1))
            members.append(Member(key.value, key.start, node, key.end))
            at = self._after(node, "}")
        return mapping(start, at + 1, members)

    def _sequence(self, start: int) -> Node:
        items: list[Node] = []
        at = self._skip(start + 1)
        while not self._text.startswith("]", at):
            items.append(self._value(at))
            at = self._after(items[-1], "]")
        return sequence(start, at + 1, items)

    def _after(self, node: Node, bracket: str) -> int:
        """Return where the next part begins behind node: after its comma, or at the bracket."""
        at = self._skip(node.end)
        if self._text.startswith(",", at):
            at = self._skip(at + 1)
            is_trailing = self._text.startswith(bracket, at)
            if not (is_trailing and self._space is _STRICT):
                return at
        elif self._text.startswith(bracket, at):
            return at
        raise self._wrong(at)

    def _skip(self, at: int) -> int:
        found = self._space.match(self._text, at)
        return found.end() if found else at

    def _wrong(self, at: int) -> NotParsed:
        return NotParsed(f"not JSON at line {self._text.count(chr(10), 0, at) + 1}")
