"""Wrap servers of a file that git tracks for one user alone, where a client has a place for it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coatcheck import overlay
from coatcheck.cli.configs import Choice, ConfigFile, expand, private, project_of
from coatcheck.dialect import Dialect, Location
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck.wrap import Server, Sheet, unwrapped, wrapped
from coatcheck.wrap import read as read_text


@dataclass(frozen=True, slots=True)
class Stand:
    """Entries of these names, to be written to path, that stand in for those of a shared file."""

    path: Path
    names: Sequence[str]
    plan: Callable[[bytes], bytes]


def stands(files: Sequence[ConfigFile], choice: Choice, program: str) -> Iterator[Stand]:
    """Yield what to write so that servers of tracked files are wrapped for this user alone."""
    for file in files:
        location, project = private(file.dialect), project_of(file.path, [file.dialect])
        if not (file.is_tracked and file.sheet and location and project):
            continue
        path = expand(location.path, os.environ, project)
        known = _names_in(path, file.dialect, location, str(project))
        servers = [
            server
            for server in file.sheet.servers
            if server.state == "plain"
            and server.name not in known
            and (not choice.only or server.name in choice.only)
        ]
        if servers and path.is_file():
            text = wrapped(file.sheet, servers, program)
            names = [server.name for server in servers]
            entries = _entries(text, file.sheet, names)
            yield Stand(path, names, _plan(location, str(project), entries))


def taken_back(sheet: Sheet, servers: Sequence[Server]) -> str:
    """Return the text with these servers plain again; one that stood in for a shared one is gone.

    It is known by saying then what the project's own file says. Raises: NotEditable, NotParsed.
    """
    text = unwrapped(sheet, servers)
    for server in servers:
        if server.project:
            plain = _entries(text, sheet, [server.name], server.project)
            if plain == _shared(sheet.dialect, Path(server.project), server.name):
                text = overlay.removed(text, sheet.location, server.project, [server.name])
    return text


def _plan(location: Location, project: str, entries: dict[str, Any]) -> Callable[[bytes], bytes]:
    return lambda data: overlay.added(data.decode(), location, project, entries).encode()


def _entries(text: str, sheet: Sheet, names: Sequence[str], project: str = "") -> dict[str, Any]:
    servers = read_text(text, sheet.dialect, sheet.location).servers
    return {s.name: s.entry.value for s in servers if s.name in names and s.project == project}


def _names_in(path: Path, dialect: Dialect, location: Location, project: str) -> set[str]:
    with suppress(OSError, UnicodeDecodeError, NotParsed, NotEditable):
        sheet = read_text(path.read_bytes().decode(), dialect, location)
        return {server.name for server in sheet.servers if server.project == project}
    return set()


def _shared(dialect: Dialect, project: Path, name: str) -> dict[str, Any]:
    """Return the entry of this name in the files of a project, by its name."""
    for location in (at for at in dialect.locations if at.scope == "project"):
        with suppress(OSError, UnicodeDecodeError, NotParsed, NotEditable):
            text = expand(location.path, os.environ, project).read_bytes().decode()
            sheet = read_text(text, dialect, location)
            if found := _entries(text, sheet, [name]):
                return found
    return {}
