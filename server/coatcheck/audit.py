"""Work out from transcripts where an agent's tokens go, and what shorter results would save."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from coatcheck.sizing import estimate
from coatcheck.transcripts import Compaction, Event, Prefix, Prompt, Said, ToolResult

WORST = 10


@dataclass(frozen=True, slots=True)
class Weight:
    """What a result weighs in tokens: as the tool gave it, as the model got it, as a view of ours.

    is_ours: it had been shortened already.
    """

    original_tokens: int
    shown_tokens: int
    view_tokens: int
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One request to the model; prefix_tokens of it stood before the conversation."""

    prompt: Prompt
    prefix_tokens: int


@dataclass(frozen=True, slots=True)
class Stay:
    """One tool result, and the requests that carried it; the first of them had context_tokens."""

    id: str
    at: float
    server: str
    tool: str
    model: str
    weight: Weight
    turns: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One transcript without its texts.

    session is shared by an agent and its sub-agents; prefix has the estimated tokens of the parts
    that are recorded: system, built-in tools, tools of MCP servers.
    """

    client: str
    session: str
    turns: tuple[Turn, ...]
    stays: tuple[Stay, ...]
    prefix: tuple[int, int, int] = (0, 0, 0)


@dataclass(slots=True)
class _Agent:
    """The context of one agent while its transcript is read."""

    said_tokens: int = 0
    prefix_tokens: int = -1
    prompts: list[Prompt] = field(default_factory=list)
    held: list[tuple[Stay, int]] = field(default_factory=list)

    def asked(self, prompt: Prompt) -> Turn:
        """Note a request; of the first, all but a person's words is prefix."""
        self.prompts.append(prompt)
        if self.prefix_tokens < 0:
            self.prefix_tokens = max(0, prompt.prompt_tokens - self.said_tokens)
        return Turn(prompt, min(self.prefix_tokens, prompt.prompt_tokens))

    def got(self, result: ToolResult, weight: Weight) -> None:
        """Note a result; its texts are not kept."""
        stay = Stay(result.id, result.at, result.server, result.tool, "", weight, 0, 0)
        self.held.append((stay, len(self.prompts)))

    def let_go(self) -> Iterator[Stay]:
        """Yield the results that were in the context, which is compacted or at its end."""
        model = self.prompts[-1].model if self.prompts else ""
        for stay, before in self.held:
            turns = len(self.prompts) - before
            context_tokens = self.prompts[before].prompt_tokens if turns else 0
            yield replace(stay, model=model, turns=turns, context_tokens=context_tokens)
        self.held.clear()


def trace(
    client: str, session: str, events: Iterable[Event], weigh: Callable[[ToolResult], Weight]
) -> Trace:
    """Return the trace of one transcript."""
    agents: dict[str, _Agent] = {}
    turns: list[Turn] = []
    stays: list[Stay] = []
    prefix = (0, 0, 0)
    for event in events:
        agent = agents.setdefault(event.agent, _Agent())
        match event:
            case Prompt():
                turns.append(agent.asked(event))
            case Said():
                agent.said_tokens += estimate(event.text) if agent.prefix_tokens < 0 else 0
            case ToolResult():
                agent.got(event, weigh(event))
            case Compaction():
                stays.extend(agent.let_go())
            case Prefix():
                parts = (event.system, event.builtin_tools, event.mcp_tools)
                prefix = (estimate(parts[0]), estimate(parts[1]), estimate(parts[2]))
    for agent in agents.values():
        stays.extend(agent.let_go())
    return Trace(client, session, tuple(turns), tuple(stays), prefix)


class Rates(Protocol):
    """US dollars per million tokens of a model."""

    @property
    def input(self) -> float:
        """Of what is sent past the cache."""
        ...

    @property
    def output(self) -> float:
        """Of what is answered."""
        ...

    @property
    def cache_write(self) -> float:
        """Of what is written to the cache."""
        ...

    @property
    def cache_read(self) -> float:
        """Of what is read from the cache."""
        ...


@dataclass(slots=True)
class Tool:
    """The results of one tool; carried tokens count a result once for each request it was in."""

    calls: int = 0
    shortened: int = 0
    original_tokens: int = 0
    shown_tokens: int = 0
    view_tokens: int = 0
    carried_tokens: int = 0
    turns: int = 0


@dataclass(slots=True)
class Saving:
    """What views would save on one basis, in tokens: when first sent, and sent again."""

    first_tokens: int = 0
    again_tokens: int = 0
    usd: float = 0.0

    def add(self, tokens: float, turns: int, rates: Rates) -> None:
        """Count tokens that turns requests would have carried less (more: below zero)."""
        if turns:
            self.first_tokens += round(tokens)
            self.again_tokens += round(tokens * (turns - 1))
            cached = rates.cache_write + rates.cache_read * (turns - 1)
            self.usd += tokens * cached / 1e6


