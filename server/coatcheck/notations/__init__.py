"""The notations of config files: how each is read into nodes, and how a text is written in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coatcheck.nodes import Node
from coatcheck.notations import jsonc, toml, yaml


@dataclass(frozen=True, slots=True)
class Notation:
    """One way to write a config file: quote writes a text, key the key of a member."""

    parse: Callable[[str], Node]
    quote: Callable[[str], str]
    key: Callable[[str], str]
    joint: str

    def pair(self, key: str, value: str) -> str:
        """Return a member with a value that is written already."""
        return self.key(key) + self.joint + value


NOTATIONS: Mapping[str, Notation] = {
    "json": Notation(jsonc.parse, jsonc.quote, jsonc.quote, ": "),
    "jsonc": Notation(jsonc.parse_commented, jsonc.quote, jsonc.quote, ": "),
    "toml": Notation(toml.parse, toml.quote, toml.key, " = "),
    "yaml": Notation(yaml.parse, jsonc.quote, yaml.key, ": "),
}
