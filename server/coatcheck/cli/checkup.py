"""Look at every wrapped entry: does its server answer, the same as without coatcheck, in time."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coatcheck import journal
from coatcheck.cli import launcher
from coatcheck.cli.configs import GONE, Choice, ConfigFile, find, project_of
from coatcheck.cli.handshake import Greeting, greet
from coatcheck.clients import client_of
from coatcheck.dialect import Dialect
from coatcheck.permits import TOOL
from coatcheck.view import number
from coatcheck.wrap import Server
from coatcheck_adapters.clients import DIALECTS

# What Codex hands on of its own environment. Source: measured, 2026-11.
FEW = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
REFERENCE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}|\{env:(\w+)\}")
VERSION_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; fix is "" when all is well."""

    what: str
    seen: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A wrapped entry as its client starts it: words, environment, folder; file says where."""

    name: str
    dialect: Dialect
    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path | None
    file: Path

    @property
    def plain(self) -> list[str]:
        """Return the words that start the server without coatcheck, none for a remote one."""
        words = list(self.words)
        return words[words.index("--") + 1 :] if "--" in words else []


class Unset(Exception):
    """A variable that an entry names and that is not set here."""


def findings(home: Path, config: Path | None, count: Callable[[str], int]) -> Iterator[Finding]:
    """Yield what there is to say of clients, launcher and every wrapped entry."""
    known = (project_of(file, DIALECTS) for file in journal.files(home / "wrap"))
    projects = [project for project in dict.fromkeys(known) if project is not None]
    files = list(find(DIALECTS, Choice(projects=projects)))
    yield from _versions(files)
    yield from (_unreadable(file) for file in files if file.sheet is None)
    wrapped = [(file, server) for file in files for server in _wrapped(file)]
    if not launcher.is_current(home) and any(_starts(server, home) for _, server in wrapped):
        seen = f"{launcher.path(home)} does not start this coatcheck ({sys.executable})"
        yield Finding("launcher", seen, "run `coatcheck wrap`, which writes it anew")
    seen_already: set[tuple[object, ...]] = set()
    for file, server in wrapped:
        key = (str(server.entry.value), file.dialect.name, server.name)
        if key not in seen_already:
            seen_already.add(key)
            yield _checked(file, server, home, config, count)


def _unreadable(file: ConfigFile) -> Finding:
    return Finding(file.dialect.title, f"{file.path}: {file.obstacle}", "correct the file")


def _wrapped(file: ConfigFile) -> Iterator[Server]:
    yield from (s for s in (file.sheet.servers if file.sheet else ()) if s.state == "wrapped")


def _starts(server: Server, home: Path) -> bool:
    """Tell whether an entry names the launcher, not a coatcheck that a person put there."""
    return json.dumps(str(launcher.path(home))) in json.dumps(server.entry.value)


def _versions(files: Iterable[ConfigFile]) -> Iterator[Finding]:
    """Yield the version of each client that has settings here and is in PATH."""
    for dialect in dict.fromkeys(file.dialect for file in files if file.dialect.program):
        found = shutil.which(dialect.program)
        if found is None:
            continue
        try:
            done = subprocess.run(
                [found, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS
            )
            version = re.search(r"\d+(\.\d+)+", done.stdout)
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            version = None
        now = version[0] if version else "of unknown version"
        yield Finding("client", f"{dialect.title} {now} (tried with {dialect.tried})")


def _checked(
    file: ConfigFile, server: Server, home: Path, config: Path | None, count: Callable[[str], int]
) -> Finding:
    what = f"{file.dialect.name} {server.name}"
    if why := file.reason(server):
        return Finding(what, why, "run `coatcheck wrap`" if why == GONE else "see why")
    try:
        entry = entry_of(file, server)
    except Unset as unset:
        return Finding(what, f"not looked at, because {unset} is not set here")
    return compared(what, entry, home, config, count)


def compared(
    what: str, entry: Entry, home: Path, config: Path | None, count: Callable[[str], int]
) -> Finding:
    """Greet the server of an entry with and without coatcheck, and compare."""
    direct = None
    if entry.plain:
        try:
            direct = greet(entry.plain, entry.environment, entry.folder)
        except Exception as error:  # noqa: BLE001 - whatever a server does wrong is a finding
            by_hand = "run its command by hand: " + " ".join(entry.plain)
            return Finding(what, f"the server itself does not answer: {said(error)}", by_hand)
    with tempfile.TemporaryDirectory() as nowhere:
        # Nothing of this belongs in the ledger; a remote server needs what login has kept.
        state = nowhere if direct else str(home)
        ours = {"COATCHECK_HOME": state, **({"COATCHECK_CONFIG": str(config)} if config else {})}
        try:
            through = greet(entry.words, {**entry.environment, **ours}, entry.folder)
        except Exception as error:  # noqa: BLE001 - see above
            alone = "; the server alone answers" if direct else ""
            fix = "run `coatcheck config check`, then the entry's command by hand"
            if not direct:
                fix = "see its address; `coatcheck login` if it asks who you are"
            return Finding(what, f"no answer through coatcheck: {said(error)}{alone}", fix)
    return verdict(what, entry, direct, through, count)


def verdict(
    what: str, entry: Entry, direct: Greeting | None, through: Greeting, count: Callable[[str], int]
) -> Finding:
    """Say how the two greetings differ, what the tools cost, and whether it was in time."""
    theirs = set(through.tools) - {TOOL} if direct is None else set(direct.tools)
    tokens = sum(map(count, through.tools.values()))
    before = sum(map(count, direct.tools.values())) if direct else 0
    added = f", {tokens - before:,} of them ours" if direct else ""
    start = f" instead of {direct.seconds:.1f}" if direct else ""
    seen = (
        f"{number(len(theirs), 'tools')}, {tokens:,} tokens of definitions{added};"
        f" {through.seconds:.1f} s to start{start}"
    )
    lost = sorted(theirs - set(through.tools))
    new = sorted(set(through.tools) - theirs - {TOOL})
    if lost or new:
        differ = ", ".join([*(f"without {name}" for name in lost), *(f"with {n}" for n in new)])
        fix = f"`coatcheck unwrap --only {entry.name}`, and report it: the tools are not the same"
        return Finding(what, f"{seen}; {differ}", fix)
    limit = client_of(entry.dialect.name).start_seconds
    if limit and through.seconds > limit:
        late = "install it instead of fetching it each time, or set required = true in its entry"
        return Finding(what, f"{seen}; {entry.dialect.title} starts without it", late)
    return Finding(what, seen)


def entry_of(file: ConfigFile, server: Server) -> Entry:
    """Return the entry as its client starts it, references filled in. Raises: Unset."""
    dialect, value = file.dialect, server.entry.value
    words = value[dialect.command] if not dialect.args else [value[dialect.command]]
    words = [*words, *(value.get(dialect.args, []) if dialect.args else [])]
    given = value.get(dialect.environment)
    given = given if isinstance(given, dict) else {}
    inherited: Mapping[str, str] = os.environ
    if dialect.variables:  # such a client fills in nothing and hands on little
        handed = {*FEW, *map(str, value.get(dialect.variables, []))}
        inherited = {name: text for name, text in os.environ.items() if name in handed}
    else:
        words = [_filled(word) for word in words]
        given = {name: _filled(text) for name, text in given.items()}
    environment = {**inherited, **{name: str(text) for name, text in given.items()}}
    folder = value.get("cwd") or server.project or project_of(file.path, [dialect])
    is_there = folder is not None and Path(str(folder)).is_dir()
    at = Path(str(folder)) if is_there else None
    return Entry(server.name, dialect, words, environment, at, file.path)


def _filled(text: Any) -> str:
    """Return text with its references filled in as clients do it. Raises: Unset."""

    def value(found: re.Match[str]) -> str:
        name, default = found[1] or found[3], found[2]
        if name not in os.environ and default is None:
            raise Unset(name)
        return os.environ.get(name) or default or ""

    filled = REFERENCE.sub(value, str(text))
    if "${input:" in filled:
        raise Unset(filled)
    return filled


def said(error: BaseException) -> str:
    """Return what went wrong, out of the groups that wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "nothing within its time"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