@dataclass(slots=True)
class Audit:
    """What transcripts add up to.

    Of prompt tokens: prefix + transcript + sub-agents = all. shown and original are the two bases
    of what would be saved; own and fetched are what that would cost, and are to be taken off. An
    agent that misses something in a view asks for fetch_tokens of the rest.
    """

    rates_of: Callable[[str], Rates]
    own_tokens_per_server: int
    refetch_rate: float
    fetch_tokens: int
    sessions: set[tuple[str, str]] = field(default_factory=set)
    first_at: float = 0.0
    last_at: float = 0.0
    turns: int = 0
    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    prefix_tokens: int = 0
    transcript_tokens: int = 0
    sub_agent_tokens: int = 0
    recorded_prefix: list[int] = field(default_factory=lambda: [0, 0, 0])
    mcp_carried_tokens: int = 0
    builtin_carried_tokens: int = 0
    ours: int = 0
    tools: dict[tuple[str, str], Tool] = field(default_factory=dict)
    worst: list[Stay] = field(default_factory=list)
    against_shown: Saving = field(default_factory=Saving)
    against_original: Saving = field(default_factory=Saving)
    own: Saving = field(default_factory=Saving)
    fetched: Saving = field(default_factory=Saving)
    models: dict[str, int] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    @property
    def prompt_tokens(self) -> int:
        """All tokens of all requests."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    def add(self, found: Trace) -> None:
        """Count one transcript; what a copy of a session repeats is counted once."""
        turns = [turn for turn in found.turns if self._is_new(turn.prompt.id, turn.prompt.at)]
        stays = [stay for stay in found.stays if self._is_new(stay.id, stay.at)]
        if not turns and not stays:
            return
        self.sessions.add((found.client, found.session))
        for turn in turns:
            self._add_turn(turn)
        if turns:
            self.recorded_prefix = [
                a + b for a, b in zip(self.recorded_prefix, found.prefix, strict=True)
            ]
        for stay in stays:
            self._add_stay(stay)
        self._add_own(turns, stays)

    def _is_new(self, id: str, at: float) -> bool:
        """Tell whether something was not seen in another transcript; without a name it is new."""
        key = hash((id, at))
        if id and key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _add_turn(self, turn: Turn) -> None:
        prompt, rates = turn.prompt, self.rates_of(turn.prompt.model)
        self.first_at = min(self.first_at or prompt.at, prompt.at)
        self.last_at = max(self.last_at, prompt.at)
        self.turns += 1
        self.models[prompt.model] = self.models.get(prompt.model, 0) + 1
        self.input_tokens += prompt.input_tokens
        self.cache_write_tokens += prompt.cache_write_tokens
        self.cache_read_tokens += prompt.cache_read_tokens
        self.output_tokens += prompt.output_tokens
        self.usd += (
            prompt.input_tokens * rates.input
            + prompt.cache_write_tokens * rates.cache_write
            + prompt.cache_read_tokens * rates.cache_read
            + prompt.output_tokens * rates.output
        ) / 1e6
        if prompt.agent:
            self.sub_agent_tokens += prompt.prompt_tokens
        else:
            self.prefix_tokens += turn.prefix_tokens
            self.transcript_tokens += prompt.prompt_tokens - turn.prefix_tokens

    def _add_stay(self, stay: Stay) -> None:
        weight, rates = stay.weight, self.rates_of(stay.model)
        carried = weight.shown_tokens * stay.turns
        tool = self.tools.setdefault((stay.server, stay.tool), Tool())
        tool.calls += 1
        tool.turns += stay.turns
        tool.original_tokens += weight.original_tokens
        tool.shown_tokens += weight.shown_tokens
        tool.view_tokens += weight.view_tokens
        tool.carried_tokens += carried
        if not stay.server:
            self.builtin_carried_tokens += carried
            return
        self.mcp_carried_tokens += carried
        self._rank(stay)
        if weight.is_ours:
            self.ours += 1
            return
        is_shortened = weight.view_tokens < weight.original_tokens
        if is_shortened:
            tool.shortened += 1
            self._add_fetch(stay, rates)
        shown = weight.shown_tokens - weight.view_tokens if is_shortened else 0
        self.against_shown.add(shown, stay.turns, rates)
        self.against_original.add(weight.original_tokens - weight.view_tokens, stay.turns, rates)

    def _add_fetch(self, stay: Stay, rates: Rates) -> None:
        """Count what the agent would fetch back: a page, carried on, and a request more for it."""
        page = min(stay.weight.original_tokens, self.fetch_tokens) * self.refetch_rate
        self.fetched.add(page, stay.turns, rates)
        again = stay.context_tokens * self.refetch_rate
        self.fetched.again_tokens += round(again)
        self.fetched.usd += again * rates.cache_read / 1e6

    def _add_own(self, turns: list[Turn], stays: list[Stay]) -> None:
        """Count our own tool, once for each server that was used, in every request."""
        wrapped = {stay.server for stay in stays if stay.weight.is_ours}
        servers = {stay.server for stay in stays} - wrapped - {""}
        if turns and servers:
            rates = self.rates_of(turns[0].prompt.model)
            self.own.add(self.own_tokens_per_server * len(servers), len(turns), rates)

    def _rank(self, stay: Stay) -> None:
        self.worst.append(stay)
        self.worst.sort(key=lambda one: (-one.weight.shown_tokens * one.turns, one.at, one.id))
        del self.worst[WORST:]


def net(audit: Audit, basis: Saving) -> Saving:
    """Return what is left of a saving when our own tool and what is fetched back are paid."""
    parts = (audit.own, audit.fetched)
    return Saving(
        basis.first_tokens - sum(part.first_tokens for part in parts),
        basis.again_tokens - sum(part.again_tokens for part in parts),
        basis.usd - sum(part.usd for part in parts),
    )


def stays_by_call(traces: Iterable[Trace]) -> Mapping[str, int]:
    """Return how many requests carried the result of each call of an MCP server, by call id."""
    return {stay.id: stay.turns for found in traces for stay in found.stays if stay.server}
