"""Work out whether a summary pays: what it saves the agent against what it costs."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from typing import Any

MILLION = 1_000_000
BATCH_SHARE = 0.5
# What an agent writes to fetch something, and the most a fetched page costs it.
FETCH_CALL_TOKENS = 120
PAGE_TOKENS = 3_500
# Before anything was measured for a tool.
USUAL_REFETCH_RATE = 0.05
SUMMARY_OUTPUT_TOKENS = 250
# Of what is saved: a longer result is read in part rather than spend more on it. With less than
# so many tokens read, a model does not know what it points at.
MOST_SHARE = 0.5
LEAST_PROMPT_TOKENS = 3_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of one model, and where its cache begins."""

    input: float
    output: float
    cache_write: float
    cache_read: float
    cache_minimum_tokens: int = 1_024
    long_prompt_tokens: int = 0
    long_prompt_factor: float = 1.0

    def factor(self, prompt_tokens: int) -> float:
        """Return what all prices are multiplied by for a prompt of so many tokens."""
        is_long = 0 < self.long_prompt_tokens < prompt_tokens
        return self.long_prompt_factor if is_long else 1.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer as the API bills them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the prompt, from the cache or not."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    def __str__(self) -> str:
        return f"cache: {self.cache_write_tokens} written, {self.cache_read_tokens} read"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a summary is expected to change for the agent that reads it.

    n are tokens it reads without the summary, m with it, all in tokens of Claude; turns are
    requests that still carry the result; context is what a further turn reads again.
    """

    before_tokens: int
    after_tokens: int
    original_tokens: int
    prompt_tokens: int
    turns: int
    context_tokens: int
    refetch_rate: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a summary pays, and the dollars it is made of."""

    saved_usd: float
    summary_usd: float
    refetch_usd: float
    turns: int
    refetch_rate: float
    prompt_tokens: int

    @property
    def gain_usd(self) -> float:
        """What is left."""
        return self.saved_usd - self.summary_usd - self.refetch_usd

    @property
    def pays(self) -> bool:
        """Tell whether anything is left, and enough of the result could be read for it."""
        return self.gain_usd > 0 and self.prompt_tokens > 0

    def __str__(self) -> str:
        return (
            f"gain {100 * self.gain_usd:+.3f} c = saves {100 * self.saved_usd:.3f}"
            f" - summary {100 * self.summary_usd:.3f} - re-fetch {100 * self.refetch_usd:.3f}"
            f" (turns {self.turns}, re-fetch rate {self.refetch_rate:.2f}, prompt"
            f" {self.prompt_tokens:,} tokens)"
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of all known models, and of which day they are."""

    date: str
    models: Mapping[str, Price]

    def of(self, model: str) -> Price:
        """Return the price of model; of an unknown one that of the dearest known."""
        known = self.models.get(model)
        return known or max(self.models.values(), key=lambda price: price.input)


def prices(overrides: Mapping[str, Mapping[str, float]] | None = None) -> Prices:
    """Read the prices that come with coatcheck, and put those of the settings over them."""
    table: dict[str, Any] = tomllib.loads((_data() / "models.toml").read_text("utf-8"))
    date = str(table.pop("date"))
    models = {name: Price(**values) for name, values in table.items()}
    known = {field.name for field in fields(Price)}
    for name, values in (overrides or {}).items():
        base = models.get(name, Price(0.0, 0.0, 0.0, 0.0))
        models[name] = replace(base, **{k: v for k, v in values.items() if k in known})  # type: ignore[arg-type]  # numbers from TOML
    return Prices(date, models)


def cost_usd(usage: Usage, price: Price, *, batch: bool = False) -> float:
    """Return what an answer costs."""
    dollars = (
        usage.input_tokens * price.input
        + usage.cache_write_tokens * price.cache_write
        + usage.cache_read_tokens * price.cache_read
        + usage.output_tokens * price.output
    ) / MILLION
    return dollars * price.factor(usage.prompt_tokens) * (BATCH_SHARE if batch else 1.0)


def decide(prospect: Prospect, agent: Price, summarizer: Price) -> Decision:
    """Return whether a summary pays for an agent of that price.

    Saved: the tokens not read, written to the agent's cache once and read from it each turn.
    Re-fetched: a page of it, and one more turn over the whole context. The prompt is cut to what
    the saving affords.
    """
    turns = max(1, prospect.turns)
    carried = (agent.cache_write + agent.cache_read * (turns - 1)) / MILLION
    saved = (prospect.before_tokens - prospect.after_tokens) * carried
    page = min(prospect.original_tokens, PAGE_TOKENS)
    back = (agent.cache_write + agent.cache_read * turns / 2) / MILLION
    again = (
        page * back
        + prospect.context_tokens * agent.cache_read / MILLION
        + FETCH_CALL_TOKENS * (agent.output + agent.cache_write) / MILLION
    )
    refetch = prospect.refetch_rate * again
    prompt = _affordable((saved - refetch) * MOST_SHARE, prospect.prompt_tokens, summarizer)
    cost = cost_usd(Usage(prompt, SUMMARY_OUTPUT_TOKENS), summarizer)
    return Decision(saved, cost, refetch, turns, prospect.refetch_rate, prompt)


def _affordable(usd: float, wanted_tokens: int, price: Price) -> int:
    """Return how many prompt tokens so many dollars buy, at most wanted_tokens; 0 if too few."""
    left = usd - SUMMARY_OUTPUT_TOKENS * price.output / MILLION
    tokens = min(wanted_tokens, int(left * MILLION / price.input)) if price.input else wanted_tokens
    return tokens if tokens >= min(wanted_tokens, LEAST_PROMPT_TOKENS) else 0


def _data() -> Any:
    return files("coatcheck") / "data"
