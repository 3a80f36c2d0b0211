"""Edit an entry that has an address into one that starts coatcheck before it, and back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from coatcheck import nodes
from coatcheck.dialect import OUR_VARIABLES, Dialect
from coatcheck.nodes import Edit, Member, Node, NotEditable
from coatcheck.notations import Notation

# The values of headers stand under such names, never in the arguments, which a list of processes
# shows. Without a word like AUTH: Gemini CLI hands on no variable whose name has one.
VARIABLE = "COATCHECK_HEADER_"
# What only the client itself can do for such a server; an entry with one of them is left alone.
OWN_MEANS = (
    "oauth",
    "auth",
    "authProviderType",
    "headersHelper",
    "requestOptions",
    "env_http_headers",
    "env_keys",
)
_SECRET = re.compile(
    r"[?&][^=&]*(?:key|token|secret|auth|pass|sig)[^=&]*=|//[^/?#]*@", re.IGNORECASE
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SPOKEN = re.compile(r"sse|http|streamable.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Far:
    """How `coatcheck run` reaches a remote server.

    transport is "" for Streamable HTTP as the client calls it; headers are their names by the
    variables that hold them; bearer names the variable that holds a token.
    """

    url: str
    transport: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    bearer: str = ""

    def words(self) -> list[str]:
        """Return the options of `coatcheck run` behind the address."""
        kind = ["--transport", self.transport] if self.transport else []
        named = [f"{header}={variable}" for variable, header in self.headers.items()]
        bearer = ["--bearer-env", self.bearer] if self.bearer else []
        return [*kind, *(word for pair in named for word in ("--header-env", pair)), *bearer]


def is_wrapped(words: Sequence[str]) -> bool:
    """Tell whether a command line of ours reaches a remote server."""
    return "--url" in words[:-1]


def has_bearer(words: Sequence[str]) -> bool:
    """Tell whether a command line of ours takes a token from a variable."""
    return "--bearer-env" in words


def obstacle(value: Mapping[str, Any], dialect: Dialect) -> str:
    """Say why coatcheck cannot reach this server in the client's place, "" if it can."""
    own = [key for key in OWN_MEANS if value.get(key)]
    headers, kind = value.get(dialect.headers, {}), value.get("type", "http")
    if own or value.get(dialect.environment):
        return f"reached by means of the client's own ({(own or [dialect.environment])[0]})"
    if kind != dialect.far and not (isinstance(kind, str) and _SPOKEN.fullmatch(kind)):
        return "a transport that coatcheck does not speak"
    address = _address(value, dialect)
    if not address or ("type" in value and address != dialect.addresses[-1][0]):
        return "no address that is understood"
    if not isinstance(headers, dict) or not all(map(_is_header, headers.items())):
        return "headers that are not understood"
    if not re.match(r"https?://|[${]", value[address]):
        return "no address that is understood"
    if _SECRET.search(value[address]):
        return "its address holds a secret, which a list of processes would show; use a header"
    return ""


def address(value: Mapping[str, Any], dialect: Dialect) -> str:
    """Return the address of a remote entry, "" if it starts a command."""
    key = _address(value, dialect)
    return "" if dialect.command in value or not key else str(value[key])


def needs_login(value: Mapping[str, Any], dialect: Dialect) -> bool:
    """Tell whether an entry says nothing of who the user is, so that the server may ask."""
    headers = value.get(dialect.headers) or {}
    return not headers and not (dialect.bearer and value.get(dialect.bearer))


def wrapped_value(
    value: Mapping[str, Any], dialect: Dialect, name: str, program: str
) -> dict[str, Any]:
    """Return the entry wrapped, as plain data."""
    far = _far(value, dialect)
    gone = {_address(value, dialect), dialect.bearer}
    rest = {key: item for key, item in value.items() if key not in gone}
    if far.headers:
        headers = rest.pop(dialect.headers)
        rest[dialect.environment] = dict(zip(far.headers, headers.values(), strict=True))
    if "type" in rest:
        rest["type"] = dialect.near
    words = ["run", "--name", name, "--url", far.url, *far.words()]
    if far.bearer:
        rest[dialect.variables] = [far.bearer, *OUR_VARIABLES]
    command = {dialect.command: program, dialect.args: words}
    return {**rest, **(command if dialect.args else {dialect.command: [program, *words]})}


