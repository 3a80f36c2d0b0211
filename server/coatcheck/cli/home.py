"""Where coatcheck keeps its state."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


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
