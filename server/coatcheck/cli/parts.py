"""Build the parts that commands share: store, ledger, pipeline, desk."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial

from coatcheck import reducers
from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli.place import Place
from coatcheck.cli.summarizer import LateSummarizer, may_read
from coatcheck.desk import Desk
from coatcheck.ledger import LedgerWriter, session_line, shortened_tools
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Artifacts, Session, Summarizer
from coatcheck_adapters.stores.disk import DiskStore


def artifacts(at: Place) -> StoredArtifacts:
    """Return the kept artifacts; nothing is opened before first use."""
    return StoredArtifacts(
        DiskStore(at.home / "store"), at.home / "key", quota_bytes=at.config.store.quota
    )


def pipeline(kept: Artifacts, summarizer: Summarizer | None = None) -> Pipeline:
    """Return the pipeline over kept with the built-in reducers."""
    return Pipeline(kept, reducers.reduce, clip.reduce, summarizer)


def summarizer(at: Place, ledger: LedgerWriter | None, session: Session) -> LateSummarizer | None:
    """Return the summarizer, None unless the user has agreed to it and given a key."""
    return LateSummarizer(at, ledger, session) if may_read(at) else None


def desk(at: Place, upstream: str, ledger: LedgerWriter) -> Desk:
    """Return the desk of one upstream for the agent session that begins now."""
    session = Session(os.urandom(16).hex())
    reads = summarizer(at, ledger, session)
    return Desk(
        upstream=upstream,
        session=session,
        rule_of=cache(partial(at.config.rule, upstream)),
        pipeline=pipeline(artifacts(at), reads),
        ledger=ledger,
        shortened=shortened_tools(at.home, upstream),
        refs_into=at.config.refs_into,
        asker=reads.ask if reads else None,
    )


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
