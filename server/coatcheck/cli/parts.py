"""Build the parts that commands share: store, ledger, pipeline, desk."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from coatcheck import filling
from coatcheck.artifacts import FLOOR_BYTES, QUOTA_BYTES, StoredArtifacts
from coatcheck.cli.books import HomeBooks
from coatcheck.cli.home import pause_file
from coatcheck.cli.place import Place
from coatcheck.cli.rates import rates
from coatcheck.cli.summarizer import LateSummarizer, may_read, noted
from coatcheck.cli.trial import arm_of
from coatcheck.desk import Desk
from coatcheck.ledger import LedgerWriter, session_line, shortened_tools
from coatcheck.pipeline import Pipeline
from coatcheck.rows import LOCAL
from coatcheck.statement import Statement
from coatcheck.types import Aim, LedgerError, Reduction, Session, StoreError
from coatcheck_adapters.stores.disk import DiskStore

if TYPE_CHECKING:
    from coatcheck.protocols import Artifacts, Summarizer
    from coatcheck.registry import Registry

RESULTS = "coatcheck_adapters.results"
# After the handshake and the first calls, which it would slow down.
SWEEP_AFTER_SECONDS = 10.0


def open_artifacts(
    home: Path,
    *,
    quota_bytes: int = QUOTA_BYTES,
    floor_bytes: int = FLOOR_BYTES,
    clock: Callable[[], float] = time.time,
    principal: str = LOCAL,
) -> StoredArtifacts:
    """Return the artifacts kept in home; nothing is read or made before their first use."""
    return StoredArtifacts(
        DiskStore(home / "store"),
        home / "key",
        quota_bytes=quota_bytes,
        floor_bytes=floor_bytes,
        clock=clock,
        principal=principal,
    )


def artifacts(at: Place, principal: str = LOCAL) -> StoredArtifacts:
    """Return the artifacts kept at a place, within the quota of its settings."""
    return open_artifacts(at.home, quota_bytes=at.config.store.quota, principal=principal)


def registry(at: Place, upstream: str = "") -> "Registry":
    """Return the adapters that hold at a place; none is imported before first use."""
    from coatcheck.registry import Registry  # at first use: a start needs neither it nor them

    names = {*at.config.upstreams, upstream} - {""}
    return Registry(at.config.rule, lambda: import_module(RESULTS).ADAPTERS, names)


def pipeline(
    at: Place, kept: "Artifacts", upstream: str = "", *, summarizer: "Summarizer | None" = None
) -> Pipeline:
    """Return the pipeline over kept with the adapters of a place."""
    adapters = cache(lambda: registry(at, upstream))
    return Pipeline(kept, lambda text, aim: adapters().reduce(text, aim), _clip, summarizer)


def _clip(text: str, aim: Aim) -> Reduction | None:
    from coatcheck.reducers import clip  # at first use: a start needs no reducer

    return clip.reduce(text, aim)


def summarizer(at: Place, ledger: LedgerWriter | None, session: Session) -> LateSummarizer | None:
    """Return the summarizer, None unless the user has agreed to it and given a key."""
    return LateSummarizer(at, ledger, session) if may_read(at) else None


def begin(at: Place) -> Session:
    """Return the agent session that begins now."""
    name = os.urandom(16).hex()
    return Session(name, arm=arm_of(at, name))


def desk(
    at: Place,
    upstream: str,
    ledger: LedgerWriter,
    *,
    session: Session | None = None,
    kept: "Artifacts | None" = None,
) -> Desk:
    """Return the desk of one upstream for an agent session, by default one that begins now."""
    session = session or begin(at)
    reads = summarizer(at, ledger, session)
    return Desk(
        upstream=upstream,
        session=session,
        rule_of=cache(partial(at.config.rule, upstream)),
        pipeline=replace(
            pipeline(at, kept or artifacts(at), upstream, summarizer=reads),
            is_argument=filling.leaves(at.config.refs_into, upstream),
        ),
        ledger=ledger,
        shortened=shortened_tools(at.home, upstream),
        refs_into=at.config.refs_into,
        asker=reads.ask if reads else None,
        noted=partial(noted, at.home),
        is_paused=partial(os.access, pause_file(at.home), os.F_OK),
        statement=Statement(HomeBooks(at.home, partial(rates, at.config.summarizer))),
    )


@contextmanager
def sweeping(at: Place, after_seconds: float = SWEEP_AFTER_SECONDS) -> Iterator[None]:
    """Sweep store and ledger once in the background, when no call of the beginning waits."""

    def sweep() -> None:
        if (at.home / "store").is_dir():
            with suppress(StoreError):  # what expired is never handed out, swept or not
                artifacts(at).sweep_daily()
        with suppress(LedgerError):  # rows that stay count like those that went
            from coatcheck.ledger.retention import prune

            prune(at.home, at.config.ledger.keep, time.time())

    timer = Timer(after_seconds, sweep)
    timer.daemon = True
    if at.home.is_dir():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def ledger_of(at: Place) -> Iterator[LedgerWriter]:
    """Give the ledger's writer for one session; at its end say on stderr what was saved."""
    ledger = LedgerWriter(at.home)
    try:
        yield ledger
    finally:
        ledger.close()
        if line := session_line(ledger.tally, ledger.lost):
            print(line, file=sys.stderr)
