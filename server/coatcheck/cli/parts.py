"""Build the parts that commands share: where state lives, settings, store, ledger, pipeline."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from coatcheck import config, reducers
from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli.home import home
from coatcheck.desk import Desk
from coatcheck.ledger import shortened_tools
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Artifacts, Ledger, Session
from coatcheck_adapters.stores.disk import DiskStore


@dataclass(frozen=True, slots=True)
class Place:
    """Where state lives, and the settings that hold there."""

    home: Path
    config: config.Config


def place(flag: Path | None = None, environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place this command works in. Raises: ConfigError."""
    where = home()
    return Place(where, config.load(config.find(flag, environment, where), environment))


def artifacts(at: Place) -> StoredArtifacts:
    """Return the kept artifacts; nothing is opened before first use."""
    return StoredArtifacts(
        DiskStore(at.home / "store"), at.home / "key", quota_bytes=at.config.store.quota
    )


def pipeline(kept: Artifacts) -> Pipeline:
    """Return the pipeline over kept with the built-in reducers."""
    return Pipeline(kept, reducers.reduce, clip.reduce)


def desk(at: Place, upstream: str, ledger: Ledger) -> Desk:
    """Return the desk of one upstream for the agent session that begins now."""
    return Desk(
        upstream=upstream,
        session=Session(os.urandom(16).hex()),
        rule_of=cache(partial(at.config.rule, upstream)),
        pipeline=pipeline(artifacts(at)),
        ledger=ledger,
        shortened=shortened_tools(at.home, upstream),
    )
