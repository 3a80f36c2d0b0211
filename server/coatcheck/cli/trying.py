"""Try every upstream of the settings, as `coatcheck serve` would use it."""

import asyncio
from dataclasses import dataclass

from coatcheck import __version__, wire
from coatcheck.cli.place import Place
from coatcheck.cli.serve import source
from coatcheck.inflight import Ids
from coatcheck.merge.lists import drain
from coatcheck.merge.member import Member

HELLO = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
    b'"capabilities":{},"clientInfo":{"name":"coatcheck doctor","version":"%b"}}}'
    % __version__.encode()
)
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one upstream: how many tools after how long, or why not ("" if it went)."""

    name: str
    tools: int = 0
    seconds: float = 0.0
    why: str = ""


def try_all(at: Place, seconds: float) -> list[Tried]:
    """Greet all upstreams at the same time and list their tools; each may take so long."""
    return asyncio.run(_try_all(at, seconds))


async def _try_all(at: Place, seconds: float) -> list[Tried]:
    ids = Ids()
    async with asyncio.TaskGroup() as tasks:
        members = [
            Member(source(at, name), tasks, ids, lambda _member, _lines: None)
            for name in at.config.upstreams
        ]
        trying = [tasks.create_task(_try(member, seconds)) for member in members]
    return [task.result() for task in trying]


async def _try(member: Member, seconds: float) -> Tried:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(seconds):
            if not await member.greet(wire.read(HELLO)):
                return Tried(member.name, why=member.why)
            member.begin(INITIALIZED)
            listed = await drain(member, "tools/list", b"{}")
    except TimeoutError:
        return Tried(member.name, why=f"no answer within {seconds:g} s")
    finally:
        await member.close(CLOSE_SECONDS)
    count = 0 if listed is None else len(listed.items)
    return Tried(member.name, count, loop.time() - began)
