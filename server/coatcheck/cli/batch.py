"""coatcheck batch: have kept results read at half price, for when they come again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from coatcheck import reducers
from coatcheck.artifacts import StoredArtifacts
from coatcheck.body import open_body
from coatcheck.cli.batching import Batches, Read
from coatcheck.cli.parts import artifacts
from coatcheck.cli.place import Place, place
from coatcheck.cli.summarizer import LateSummarizer, may_read
from coatcheck.pipeline import aim_for
from coatcheck.sizing import estimate
from coatcheck.types import Artifact, CoatcheckError, ConfigError, Session, Summary
from coatcheck.view import number

if TYPE_CHECKING:
    from coatcheck.summarize.pointer import Job

MOST_ARTIFACTS = 1_000


@click.command()
@click.option("--no-wait", is_flag=True, help="Send, and collect with the next run.")
def batch(no_wait: bool) -> None:
    """Have kept results read by the summarizer, at half price.

    Example: coatcheck batch

    What was sent before a restart is collected first; answers serve the next identical result,
    and stand in what find, ask and show say of the artifact.
    """
    at = place()
    if not may_read(at):
        raise ConfigError("no model may be asked; run `coatcheck config summarizer` first")
    reads = LateSummarizer(at, None, Session(""))
    kept = artifacts(at)
    try:
        batches = Batches(at, reads)
        jobs = list(_jobs(at, kept, reads))
        sent = batches.send((job for job, _ in jobs), {job.key: ref for job, ref in jobs})
        read = batches.collect(wait=not no_wait, told=lambda ref, _: _note(at, kept, reads, ref))
    except KeyboardInterrupt:
        raise click.ClickException(
            "stopped; the batches go on, and the next `coatcheck batch` collects them"
        ) from None
    finally:
        reads.close()
    click.echo(_said(sent, read))


def _said(sent: Read, read: Read) -> str:
    """Say what was done in one line."""
    if not (sent.sent or sent.left_out or read.open or read.answers or read.failed):
        return "Nothing is left to be read."
    parts = [
        f"{number(sent.sent, 'requests')} sent" if sent.sent else "",
        f"{number(read.open, 'requests')} under way" if read.open else "",
        f"{number(read.answers, 'answers')} kept, ${read.micro_usd / 1e6:.4f}"
        if read.answers
        else "",
        f"{number(read.failed, 'requests')} failed" if read.failed else "",
        f"{number(sent.left_out, 'requests')} left out for summarizer.daily_usd or monthly_usd"
        if sent.left_out
        else "",
    ]
    return ", ".join(filter(None, parts))


def _jobs(at: Place, kept: StoredArtifacts, reads: LateSummarizer) -> "Iterator[tuple[Job, str]]":
    """Yield what would be asked about each kept result, and its ref."""
    for info in kept.list(MOST_ARTIFACTS):
        try:
            job = _job(at, kept.peek(info.ref), reads)
        except CoatcheckError:
            continue
        if job is not None:
            yield job, info.ref


def _job(at: Place, artifact: Artifact, reads: LateSummarizer) -> "Job | None":
    body, call = open_body(artifact.result), artifact.call
    rule = at.config.rule(call.upstream, call.tool)
    if body is None or body.is_error or rule.mode != "auto" or not rule.egress:
        return None
    aim = aim_for(call, rule, estimate(body.text))
    planned = reducers.reduce(body.text, aim)
    if planned is None:
        return None
    job = reads.prepared(call, rule, body.text, aim, planned)
    return None if isinstance(job, Summary) else job


def _note(at: Place, kept: StoredArtifacts, reads: LateSummarizer, ref: str) -> None:
    """Keep the checked words of an answer by the ref they are about, if any passed."""
    try:
        job = _job(at, kept.peek(ref), reads) if ref else None
    except CoatcheckError:
        return
    if job is not None and job.kept is not None:
        reads.note(ref, job)