def plain_value(value: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return a wrapped entry as it was, as plain data. Raises: NotEditable."""
    far = _parse(_words(value, dialect))
    ours = {dialect.command, dialect.args, *([dialect.variables] if far.bearer else [])}
    rest = {key: item for key, item in value.items() if key not in ours}
    if far.headers:
        found = rest.pop(dialect.environment, {})
        _check(found, far)
        rest[dialect.headers] = {far.headers[key]: item for key, item in found.items()}
    if "type" in rest:
        rest["type"] = far.transport or dialect.far
    bearer = {dialect.bearer: far.bearer} if far.bearer else {}
    return {**rest, _key(far, dialect, "type" in rest): far.url, **bearer}


def wrap(
    text: str, notation: Notation, dialect: Dialect, name: str, entry: Node, program: str
) -> Iterator[Edit]:
    """Yield the edits that wrap an entry, its lists of tools and variables left aside."""
    far, quote = _far(entry.value, dialect), notation.quote
    address = _member(entry, _address(entry.value, dialect))
    url = text[address.node.start : address.node.end]
    before = [quote(word) for word in ("run", "--name", name, "--url")]
    words = ", ".join([*before, url, *map(quote, far.words())])
    yield nodes.rename(address, notation.key(dialect.command))
    if dialect.args:
        yield nodes.restate(address.node, quote(program))
        pair = notation.pair(dialect.args, f"[{words}]")
        yield nodes.insert_member(text, address, pair, flow=entry.flow)
    else:
        yield nodes.restate(address.node, f"[{quote(program)}, {words}]")
    if kind := entry.get("type"):
        yield nodes.restate(kind.node, quote(dialect.near))
    if far.headers:
        headers = _member(entry, dialect.headers)
        yield nodes.rename(headers, notation.key(dialect.environment))
        for member, variable in zip(headers.node.members, far.headers, strict=True):
            yield nodes.rename(member, notation.key(variable))
    if far.bearer:
        bearer = _member(entry, dialect.bearer)
        yield nodes.rename(bearer, notation.key(dialect.variables))
        token = text[bearer.node.start : bearer.node.end]
        yield nodes.restate(bearer.node, f"[{', '.join([token, *map(quote, OUR_VARIABLES)])}]")


def unwrap(text: str, notation: Notation, dialect: Dialect, entry: Node) -> Iterator[Edit]:
    """Yield the edits that undo wrap. Raises: NotEditable."""
    far, quote = _parse(_words(entry.value, dialect)), notation.quote
    command = _member(entry, dialect.command)
    items = _member(entry, dialect.args or dialect.command).node.items
    url = next(items[i + 1] for i, item in enumerate(items) if item.value == "--url")
    kind = entry.get("type")
    yield nodes.rename(command, notation.key(_key(far, dialect, kind is not None)))
    yield nodes.restate(command.node, text[url.start : url.end])
    if dialect.args:
        yield nodes.remove_member(text, entry, dialect.args)
    if kind:
        yield nodes.restate(kind.node, quote(far.transport or dialect.far))
    if far.headers:
        environment = _member(entry, dialect.environment)
        _check(environment.node.value, far)
        yield nodes.rename(environment, notation.key(dialect.headers))
        for member in environment.node.members:
            yield nodes.rename(member, notation.key(far.headers[member.key]))
    if far.bearer:
        variables = _member(entry, dialect.variables)
        yield nodes.rename(variables, notation.key(dialect.bearer))
        yield nodes.restate(variables.node, quote(far.bearer))


def _is_header(pair: tuple[str, object]) -> bool:
    return bool(_TOKEN.fullmatch(pair[0])) and isinstance(pair[1], str)


def _far(value: Mapping[str, Any], dialect: Dialect) -> Far:
    address = _address(value, dialect)
    kind = value.get("type", dict(dialect.addresses)[address])
    headers = {
        f"{VARIABLE}{number}": header
        for number, header in enumerate(value.get(dialect.headers) or {}, 1)
    }
    bearer = str(value.get(dialect.bearer, "")) if dialect.bearer else ""
    return Far(value[address], "" if kind == dialect.far else kind, headers, bearer)


def _parse(words: Sequence[str]) -> Far:
    """Read back what wrap has written. Raises: NotEditable."""
    given: dict[str, list[str]] = {}
    for key, value in pairwise(words):
        given.setdefault(key, []).append(value)
    pairs = [pair.partition("=") for pair in given.get("--header-env", [])]
    headers = {variable: header for header, _, variable in pairs}
    if not all(variable.startswith(VARIABLE) for variable in headers):
        raise NotEditable("a header of it comes from a variable that was not written by wrap")
    transport, bearer = given.get("--transport", [""]), given.get("--bearer-env", [""])
    return Far(given["--url"][0], transport[0], headers, bearer[0])


def _key(far: Far, dialect: Dialect, typed: bool) -> str:
    """Return the key of the address: where a type is given, the last of them; else by transport."""
    if typed:
        return dialect.addresses[-1][0]
    found = (key for key, transport in dialect.addresses if transport == far.transport)
    return next(found, dialect.addresses[-1][0])


def _address(value: Mapping[str, Any], dialect: Dialect) -> str:
    keys = (key for key, _ in dialect.addresses if isinstance(value.get(key), str))
    return next(keys, "")


def _words(value: Mapping[str, Any], dialect: Dialect) -> list[str]:
    return list(value[dialect.args or dialect.command])


def _check(environment: Mapping[str, Any], far: Far) -> None:
    """Check that an environment holds the headers and nothing else. Raises: NotEditable."""
    if environment.keys() != far.headers.keys():
        raise NotEditable("its environment holds more or less than its headers")


def _member(entry: Node, key: str) -> Member:
    found = entry.get(key)
    if found is None:
        raise NotEditable(f"it has no {key}")
    return found
