"""Plan how entries of client configs are wrapped and unwrapped, as edits of their text alone."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from coatcheck import nodes, remote
from coatcheck.dialect import OUR_VARIABLES, Dialect, Location
from coatcheck.nodes import Edit, Member, Node, NotEditable, NotParsed
from coatcheck.notations import NOTATIONS, Notation

State = Literal["plain", "wrapped", "ours", "remote", "disabled", "unknown"]

TOOL = "fetch_artifact"
LOCAL = ("", "stdio", "local")
PROGRAM = "coatcheck"
# A text of YAML that means the same between brackets.
_FIRM = re.compile(r"""[\w./\\:@~+-]+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True)
class Server:
    """One server entry of a config file; project is the folder a local entry holds for."""

    name: str
    entry: Node
    transport: str
    state: State
    project: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text of one config file, read by the rules of its client."""

    text: str
    dialect: Dialect
    location: Location
    root: Node
    servers: Sequence[Server]

    @property
    def notation(self) -> Notation:
        """Return how the text is written."""
        return NOTATIONS[self.location.notation]


def read(text: str, dialect: Dialect, location: Location) -> Sheet:
    """Read the text of a config file. Raises: NotParsed, NotEditable."""
    root = NOTATIONS[location.notation].parse(text)
    servers = [
        Server(name, node, *_kind(node, dialect), project)
        for project, holder in _holders(root, location.at)
        for name, node in _entries(holder)
    ]
    return Sheet(text, dialect, location, root, servers)


def wrapped(sheet: Sheet, servers: Collection[Server], program: str) -> str:
    """Return the text with these plain servers wrapped; program starts coatcheck.

    Raises: NotEditable if that cannot be done so that undoing it gives the same text.
    """
    edits = [edit for server in servers for edit in _wrap(sheet, server, program)]
    return _proved(sheet, servers, edits, "wrapped", _wrapped_value(program))


def unwrapped(sheet: Sheet, servers: Collection[Server]) -> str:
    """Return the text with these wrapped servers plain again, all other changes kept.

    Raises: NotEditable.
    """
    edits = [edit for server in servers for edit in _unwrap(sheet, server)]
    return _proved(sheet, servers, edits, "plain", _plain_value)


def same(first: Any, second: Any) -> bool:
    """Tell whether two documents differ in empty lists and tables alone."""
    return bool(_without_empty(first) == _without_empty(second))


def _holders(root: Node, at: Sequence[str]) -> Iterator[tuple[str, Node]]:
    """Yield each node that at leads to, with the key that "*" stood for."""
    found = [("", root)]
    for key in at:
        found = [
            (member.key if key == "*" else project, member.node)
            for project, node in found
            for member in node.members
            if key in ("*", member.key)
        ]
    yield from found


def _entries(holder: Node) -> Iterator[tuple[str, Node]]:
    for member in holder.members:
        yield member.key, member.node
    for item in holder.items:
        name = item.get("name")
        yield str(name.node.value) if name else "", item


def _kind(entry: Node, dialect: Dialect) -> tuple[str, State]:
    """Return the transport and the state of an entry."""
    value = entry.value
    if not isinstance(value, dict):
        return "", "unknown"
    words = _words(value, dialect)
    if not words:
        return _remote_kind(value, dialect)
    if value.get("type", "") not in LOCAL or _is_shell_line(words[0]):
        return "stdio", "unknown"
    if _is_ours(words):
        transport = "http" if remote.is_wrapped(words) else "stdio"
        return transport, "wrapped" if _is_wrapped(words) else "ours"
    return "stdio", "disabled" if _is_off(value) else "plain"


def _remote_kind(value: dict[str, Any], dialect: Dialect) -> tuple[str, State]:
    addresses = dict(dialect.addresses)
    address = next((key for key in addresses if isinstance(value.get(key), str)), None)
    if address is None:
        return "", "unknown"
    transport = str(value.get("type") or addresses[address] or "http")
    if remote.obstacle(value, dialect):
        return transport, "remote"
    return transport, "disabled" if _is_off(value) else "plain"


def _words(value: dict[str, Any], dialect: Dialect) -> list[str]:
    """Return the command line of an entry, empty if it has none that is understood."""
    command = value.get(dialect.command)
    args = value.get(dialect.args, []) if dialect.args else []
    words = [command, *args] if dialect.args and isinstance(args, list) else command
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return []
    return words if words and words[0] else []


def _is_shell_line(command: str) -> bool:
    """Tell whether a command is a line for a shell ("npx -y x") rather than a program."""
    first, *more = command.split()
    return bool(more) and "/" not in first and "\\" not in first


def _is_ours(words: Sequence[str]) -> bool:
    before = words[: words.index("--")] if "--" in words else words
    return any(
        PurePath(word).stem == PROGRAM or word == "coatcheck.cli" for word in before[:4]
    ) and any(word in ("run", "serve") for word in before)


def _is_wrapped(words: Sequence[str]) -> bool:
    return words[1] == "run" and ("--" in words[:-1] or remote.is_wrapped(words))


def _is_off(value: dict[str, Any]) -> bool:
    return value.get("disabled") is True or value.get("enabled") is False


def _wrap(sheet: Sheet, server: Server, program: str) -> Iterator[Edit]:
    dialect, quote = sheet.dialect, sheet.notation.quote
    command = server.entry.get(dialect.command)
    if server.name == "--":
        raise NotEditable("its name cannot stand in a command line")
    if command is None:
        yield from _wrap_remote(sheet, server, program)
        return
    ours = [quote(word) for word in ("run", "--name", server.name, "--")]
    if not dialect.args:
        yield nodes.prepend(sheet.text, command.node, [quote(program), *ours])
    else:
        args = server.entry.get(dialect.args)
        start, end = command.node.start, command.node.end
        words = [*ours, _moved(sheet, command.node, args)]
        yield start, end, quote(program)
        if args is None:
            yield _added(sheet, server, command, dialect.args, words)
        else:
            yield nodes.prepend(sheet.text, args.node, words)
    yield from _allow(sheet, server)
    yield from _variables(sheet, server, command)


def _wrap_remote(sheet: Sheet, server: Server, program: str) -> Iterator[Edit]:
    dialect, entry = sheet.dialect, server.entry
    yield from remote.wrap(sheet.text, sheet.notation, dialect, server.name, entry, program)
    yield from _allow(sheet, server)
    address = next(member for key, _ in dialect.addresses if (member := entry.get(key)))
    if not (dialect.bearer and entry.get(dialect.bearer)):
        yield from _variables(sheet, server, address)


def _moved(sheet: Sheet, command: Node, args: Member | None) -> str:
    """Return the command as it is written, else quoted where that cannot stand in the list."""
    raw = sheet.text[command.start : command.end]
    is_loose = sheet.location.notation == "yaml" and not _FIRM.fullmatch(raw)
    in_brackets = args is None or args.node.flow
    if is_loose and (in_brackets or "\n" in raw):
        return sheet.notation.quote(str(command.value))
    return raw


def _allow(sheet: Sheet, server: Server) -> Iterator[Edit]:
    """Add our tool to lists of tools; one without a name is no choice and stays."""
    for key in (*sheet.dialect.allow, *sheet.dialect.approve):
        found = server.entry.get(key)
        names = found.node.value if found else None
        if found and isinstance(names, list) and names and not {"*", TOOL} & set(map(str, names)):
            yield nodes.append(sheet.text, found.node, [sheet.notation.quote(TOOL)])


def _variables(sheet: Sheet, server: Server, after: Member) -> Iterator[Edit]:
    key = sheet.dialect.variables
    if not key:
        return
    found = server.entry.get(key)
    known = found.node.value if found else []
    if not isinstance(known, list):
        raise NotEditable(f"{key} is no list")
    words = [sheet.notation.quote(name) for name in OUR_VARIABLES if name not in known]
    if found is None:
        yield _added(sheet, server, after, key, words)
    elif words:
        yield nodes.append(sheet.text, found.node, words)


def _added(sheet: Sheet, server: Server, after: Member, key: str, words: Sequence[str]) -> Edit:
    pair = sheet.notation.pair(key, f"[{', '.join(words)}]")
    return nodes.insert_member(sheet.text, after, pair, flow=server.entry.flow)


def _unwrap(sheet: Sheet, server: Server) -> Iterator[Edit]:
    dialect = sheet.dialect
    command = server.entry.get(dialect.command)
    holder = server.entry.get(dialect.args) if dialect.args else command
    if command is None or holder is None:
        raise NotEditable("it is not wrapped")
    if "--" not in holder.node.value:
        yield from _unwrap_remote(sheet, server)
        return
    items = holder.node.items
    first = [item.value for item in items].index("--") + 1
    if not dialect.args:
        yield nodes.remove_first(holder.node, first)
    else:
        upstream = items[first]
        raw = sheet.text[upstream.start : upstream.end]
        yield command.node.start, command.node.end, raw
        if first + 1 == len(items):
            yield nodes.remove_member(sheet.text, server.entry, dialect.args)
        else:
            yield nodes.remove_first(holder.node, first + 1)
    yield from _take_out(sheet, server, (*dialect.allow, *dialect.approve), (TOOL,))
    yield from _take_out(sheet, server, (dialect.variables,), OUR_VARIABLES)


def _unwrap_remote(sheet: Sheet, server: Server) -> Iterator[Edit]:
    dialect = sheet.dialect
    yield from remote.unwrap(sheet.text, sheet.notation, dialect, server.entry)
    yield from _take_out(sheet, server, (*dialect.allow, *dialect.approve), (TOOL,))
    if not remote.has_bearer(_words(server.entry.value, dialect)):
        yield from _take_out(sheet, server, (dialect.variables,), OUR_VARIABLES)


def _take_out(
    sheet: Sheet, server: Server, keys: Sequence[str], words: Collection[str]
) -> Iterator[Edit]:
    """Take words out of lists, and a list with nothing else in it whole."""
    for key in keys:
        found = server.entry.get(key)
        items = found.node.items if found else ()
        indexes = [index for index, item in enumerate(items) if item.value in words]
        if found and indexes and len(indexes) == len(items):
            yield nodes.remove_member(sheet.text, server.entry, key)
        elif found and indexes:
            yield from nodes.remove_items(sheet.text, found.node, indexes)


Change = Callable[[Server, Dialect], dict[str, Any]]


def _proved(
    sheet: Sheet, servers: Collection[Server], edits: Sequence[Edit], state: State, change: Change
) -> str:
    """Return the edited text, read again and compared with what it must say.

    The entries must be as change makes them, and everything else as it was.
    """
    text = nodes.apply(sheet.text, edits)
    try:
        after = read(text, sheet.dialect, sheet.location)
    except NotParsed as error:
        raise NotEditable(f"the change would spoil the file: {error}") from None
    if len(after.servers) != len(sheet.servers):
        raise NotEditable("the change would touch another entry")
    for old, new in zip(sheet.servers, after.servers, strict=True):
        chosen = old in servers
        expected = change(old, sheet.dialect) if chosen else old.entry.value
        if (chosen and new.state not in (state, "disabled")) or not same(new.entry.value, expected):
            raise NotEditable("the change would not come out as meant")
    if _emptied(sheet.root, sheet.location.at) != _emptied(after.root, after.location.at):
        raise NotEditable("the change would touch what stands outside the entries")
    return text


def _wrapped_value(program: str) -> Change:
    def change(server: Server, dialect: Dialect) -> dict[str, Any]:
        value = dict(server.entry.value)
        if words := _words(value, dialect):
            _set_words(value, dialect, [program, "run", "--name", server.name, "--", *words])
        else:
            value = remote.wrapped_value(value, dialect, server.name, program)
        for key in (*dialect.allow, *dialect.approve):
            names = value.get(key)
            if isinstance(names, list) and names and not {"*", TOOL} & set(map(str, names)):
                value[key] = [*names, TOOL]
        if key := dialect.variables:
            known = value.get(key, [])
            value[key] = [*known, *(name for name in OUR_VARIABLES if name not in known)]
        return value

    return change


def _plain_value(server: Server, dialect: Dialect) -> dict[str, Any]:
    value = dict(server.entry.value)
    words = _words(value, dialect)
    if "--" in words:
        _set_words(value, dialect, words[words.index("--") + 1 :])
    else:
        value = remote.plain_value(value, dialect)
    for key, ours in [
        *((key, (TOOL,)) for key in (*dialect.allow, *dialect.approve)),
        (dialect.variables, OUR_VARIABLES),
    ]:
        if isinstance(value.get(key), list):
            value[key] = [name for name in value[key] if name not in ours]
    return value


def _set_words(value: dict[str, Any], dialect: Dialect, words: Sequence[str]) -> None:
    value[dialect.command] = words[0] if dialect.args else list(words)
    if dialect.args:
        value[dialect.args] = list(words[1:])


def _emptied(node: Node, at: Sequence[str]) -> Any:
    """Return the value of node without the entries that at leads to."""
    if not at:
        return None
    if not node.members:
        return node.value
    return {
        member.key: _emptied(member.node, at[1:])
        if at[0] in ("*", member.key)
        else member.node.value
        for member in node.members
    }


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        parts = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item not in ([], {})}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value
