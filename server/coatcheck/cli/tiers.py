"""Try tiers on items with probes: rules alone, then each model; count what each keeps and costs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from coatcheck import spans
from coatcheck.cli.compact import NotKept
from coatcheck.cli.parts import pipeline
from coatcheck.cli.place import Place
from coatcheck.cli.summarizer import LateSummarizer
from coatcheck.pipeline import Outgoing
from coatcheck.probes import Shown
from coatcheck.sizing import CLAUDE_FACTOR, content_class
from coatcheck.types import Aim, Call, CoatcheckError, Reduction, Rule, Session, Summary

if TYPE_CHECKING:
    from coatcheck.summarize.economics import Prices
    from coatcheck.summarize.pointer import Job

RULES = "rules"
# Requests of the agent that still carry a result, as the gate expects of a session that begins.
TURNS = 5
Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Item:
    """One result with its probes: what the agent must still see in the view."""

    id: str
    tool: str
    text: str
    focus: str
    arguments: bytes
    keep: tuple[str, ...]

    @property
    def call(self) -> Call:
        """The call that it is the result of."""
        upstream, _, name = self.tool.rpartition(".")
        return Call(upstream, name, self.arguments, self.focus)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one item in one tier.

    is_known is false when a model would read it and has not. usd is the list price of that
    answer, expected while it is not known; agent_usd what the agent pays for the view, and for
    the whole result too when a probe is lost.
    """

    tool: str
    is_asked: bool
    is_known: bool
    is_kept: bool
    original_tokens: int
    view_tokens: int
    usd: float = 0.0
    seconds: float = 0.0
    agent_usd: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a tier came to over some items; None where it is not known."""

    tier: str
    tool: str
    items: int
    asked: int
    answered: int
    original_tokens: int
    view_tokens: int | None
    kept: int | None
    model_usd: float
    agent_usd: float | None
    median_seconds: float | None
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def total_usd(self) -> float | None:
        """What model and agent cost together."""
        return None if self.agent_usd is None else self.agent_usd + self.model_usd

    def as_json(self) -> dict[str, object]:
        """Return the figures as a JSON object."""
        return asdict(self) | {"total_usd": self.total_usd}


def read_items(lines: Iterable[str]) -> Iterator[Item]:
    """Yield the items of JSON lines. Raises: CoatcheckError for a line that holds none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found: Any = json.loads(line)
            keep = tuple(map(str, found["keep"]))
            text, tool = found["text"], str(found.get("tool") or "stdin")
        except (ValueError, TypeError, KeyError):
            found, keep, text, tool = {}, (), None, ""
        if not keep or not isinstance(text, str):
            raise CoatcheckError(
                f'line {number} is no item; write {{"id", "tool", "text", "focus"?, "keep": […]}}'
            )
        arguments = spans.dumps(found.get("arguments") or {})
        focus, name = str(found.get("focus") or ""), str(found.get("id") or number)
        yield Item(name, tool, text, focus, arguments, keep)


class Reference(NotKept):
    """Artifacts that keep nothing, under refs as long as real ones."""

    def ref_for(self, kind: str, data: bytes) -> str:
        """Return a ref that opens nothing."""
        return "cc_000000000000"


class Tier:
    """The Summarizer Protocol with one model: answers that are kept, and no request ever.

    Every tier reads what the gate lets summarizer.model read: the same parts of the same results,
    so that they can be compared, whatever their own prices.
    """

    def __init__(self, at: Place, model: str) -> None:
        from coatcheck.summarize.economics import prices

        usual = at.config.summarizer
        price = asdict(prices(usual.prices).of(usual.model))
        settings = replace(
            usual,
            model=model,
            stronger="",
            routes=(),
            prices={**usual.prices, model: price},
        )
        self.at = replace(at, config=replace(at.config, summarizer=settings))
        self.model = model
        self.reads = LateSummarizer(self.at, None, Session("eval"))
        self._job: Job | None = None

    def __call__(self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction) -> Summary:
        """Return what a kept answer makes of the result."""
        job = self.reads.prepared(call, rule, text, aim, planned)
        if isinstance(job, Summary):
            return job
        self._job = job
        return self.reads.made(job)

    def asked(self) -> "Job | None":
        """Return what was, or would be, asked of the last result, once."""
        job, self._job = self._job, None
        return job

    def close(self) -> None:
        """Give up what is under way."""
        self.reads.close()


