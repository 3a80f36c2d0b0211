"""coatcheck serve: one MCP server for all upstreams of the settings."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coatcheck.cli.home import Sources
from coatcheck.cli.place import Place, place
from coatcheck.config import resolve
from coatcheck.rows import LOCAL
from coatcheck.types import ConfigError

if TYPE_CHECKING:
    from asyncio import TaskGroup

    from coatcheck.desk import Desk
    from coatcheck.inflight import Ids
    from coatcheck.lately import Lately
    from coatcheck.ledger import LedgerWriter
    from coatcheck.link import Upstream
    from coatcheck.merge import Owners, Source
    from coatcheck.protocols import Agent, Artifacts, Connect, Connection
    from coatcheck.sharing import Shared
    from coatcheck.types import Rule, Session

# Results of all upstreams and sessions are looked at by these.
WORKERS = 8
OURS = "coatcheck"  # what the ledger calls the upstream of what belongs to none


@click.command()
@click.option("--config", "flag", type=click.Path(path_type=Path), help="Use this file instead.")
@click.option("--http", "address", metavar="HOST:PORT", help="Serve Streamable HTTP at /mcp.")
def serve(flag: Path | None, address: str | None) -> None:
    """Be one MCP server for all upstreams of the settings.

    Example: coatcheck serve --http 127.0.0.1:8399
    """
    at = place(flag)
    check(at)
    if address is None:
        from coatcheck.cli import wrapped

        with connecting(at) as connect:
            wrapped.run(connect)
        return
    from coatcheck.cli import http
    from coatcheck.cli.dashboard import page_of

    host, port = http.address(address)
    http.check(host, at)
    page = page_of(click.get_current_context().ensure_object(Sources), flag)
    with connecting(at) as connect:
        http.serve_http(connect, host, port, at, page)


def check(at: Place) -> None:
    """Refuse settings with which nothing could be served. Raises: ConfigError."""
    from coatcheck.merge import names

    where = str(at.config.path or "config.toml")
    if not at.config.upstreams:
        raise ConfigError(f"{where}: there is no upstream to serve; write [upstreams.NAME]")
    for upstream in at.config.upstreams.values():
        if not upstream.command and not upstream.url:
            raise ConfigError(
                f"{where}: upstreams.{upstream.name} has neither command nor url; write one"
            )
        if upstream.shared and upstream.url:
            raise ConfigError(
                f"{where}: upstreams.{upstream.name}.shared is for a command; what has a url serves"
                " many by itself, take shared out"
            )
    names.check(list(at.config.upstreams), where)


@contextmanager
def connecting(at: Place) -> "Iterator[Connect]":
    """Give what makes the connection of each agent session; at the end all is booked."""
    from coatcheck.cli.memory import give_back
    from coatcheck.cli.parts import ledger_of, sweeping
    from coatcheck.cli.run import SWITCH_SECONDS

    give_back()
    sys.setswitchinterval(SWITCH_SECONDS)
    with (
        ledger_of(at) as ledger,
        sweeping(at),
        ThreadPoolExecutor(WORKERS, thread_name_prefix="coatcheck") as workers,
    ):
        yield Sessions(at, ledger, workers).connect


class Sessions:
    """Makes the connection of each agent session."""

    def __init__(self, at: Place, ledger: "LedgerWriter", workers: ThreadPoolExecutor) -> None:
        from coatcheck.cli.parts import artifacts

        self._at = at
        self._ledger = ledger
        self._workers = workers
        self._artifacts = cache(partial(artifacts, at))
        self._shared = cache(self._made_shared)

    def connect(self, agent: "Agent", tasks: "TaskGroup") -> "Connection":
        """Return the connection of one agent to all upstreams.

        An agent of another machine says by its token who it is; what is kept for one principal is
        not seen by the others.
        """
        from coatcheck.clerk import Clerk
        from coatcheck.cli.parts import begin
        from coatcheck.fetch import TOOL
        from coatcheck.inflight import Ids
        from coatcheck.lately import Lately
        from coatcheck.merge import Merge, Owners

        config = self._at.config
        kept = self._artifacts(f"token {agent.principal}" if agent.principal else LOCAL)
        desks = Desks(self._at, self._ledger, kept, begin(self._at), Lately())
        if len(config.upstreams) == 1 and config.serve.names != "prefixed":
            (name,) = config.upstreams
            only = self._source(name, partial(desks.only, name))
            return only.connect(agent, tasks, Ids())  # nothing to merge
        owners = Owners(list(config.upstreams), flat=config.serve.names == "flat", fetch_tool=TOOL)
        sources = [self._source(name, partial(desks.of, name)) for name in config.upstreams]
        is_off = all(config.is_off(name) for name in config.upstreams)
        clerk = None if is_off else Clerk(desks.common(owners), self._workers)
        seconds = config.serve.wait_seconds
        return Merge(agent, tasks, sources, owners, clerk, wait_seconds=seconds)

    def _source(self, name: str, desk: "Callable[[], Desk]") -> "Source":
        shared = self._shared(name) if self._at.config.upstreams[name].shared else None
        return source(self._at, name, desk, self._workers, shared)

    def _made_shared(self, name: str) -> "Shared":
        from coatcheck.sharing import Shared

        return Shared(name, partial(command, self._at, name))


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of one agent session: one for each upstream, one for what belongs to none."""

    at: Place
    ledger: "LedgerWriter"
    kept: "Artifacts"
    session: "Session"
    lately: "Lately"

    def only(self, name: str) -> "Desk":
        """Return the desk of an upstream that has no others beside it."""
        from coatcheck.cli.parts import desk

        return desk(self.at, name, self.ledger, session=self.session, kept=self.kept)

    def of(self, name: str) -> "Desk":
        """Return the desk of an upstream; the common one answers the fetches."""
        made = self.only(name)
        made.lately, made.has_fetches = self.lately, False
        return made

    def common(self, owners: "Owners") -> "Desk":
        """Return the desk that lists fetch_artifact where a tool of owners is not off."""
        from coatcheck.ledger import shortened_tools

        def rule_of(shown: str) -> "Rule":
            rule = self.at.config.rule(*(owners.tools.owner(shown) or ("", shown)))
            # The upstreams' own desks have changed their tools: schemas, focus.
            return rule if rule.mode == "off" else replace(rule, mode="schema", focus="never")

        made = self.of(OURS)
        made.rule_of = rule_of
        made.has_fetches = made.listed = True
        made.shortened = [
            tool
            for name in self.at.config.upstreams
            for tool in shortened_tools(self.at.home, name)
        ]
        return made


