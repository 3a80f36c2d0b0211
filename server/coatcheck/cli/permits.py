"""Permit our tool, or take it back, in clients that keep rules for single tools."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from coatcheck import permits, rewrite
from coatcheck.cli.configs import expand, is_tracked
from coatcheck.dialect import Dialect, Location
from coatcheck.nodes import NotEditable, NotParsed

Change = Callable[[str, Location, Collection[str]], str]


@dataclass(frozen=True, slots=True)
class Permit:
    """A change of one file of rules, not yet written; obstacle says why it must not be."""

    path: Path
    before: str
    after: str
    plan: Callable[[bytes], bytes]
    obstacle: str


def wanted(
    dialect: Dialect, servers: Collection[str], *, permit: bool, tracked: bool
) -> Iterator[Permit]:
    """Yield what has to change in the files of rules for these servers."""
    change: Change = permits.added if permit else permits.removed
    for location in dialect.permits:
        path = expand(location.path, os.environ, Path.cwd())

        def plan(data: bytes, location: Location = location) -> bytes:
            return change(data.decode(), location, servers).encode()

        try:
            before = path.read_bytes()
            after = plan(before)
            if after != before:
                hindrance = rewrite.obstacle(path)
                if is_tracked(path) and not tracked:
                    hindrance = "tracked by git; --tracked takes it"
                yield Permit(path, before.decode(), after.decode(), plan, hindrance)
        except (OSError, UnicodeDecodeError, NotParsed, NotEditable):
            # A file of rules that is absent or odd costs a question to the user, nothing more.
            continue
