"""coatcheck run: stand between one agent on stdio and one upstream command."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from coatcheck.types import ConfigError, UpstreamError
from coatcheck_adapters.upstreams.command import Command

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]

Starts COMMAND, an MCP server on stdio, and is that server to the agent that started this.

  --name NAME    what the upstream is called (default: the name of COMMAND)
  --config FILE  settings (default: $COATCHECK_CONFIG, else config.toml in $COATCHECK_HOME)

example: coatcheck run --name github -- npx -y server-github
"""


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
    command = Command(options.name, options.command, os.environ)
    try:
        process = command.start()
        # Only now: the upstream starts while the event loop and the rest are imported.
        from coatcheck.cli import wrapped

        wrapped.run(command, process, None)
    except UpstreamError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 1
    return 0


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
