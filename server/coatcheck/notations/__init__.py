"""The notations of config files: how each is read into nodes, and how a text is written in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coatcheck.nodes import Node
from coatcheck.notations import jsonc, toml, yaml


@dataclass(frozen=True, slots=True)
class Notation:
    """One way to write a config file; pair has the places key and value."""

    parse: Callable[[str], Node]
    quote: Callable[[str], str]
    pair: str


NOTATIONS: Mapping[str, Notation] = {
    "json": Notation(jsonc.parse, jsonc.quote, '"{key}": {value}'),
    "jsonc": Notation(jsonc.parse_commented, jsonc.quote, '"{key}": {value}'),
    "toml": Notation(toml.parse, toml.quote, "{key} = {value}"),
    "yaml": Notation(yaml.parse, jsonc.quote, "{key}: {value}"),
}
