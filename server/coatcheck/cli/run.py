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
from coatcheck.types import ConfigError, UpstreamError
from coatcheck_adapters.upstreams.command import Command

if TYPE_CHECKING:
    from asyncio import TaskGroup

    from coatcheck.link import Upstream
    from coatcheck.types import Desk, Transport

    Reach = Callable[[TaskGroup], Upstream]

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]
       coatcheck run --name NAME --url URL [--header-env HEADER=VARIABLE] [--config FILE]

Starts COMMAND, an MCP server on stdio, or reaches the one at URL, and is that server to the agent
that started this.

  --name NAME    what the upstream is called (default: the name of COMMAND)
  --url URL      where it is (default: upstreams.NAME.url of the settings)
  --transport X  http, sse, or auto: HTTP, else SSE (default: that of the settings)
  --header-env HEADER=VARIABLE
                 send this header with the value of that environment variable; repeatable
  --bearer-env VARIABLE
                 send the token that this environment variable holds
  --config FILE  settings (default: $COATCHECK_CONFIG, else config.toml in $COATCHECK_HOME)

example: coatcheck run --name github -- npx -y server-github
example: coatcheck run --name docs --url https://docs.example/mcp
"""

# The writer of the ledger and the workers must not hold up the event loop; the default of 5 ms
# cost a third of the throughput.
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of run says; headers name variables as ${NAME}."""

    name: str
    command: Sequence[str] = ()
    config: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: "Transport | None" = None


def main(argv: Sequence[str]) -> int:
    """Relay until the agent closes our stdin; return the exit code."""
    if argv[:1] in (["--help"], ["-h"]):
        print(USAGE, end="")
        return 0
    try:
        options = parse(argv)
    except ConfigError as error:
        print(f"coatcheck run: {error}\n{USAGE}", end="", file=sys.stderr)
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
    from coatcheck.front import Agent, Relay

    seconds = at.config.rule(name, "").call_timeout_seconds

    def connect(joined: "Desk | None", agent: Agent, tasks: "TaskGroup") -> Relay:
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
    return partial(url_upstream, settings, endpoint_of(at, settings, options.headers))


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
        for key in ("--name", "--url", "--transport", "--header-env", "--bearer-env", "--config")
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
    name, url, config, transport = (
        "".join(settings[key][-1:]) for key in ("--name", "--url", "--config", "--transport")
    )
    command = words[1:]
    if command and url:
        raise ConfigError("both --url and a command; keep one of them")
    if not command and not name:
        raise ConfigError(f"no {'--name' if url else 'command; put it after --'}")
    headers = _headers(settings["--header-env"], settings["--bearer-env"])
    name = name or PurePath(command[0]).stem
    return Options(name, command, config, url, headers, _transport(transport))


def _headers(named: Sequence[str], bearer: Sequence[str]) -> dict[str, str]:
    headers = {}
    for word in named:
        header, _, variable = word.partition("=")
        if not (header and variable.isidentifier()):
            raise ConfigError(
                f"--header-env {header or word} names no variable; write it as"
                " --header-env Authorization=NAME_OF_A_VARIABLE"
            )
        headers[header] = f"${{{variable}}}"
    for variable in bearer:
        if not variable.isidentifier():
            raise ConfigError("--bearer-env names no variable; write --bearer-env NAME_OF_IT")
        headers["Authorization"] = f"Bearer ${{{variable}}}"
    return headers


def _transport(word: str) -> "Transport | None":
    """Return the transport that a client calls so."""
    known: dict[str, Transport] = {"auto": "auto", "http": "http", "sse": "sse"}
    short = "http" if word.lower().startswith("streamable") else word.lower()
    if word and short not in known:
        raise ConfigError(f"--transport {word} is none; use http, sse or auto")
    return known.get(short)
