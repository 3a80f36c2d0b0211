"""coatcheck run: stand between one agent on stdio and one upstream command."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from coatcheck.cli.place import Place, place
from coatcheck.config import resolve
from coatcheck.types import ConfigError, UpstreamError
from coatcheck_adapters.upstreams.command import Command

if TYPE_CHECKING:
    from asyncio import TaskGroup

    from coatcheck.types import Desk

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]

Starts COMMAND, an MCP server on stdio, and is that server to the agent that started this.

  --name NAME    what the upstream is called (default: the name of COMMAND)
  --config FILE  settings (default: $COATCHECK_CONFIG, else config.toml in $COATCHECK_HOME)

example: coatcheck run --name github -- npx -y server-github
"""

# The writer of the ledger and the workers must not hold up the event loop; the default of 5 ms
# cost a third of the throughput.
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of run says."""

    name: str
    command: Sequence[str]
    config: str = ""


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
        return relay(options, at, upstream_environment(at, options.name))
    except ConfigError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 2
    except UpstreamError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 1


def relay(options: Options, at: Place, environment: Mapping[str, str]) -> int:
    """Relay with the desk that the settings ask for, or as a plain wire when all is off."""
    name = options.name
    command = Command(name, options.command, environment)
    process = command.start()
    # Only now: the upstream starts while the event loop and the rest are imported.
    from coatcheck.bridge import Bridge
    from coatcheck.cli import wrapped
    from coatcheck.front import Agent, Relay
    from coatcheck_adapters.upstreams.stdio import StdioUpstream

    seconds = at.config.rule(name, "").call_timeout_seconds

    def connect(joined: "Desk | None", agent: Agent, tasks: "TaskGroup") -> Relay:
        upstream = Bridge(StdioUpstream(command, process), tasks)
        return Relay(agent, upstream, joined, tasks, call_timeout_seconds=seconds)

    if at.config.is_off(name):
        wrapped.run(partial(connect, None))
        return 0
    from coatcheck.cli.memory import give_back
    from coatcheck.cli.parts import desk, ledger_of, sweeping

    give_back()
    sys.setswitchinterval(SWITCH_SECONDS)
    with ledger_of(at) as ledger, sweeping(at):
        wrapped.run(partial(connect, desk(at, name, ledger)))
    return 0


def upstream_environment(at: Place, name: str) -> Mapping[str, str]:
    """Return the environment of the upstream: ours, and what the settings add."""
    upstream = at.config.upstreams.get(name)
    if upstream is None:
        return os.environ
    where = f"{at.config.path}: upstreams.{name}.env"
    return {**os.environ, **resolve(upstream.env, os.environ, where)}


def parse(argv: Sequence[str]) -> Options:
    """Read the words after `run`. Raises: ConfigError."""
    settings = {"--name": "", "--config": ""}
    words = list(argv)
    while words and words[0] != "--":
        key, equals, value = words.pop(0).partition("=")
        if key not in settings:
            raise ConfigError(f"unknown option {key}; put -- before the command")
        if not equals:
            if not words or words[0] == "--":
                raise ConfigError(f"{key} needs a value")
            value = words.pop(0)
        settings[key] = value
    command = words[1:]
    if not command:
        raise ConfigError("no command; put it after --")
    return Options(settings["--name"] or PurePath(command[0]).stem, command, settings["--config"])
