"""Find the config files of agent clients, and read what servers stand in them."""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coatcheck import remote, wrap
from coatcheck.dialect import Dialect, Location
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck.rewrite import obstacle
from coatcheck.wrap import Server, Sheet

_FOLDER = re.compile(r"\{(\w+):([^}]*)\}")

REASONS = {
    "plain": "",
    "wrapped": "",
    "ours": "it is coatcheck itself",
    "disabled": "switched off; --all takes it too",
    "unknown": "no command that is understood",
}


TRACKED = "tracked by git, so your team would get it; --tracked takes it"
GONE = "cannot start, its coatcheck is gone; `coatcheck wrap` puts it back"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One config file that exists; sheet is None and obstacle says why if it cannot be edited."""

    path: Path
    dialect: Dialect
    location: Location
    data: bytes = b""
    sheet: Sheet | None = None
    obstacle: str = ""

    def reason(self, server: Server) -> str:
        """Say why server is left alone or cannot start, "" if all is well."""
        if server.state == "wrapped":
            return "" if _is_there(server, self.dialect) else GONE
        if server.state == "remote":
            return remote.obstacle(server.entry.value, self.dialect)
        if server.state == "plain" and self.is_tracked and private(self.dialect):
            return f"{self.obstacle}, --local wraps it for you alone"
        return REASONS[server.state] or (self.obstacle if server.state == "plain" else "")

    @property
    def is_tracked(self) -> bool:
        """Tell whether it is left alone because git tracks it."""
        return self.obstacle == TRACKED

    def holds(self, state: str) -> bool:
        """Tell whether a server of the file is in this state."""
        return any(server.state == state for server in (self.sheet.servers if self.sheet else ()))


def private(dialect: Dialect) -> Location | None:
    """Return where a client keeps what one user has for one project, None if nowhere."""
    return next((at for at in dialect.locations if at.scope == "local" and "*" in at.at), None)


def _is_there(server: Server, dialect: Dialect) -> bool:
    """Tell whether the program that a wrapped entry names exists."""
    command = server.entry.value[dialect.command]
    program = command if isinstance(command, str) else command[0]
    return shutil.which(program) is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user asked for; empty means everything.

    projects are folders to look into besides the working folder.
    """

    clients: Collection[str] = ()
    scopes: Collection[str] = ()
    only: Collection[str] = ()
    tracked: bool = False
    local: bool = False
    unverified: bool = False
    projects: Sequence[Path] = ()

    def takes(self, file: ConfigFile, server: Server, states: Collection[str]) -> bool:
        """Tell whether server, in one of these states, is to be changed."""
        return (
            server.state in states
            and not file.obstacle
            and (not self.only or server.name in self.only)
        )


def find(dialects: Sequence[Dialect], choice: Choice) -> Iterator[ConfigFile]:
    """Yield the config files of the chosen clients that exist and hold servers, each place once."""
    seen = set()
    for dialect, location in ((d, at) for d in dialects for at in d.locations):
        for project in (Path.cwd(), *choice.projects):
            path = expand(location.path, os.environ, project)
            place = (os.path.realpath(path), location.at)
            wanted = (not choice.clients or dialect.name in choice.clients) and (
                not choice.scopes or location.scope in choice.scopes
            )
            if wanted and place not in seen and path.is_file():
                seen.add(place)
                yield read(path, dialect, location, choice)


def project_of(file: Path, dialects: Sequence[Dialect]) -> Path | None:
    """Return the project folder that a config file stands in, None if it is in none."""
    for location in (location for dialect in dialects for location in dialect.locations):
        parts = Path(location.path).parts
        if location.scope == "project" and file.parts[-len(parts) :] == parts:
            return Path(*file.parts[: -len(parts)])
    return None


def expand(path: str, environment: Mapping[str, str], project: Path) -> Path:
    """Return the path that a Location names."""
    named = _FOLDER.sub(lambda found: environment.get(found[1]) or found[2], path)
    return project / Path(named).expanduser()


def read(path: Path, dialect: Dialect, location: Location, choice: Choice) -> ConfigFile:
    """Read one config file; what stands against editing it is its obstacle."""
    try:
        data = path.read_bytes()
        sheet = wrap.read(data.decode("utf-8"), dialect, location)
        hindrance = _obstacle(path, dialect, location, choice)
        return ConfigFile(path, dialect, location, data, sheet, hindrance)
    except (NotParsed, NotEditable) as error:
        return ConfigFile(path, dialect, location, obstacle=str(error))
    except UnicodeDecodeError:
        return ConfigFile(path, dialect, location, obstacle="it is not UTF-8")
    except OSError as error:
        return ConfigFile(path, dialect, location, obstacle=str(error.strerror))


def _obstacle(path: Path, dialect: Dialect, location: Location, choice: Choice) -> str:
    if location.scope == "managed":
        return "managed by your organisation"
    is_known = dialect.verified or choice.unverified or dialect.name in choice.clients
    if not is_known:
        return f"not tried with the real program; --client {dialect.name} takes it"
    if not choice.tracked and is_tracked(path):
        return TRACKED
    return obstacle(path)


def is_tracked(path: Path) -> bool:
    """Tell whether git tracks the file, or the file that path links to."""
    return any(_in_git(file) for file in {path.absolute(), path.resolve()})


def _in_git(file: Path) -> bool:
    command = ["git", "-C", str(file.parent), "ls-files", "--error-unmatch", "--", file.name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
