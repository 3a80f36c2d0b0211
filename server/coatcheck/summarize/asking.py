"""Answer a question about one artifact, with the passages that prove the answer."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace

from coatcheck.protocols import Reducer
from coatcheck.summarize import pointing, prompt
from coatcheck.summarize.client import Api, Reply, Unanswered, billed
from coatcheck.summarize.economics import MILLION, Prices
from coatcheck.summarize.forms import Form, claude_factor, cost_of, form_of, within
from coatcheck.summarize.history import History, over_caps
from coatcheck.summarize.masking import Mask
from coatcheck.types import Aim, Call, Reduction, SummarizerSettings, Summary

# A fetch asks for this much at most; a page of an artifact may cost the same.
ANSWER_TOKENS = 1_500


class Asker:
    """The Asker Protocol over the Messages API: the artifact is the cached prefix."""

    def __init__(
        self,
        settings: SummarizerSettings,
        api: Api,
        prices: Prices,
        reduce: Reducer,
        history: Callable[[Call], History] = lambda _: History(),
    ) -> None:
        self._settings = settings
        self._api = api
        self._prices = prices
        self._reduce = reduce
        self._history = history

    def __call__(self, call: Call, text: str, question: str) -> Summary:
        """Return the answer with its passages as a reduction, or why there is none."""
        tool = f"{call.upstream}.{call.tool}"
        form = form_of(text, Aim(ANSWER_TOKENS, tool=tool), self._reduce)
        room = self._settings.prompt_tokens - prompt.OVERHEAD_TOKENS
        # Only a longer one is chosen from by the question, which costs its place in the cache.
        form = within(form, round(room / claude_factor(form)), question)
        price = self._prices.of(self._settings.model)
        expected = cost_of(form) * claude_factor(form) * price.cache_write / MILLION
        if refusal := over_caps(self._history(call), self._settings, expected):
            return Summary(reason=refusal)
        mask = Mask()
        sought = prompt.Wanted(tool, {}, question)
        request = prompt.request(form, sought, mask, asked=prompt.ANSWER)
        try:
            future = self._api.ask(request.body(self._settings.model, cached=True))
            reply = future.result(self._settings.hard_seconds + 1)
        except (TimeoutError, CancelledError):
            return Summary(reason="summarizer slow: no answer within its deadline")
        except Unanswered as why:
            return Summary(reason=f"summarizer {why}")
        costs = self._costs(reply)
        try:
            answer = pointing.parse(reply.text)
        except (ValueError, RecursionError):
            return replace(costs, reason="summarizer answered nonsense: no JSON of the schema")
        quotes = tuple(map(mask.restore, answer.quotes))
        found = pointing.check(replace(answer, quotes=quotes), form, text)
        if found.missed or found.trust != "full":
            return replace(costs, reason=f"guard: not in the source, {found.missed or 'anything'}")
        return replace(costs, reduction=self._answer(found, form))

    def _answer(self, found: pointing.Findings, form: Form) -> Reduction | None:
        return pointing.pointed(
            found,
            form,
            self._settings.model,
            target_tokens=ANSWER_TOKENS,
            budget_tokens=0,
            what="answer",
        )

    def _costs(self, reply: Reply) -> Summary:
        return billed(reply, self._prices.of(self._settings.model), f"ask; {reply.usage}")
