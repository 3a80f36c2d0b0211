"""coatcheck run: stand between one agent on stdio and one upstream, a command or a URL."""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from coatcheck.cli.place import Place, place
from coatcheck.config import Upstream as Settings
from coatcheck.config import resolve
from coatcheck.types import ConfigError, Transport, UpstreamError
from coatcheck_adapters.upstreams.command import Command

if TYPE_CHECKING:
    from asyncio import TaskGroup

    from coatcheck.link import Upstream
    from coatcheck.protocols import Agent, Desk

    Reach = Callable[[TaskGroup], Upstream]

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]
       coatcheck run --name NAME --url URL [--transport http|sse] [--config FILE]
                     [--header-env HEADER=VARIABLE ...] [--bearer-env VARIABLE]

Starts COMMAND, an MCP server on stdio, or reaches the one at URL, and is that server to the agent
that started this.

  --name NAME    what the upstream is called (default: the name of COMMAND)
  --url URL      where it is (default: upstreams.NAME.url of the settings)
  --header-env HEADER=VARIABLE
                 send this header with the value of that environment variable; repeatable
  --bearer-env VARIABLE
                 send that environment variable as the token of Authorization: Bearer
  --transport    how to speak to it (default: Streamable HTTP, else the older HTTP+SSE)
  --config FILE  settings (default: $COATCHECK_CONFIG, else config.toml in $COATCHECK_HOME)

example: coatcheck run --name github -- npx -y server-github
example: coatcheck run --name docs --url https://docs.example/mcp
"""

# The writer of the ledger and the workers must not hold up the event loop; the default of 5 ms
# cost a third of the throughput.
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of run says; header_env are the variables of headers."""

    name: str
    command: Sequence[str] = ()
    config: str = ""
    url: str = ""
    header_env: Mapping[str, str] = field(default_factory=dict)
    bearer_env: str = ""
    transport: Transport | None = None


def main(argv: Sequence[str]) -> int:
    """Relay until the agent closes our stdin; return the exit code."""
    if argv[:1] in (["--help"], ["-h"]):
        print(USAGE, end="")
        return 0
    try:
        options = parse(argv)
    except ConfigError as error:
        print(f"{USAGE}\ncoatcheck run: {error}", file=sys.stderr)
        return 2
    try:
        at = place(Path(options.config) if options.config else None)
        return relay(options.name, at, reach(options, at))
    except ConfigError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 2
    except UpstreamError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 1


def relay(name: str, at: Place, reach: "Reach") -> int:
    """Relay with the desk that the settings ask for, or as a plain wire when all is off."""
    from coatcheck.bridge import Bridge
    from coatcheck.cli import wrapped
    from coatcheck.front import Relay

    seconds = at.config.rule(name, "").call_timeout_seconds

    def connect(joined: "Desk | None", agent: "Agent", tasks: "TaskGroup") -> Relay:
        upstream = Bridge(reach(tasks), tasks)
        return Relay(agent, upstream, joined, tasks, call_timeout_seconds=seconds)

    if at.config.is_off(name):
        gc.enable()
        wrapped.run(partial(connect, None))
        return 0
    from coatcheck.cli.memory import give_back
    from coatcheck.cli.parts import desk, ledger_of, sweeping

    give_back()
    gc.enable()
    sys.setswitchinterval(SWITCH_SECONDS)
    with ledger_of(at) as ledger, sweeping(at):
        wrapped.run(partial(connect, desk(at, name, ledger)))
    return 0


def reach(options: Options, at: Place) -> "Reach":
    """Start the command, or find out where the URL is. Raises: ConfigError, UpstreamError."""
    if not options.command:
        return _url(options, at)
    command = Command(options.name, options.command, upstream_environment(at, options.name))
    process = command.start()

    def opened(tasks: "TaskGroup") -> "Upstream":
        # Only now: the upstream starts while the event loop and the rest are imported.
        from coatcheck_adapters.upstreams.stdio import StdioUpstream

        return StdioUpstream(command, process)

    return opened


def _url(options: Options, at: Place) -> "Reach":
    from coatcheck.cli.reach import endpoint_of, url_upstream

    settings = at.config.upstreams.get(options.name) or Settings(options.name)
    transport = options.transport or settings.transport
    settings = replace(settings, url=options.url or settings.url, transport=transport)
    if not settings.url:
        raise ConfigError(
            f"nothing to run: upstreams.{options.name}.url is not set; give --url URL, or a command"
            " after --"
        )
    headers = {name: f"${{{variable}}}" for name, variable in options.header_env.items()}
    if options.bearer_env:
        headers["Authorization"] = f"Bearer ${{{options.bearer_env}}}"
    return partial(url_upstream, settings, endpoint_of(at, settings, headers))


def upstream_environment(at: Place, name: str) -> Mapping[str, str]:
    """Return the environment of the upstream: ours, and what the settings add."""
    upstream = at.config.upstreams.get(name)
    if upstream is None:
        return os.environ
    where = f"{at.config.path}: upstreams.{name}.env"
    return {**os.environ, **resolve(upstream.env, os.environ, where)}


def parse(argv: Sequence[str]) -> Options:
    """Read the words after `run`. Raises: ConfigError."""
    settings: dict[str, list[str]] = {
        key: []
        for key in ("--name", "--url", "--config", "--transport", "--bearer-env", "--header-env")
    }
    words = list(argv)
    while words and words[0] != "--":
        key, equals, value = words.pop(0).partition("=")
        if key not in settings:
            raise ConfigError(f"unknown option {key}; put -- before the command")
        if not equals:
            if not words or words[0] == "--":
                raise ConfigError(f"{key} needs a value")
            value = words.pop(0)
        settings[key].append(value)
    name, url, config, kind, bearer = ("".join(found[-1:]) for found in [*settings.values()][:5])
    command = words[1:]
    if command and url:
        raise ConfigError("both --url and a command; keep one of them")
    if not command and not name:
        raise ConfigError(f"no {'--name' if url else 'command; put it after --'}")
    return Options(
        name=name or PurePath(command[0]).stem,
        command=command,
        config=config,
        url=url,
        header_env=_pairs(settings["--header-env"]),
        bearer_env=_variable(bearer) if bearer else "",
        transport=_transport(kind),
    )


def _transport(word: str) -> Transport | None:
    """Return the transport of a word that clients have for it. Raises: ConfigError."""
    known: Mapping[str, Transport] = {"http": "http", "sse": "sse", "auto": "auto"}
    kind = "http" if word.startswith("streamable") else word
    if kind and kind not in known:
        raise ConfigError(f"--transport {word} is none; use http or sse")
    return known.get(kind)


def _variable(name: str) -> str:
    if not name.isidentifier():
        raise ConfigError("--bearer-env names no variable; write it as --bearer-env MY_TOKEN")
    return name


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        header, _, variable = word.partition("=")
        if not (header and variable.isidentifier()):
            raise ConfigError(
                f"--header-env {header or word} names no variable; write it as"
                " --header-env Authorization=NAME_OF_A_VARIABLE"
            )
        pairs[header] = variable
    return pairs
