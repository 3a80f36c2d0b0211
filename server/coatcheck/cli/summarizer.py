"""Join the summarizer to settings, store and ledger; built when a result first needs it."""

import os
import time
from threading import Lock
from typing import TYPE_CHECKING

from coatcheck import reducers
from coatcheck.cli.place import Place
from coatcheck.ledger import LedgerWriter
from coatcheck.types import Aim, Call, Entry, Reduction, Rule, Session, Summary

if TYPE_CHECKING:
    from coatcheck.summarize.client import Api
    from coatcheck.summarize.pointer import History, Pointer

LEAST_TURNS = 5
FIRST_CONTEXT_TOKENS = 20_000
OUTSIDE = Session("")


def may_read(at: Place) -> bool:
    """Tell whether the user has agreed, and has said where the key is."""
    settings = at.config.summarizer
    if not settings.consent:
        return False
    from coatcheck.summarize.keys import has_key

    env, file, command = settings.key_env, settings.key_file, settings.key_command
    return has_key(os.environ, env=env, file=file, command=command)


def api(at: Place) -> "Api":
    """Return the Messages API with the user's key and deadlines."""
    from coatcheck.summarize.client import Api
    from coatcheck.summarize.keys import key

    settings = at.config.summarizer

    def find_key() -> str:
        env, file, command = settings.key_env, settings.key_file, settings.key_command
        return key(os.environ, env=env, file=file, command=command)

    return Api(find_key, hard_seconds=settings.hard_seconds, parallel=settings.parallel)


class LateSummarizer:
    """The Summarizer Protocol; what it needs is imported at the first result."""

    def __init__(self, at: Place, ledger: LedgerWriter | None, session: Session) -> None:
        self._at = at
        self._ledger = ledger
        self._session = session
        self._lock = Lock()
        self._pointer: Pointer | None = None

    def __call__(self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction) -> Summary:
        """Return a summary in planned's place, or why there is none."""
        with self._lock:
            if self._pointer is None:
                self._pointer = self._built()
        return self._pointer(call, rule, text, aim, planned)

    def close(self) -> None:
        """Cancel what is under way."""
        if self._pointer is not None:
            self._pointer.close()

    def _built(self) -> "Pointer":
        from coatcheck.summarize.answers import Answers
        from coatcheck.summarize.pointer import Pointer
        from coatcheck_adapters.stores.disk import DiskStore

        return Pointer(
            self._at.config.summarizer,
            api(self._at),
            Answers(DiskStore(self._at.home / "store")),
            reducers.reduce,
            history=self._history,
            book=self._book,
        )

    def _history(self, call: Call) -> "History":
        from coatcheck.ledger.outlook import outlook
        from coatcheck.summarize.economics import USUAL_REFETCH_RATE
        from coatcheck.summarize.pointer import History

        found = outlook(self._at.home, call.upstream, call.tool, time.time())
        calls, tokens = 0, 0
        if self._ledger is not None:
            tally = self._ledger.tally
            calls, tokens = tally.calls, tally.view_tokens + tally.fetched_tokens
        rate = found.refetch_rate
        return History(
            # A session is expected to go on for as long as it has lasted.
            turns=max(LEAST_TURNS, calls),
            context_tokens=FIRST_CONTEXT_TOKENS + tokens,
            refetch_rate=USUAL_REFETCH_RATE if rate is None else rate,
            spent_today_usd=found.today_usd,
            spent_month_usd=found.month_usd,
        )

    def _book(self, call: Call, summary: Summary) -> None:
        if self._ledger is not None:
            self._ledger.append(entry_of(call, summary, self._session, time.time()))


def book(at: Place, call: Call, summary: Summary, session: Session = OUTSIDE) -> None:
    """Write what a summary cost outside of any agent's session into the ledger, now."""
    ledger = LedgerWriter(at.home)
    ledger.append(entry_of(call, summary, session, time.time()))
    ledger.close()


def entry_of(call: Call, summary: Summary, session: Session, at: float) -> Entry:
    """Return the ledger's line for a summary that has no call of its own to be booked with."""
    return Entry(
        kind="summary",
        at=at,
        session=session.id,
        upstream=call.upstream,
        tool=call.tool,
        decision=summary.decision,
        summary_ms=summary.milliseconds,
        summary_input_tokens=summary.input_tokens,
        summary_output_tokens=summary.output_tokens,
        summary_micro_usd=summary.micro_usd,
    )
