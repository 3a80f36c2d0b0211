"""Send what is to be read as Message Batches, wait for them, keep and book their answers."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

import click

from coatcheck.cli.place import Place
from coatcheck.cli.progress import progress
from coatcheck.cli.summarizer import LateSummarizer, book
from coatcheck.ledger.outlook import outlook
from coatcheck.types import Call, Summary

if TYPE_CHECKING:
    from coatcheck.summarize.batches import Batch
    from coatcheck.summarize.pointer import Job

FILE = "batches.json"
LOOK_SECONDS = 10.0
# A look that fails is repeated so often before the waiting ends.
MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Read:
    """What became of the requests: sent in batches, left out for a cap, still under way."""

    sent: int = 0
    left_out: int = 0
    open: int = 0
    answers: int = 0
    failed: int = 0
    micro_usd: int = 0


class Batches:
    """The batches of one home: those that an earlier run has sent are gone on with."""

    def __init__(self, at: Place, reads: LateSummarizer) -> None:
        from coatcheck.summarize import batches

        self._at = at
        self._api, self._answers, self._prices = reads.parts()
        self._path = at.home / FILE
        self._open: dict[str, Batch] = batches.remembered(self._path)

    def send(self, jobs: Iterable["Job"], refs: Mapping[str, str]) -> Read:
        """Send what has no answer and is not under way, as far as the caps allow."""
        from coatcheck.summarize import batches
        from coatcheck.summarize.economics import BATCH_SHARE

        under_way = {key for batch in self._open.values() for key in batch.asked}
        wanted = {job.key: job for job in jobs if job.kept is None and job.key not in under_way}
        pending = sum(batch.expected_usd for batch in self._open.values())
        taken = within_caps(self._at, wanted.values(), BATCH_SHARE, pending)
        for group in batches.chunks(taken):
            name = batches.submit(self._api, group)
            self._open[name] = batches.batch_of(group, refs)
            batches.remember(self._path, self._open)
            click.echo(f"{name}: {len(group):,} requests sent", err=True)
        return Read(sent=len(taken), left_out=len(wanted) - len(taken))

    def collect(self, *, wait: bool, told: Callable[[str, str], None] = lambda _, __: None) -> Read:
        """Keep and book the answers of what has ended; with wait only after all of it has.

        told gets the ref and the key of each answer.
        """
        from coatcheck.summarize.batches import Gone

        read = Read()
        for name, batch in list(self._open.items()):
            try:
                if not self._has_ended(name, wait=wait):
                    read = replace(read, open=read.open + len(batch.asked))
                    continue
                found = self._collected(name, batch, told)
            except Gone as error:
                click.echo(f"{name} is forgotten: {error}", err=True)
                found = Read(failed=len(batch.asked))
            self._forget(name)
            read = replace(
                read,
                answers=read.answers + found.answers,
                failed=read.failed + found.failed,
                micro_usd=read.micro_usd + found.micro_usd,
            )
        return read

    def _has_ended(self, name: str, *, wait: bool) -> bool:
        from coatcheck.summarize import batches

        count = len(self._open[name].asked)
        failures = 0
        with progress(name, count) as tell:
            while True:
                try:
                    found = batches.progress(self._api, name)
                    failures = 0
                except batches.Gone:
                    raise
                except batches.BatchError:
                    failures += 1
                    if failures >= MOST_FAILURES or not wait:
                        raise
                else:
                    tell(found.done)
                    if found.ended or not wait:
                        return found.ended
                Event().wait(LOOK_SECONDS)

    def _collected(self, name: str, batch: "Batch", told: Callable[[str, str], None]) -> Read:
        from coatcheck.summarize import batches

        found = list(batches.collect(self._api, name, batch, self._answers, self._prices))
        costs = [cost for _, cost in found if cost is not None]
        total = Summary(
            decision=f"batch of {len(costs)}",
            input_tokens=sum(cost.input_tokens for cost in costs),
            output_tokens=sum(cost.output_tokens for cost in costs),
            cache_write_tokens=sum(cost.cache_write_tokens for cost in costs),
            cache_read_tokens=sum(cost.cache_read_tokens for cost in costs),
            micro_usd=sum(cost.micro_usd for cost in costs),
        )
        book(self._at, Call("", ""), total)
        for key, cost in found:
            if cost is not None and key in batch.asked:
                told(batch.asked[key].ref, key)
        return Read(answers=len(costs), failed=len(found) - len(costs), micro_usd=total.micro_usd)

    def _forget(self, name: str) -> None:
        from coatcheck.summarize import batches

        del self._open[name]
        batches.remember(self._path, self._open)


def within_caps(
    at: Place, jobs: "Iterable[Job]", share: float = 1.0, pending_usd: float = 0.0
) -> "list[Job]":
    """Return of jobs what the caps allow beside what was spent and what is pending.

    share is the part of the list price that is paid.
    """
    settings = at.config.summarizer
    spent = outlook(at.home, "", "", time.time())
    left = min(settings.daily_usd - spent.today_usd, settings.monthly_usd - spent.month_usd)
    left -= pending_usd
    taken = []
    for job in jobs:
        left -= job.expected_usd * share
        if left >= 0:
            taken.append(job)
    return taken
