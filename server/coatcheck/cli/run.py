"""coatcheck run: stand between one agent on stdio and one upstream command."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from coatcheck.cli.parts import Place, desk, place
from coatcheck.config import resolve
from coatcheck.front import Relay
from coatcheck.ledger import LedgerWriter, session_line
from coatcheck.pipes import Sink, Source, open_sink, open_source
from coatcheck.types import ConfigError, UpstreamError
from coatcheck_adapters.upstreams.stdio import StdioUpstream

if TYPE_CHECKING:
    from coatcheck.types import Desk

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]

Starts COMMAND, an MCP server on stdio, and is that server to the agent that started this.

  --name NAME    what the upstream is called (default: the name of COMMAND)
  --config FILE  settings (default: $COATCHECK_CONFIG, else config.toml in $COATCHECK_HOME)

example: coatcheck run --name github -- npx -y server-github
"""

# At the end: for results that are being looked at, for what the agent has not read yet.
# The writer of the ledger and the workers must not hold up the event loop; the default of 5 ms
# cost a third of the throughput.
SWITCH_SECONDS = 0.0005
WORK_SECONDS = 5.0
FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of run says."""

    name: str
    command: Sequence[str]
    config: str = ""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What is wrapped, and how long its calls may take."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    call_timeout_seconds: float


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
    logging.basicConfig(format="coatcheck: %(levelname)s %(message)s", level=logging.WARNING)
    try:
        return run_with(options, place(Path(options.config) if options.config else None))
    except ConfigError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 2
    except UpstreamError as error:
        print(f"coatcheck: {error}", file=sys.stderr)
        return 1


def run_with(options: Options, at: Place) -> int:
    """Relay with the desk that the settings ask for, or as a plain wire when all is off."""
    name = options.name
    wrapping = Wrapping(
        name,
        options.command,
        upstream_environment(at, name),
        at.config.rule(name, "").call_timeout_seconds,
    )
    if at.config.is_off(name):
        asyncio.run(wrap(wrapping, None))
        return 0
    sys.setswitchinterval(SWITCH_SECONDS)
    ledger = LedgerWriter(at.home)
    joined = desk(at, name, ledger)
    try:
        asyncio.run(wrap(wrapping, joined))
    finally:
        joined.close()
        ledger.close()
        if line := session_line(ledger.tally, ledger.lost):
            print(line, file=sys.stderr)
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


async def wrap(wrapping: Wrapping, desk: "Desk | None") -> None:
    """Relay between our own stdio and command until the agent is gone. Raises: UpstreamError."""
    try:
        async with asyncio.TaskGroup() as tasks:
            await Wrapped(wrapping, desk, tasks).serve()
    except* UpstreamError as group:
        raise group.exceptions[0] from None


class Wrapped:
    """The agent on our stdio, an upstream command, and the relay between them."""

    def __init__(self, wrapping: Wrapping, desk: "Desk | None", tasks: asyncio.TaskGroup) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._source: Source | None = None
        self._sink: Sink | None = None
        self._upstream = StdioUpstream(
            wrapping.name,
            wrapping.command,
            wrapping.environment,
            lambda on: self._relay.upstream_full(on),
        )
        self._relay = Relay(
            self,
            self._upstream,
            desk,
            tasks,
            call_timeout_seconds=wrapping.call_timeout_seconds,
        )

    async def serve(self) -> None:
        """Relay until the agent is gone or we are told to stop. Raises: UpstreamError."""
        self._stop_on_signals()
        try:
            await self._relay.link.start()
            stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
            self._sink = await open_sink(
                stdout, self._relay.agent_full, self._agent_gone, self._loop
            )
            self._source = await open_source(
                stdin, self._relay.from_agent, self._agent_done, self._loop
            )
            await self._over.wait()
        finally:
            self._relay.link.close()
            await self._upstream.stop()
        await self._relay.finish(WORK_SECONDS)
        if self._sink is not None:
            await self._sink.finish(FLUSH_SECONDS)

    def _stop_on_signals(self) -> None:
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            with suppress(NotImplementedError, AttributeError):  # Windows
                self._loop.add_signal_handler(getattr(signal, name), self._over.set)

    def _agent_done(self, unfinished: bytes) -> None:
        if unfinished:
            self._relay.from_agent([unfinished])
        self._over.set()

    def _agent_gone(self) -> None:
        self._over.set()

    # What the relay sees of the agent

    def send(self, data: bytes) -> None:
        """Write whole lines to the agent."""
        if self._sink is not None:
            self._sink.send(data)

    def hold(self, on: bool) -> None:
        """Stop taking lines of the agent, or go on."""
        if self._source is not None:
            self._source.hold(on)

    @property
    def unsent_bytes(self) -> int:
        """Return how much the agent has not read yet."""
        return 0 if self._sink is None else self._sink.unsent_bytes
