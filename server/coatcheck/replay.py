"""Run the pipeline over kept artifacts under another rule, and weigh what was fetched of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from coatcheck import excerpt, given, traces
from coatcheck.fetch import Wanted, addressed, excerpt_of, text_of
from coatcheck.pipeline import Pipeline
from coatcheck.settings import RULE_KEYS
from coatcheck.sizing import estimate
from coatcheck.types import (
    Artifact,
    ArtifactInfo,
    ExcerptError,
    Mode,
    Omission,
    Outcome,
    Rule,
    UnknownRef,
)

Verdict = Literal["spared", "needed", "not known"]

# What can be tried on a kept artifact: the others change nothing in a view, or need the upstream.
TRIED_KEYS = (
    "mode", "budget_tokens", "floor_tokens", "drop_fields", "keep_fields", "key", "reducer",
)  # fmt: skip
TRIED_MODES: tuple[Mode, ...] = ("off", "lossless", "trim", "auto")
LIST_KEYS = frozenset({"drop_fields", "keep_fields"})
NUMBER_KEYS = frozenset({"budget_tokens", "floor_tokens"})
# A fetch of which so much stands in the view already was not needed.
MOST_OF_IT = 0.95


@dataclass(frozen=True, slots=True)
class Fetch:
    """One earlier fetch of an artifact.

    is_whole: with it all of the artifact had been fetched. part is the text that it gave, None
    when that was not recorded.
    """

    verb: str
    tokens: int
    is_whole: bool = False
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """An earlier fetch, and whether the view of now would have spared it."""

    fetch: Fetch
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Replayed:
    """One artifact under another rule; tokens are estimates, then is what was sent in its time."""

    ref: str
    kept_at: float
    original_tokens: int
    then_tokens: int
    now_tokens: int
    then_outcome: Outcome
    now_outcome: Outcome
    then_view: str
    view: str
    omissions: Sequence[Omission]
    fetches: Sequence[Weighed]

    def fetched_tokens(self, *verdicts: Verdict) -> int:
        """Return the tokens of the fetches with one of these verdicts."""
        return sum(one.fetch.tokens for one in self.fetches if one.verdict in verdicts)

    @property
    def net_then_tokens(self) -> int:
        """Return what it saved in its time, fetches of it taken off."""
        fetched = sum(one.fetch.tokens for one in self.fetches)
        return self.original_tokens - self.then_tokens - fetched

    @property
    def net_now_tokens(self) -> int:
        """Return what it would save, the fetches taken off that would still be needed."""
        left = self.fetched_tokens("needed", "not known")
        return self.original_tokens - self.now_tokens - left


class Nowhere:
    """The Artifacts Protocol for a trial: gives one ref and keeps nothing."""

    def __init__(self, ref: str) -> None:
        self._ref = ref

    def ref_for(self, kind: str, data: bytes) -> str:
        """Return the ref under which the artifact is kept already."""
        return self._ref

    def put(self, artifact: Artifact) -> None:
        """Keep nothing."""

    def get(self, ref: str) -> Artifact:
        """Open nothing."""
        raise UnknownRef(f"{ref} is not kept in a trial; see coatcheck fetch.")

    def peek(self, ref: str) -> Artifact:
        """Open nothing."""
        return self.get(ref)

    def list(self, limit: int) -> Sequence[ArtifactInfo]:
        """List nothing."""
        return ()

    def forget_session(self, session: str) -> None:
        """Forget nothing."""

    def has_view(self, ref: str, text: str) -> bool:
        """Know no view."""
        return False


def rule_with(rule: Rule, asked: Mapping[str, str]) -> Rule:
    """Return rule with settings as people write them; lists are separated by commas or lines.

    Settings that are absent stay. Raises: ValueError.
    """
    changed: dict[str, object] = {}
    for name in TRIED_KEYS:
        if name not in asked:
            continue
        written = asked[name].strip()
        try:
            changed[name] = RULE_KEYS[name].parse(_value(name, written))
        except ValueError:
            expects = RULE_KEYS[name].expects
            raise ValueError(f"{name} is {written!r}; use {expects}.") from None
    return replace(rule, **changed)  # type: ignore[arg-type]  # parse gives what the key holds


def _value(name: str, written: str) -> object:
    if name in LIST_KEYS:
        return [part.strip() for part in written.replace("\n", ",").split(",") if part.strip()]
    return int(written) if name in NUMBER_KEYS else written


def part_of(artifact: Artifact, part: str) -> str | None:
    """Return the text that a part means as the books keep it, None when it means none."""
    wanted = Wanted(ref=artifact.ref)
    text = addressed(artifact, wanted)
    kind, _, where = part.partition(":")
    try:
        if kind == "lines":
            return excerpt_of(text, replace(wanted, lines=where), artifact.omissions)[0]
        if kind == "at":
            return given.lines_of(excerpt.lined(text)[0], where)
        first, _, last = where.partition("-")
        return text[int(first) : int(last)] if kind == "chars" else None
    except (ValueError, ExcerptError):
        return None


def replay(
    artifact: Artifact, pipeline: Pipeline, rule: Rule, fetches: Iterable[Fetch] = ()
) -> Replayed:
    """Return what rule would make of artifact, by a pipeline whose reducers follow rule.

    No model is asked and nothing is kept.
    """
    text = text_of(artifact)[0]
    dry = replace(pipeline, artifacts=Nowhere(artifact.ref), summarizer=None)
    outcome: Outcome = "passed"
    view, omissions = text, tuple[Omission, ...]()
    if rule.mode != "off":
        sent = dry.shorten(artifact.call, artifact.result, rule)
        if sent.outcome != "passed":
            outcome, view, omissions = sent.outcome, sent.view, tuple(sent.omissions)
    return Replayed(
        artifact.ref,
        artifact.kept_at,
        estimate(text),
        estimate(artifact.view or text),
        estimate(view),
        artifact.outcome,
        outcome,
        artifact.view,
        view,
        omissions,
        [Weighed(fetch, verdict(fetch, view, omissions)) for fetch in fetches],
    )


def verdict(fetch: Fetch, view: str, omissions: Sequence[Omission]) -> Verdict:
    """Tell whether a view spares a fetch: it does where it shows what the fetch gave."""
    if all(item.shown >= item.total for item in omissions):
        return "spared"
    if fetch.is_whole:
        return "needed"
    if fetch.part is None:
        return "not known"
    return "spared" if traces.covered(fetch.part, view) >= MOST_OF_IT else "needed"
