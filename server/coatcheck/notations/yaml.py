"""Read YAML into nodes; a parser finds the parts, this module says where they stand."""

import re
from typing import Any

from coatcheck.nodes import Member, Node, NotEditable, NotParsed, mapping, sequence
from coatcheck.notations.jsonc import quote


def key(name: str) -> str:
    """Return name as a key, bare where that can mean nothing else."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{3,}", name) and name.lower() != "false"
    return name if is_plain or name in ("url", "uri", "cmd", "env") else quote(name)


def parse(text: str) -> Node:
    """Return the only document of text. Raises: NotParsed, NotEditable."""
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return mapping(0, 0, (), flow=False)
        return _Reader(text, loader).node(root)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, NotEditable | NotParsed):
            raise
        raise NotParsed(f"not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


class _Reader:
    """Turns the parser's nodes into ours."""

    def __init__(self, text: str, loader: Any) -> None:
        self._text, self._loader = text, loader
        self._seen: set[int] = set()

    def node(self, found: Any) -> Node:
        """Return one value; an alias is refused, because it stands somewhere else."""
        if id(found) in self._seen or found.tag == "tag:yaml.org,2002:merge":
            raise NotEditable("YAML with aliases is not edited")
        self._seen.add(id(found))
        start, end = found.start_mark.index, found.end_mark.index
        if found.id == "scalar":
            return Node(start, end, self._loader.construct_object(found))
        flow = bool(found.flow_style)
        if found.id == "mapping":
            members = [self._member(key, value) for key, value in found.value]
            # The end of a block is where the next token begins; what we need ends with its parts.
            end = end if flow or not members else members[-1].node.end
            return mapping(start, end, members, flow=flow)
        items = [self.node(item) for item in found.value]
        return sequence(start, end if flow or not items else items[-1].end, items, flow=flow)

    def _member(self, key: Any, value: Any) -> Member:
        name = self.node(key).value
        start, end = key.start_mark.index, key.end_mark.index
        return Member(str(name), start, self.node(value), end)
