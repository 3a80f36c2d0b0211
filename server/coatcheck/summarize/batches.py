"""Have kept results read at half price by Message Batches; nobody waits for them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coatcheck.summarize.answers import Answers
from coatcheck.summarize.client import Api, Reply, reply_of
from coatcheck.summarize.economics import MILLION, Prices, cost_usd
from coatcheck.summarize.pointer import Job
from coatcheck.types import Summary

SECONDS = 120.0


def submit(api: Api, jobs: Sequence[Job]) -> str:
    """Send jobs as one batch, those of one artifact side by side; return its id."""
    ordered = sorted(jobs, key=lambda job: (job.request.artifact, job.key))
    requests = [
        {"custom_id": job.key, "params": job.request.body(job.model, cached=True)}
        for job in ordered
    ]

    async def create() -> str:
        made = await api.client().messages.batches.create(requests=requests)  # type: ignore[arg-type]  # plain dicts
        return made.id

    return api.run(create()).result(SECONDS)


def progress(api: Api, batch: str) -> tuple[bool, int, int]:
    """Return whether a batch has ended, how many requests are done, and how many there are."""

    async def look() -> Any:
        return await api.client().messages.batches.retrieve(batch)

    found = api.run(look()).result(SECONDS)
    counts = found.request_counts
    done = counts.succeeded + counts.errored + counts.canceled + counts.expired
    return found.processing_status == "ended", done, done + counts.processing


def collect(
    api: Api, batch: str, answers: Answers, prices: Prices, models: Mapping[str, str]
) -> Iterator[Summary]:
    """Keep the answers of a batch that has ended; yield what each costs, at half price.

    models names the model of each request by its id.
    """

    async def results() -> list[tuple[str, Reply]]:
        stream = await api.client().messages.batches.results(batch)
        return [
            (item.custom_id, reply_of(item.result.message, 0.0))
            async for item in stream
            if item.result.type == "succeeded"
        ]

    for key, reply in api.run(results()).result(SECONDS):
        answers.put(key, reply)
        dollars = cost_usd(reply.usage, prices.of(models.get(key, reply.model)), batch=True)
        yield Summary(
            decision="batch",
            input_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.output_tokens,
            micro_usd=round(dollars * MILLION),
        )


def remembered(path: Path) -> dict[str, dict[str, str]]:
    """Return the batches that were sent and not collected: id, then the model of each request."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(path: Path, batches: Mapping[str, Mapping[str, str]]) -> None:
    """Write down which batches are under way, so that a restart goes on with them."""
    path.write_text(json.dumps(batches), "utf-8")
