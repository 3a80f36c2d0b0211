"""Where a command works: the folder of its state, and the settings that hold there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coatcheck import config
from coatcheck.cli.home import home


@dataclass(frozen=True, slots=True)
class Place:
    """Where state lives, and the settings that hold there."""

    home: Path
    config: config.Config


def place(flag: Path | None = None, environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place this command works in. Raises: ConfigError."""
    where = home()
    return Place(where, config.load(config.find(flag, environment, where), environment))
