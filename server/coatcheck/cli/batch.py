"""coatcheck batch: have kept results read at half price, for when they come again."""

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

import click

from coatcheck import reducers
from coatcheck.body import open_body
from coatcheck.cli.parts import artifacts
from coatcheck.cli.place import Place, place
from coatcheck.cli.summarizer import LateSummarizer, book, may_read
from coatcheck.pipeline import aim_for
from coatcheck.sizing import estimate
from coatcheck.types import Call, CoatcheckError, ConfigError, Session, Summary

if TYPE_CHECKING:
    from coatcheck.summarize.pointer import Job

MOST_ARTIFACTS = 1_000
FILE = "batches.json"
LOOK_SECONDS = 10.0


@click.command()
@click.option("--no-wait", is_flag=True, help="Send, and collect with the next run.")
def batch(no_wait: bool) -> None:
    """Have kept results read by the summarizer, at half price.

    Example: coatcheck batch

    What was sent before a restart is collected first; answers serve the next identical result.
    """
    at = place()
    if not may_read(at):
        raise ConfigError("no model may be asked; run `coatcheck config summarizer` first")
    reads = LateSummarizer(at, None, Session(""))
    try:
        _run(at, reads, wait=not no_wait)
    finally:
        reads.close()


def _run(at: Place, reads: LateSummarizer, *, wait: bool) -> None:
    from coatcheck.summarize import batches

    path = at.home / FILE
    open_batches = batches.remembered(path)
    api, answers, prices = reads.parts()
    sent = {key for models in open_batches.values() for key in models}
    jobs = [job for job in _jobs(at, reads) if job.key not in sent and not answers.get(job.key)]
    if jobs:
        unique = {job.key: job for job in jobs}
        name = batches.submit(api, list(unique.values()))
        open_batches[name] = {key: job.model for key, job in unique.items()}
        batches.remember(path, open_batches)
        click.echo(f"{name}: {len(unique):,} requests sent")
    for name, models in list(open_batches.items()):
        if not _ended(reads, name, wait=wait):
            continue
        costs = list(batches.collect(api, name, answers, prices, models))
        total = Summary(
            decision=f"batch of {len(costs)}",
            input_tokens=sum(cost.input_tokens for cost in costs),
            output_tokens=sum(cost.output_tokens for cost in costs),
            micro_usd=sum(cost.micro_usd for cost in costs),
        )
        book(at, Call("", ""), total)
        del open_batches[name]
        batches.remember(path, open_batches)
        click.echo(f"{name}: {len(costs):,} answers kept, ${total.micro_usd / 1e6:.4f}")
    if not jobs and not open_batches:
        click.echo("Nothing is left to be read.")


def _ended(reads: LateSummarizer, name: str, *, wait: bool) -> bool:
    """Tell whether a batch has ended; with wait only ever after it has."""
    from coatcheck.summarize import batches

    api, _, _ = reads.parts()
    while True:
        ended, done, count = batches.progress(api, name)
        click.echo(f"{name}: {done:,} of {count:,} done", err=True)
        if ended or not wait:
            return ended
        Event().wait(LOOK_SECONDS)


def _jobs(at: Place, reads: LateSummarizer) -> "Iterator[Job]":
    """Yield what would be asked about each kept result."""
    kept = artifacts(at)
    for info in kept.list(MOST_ARTIFACTS):
        try:
            artifact = kept.peek(info.ref)
        except CoatcheckError:
            continue
        body = open_body(artifact.result)
        call = artifact.call
        rule = at.config.rule(call.upstream, call.tool)
        if body is None or body.is_error or rule.mode != "auto" or not rule.egress:
            continue
        aim = aim_for(call, rule, estimate(body.text))
        planned = reducers.reduce(body.text, aim)
        job = planned and reads.prepared(call, rule, body.text, aim, planned)
        if job and not isinstance(job, Summary):
            yield job