def source(
    at: Place,
    name: str,
    desk: "Callable[[], Desk] | None" = None,
    workers: ThreadPoolExecutor | None = None,
    shared: "Shared | None" = None,
) -> "Source":
    """Return how an upstream of the settings is reached, with a desk unless it is off."""
    from coatcheck.bridge import Bridge
    from coatcheck.front import Common, Relay
    from coatcheck.merge import Source

    def connect(agent: "Agent", tasks: "TaskGroup", ids: "Ids") -> Relay:
        return Relay(
            agent,
            Bridge(upstream(at, name, tasks) if shared is None else shared.port(), tasks),
            None if desk is None or at.config.is_off(name) else desk(),
            tasks,
            call_timeout_seconds=at.config.rule(name, "").call_timeout_seconds,
            common=Common(ids, workers),
        )

    return Source(name, connect)


def upstream(at: Place, name: str, tasks: "TaskGroup") -> "Upstream":
    """Return an upstream of the settings, for one session. Raises: ConfigError."""
    settings = at.config.upstreams[name]
    if settings.url:
        from coatcheck.cli.reach import endpoint_of, url_upstream

        return url_upstream(settings, endpoint_of(at, settings), tasks)
    return command(at, name)


def command(at: Place, name: str) -> "Upstream":
    """Return an upstream of the settings that is a command. Raises: ConfigError."""
    from coatcheck_adapters.upstreams.command import Command
    from coatcheck_adapters.upstreams.stdio import StdioUpstream

    settings = at.config.upstreams[name]
    where = f"{at.config.path}: upstreams.{name}.env"
    environment = {**os.environ, **resolve(settings.env, os.environ, where)}
    return StdioUpstream(Command(name, [settings.command, *settings.args], environment))
