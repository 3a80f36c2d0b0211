"""Where coatcheck keeps its state, and what the reporting commands are given to read it."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.cli.rates import rates
from coatcheck.protocols import Artifacts

if TYPE_CHECKING:
    from coatcheck.figures import Rates


def home(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return `$COATCHECK_HOME`, else the folder for user data of this platform."""
    if chosen := environ.get("COATCHECK_HOME"):
        return Path(chosen).expanduser()
    if platform == "win32":
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "coatcheck"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "coatcheck"
    data = environ.get("XDG_DATA_HOME", "")
    # A relative XDG_DATA_HOME is to be ignored. Source: XDG base directory specification 0.8.
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "coatcheck"


def pause_file(where: Path) -> Path:
    """Return the file whose presence means that all results pass unchanged."""
    return where / "paused"


@dataclass(frozen=True, slots=True)
class Sources:
    """What the reporting commands read from; the `obj` of their click context.

    open_artifacts opens the store and count gives (tokens, half width) of a text; both are called
    only when a command needs them. Without them no exact counts are filled in. rates gives the
    prices that savings are reported in.
    """

    home: Path = field(default_factory=home)
    open_artifacts: Callable[[], Artifacts] | None = None
    count: Callable[[str], tuple[int, int]] | None = None
    rates: "Callable[[], Rates]" = rates
