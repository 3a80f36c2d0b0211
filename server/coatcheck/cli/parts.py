"""Build the parts that commands share: store, ledger, pipeline, desk."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from threading import Timer

from coatcheck import reducers
from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli.place import Place
from coatcheck.desk import Desk
from coatcheck.ledger import LedgerWriter, session_line, shortened_tools
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Artifacts, Ledger, Session, StoreError
from coatcheck_adapters.stores.disk import DiskStore

# After the handshake and the first calls, which it would slow down.
SWEEP_AFTER_SECONDS = 10.0


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
        refs_into=at.config.refs_into,
    )


@contextmanager
def sweeping(at: Place, after_seconds: float = SWEEP_AFTER_SECONDS) -> Iterator[None]:
    """Sweep the store once in the background, when the session has begun and no call waits."""

    def sweep() -> None:
        with suppress(StoreError):  # what expired is never handed out, swept or not
            artifacts(at).sweep_daily()

    timer = Timer(after_seconds, sweep)
    timer.daemon = True
    if (at.home / "store").is_dir():
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
