"""Config files as people write them: generated texts in each notation, with odd spacing."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)
words = st.one_of(
    st.sampled_from(["npx", "-y", "--", "run", "${TOKEN}", "{env:X}", "a b", "C:\\x", 'say "hi"']),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))),
)
commands = st.sampled_from(["npx", "/opt/my tools/server", "C:\\bin\\x.exe", "uvx", "dölmen"])
unknown = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def entries(draw: Draw, *, allow: str = "", variables: str = "") -> dict[str, Any]:
    """Return an entry that can be wrapped, its keys in any order."""
    entry = draw(st.dictionaries(names.map(lambda name: "x-" + name), unknown, max_size=2))
    entry["command"] = draw(commands)
    if draw(st.booleans()):
        entry["args"] = draw(st.lists(words, min_size=1, max_size=3))
    if draw(st.booleans()):
        entry["env"] = draw(st.dictionaries(names, words, max_size=2))
    tools = st.lists(st.sampled_from(["*", "list", "get"]), min_size=1, max_size=2)
    for key in (allow, variables):
        if key and draw(st.booleans()):
            entry[key] = draw(tools)
    return dict(draw(st.permutations(list(entry.items()))))


@st.composite
def remotes(draw: Draw, *, allow: str = "") -> dict[str, Any]:
    """Return an entry with an address, its keys in any order."""
    entry = draw(st.dictionaries(names.map(lambda name: "x-" + name), unknown, max_size=2))
    entry["url"] = draw(st.sampled_from(["https://x.example/mcp", "${BASE}/mcp?a=1", "http://ü/"]))
    if draw(st.booleans()):
        entry["type"] = draw(st.sampled_from(["http", "sse", "streamable-http"]))
    if draw(st.booleans()):
        tokens = st.text("Xx-_ab1", min_size=1)
        values = words.map(lambda word: "value of " + word)  # none is a word of ours
        entry["headers"] = draw(st.dictionaries(tokens, values, max_size=3))
    if allow and draw(st.booleans()):
        entry[allow] = ["list"]
    return dict(draw(st.permutations(list(entry.items()))))


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class JsonWriter:
    """Writes a value with spaces, line breaks and, if wanted, comments in every gap."""

    def __init__(self, draw: Draw, *, commented: bool) -> None:
        self._draw = draw
        self._break: str = draw(st.sampled_from(["\n", "\r\n"]))
        gaps = ["", " ", self._break, self._break + "\t\t", "  "]
        if commented:
            gaps += [f"// it's {self._break}", '/* "} */', f"/*{self._break}**/ "]
        self._gaps = st.sampled_from(gaps)
        self._trails = commented

    def document(self, value: Any) -> str:
        """Return value as a file, perhaps with a byte order mark."""
        mark = self._draw(st.sampled_from(["", "\ufeff"]))
        return f"{mark}{self._gap()}{self.text(value)}{self._gap()}"

    def text(self, value: Any) -> str:
        """Return value as a part of a file."""
        if isinstance(value, dict):
            return self._bracketed("{}", [self._pair(*item) for item in value.items()])
        if isinstance(value, list):
            return self._bracketed("[]", [self.text(item) for item in value])
        return json.dumps(value, ensure_ascii=self._draw(st.booleans()))

    def _pair(self, key: str, value: Any) -> str:
        return f"{json.dumps(key)}{self._gap()}:{self._gap()}{self.text(value)}"

    def _bracketed(self, brackets: str, parts: list[str]) -> str:
        inside = ",".join(f"{self._gap()}{part}{self._gap()}" for part in parts)
        trail = "," if parts and self._trails and self._draw(st.booleans()) else ""
        return f"{brackets[0]}{inside or self._gap()}{trail}{self._gap()}{brackets[1]}"

    def _gap(self) -> str:
        return str(self._draw(self._gaps))


class TomlWriter:
    """Writes a mapping of tables, each as a section, as dotted keys or between brackets."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._break: str = draw(st.sampled_from(["\n", "\r\n"]))
        self._ends = st.sampled_from(["", '  # it\'s a "comment"', " ", self._break + "# x = ["])

    def document(self, root: str, servers: dict[str, dict[str, Any]]) -> str:
        """Return a file with the servers below the table root."""
        mark = self._draw(st.sampled_from(["", "\ufeff"]))
        lines = [mark + "model = 'x'", "a.b = 1"]
        for name, entry in servers.items():
            lines += self._section(f"{root}.{_quoted(name)}", entry)
        lines += [
            "[[other]]",
            "x = 1",
            "[[other]]",
            "[last . table]",
            '"k.k" = 1979-05-27 07:32:00',
        ]
        end = self._draw(st.sampled_from(["", self._break]))
        return self._break.join(lines) + str(end)

    def _section(self, path: str, entry: dict[str, Any]) -> list[str]:
        lines, later = [f"[{path}]{self._end()}"], []
        for key, value in entry.items():
            quoted = _quoted(key)
            how = self._draw(st.sampled_from(["section", "dotted", "inline"]))
            if isinstance(value, dict) and how == "section":
                later += self._section(f"{path}.{quoted}", value)
            elif isinstance(value, dict) and value and how == "dotted":
                lines += [
                    f"{quoted} . {_quoted(k)} = {self._value(v)}{self._end()}"
                    for k, v in value.items()
                ]
            else:
                indent = self._draw(st.sampled_from(["", "  "]))
                lines.append(f"{indent}{quoted} = {self._value(value)}{self._end()}")
        return lines + later

    def _value(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [f"{_quoted(k)} = {self._value(v)}" for k, v in value.items()]
            return f"{{ {', '.join(pairs)} }}"
        if isinstance(value, list):
            gap = self._draw(st.sampled_from(["", " ", self._break, f" # ]{self._break} "]))
            trail = "," if value and self._draw(st.booleans()) else ""
            return f"[{gap}{', '.join(map(self._value, value))}{trail}{gap}]"
        if value is None:
            return "0.5"
        if isinstance(value, str) and "'" not in value and self._draw(st.booleans()):
            return str(self._draw(st.sampled_from([f"'{value}'", f"'''{value}'''"])))
        return _quoted(value)

    def _end(self) -> str:
        return str(self._draw(self._ends))


class YamlWriter:
    """Writes a mapping of mappings in blocks or between brackets, with comments."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._break: str = draw(st.sampled_from(["\n", "\r\n"]))
        self._step = draw(st.sampled_from(["  ", "    "]))
        self._ends = st.sampled_from(["", "  # it's", " "])

    def document(self, root: str, servers: dict[str, dict[str, Any]]) -> str:
        """Return a file with the servers below root."""
        lines = ["# mine", "model: x", f"{root}:{self._end()}"]
        for name, entry in servers.items():
            lines += self._below(self._step, json.dumps(name), entry)
        lines += ["last: [1, {a: 2}]", "text: |", "  command: x", ""]
        return str(self._draw(st.sampled_from(["", "\ufeff"]))) + self._break.join(lines)

    def named(self, root: str, servers: dict[str, dict[str, Any]]) -> str:
        """Return a file with the servers as a list, each with its name."""
        lines = [f"{root}:"]
        for name, entry in servers.items():
            pairs = list({**entry, "name": name}.items())
            written = [
                line for key, value in pairs for line in self._below("  ", _yaml_key(key), value)
            ]
            lines += ["- " + written[0][2:], *written[1:]]
        return self._break.join([*lines, "end: 1"])

    def _below(self, indent: str, key: str, value: Any) -> list[str]:
        in_block = self._draw(st.booleans())
        if isinstance(value, dict) and value and (in_block or "command" in value):
            inner = [
                line
                for name, item in value.items()
                for line in self._below(indent + self._step, _yaml_key(name), item)
            ]
            return [f"{indent}{key}:{self._end()}", *inner]
        if isinstance(value, list) and value and in_block:
            dash = indent + self._draw(st.sampled_from(["", self._step])) + "- "
            items = [f"{dash}{json.dumps(item)}{self._end()}" for item in value]
            return [f"{indent}{key}:{self._end()}", *items]
        if key == "command" and " " not in value and in_block:
            return [f"{indent}{key}: {value}{self._end()}"]
        return [f"{indent}{key}: {json.dumps(value)}{self._end()}"]

    def _end(self) -> str:
        return str(self._draw(self._ends))


def _yaml_key(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else json.dumps(name)
