"""What the ledger came to, as every face is told it: frozen data, no reading of anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

By = Literal["tool", "upstream", "session", "client", "day", "week", "level"]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: since <= at < until, in seconds since the epoch; None means no bound."""

    since: float | None = None
    until: float | None = None


ALL_TIME = Window()


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group of entries came to. All but the two percentiles add up over groups.

    seen_tokens are those that reached the agent. turns are requests of the agent's model, as far
    as calls show them; carried tokens are what these read again: net tokens saved that way, on
    both bases, and seen ones. came_back are fetches that were the first of a view, got_whole those
    with which all of it had been fetched, again calls repeated soon after their result was
    shortened, expired fetches of a ref that opened nothing.
    """

    calls: int = 0
    shortened: int = 0
    counted: int = 0
    fetches: int = 0
    definitions: int = 0
    errors: int = 0
    original_tokens: int = 0
    counterfactual_tokens: int = 0
    view_tokens: int = 0
    fetched_tokens: int = 0
    own_tokens: int = 0
    seen_tokens: int = 0
    half_width_tokens: int = 0
    turns: int = 0
    carried_original_tokens: int = 0
    carried_counterfactual_tokens: int = 0
    carried_seen_tokens: int = 0
    again: int = 0
    came_back: int = 0
    got_whole: int = 0
    expired: int = 0
    original_bytes: int = 0
    view_bytes: int = 0
    upstream_us: int = 0
    added_us: int = 0
    summary_us: int = 0
    summary_input_tokens: int = 0
    summary_output_tokens: int = 0
    summary_micro_usd: int = 0
    summary_cache_write_tokens: int = 0
    summary_cache_read_tokens: int = 0
    added_p50_us: int = 0
    added_p95_us: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def net_original_tokens(self) -> int:
        """Tokens saved against the original; never clamped."""
        return self.original_tokens - self.view_tokens - self.fetched_tokens - self.own_tokens

    @property
    def net_counterfactual_tokens(self) -> int:
        """Tokens saved against what the client would have shown; never clamped."""
        return self.counterfactual_tokens - self.view_tokens - self.fetched_tokens - self.own_tokens


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the report: what it is about, by column, and its figures."""

    key: Mapping[str, str]
    figures: Figures

    @property
    def name(self) -> str:
        """What the row is called in a table."""
        between = "." if "tool" in self.key else " "
        return between.join(part for part in self.key.values() if part) or "(none)"


@dataclass(frozen=True, slots=True)
class Savings:
    """The report of one window; the rows sum to the totals."""

    window: Window
    by: By
    totals: Figures
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """What the agent's model charges, in US dollars per million tokens, as of a date."""

    model: str
    date: str
    cache_write: float
    cache_read: float


@dataclass(frozen=True, slots=True)
class Money:
    """US dollars in billionths, so that whole numbers add up exactly; never clamped.

    written: net tokens at the cache-write price, once. read: net tokens that later turns read
    again, at the cache-read price. summary: what the summarizer cost.
    """

    written_nano_usd: int = 0
    read_nano_usd: int = 0
    summary_nano_usd: int = 0

    @property
    def net_nano_usd(self) -> int:
        """What was saved, net."""
        return self.written_nano_usd + self.read_nano_usd - self.summary_nano_usd


@dataclass(frozen=True, slots=True)
class Verb:
    """Fetches of one verb: how many, their tokens, and how many came back to a view first."""

    verb: str
    fetches: int
    fetched_tokens: int
    came_back: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the views of a window served the agent.

    Shares are of the shortened calls, None when there were none: came_back those after which the
    agent fetched something of them, got_whole those of which it fetched all, again those whose
    call was made once more within two minutes. guard_misses are summaries with something that is
    not in their source; expired are fetches of a ref that opened nothing.
    """

    shortened: int
    came_back: float | None
    got_whole: float | None
    again: float | None
    guard_misses: int
    expired: int
    added_p95_us: int
    verbs: tuple[Verb, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change for one tool, and what it is said for; setting is a line of config.toml."""

    upstream: str
    tool: str
    what: str
    setting: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The totals of a window, and what they are made of.

    money is against what the clients would have shown, money_original against the originals.
    tools are the lines by tool, the best first.
    """

    window: Window
    totals: Figures
    rates: Rates
    money: Money
    money_original: Money
    tools: tuple[Line, ...]
    quality: Quality
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call, fetch or late summary as it was booked; exact token counts where there are any.

    at is in seconds since the epoch. turns and marks are those of report.Figures.
    """

    id: int
    at: float
    kind: str
    session: str
    client: str
    client_version: str
    context: str
    call_id: str
    upstream: str
    tool: str
    ref: str
    outcome: str
    verb: str
    focus: bool
    is_error: bool
    reason: str
    decision: str
    arm: str
    original_bytes: int
    view_bytes: int
    original_tokens: int
    counterfactual_tokens: int
    view_tokens: int
    is_counted: bool
    upstream_us: int
    added_us: int
    summary_us: int
    summary_micro_usd: int
    again: bool
    came_back: bool
    got_whole: bool
    part: str

    @property
    def net_tokens(self) -> int:
        """Tokens saved against what the client would have shown; below zero for a fetch."""
        if self.kind == "fetch":
            return -self.view_tokens
        return 0 if self.outcome == "passed" else self.counterfactual_tokens - self.view_tokens


@dataclass(frozen=True, slots=True)
class CallReport:
    """A call, the calls and fetches of its artifact in their order, and what they came to.

    around is the call alone when nothing was kept of it.
    """

    call: Recorded
    around: tuple[Recorded, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session: when, whose, its turns as far as calls show them, and what it came to."""

    session: str
    client: str
    arm: str
    began_at: float
    last_at: float
    figures: Figures


def percent(net: int, base: int) -> float | None:
    """Return net in percent of base, None when there is no base."""
    return 100 * net / base if base else None


def share(part: int, whole: int) -> float | None:
    """Return part of whole, None when there is no whole."""
    return part / whole if whole else None
