"""Have kept results read at half price by Message Batches; nobody waits for them."""

import json
import os
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from coatcheck.summarize.answers import Answers
from coatcheck.summarize.client import Api, Reply, Unanswered, billed, reply_of
from coatcheck.summarize.economics import BATCH_SHARE, Prices
from coatcheck.summarize.pointer import Job
from coatcheck.types import CoatcheckError, Summary

T = TypeVar("T")

SECONDS = 120.0
# The API takes 100,000 requests or 256 MB; a smaller batch ends sooner.
MOST_REQUESTS = 10_000
MOST_CHARS = 64_000_000


class BatchError(CoatcheckError):
    """A batch that could not be sent or looked at; what was sent is still remembered."""


class Gone(BatchError):
    """A batch that the API does not know: of another key, or older than it keeps them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a batch: which model, how many tokens of passages it reads, of which ref."""

    model: str
    room: int
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was sent and not yet collected: its requests by id, and what it may cost."""

    asked: Mapping[str, Asked]
    expected_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is."""

    ended: bool
    done: int
    count: int


def batch_of(jobs: Sequence[Job], refs: Mapping[str, str]) -> Batch:
    """Return what to remember of jobs; refs names the artifact of a key."""
    asked = {job.key: Asked(job.model, job.room, refs.get(job.key, "")) for job in jobs}
    return Batch(asked, sum(job.expected_usd for job in jobs) * BATCH_SHARE)


def chunks(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Yield jobs in groups that the API takes, those of one artifact side by side."""
    group: list[Job] = []
    chars = 0
    for job in sorted(jobs, key=lambda job: (job.request.artifact, job.key)):
        size = len(job.request.artifact)
        if group and (len(group) >= MOST_REQUESTS or chars + size > MOST_CHARS):
            yield group
            group, chars = [], 0
        group.append(job)
        chars += size
    if group:
        yield group


def submit(api: Api, jobs: Sequence[Job]) -> str:
    """Send jobs as one batch, the artifact of each a cached prefix; return its id."""
    requests = [
        {"custom_id": job.key, "params": job.request.body(job.model, cached=True)} for job in jobs
    ]

    async def create() -> str:
        made = await api.client().messages.batches.create(requests=requests)  # type: ignore[arg-type]  # plain dicts
        return made.id

    return _answered(api, create())


def progress(api: Api, batch: str) -> Progress:
    """Return how far a batch is. Raises: BatchError."""

    async def look() -> Any:
        return await api.client().messages.batches.retrieve(batch)

    found = _answered(api, look())
    counts = found.request_counts
    done = counts.succeeded + counts.errored + counts.canceled + counts.expired
    return Progress(found.processing_status == "ended", done, done + counts.processing)


def collect(
    api: Api, name: str, batch: Batch, answers: Answers, prices: Prices
) -> Iterator[tuple[str, Summary | None]]:
    """Keep the answers of a batch that has ended; yield what each costs, at half price.

    None stands for a request that failed or expired: it may be sent again. Raises: BatchError.
    """

    async def results() -> list[tuple[str, Reply | None]]:
        stream = await api.client().messages.batches.results(name)
        return [
            (
                item.custom_id,
                reply_of(item.result.message, 0.0) if item.result.type == "succeeded" else None,
            )
            async for item in stream
        ]

    for key, reply in _answered(api, results()):
        if reply is None:
            yield key, None
            continue
        asked = batch.asked.get(key, Asked(reply.model, 0))
        answers.put(key, replace(reply, room=asked.room))
        yield key, billed(reply, prices.of(asked.model), "batch", batch=True)


def remembered(path: Path) -> dict[str, Batch]:
    """Return the batches that were sent and not collected, by id."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return {
            name: Batch(
                {key: Asked(*asked) for key, asked in batch["asked"].items()},
                float(batch["expected_usd"]),
            )
            for name, batch in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def remember(path: Path, batches: Mapping[str, Batch]) -> None:
    """Write down which batches are under way, whole or not at all."""
    text = json.dumps(
        {
            name: {
                "expected_usd": batch.expected_usd,
                "asked": {k: [a.model, a.room, a.ref] for k, a in batch.asked.items()},
            }
            for name, batch in batches.items()
        }
    )
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, "utf-8")
    new.chmod(0o600)
    new.replace(path)


def _answered(api: Api, work: Coroutine[Any, Any, T]) -> T:
    """Return what work gives in the thread of api. Raises: BatchError."""
    from anthropic import APIError, NotFoundError

    try:
        return api.run(work).result(SECONDS)
    except NotFoundError:
        raise Gone("the Messages API does not know it; was it sent with another key?") from None
    except (APIError, TimeoutError, ValueError) as error:
        raise BatchError(
            f"the Messages API gave no answer ({type(error).__name__}); run it again: what was"
            " sent is remembered"
        ) from None
    except Unanswered as why:
        raise BatchError(f"the summarizer {why}; see `coatcheck doctor`") from None
