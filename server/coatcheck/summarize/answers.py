"""Remember answers, so that the same result is not paid for twice."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from hashlib import blake2b

from coatcheck.envelope import Damaged, seal, unseal
from coatcheck.protocols import Store
from coatcheck.summarize.client import Reply
from coatcheck.summarize.economics import Usage
from coatcheck.types import StoreError

logger = logging.getLogger(__name__)

PREFIX = "answer/"
NOTE = PREFIX + "note/"
KEPT_SECONDS = 7 * 86_400


class Answers:
    """Replies under a digest of all that they depend on; a store that fails costs only money."""

    def __init__(self, store: Store | None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._swept = False

    def get(self, key: str) -> Reply | None:
        """Return the reply under key, None when there is none or it is too old."""
        try:
            blob = self._store.get(PREFIX + key) if self._store else None
            facts = unseal(blob)[0] if blob else {}
        except (StoreError, Damaged):
            return None
        if not facts or self._clock() - facts["at"] > KEPT_SECONDS:
            return None
        return Reply(
            facts["text"], facts["model"], Usage(), 0.0, facts["stopped"], facts.get("room", 0)
        )

    def billed(self, key: str) -> tuple[Usage, float]:
        """Return what the reply under key was billed, and its seconds; zeros when there is none."""
        try:
            blob = self._store.get(PREFIX + key) if self._store else None
            facts = unseal(blob)[0] if blob else {}
        except (StoreError, Damaged):
            facts = {}
        return (Usage(**facts["usage"]), float(facts["seconds"])) if facts else (Usage(), 0.0)

    def put(self, key: str, reply: Reply) -> None:
        """Keep reply under key."""
        facts = {"at": self._clock(), **asdict(reply)}
        try:
            if self._store:
                self._store.put(PREFIX + key, seal(facts))
                self._sweep(self._store)
        except StoreError as error:
            logger.warning("a summary was not kept: %s", error)

    def note(self, ref: str, line: str) -> None:
        """Keep what a model has said of the artifact of ref: words that passed the check."""
        try:
            if self._store:
                self._store.put(NOTE + ref, seal({"at": self._clock(), "line": line}))
        except StoreError as error:
            logger.warning("a summary was not kept: %s", error)

    def noted(self, ref: str) -> str:
        """Return what a model has said of the artifact of ref, "" when nothing is kept."""
        try:
            blob = self._store.get(NOTE + ref) if self._store else None
            facts = unseal(blob)[0] if blob else {}
        except (StoreError, Damaged):
            return ""
        is_fresh = bool(facts) and self._clock() - facts["at"] <= KEPT_SECONDS
        return str(facts["line"]) if is_fresh else ""

    def _sweep(self, store: Store) -> None:
        """Forget what is too old, once per process."""
        if self._swept:
            return
        self._swept = True
        for key, blob in store.scan(PREFIX):
            try:
                is_old = self._clock() - unseal(blob)[0]["at"] > KEPT_SECONDS
            except (Damaged, KeyError):
                is_old = True
            if is_old:
                store.delete(key)


def key_of(*parts: object) -> str:
    """Return the digest of all that an answer depends on."""
    return blake2b(json.dumps(parts, default=str).encode(), digest_size=20).hexdigest()
