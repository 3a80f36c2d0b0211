"""Serve one upstream over HTTP, with nothing between it and the front.

http_serve.py HOST:PORT NAME URL, or NAME COMMAND [ARGUMENT ...]
"""

import os
import sys
from asyncio import TaskGroup

from coatcheck import config
from coatcheck.cli.http import address, serve_http
from coatcheck.cli.parts import desk, ledger_of
from coatcheck.cli.place import place
from coatcheck.cli.reach import endpoint_of, url_upstream
from coatcheck.front import Relay
from coatcheck.link import Upstream
from coatcheck.protocols import Agent
from coatcheck_adapters.upstreams.command import Command
from coatcheck_adapters.upstreams.stdio import StdioUpstream


def main(port: str, name: str, *command: str) -> None:
    at = place()
    seconds = at.config.rule(name, "").call_timeout_seconds
    with ledger_of(at) as ledger:

        def connect(agent: Agent, tasks: TaskGroup) -> Relay:
            upstream: Upstream
            if command[0].startswith("http://"):
                settings = config.Upstream(name, url=command[0])
                upstream = url_upstream(settings, endpoint_of(at, settings), tasks)
            else:
                bad = os.environ.get("COATCHECK_TEST_COMMAND")  # one that cannot be started
                upstream = StdioUpstream(Command(name, [bad] if bad else command, os.environ))
            joined = None if at.config.is_off(name) else desk(at, name, ledger)
            return Relay(agent, upstream, joined, tasks, call_timeout_seconds=seconds)

        serve_http(connect, *address(port), at)


if __name__ == "__main__":
    main(*sys.argv[1:])