class Trial:
    """The items, and what each tier makes of them."""

    def __init__(self, at: Place, items: Sequence[Item], prices: "Prices", count: Count) -> None:
        self._at = at
        self._prices = prices
        self._count = count
        self.items = items

    def rules(self, item: Item) -> Tried:
        """Return what the rules alone make of an item."""
        return self._tried(item, self._shortened(item, None), None, None)

    def model(self, item: Item, tier: Tier) -> tuple[Tried, "Job | None"]:
        """Return what the answers of a model make of an item, and what it is, or was, asked."""
        outgoing = self._shortened(item, tier)
        job = tier.asked()
        if job is not None:
            job = replace(job, expected_usd=self._expected_usd(job))
        return self._tried(item, outgoing, job, tier), job

    def _shortened(self, item: Item, tier: Tier | None) -> Outgoing:
        call = item.call
        line = pipeline(self._at, Reference(), call.upstream, summarizer=tier)
        result = spans.dumps({"content": [{"type": "text", "text": item.text}]})
        return line.shorten(call, result, self._at.config.rule(call.upstream, call.tool))

    def _tried(self, item: Item, outgoing: Outgoing, job: "Job | None", tier: Tier | None) -> Tried:
        view = outgoing.view or item.text
        shown = Shown(view)
        kept = view == item.text or all(map(shown.has, item.keep))
        original, seen = self._count(item.text), self._count(view)
        usd, seconds = self._bill(job, tier) if job and tier else (0.0, 0.0)
        agent = self._prices.of(self._at.config.summarizer.agent_model)
        carried = (agent.cache_write + agent.cache_read * (TURNS - 1)) / 1e6
        read = seen + (0 if kept else original)
        return Tried(
            tool=item.tool,
            is_asked=job is not None,
            is_known=job is None or job.kept is not None,
            is_kept=kept,
            original_tokens=original,
            view_tokens=seen,
            usd=usd,
            seconds=seconds,
            agent_usd=read * carried * CLAUDE_FACTOR[content_class(item.text)],
            reason=outgoing.reason.partition(":")[0],
        )

    def _expected_usd(self, job: "Job") -> float:
        """Return the list price of an answer of usual length to job."""
        from coatcheck.summarize.economics import SUMMARY_OUTPUT_TOKENS, Usage, cost_usd
        from coatcheck.summarize.forms import claude_factor, cost_of
        from coatcheck.summarize.prompt import OVERHEAD_TOKENS

        prompt = round(cost_of(job.form) * claude_factor(job.form)) + OVERHEAD_TOKENS
        return cost_usd(Usage(prompt, SUMMARY_OUTPUT_TOKENS), self._prices.of(job.model))

    def _bill(self, job: "Job", tier: Tier) -> tuple[float, float]:
        """Return the list price of the answer to job, expected or billed, and its seconds."""
        from coatcheck.summarize.economics import cost_usd

        if job.kept is None:
            return job.expected_usd, 0.0
        usage, seconds = tier.reads.parts()[1].billed(job.key)
        return cost_usd(usage, self._prices.of(job.model)), seconds


def summed(tier: str, tool: str, tried: Sequence[Tried]) -> Figures:
    """Return what a tier came to over tried; what any item leaves open is open in the sum."""
    is_known = all(one.is_known for one in tried)
    asked = [one for one in tried if one.is_asked]
    seconds = sorted(one.seconds for one in asked if one.seconds)
    reasons: dict[str, int] = {}
    for one in tried:
        if one.reason and tier != RULES:
            reasons[one.reason] = reasons.get(one.reason, 0) + 1
    return Figures(
        tier=tier,
        tool=tool,
        items=len(tried),
        asked=len(asked),
        answered=sum(one.is_known for one in asked),
        original_tokens=sum(one.original_tokens for one in tried),
        view_tokens=sum(one.view_tokens for one in tried) if is_known else None,
        kept=sum(one.is_kept for one in tried) if is_known else None,
        model_usd=sum(one.usd for one in tried),
        agent_usd=sum(one.agent_usd for one in tried) if is_known else None,
        median_seconds=seconds[len(seconds) // 2] if seconds else None,
        reasons=reasons,
    )
