"""Join the summarizer to settings, store and ledger; built when a result first needs it."""

import os
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from coatcheck.cli.place import Place
from coatcheck.ledger import LedgerWriter
from coatcheck.types import Aim, Call, Entry, Reduction, Rule, Session, Summary

if TYPE_CHECKING:
    from coatcheck.summarize.answers import Answers
    from coatcheck.summarize.asking import Asker
    from coatcheck.summarize.client import Api
    from coatcheck.summarize.economics import Prices
    from coatcheck.summarize.history import History
    from coatcheck.summarize.pointer import Job, Pointer

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


def noted(home: Path, ref: str) -> str:
    """Return what a model has said of the artifact of ref, "" when nothing is kept."""
    from coatcheck.summarize.answers import Answers
    from coatcheck_adapters.stores.disk import DiskStore

    return Answers(DiskStore(home / "store")).noted(ref)


def _reduce(text: str, aim: Aim) -> Reduction | None:
    from coatcheck import reducers  # at first use: a start needs none

    return reducers.reduce(text, aim)


class LateSummarizer:
    """The Summarizer Protocol; what it needs is imported at the first result."""

    def __init__(self, at: Place, ledger: LedgerWriter | None, session: Session) -> None:
        self._at = at
        self._ledger = ledger
        self._session = session
        self._lock = Lock()
        self._api: Api | None = None
        self._pointer: Pointer | None = None
        self._asker: Asker | None = None

    def __call__(self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction) -> Summary:
        """Return a summary in planned's place, or why there is none."""
        with self._lock:
            if self._pointer is None:
                self._pointer = self._built()
        return self._pointer(call, rule, text, aim, planned)

    def prepared(
        self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction
    ) -> "Job | Summary":
        """Return what would be asked about a result, or why nothing would."""
        with self._lock:
            if self._pointer is None:
                self._pointer = self._built()
        return self._pointer.prepared(call, rule, text, aim, planned)

    def parts(self) -> "tuple[Api, Answers, Prices]":
        """Return what a batch is sent and kept with."""
        from coatcheck.summarize.economics import prices

        return self._shared_api(), self._answers(), prices(self._at.config.summarizer.prices)

    def made(self, job: "Job") -> Summary:
        """Return what the answer that job has makes of its result; none when it has none."""
        if self._pointer is None or job.kept is None:
            return Summary(decision=job.decision)
        return self._pointer.made(job, job.kept)

    def note(self, ref: str, job: "Job") -> None:
        """Keep the checked words of the answer that job has, by the ref it is about."""
        made = self.made(job).reduction
        line = made.text.partition("\n")[0] if made else ""
        if line.startswith("summary ("):
            self._answers().note(ref, line)

    def ask(self, call: Call, text: str, question: str) -> Summary:
        """Return the answer to a question about text, or why there is none."""
        with self._lock:
            if self._asker is None:
                self._asker = self._built_asker()
        return self._asker(call, text, question)

    def close(self) -> None:
        """Cancel what is under way."""
        if self._api is not None:
            self._api.close()

    def _built(self) -> "Pointer":
        from coatcheck.summarize.pointer import Pointer

        return Pointer(
            self._at.config.summarizer,
            self._shared_api(),
            self._answers(),
            _reduce,
            history=self._history,
            book=self._book,
        )

    def _built_asker(self) -> "Asker":
        from coatcheck.summarize.asking import Asker
        from coatcheck.summarize.economics import prices

        settings = self._at.config.summarizer
        costs = prices(settings.prices)
        return Asker(settings, self._shared_api(), costs, _reduce, self._history)

    def _answers(self) -> "Answers":
        from coatcheck.summarize.answers import Answers
        from coatcheck_adapters.stores.disk import DiskStore

        return Answers(DiskStore(self._at.home / "store"))

    def _shared_api(self) -> "Api":
        if self._api is None:
            self._api = api(self._at)
        return self._api

    def _history(self, call: Call) -> "History":
        from coatcheck.ledger.outlook import outlook
        from coatcheck.summarize.economics import USUAL_REFETCH_RATE
        from coatcheck.summarize.history import History

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
        arm=session.arm,
        upstream=call.upstream,
        tool=call.tool,
        decision=summary.decision,
        summary_ms=summary.milliseconds,
        summary_input_tokens=summary.input_tokens,
        summary_output_tokens=summary.output_tokens,
        summary_micro_usd=summary.micro_usd,
        summary_cache_write_tokens=summary.cache_write_tokens,
        summary_cache_read_tokens=summary.cache_read_tokens,
    )
