"""Summarize a result: decide, ask, check, and fall back to the deterministic view."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Protocol

from coatcheck.protocols import Reducer
from coatcheck.sizing import estimate
from coatcheck.summarize import pointing, prompt
from coatcheck.summarize.answers import Answers, key_of
from coatcheck.summarize.client import Reply, Unanswered, billed
from coatcheck.summarize.economics import Decision, Price, Prospect, decide, prices
from coatcheck.summarize.forms import (
    EVERYTHING,
    Form,
    chosen_form,
    claude_factor,
    cost_of,
    form_of,
    within,
)
from coatcheck.summarize.history import History, over_caps
from coatcheck.summarize.masking import Mask
from coatcheck.types import Aim, Call, Reduction, Rule, SummarizerSettings, Summary

logger = logging.getLogger(__name__)

# Kinds of reduction that a focus helps least: prose, logs and documents.
DOCUMENTS = frozenset({"prose", "logs", "commits", "html", "clip"})
LEAST_TARGET = 200
TARGET_SHARE = 0.05
PROSE_TARGET = 900
VIEW_FRAME_TOKENS = 100
MOST_MISSES = 2
# Named by a route whose results no model shall read.
NO_MODEL = "none"
FREE = Price(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Job:
    """One result to be summarized: what the model reads, and what is made of its answer.

    key names the answer: by content, what is asked, version of the prompt, and model. room is how
    many tokens of passages the model reads, kept an answer that was given before, expected_usd
    what a new one will cost.
    """

    call: Call
    text: str
    form: Form
    planned: Reduction
    model: str
    target_tokens: int
    budget_tokens: int
    decision: str
    request: prompt.Request
    mask: Mask
    key: str
    room: int
    kept: Reply | None = None
    expected_usd: float = 0.0
    began: float = 0.0


class Line(Protocol):
    """As much of the Api as a Pointer uses."""

    def ask(self, body: Mapping[str, Any]) -> "Future[Reply]":
        """Send a message. Raises: Unanswered."""
        ...

    def close(self) -> None:
        """Cancel what is under way."""
        ...


class Pointer:
    """The Summarizer Protocol over the Messages API.

    book is told what a summary cost that came too late for its call.
    """

    def __init__(
        self,
        settings: SummarizerSettings,
        api: Line,
        answers: Answers,
        reduce: Reducer,
        *,
        history: Callable[[Call], History] = lambda _: History(),
        book: Callable[[Call, Summary], None] = lambda _, __: None,
    ) -> None:
        self._clock = time.monotonic
        self._settings = settings
        self._api = api
        self._prices = prices(settings.prices)
        self._reduce = reduce
        self._answers = answers
        self._history = history
        self._book = book
        self._misses: Counter[str] = Counter()

    def __call__(self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction) -> Summary:
        """Return a summary in planned's place, or why there is none."""
        job = self.prepared(call, rule, text, aim, planned)
        if isinstance(job, Summary):
            return job
        summary = self._asked(job)
        while self._may_try_again(summary, job):
            job = self.prepared(call, rule, text, aim, planned)  # now with the stronger model
            if isinstance(job, Summary):
                break
            summary = _with_cost_of(self._asked(job), summary)
        return summary

    def prepared(
        self, call: Call, rule: Rule, text: str, aim: Aim, planned: Reduction
    ) -> Job | Summary:
        """Return what would be asked about a result, or why nothing would."""
        began = self._clock()
        target = self.target(rule, text)
        if not self._is_wanted(aim, planned, target):
            return Summary()
        form = form_of(text, aim, self._reduce)
        model = self.model_for(aim.tool, planned.kind, form.tokens)
        if form.tokens < self._settings.least_tokens or model == NO_MODEL:
            return Summary()
        asked = asked_for(rule, target)
        wanted = prompt.Wanted(aim.tool, aim.arguments, aim.focus, rule.summarize)
        key = key_of(prompt.VERSION, model, prompt.mark_of(text), asdict(wanted), asked)
        kept = self._answers.get(key)
        price = FREE if kept else self._prices.of(model)
        decision, refusal = self._decided(call, form, planned, target, price)
        if refusal:
            return Summary(reason=refusal, decision=str(decision))
        room = (decision.prompt_tokens - prompt.OVERHEAD_TOKENS) / claude_factor(form)
        room = kept.room if kept and kept.room else round(room)
        read, mask = self._read(form, room, text, aim), Mask()
        return Job(
            call=call,
            text=text,
            form=read,
            planned=planned,
            model=model,
            target_tokens=target,
            budget_tokens=rule.budget_tokens,
            decision=str(decision),
            request=prompt.request(read, wanted, mask, asked=asked),
            mask=mask,
            key=key,
            room=room,
            kept=kept,
            expected_usd=decision.summary_usd,
            began=began,
        )

    def _read(self, form: Form, tokens: int, text: str, aim: Aim) -> Form:
        """Return form, or what of it the model reads when all of it costs too much."""
        if cost_of(form) <= tokens:
            return form
        chosen = chosen_form(text, aim, self._reduce, tokens // 2)
        return within(chosen or form, tokens, aim.focus)

    def target(self, rule: Rule, text: str) -> int:
        """Return how many tokens of passages a model is asked to point at."""
        most = self._settings.target_tokens
        if rule.style == "prose":
            most = max(most, PROSE_TARGET)
        share = round(TARGET_SHARE * estimate(text))
        return min(rule.budget_tokens, most, max(LEAST_TARGET, share))

    def close(self) -> None:
        """Cancel what is under way."""
        self._api.close()

    def _is_wanted(self, aim: Aim, planned: Reduction, target_tokens: int) -> bool:
        """Tell whether a model may say more than the focus does, in fewer tokens than planned."""
        is_open = not aim.focus or planned.weak_focus or planned.kind in DOCUMENTS
        return is_open and estimate(planned.text) > target_tokens

    def _decided(
        self, call: Call, form: Form, planned: Reduction, target: int, price: Price
    ) -> tuple[Decision, str]:
        """Return the decision and, when it is no, why."""
        history = self._history(call)
        factor = claude_factor(form)
        whole = round(cost_of(form) * factor) + prompt.OVERHEAD_TOKENS
        decision = decide(
            Prospect(
                before_tokens=round(estimate(planned.text) * factor),
                after_tokens=round(target * factor),
                original_tokens=round(form.tokens * factor),
                prompt_tokens=min(whole, self._settings.prompt_tokens),
                turns=history.turns,
                context_tokens=history.context_tokens,
                refetch_rate=history.refetch_rate,
            ),
            self._prices.of(self._settings.agent_model),
            price,
        )
        refusal = over_caps(history, self._settings, decision.summary_usd)
        if refusal and price is not FREE:
            return decision, refusal
        return decision, "" if decision.pays else f"summary does not pay: {decision}"

    def model_for(self, tool: str, kind: str, tokens: int) -> str:
        """Return the model of the first route that fits; the stronger one after two misses."""
        for route in self._settings.routes:
            fits = fnmatchcase(tool, route.tool) and route.kind in ("", kind)
            most = route.most_tokens or tokens
            if fits and route.least_tokens <= tokens <= most:
                return route.model
        if self._settings.stronger and self._misses[tool] >= MOST_MISSES:
            return self._settings.stronger
        return self._settings.model

    def _asked(self, job: Job) -> Summary:
        if job.kept is not None:
            return self.made(job, job.kept)
        background = self._settings.profile == "background"
        seconds = self._settings.hard_seconds if background else self._settings.soft_seconds
        try:
            future = self._api.ask(job.request.body(job.model))
            # What was needed to get here counts too: the agent waits for all of it.
            reply = future.result(max(0.0, seconds - (self._clock() - job.began)))
        except TimeoutError:
            future.add_done_callback(partial(self._late, job))
            why = f"summarizer slow: no answer within {seconds:g} s"
            return Summary(reason=why, decision=job.decision, milliseconds=seconds * 1e3)
        except Unanswered as why:
            return Summary(reason=f"summarizer {why}", decision=job.decision)
        except CancelledError:
            return Summary(reason="summarizer stopped: the session ends", decision=job.decision)
        self._answers.put(job.key, replace(reply, room=job.room))
        return self.made(job, reply)

    def _late(self, job: Job, future: "Future[Reply]") -> None:
        """Keep an answer that came after its view had left, and book what it cost."""
        if future.cancelled() or future.exception() is not None:
            return
        reply = future.result()
        self._answers.put(job.key, replace(reply, room=job.room))
        self._book(job.call, self._costs(job, reply))

    def made(self, job: Job, reply: Reply) -> Summary:
        """Return what the reply makes of the result, after the check."""
        costs = self._costs(job, reply)
        if reply.stopped != "end_turn":
            return replace(costs, reason=f"summarizer stopped: {reply.stopped}")
        try:
            answer = pointing.parse(reply.text)
        except (ValueError, RecursionError):
            return replace(costs, reason="summarizer answered nonsense: no JSON of the schema")
        quotes = tuple(map(job.mask.restore, answer.quotes))
        found = pointing.check(replace(answer, quotes=quotes), job.form, job.text)
        if not found.missed and self._is_thin(found, job):
            too_little = "guard: the answer points at too little"
            return replace(costs, reduction=self._above(job, found), reason=too_little)
        tool = f"{job.call.upstream}.{job.call.tool}"
        self._misses[tool] = self._misses[tool] + 1 if found.missed else 0
        reason = f"guard: not in the source, {found.missed}" if found.missed else ""
        if found.trust == "none":
            return replace(costs, reason=reason or "guard: the answer points at nothing")
        made = self._pointed(job, found) if found.trust == "full" else None
        if made is None and found.trust == "full":
            reason = "summary too long: the passages cost more than the view without it"
        return replace(costs, reduction=made or self._above(job, found), reason=reason)

    def _is_thin(self, found: pointing.Findings, job: Job) -> bool:
        if job.planned.weak_focus and found.text:
            return False  # words alone do not tell what a model may see
        return pointing.is_thin(found, job.form, job.target_tokens, job.call.focus)

    def _pointed(self, job: Job, found: pointing.Findings) -> Reduction | None:
        """Return all that is pointed at, None when the deterministic view costs no more.

        Pointers that need more than the target are not cut: a list whose every row may be asked
        for does not fit there, and what a rule would leave out of them is a guess.
        """
        made = pointing.pointed(
            found,
            job.form,
            job.model,
            target_tokens=EVERYTHING,
            budget_tokens=job.budget_tokens,
        )
        return made if made and estimate(made.text) < estimate(job.planned.text) else None

    def _above(self, job: Job, found: pointing.Findings) -> Reduction | None:
        if not found.text:
            return None
        made = pointing.above(found, job.model, job.planned)
        gains = estimate(made.text) + VIEW_FRAME_TOKENS < estimate(job.text)
        return made if gains else None

    def _may_try_again(self, summary: Summary, job: Job) -> bool:
        """Tell whether to ask again: the guard has failed, and nobody waits."""
        if self._settings.profile != "background" or not summary.reason.startswith("guard"):
            return False
        tool = f"{job.call.upstream}.{job.call.tool}"
        return bool(self._settings.stronger) and self._misses[tool] == MOST_MISSES

    def _costs(self, job: Job, reply: Reply) -> Summary:
        cached = ""
        if reply.usage.cache_write_tokens or reply.usage.cache_read_tokens:
            cached = f"; {reply.usage}"
        return billed(reply, self._prices.of(job.model), job.decision + cached)


def asked_for(rule: Rule, target_tokens: int) -> str:
    """Return what a model is asked to do with a result."""
    asked = prompt.PROSE if rule.style == "prose" else prompt.SUMMARY
    return f"{asked} {prompt.ROOM.format(tokens=target_tokens)}"


def _with_cost_of(summary: Summary, before: Summary) -> Summary:
    return replace(
        summary,
        milliseconds=summary.milliseconds + before.milliseconds,
        input_tokens=summary.input_tokens + before.input_tokens,
        output_tokens=summary.output_tokens + before.output_tokens,
        cache_write_tokens=summary.cache_write_tokens + before.cache_write_tokens,
        cache_read_tokens=summary.cache_read_tokens + before.cache_read_tokens,
        micro_usd=summary.micro_usd + before.micro_usd,
    )
