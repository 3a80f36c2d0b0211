"""Build the parts that commands share: where state lives, settings, store, ledger, pipeline."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coatcheck import config, reducers
from coatcheck.cli.home import home
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Artifacts


@dataclass(frozen=True, slots=True)
class Place:
    """Where state lives, and the settings that hold there."""

    home: Path
    config: config.Config


def place(flag: Path | None = None, environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place this command works in. Raises: ConfigError."""
    where = home()
    return Place(where, config.load(config.find(flag, environment, where), environment))


def artifacts(at: Place) -> Artifacts:
    """Return the kept artifacts; nothing is opened before first use."""
    from coatcheck.cli.artifacts import open_artifacts  # imported when run

    return open_artifacts(at.home, quota=at.config.store.quota)


def pipeline(kept: Artifacts) -> Pipeline:
    """Return the pipeline over kept with the built-in reducers."""
    return Pipeline(kept, reducers.reduce, clip.reduce)
