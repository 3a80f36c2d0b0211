"""Read config.toml into one frozen Config; nothing else reads settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from coatcheck.settings import (
    HTTP_KEYS,
    LEDGER_KEYS,
    PRICE_KEYS,
    REFS_INTO,
    ROUTE_KEYS,
    RULE_KEYS,
    SERVE_KEYS,
    STORE_KEYS,
    SUMMARIZER_KEYS,
    TOP_KEYS,
    UNITS,
    UPSTREAM_KEYS,
    Key,
)
from coatcheck.types import (
    ConfigError,
    HttpSettings,
    RefsInto,
    Route,
    Rule,
    SummarizerSettings,
    Transport,
)

Table = Mapping[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Upstream:
    """How to reach one upstream; `${NAME}` in env and headers is not yet resolved."""

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: Transport = "auto"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where and how much the store may keep."""

    quota: int = 1 << 30


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How `coatcheck serve` makes one server of all upstreams."""

    names: str = "auto"
    wait_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """How long single calls stay in the ledger, and the share of sessions that is held out."""

    keep: int = 90 * 86_400
    holdout: float = 0.0


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; path is the file they came from, None for the defaults."""

    path: Path | None = None
    defaults: Rule = field(default_factory=Rule)
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    upstream_rules: Mapping[str, Table] = field(default_factory=dict)
    tool_rules: tuple[tuple[str, Table], ...] = ()
    store: StoreSettings = field(default_factory=StoreSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    summarizer: SummarizerSettings = field(default_factory=SummarizerSettings)
    refs_into: tuple[RefsInto, ...] = ()
    http: HttpSettings = field(default_factory=HttpSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)

    def rule(self, upstream: str, tool: str) -> Rule:
        """Return the settings of one tool: defaults, then its upstream, then its first match."""
        rule = replace(self.defaults, **self.upstream_rules.get(upstream, {}))
        full = f"{upstream}.{tool}"
        for pattern, table in self.tool_rules:
            if fnmatchcase(full, pattern):
                return replace(rule, **table)
        return rule

    def is_off(self, upstream: str) -> bool:
        """Tell whether no tool of upstream can have a mode other than off."""
        modes = [table["mode"] for _, table in self.tool_rules if "mode" in table]
        return self.rule(upstream, "").mode == "off" and all(mode == "off" for mode in modes)

    def all_off(self) -> "Config":
        """Return this config with every tool's mode off."""
        rule = replace(self.defaults, mode="off")
        return replace(self, defaults=rule, upstream_rules={}, tool_rules=())


def find(flag: Path | None, environment: Mapping[str, str], home: Path) -> Path | None:
    """Return the config file to use: flag, COATCHECK_CONFIG, then home; None if there is none.

    Raises: ConfigError if a file that was asked for does not exist.
    """
    named = flag or (Path(p) if (p := environment.get("COATCHECK_CONFIG")) else None)
    if named is None:
        found = home / "config.toml"
        return found if found.is_file() else None
    if not named.is_file():
        raise ConfigError(f"{named}: there is no such file; `coatcheck config init` writes one")
    return named


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read the config at path (None: the defaults). COATCHECK=off turns every tool off.

    Raises: ConfigError with file and key, what was wrong and what to write instead.
    """
    config = Config() if path is None else parse(_read(path), path)
    return config.all_off() if environment.get("COATCHECK") == "off" else config


def _read(path: Path) -> Table:
    import tomllib  # here because most starts have no file to read

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}; correct the file or move it away") from None


def parse(table: Table, path: Path | None = None) -> Config:
    """Return the Config that table spells. Raises: ConfigError."""
    where = str(path or "config.toml")
    _known(table, TOP_KEYS, where, "")
    upstreams, rules = {}, {}
    for name, settings in _tables(table, "upstreams", where).items():
        if not _NAME.match(name):
            raise ConfigError(
                f"{where}: upstreams.{name} is no name; use letters, digits, dots, - and _"
            )
        at = f"upstreams.{name}"
        values = _values(settings, UPSTREAM_KEYS | RULE_KEYS, where, at)
        reach = {key: values.pop(key) for key in UPSTREAM_KEYS if key in values}
        if reach.get("command") and reach.get("url"):
            raise ConfigError(f"{where}: {at} has both command and url; keep one of them")
        upstreams[name], rules[name] = Upstream(name, **reach), values
    tools = tuple(
        (pattern, _values(settings, RULE_KEYS, where, f'tools."{pattern}"'))
        for pattern, settings in _tables(table, "tools", where).items()
    )
    defaults = _values(table.get("defaults", {}), RULE_KEYS, where, "defaults")
    store = _values(table.get("store", {}), STORE_KEYS, where, "store")
    ledger = _values(table.get("ledger", {}), LEDGER_KEYS, where, "ledger")
    summarizer = _summarizer(table.get("summarizer", {}), where)
    http = _values(table.get("http", {}), HTTP_KEYS, where, "http")
    serve = _values(table.get("serve", {}), SERVE_KEYS, where, "serve")
    top = {key: value for key, value in table.items() if key == "refs_into"}
    more = _values(top, {"refs_into": REFS_INTO}, where, "")
    return Config(
        path,
        Rule(**defaults),
        upstreams,
        rules,
        tools,
        StoreSettings(**store),
        LedgerSettings(**ledger),
        summarizer,
        http=HttpSettings(**http),
        serve=ServeSettings(**serve),
        **more,
    )


def _summarizer(table: Any, where: str) -> SummarizerSettings:
    _known(table, (*SUMMARIZER_KEYS, "routes", "prices"), where, "summarizer")
    routes = table.get("routes", [])
    if not isinstance(routes, list) or not all("model" in route for route in routes):
        raise ConfigError(
            f"{where}: summarizer.routes must be tables with a model; write [[summarizer.routes]]"
        )
    rest = {key: value for key, value in table.items() if key not in ("routes", "prices")}
    return SummarizerSettings(
        **_values(rest, SUMMARIZER_KEYS, where, "summarizer"),
        routes=tuple(
            Route(**_values(route, ROUTE_KEYS, where, "summarizer.routes")) for route in routes
        ),
        prices={
            name: _values(price, PRICE_KEYS, where, f'summarizer.prices."{name}"')
            for name, price in _tables(table, "prices", where).items()
        },
    )


def _tables(table: Table, name: str, where: str) -> Table:
    found = table.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise ConfigError(f"{where}: {name} must hold tables; write [{name}.NAME]")
    return found


def _known(table: Any, known: Mapping[str, Any] | tuple[str, ...], where: str, at: str) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: {at} must be a table; write [{at}]")
    for key in table:
        if key not in known:
            from difflib import get_close_matches  # here because most files are right

            near = get_close_matches(key, list(known), 1)
            hint = f"did you mean {near[0]}?" if near else "known are: " + ", ".join(known)
            raise ConfigError(f"{where}: {at + '.' if at else ''}{key} is not a setting; {hint}")


def _values(table: Any, keys: Mapping[str, Key], where: str, at: str) -> dict[str, Any]:
    _known(table, keys, where, at)
    values = {}
    for name, value in table.items():
        try:
            values[name] = keys[name].parse(value)
        except ValueError:
            raise ConfigError(
                f"{where}: {at}{'.' if at else ''}{name} is {value!r}; use {keys[name].expects}."
            ) from None
    return values


def resolve(table: Mapping[str, str], environment: Mapping[str, str], where: str) -> dict[str, str]:
    """Return table with each `${NAME}` taken from environment.

    where names the table in the message. Raises: ConfigError if a variable is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise ConfigError(f"{where} names ${{{found[1]}}}, which is not set; export {found[1]}")
        return environment[found[1]]

    return {key: _VARIABLE.sub(value, text) for key, text in table.items()}


def example() -> str:
    """Return the commented example file: every key at its default."""
    rule, store, ledger = Rule(), StoreSettings(), LedgerSettings()
    summarizer, serve, http = SummarizerSettings(), ServeSettings(), HttpSettings()
    lines = [
        "# coatcheck's settings. Every key is optional and shown at its default.",
        "# Searched in order: --config, COATCHECK_CONFIG, $COATCHECK_HOME/config.toml; never the",
        "# working folder. COATCHECK=off in the environment turns everything off.",
        "",
        f"refs_into = []  # {REFS_INTO.comment}",
        '# { from = "fs", to = "github.create_*" }: artifacts of fs as arguments of these tools.',
        '# The same upstream is meant by from = "self" alone; a tool that may change things or',
        "# reach the outside has to be named in full.",
        "",
        "[defaults]  # every tool",
        *(_line(name, getattr(rule, name), key) for name, key in RULE_KEYS.items()),
        "",
        "[store]",
        *(_line(name, getattr(store, name), key) for name, key in STORE_KEYS.items()),
        "",
        "[ledger]",
        *(_line(name, getattr(ledger, name), key) for name, key in LEDGER_KEYS.items()),
        "",
        "[serve]  # `coatcheck serve`: all upstreams below as one server; docs/serve.md",
        *(_line(name, getattr(serve, name), key) for name, key in SERVE_KEYS.items()),
        "",
        "[summarizer]  # results over least_tokens may be read by a model; docs/summarizer.md",
        *(_line(name, getattr(summarizer, name), key) for name, key in SUMMARIZER_KEYS.items()),
        "",
        "[http]  # `coatcheck serve --http`; docs/http.md",
        *(_line(name, getattr(http, name), key) for name, key in HTTP_KEYS.items()),
        "",
        *EXAMPLE_TABLES.splitlines(),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, value: object, key: Key) -> str:
    return f"{name} = {_written(name, value)}  # {key.comment}"


def _written(name: str, value: object) -> str:
    if name == "keep":
        return f'"{int(str(value)) // UNITS["d"]}d"'
    if name == "quota":
        return f'"{int(str(value)) >> 30}GiB"'
    if name == "body_limit":
        return f'"{int(str(value)) >> 20}MiB"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


EXAMPLE_TABLES = """\
# One table per upstream; every key of [defaults] may stand here too.
# `coatcheck run --name github -- COMMAND` takes all of it but command and args from here.
# [upstreams.github]
# command = "npx"
# args = ["-y", "server-github"]
# env = { GITHUB_TOKEN = "${GITHUB_TOKEN}" }  # resolved when the upstream is opened
# shared = false  # one process for all sessions of `coatcheck serve`; it can ask none of them

# [upstreams.docs]
# url = "https://docs.example/mcp"
# headers = { Authorization = "Bearer ${DOCS_TOKEN}" }  # or `coatcheck login docs`
# transport = "auto"  # auto (HTTP, else SSE) | http (Streamable HTTP) | sse (the older HTTP+SSE)
# egress = false

# upstream.tool with wildcards; the first match wins.
# [tools."github.list_*"]
# budget_tokens = 2500
# summarize = "keep assignee and status"
# drop_fields = ["*_url", "node_id"]
# key = "number"

# The first route that fits names the model; "none" keeps results from all. `coatcheck eval`.
# [[summarizer.routes]]
# tool = "docs.*"
# least_tokens = 20000
# model = "claude-haiku-4-5"

# [summarizer.prices."claude-haiku-5-5"]
# input = 0.1
"""
