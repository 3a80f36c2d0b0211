"""The straight line a tool result takes: capture, size, trim, select, summarize, render, keep."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coatcheck import media, pruning, spans, view
from coatcheck.body import Body, open_body, structured_of, with_structured, with_text
from coatcheck.documents import with_documents
from coatcheck.protocols import Artifacts, Reducer, Summarizer
from coatcheck.sizing import estimate
from coatcheck.types import (
    Aim,
    Artifact,
    Call,
    Omission,
    Outcome,
    Reduction,
    Rule,
    StoreError,
    Summary,
)

logger = logging.getLogger(__name__)

# Selection aims at this share of a result, at least so many tokens, at most half the ceiling:
# what drops nothing but announced boilerplate may take twice the aim. Measured on the open corpus:
# a share of 0.1 to 0.2 and a least of 350 to 600 tokens differ by under one point.
SHARE = 0.15
LEAST_TOKENS = 500
WHOLE = "*"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What leaves for the agent in place of a result, and how it came about.

    result is None when the result passes as received; text is the text the agent then gets.
    reason says why a simpler step was taken than planned ("" when none was). is_lighter: blocks
    beside the text were changed too.
    """

    outcome: Outcome
    result: bytes | None = None
    text: str = ""
    view: str = ""
    ref: str = ""
    omissions: Sequence[Omission] = ()
    is_error: bool = False
    reason: str = ""
    summary: Summary = field(default_factory=Summary)
    is_lighter: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be sent: a reduction, the blocks beside it, and what it must stay under.

    passed is the outcome if it is not sent after all, reason why it is simpler than planned.
    """

    reduction: Reduction
    light: media.Lighter
    most_tokens: int
    passed: Outgoing
    reason: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Shortens tool results; built once per process, safe in any thread.

    is_argument: refs may stand in later calls, so the views say how.
    """

    artifacts: Artifacts
    reduce: Reducer
    clip: Reducer
    summarizer: Summarizer | None = None
    clock: Callable[[], float] = time.time
    is_argument: bool = False

    def shorten(self, call: Call, result: bytes, rule: Rule, session: str = "") -> Outgoing:
        """Return what to send in place of result, the `result` member as received.

        session is the one that an artifact kept for its session only is erased with. Never
        raises: whatever fails, a simpler step is taken, at last the result itself.
        """
        if rule.format == "json" and (sent := self._as_object(call, result, rule, session)):
            return sent
        body = open_body(result)  # capture
        if body is None or not body.final:
            return Outgoing("passed", reason="not a finished tool result")
        passed = Outgoing("passed", text=body.text, is_error=body.is_error)
        tokens = estimate(body.text)  # size
        if rule.keep == "never" or call.focus == WHOLE:
            return passed
        light = self._light(body, rule)
        read = self._with_documents(body) if light.notes else body
        read_tokens = estimate(read.text)
        is_small = read_tokens <= rule.floor_tokens
        if is_small and not light.notes:
            return passed
        if self._is_our_own(body.text):
            return replace(passed, reason="a view or an excerpt of ours")
        aim = aim_for(call, rule, read_tokens)
        found, reason = (None, "") if is_small else self._reduction(read, aim)  # trim, select
        summary = self._summary(call, rule, read, aim, found) if found else Summary()  # summarize
        reduction = light.beside(summary.reduction or found, read)
        if reduction is None:
            return replace(passed, reason=reason)
        passed = replace(passed, summary=summary)
        most_tokens = tokens + light.saved_tokens
        plan = Plan(reduction, light, most_tokens, passed, reason or summary.reason)
        return self._sent(call, result, rule, session, plan)

    def _sent(self, call: Call, result: bytes, rule: Rule, session: str, plan: Plan) -> Outgoing:
        """Return the view that plan makes of result, kept before it leaves; else the result."""
        reduction, passed = plan.reduction, plan.passed
        try:
            ref = self.artifacts.ref_for("result", result)
            text = view.render(  # render
                reduction, ref, is_error=passed.is_error, is_argument=self.is_argument
            )
            sent = with_text(result, text, plan.light.blocks)
            if len(sent) >= len(result) or estimate(text) >= plan.most_tokens:
                return replace(passed, reason="nothing gained")
            artifact = Artifact(ref, result, call, text, reduction.level, reduction.omissions)
            self.artifacts.put(self._for_its_time(artifact, rule, session))  # keep, then send
        except (StoreError, OSError) as error:
            logger.warning("results pass unshortened: %s", error)
            return replace(passed, reason=f"store: {error}")
        return replace(
            passed,
            outcome=reduction.level,
            result=sent,
            view=text,
            ref=ref,
            omissions=reduction.omissions,
            reason=plan.reason,
            is_lighter=bool(plan.light.notes),
        )

    def _light(self, body: Body, rule: Rule) -> media.Lighter:
        """Return the blocks beside the text; those of errors and of lossless tools as received."""
        if not body.others or body.is_error or rule.mode == "lossless":
            return media.Lighter(body.others)
        return media.lighten(body)

    def _with_documents(self, body: Body) -> Body:
        try:
            return with_documents(body)
        except Exception as error:  # noqa: BLE001 - law 3: what cannot be read stays a line
            logger.warning("a document is not read (%s)", type(error).__name__)
            return body

    def prune(
        self, call: Call, result: bytes, rule: Rule, schema: Mapping[str, object], session: str = ""
    ) -> Outgoing:
        """Return result with a smaller structuredContent that schema allows, or pass it.

        For tools with mode "schema", whose clients check what they get. Never raises.
        """
        body = open_body(result)
        if body is None or not body.final or body.is_error or call.focus == WHOLE:
            return Outgoing("passed", text=body.text if body else "")
        raw = structured_of(result)
        text = raw.decode("utf-8", "replace")
        passed = Outgoing("passed", text=text or body.text)
        tokens = estimate(text)
        if tokens <= max(rule.floor_tokens, rule.budget_tokens) or rule.keep == "never":
            return passed
        if not pruning.can_be_announced(schema):
            return replace(passed, reason="the schema has no place to say what is left out")
        try:
            return self._pruned(call, result, rule, schema, session) or passed
        except (StoreError, OSError, ValueError, RecursionError) as error:
            logger.warning("%s.%s passes unpruned", call.upstream, call.tool)
            return replace(passed, reason=f"not pruned: {type(error).__name__}")

    def _pruned(
        self, call: Call, result: bytes, rule: Rule, schema: Mapping[str, object], session: str
    ) -> Outgoing | None:
        body, raw = open_body(result), structured_of(result)
        found = pruning.prune(raw, schema, rule.budget_tokens // 2, call.focus)
        if body is None or found is None:
            return None
        ref = self.artifacts.ref_for("result", result)
        value = pruning.announced(found[0], view.notice(found[1], ref))
        sent = with_structured(result, value, [*body.others, *body.embedded])
        if len(sent) >= len(result) or not pruning.is_valid(value, schema):
            return None
        artifact = Artifact(ref, result, call, value.decode(), "selected", found[1])
        self.artifacts.put(self._for_its_time(artifact, rule, session))
        text = raw.decode("utf-8", "replace")
        return Outgoing("selected", sent, text, artifact.view, ref, found[1])

    def _as_object(self, call: Call, result: bytes, rule: Rule, session: str) -> Outgoing | None:
        """Return JSON as a smaller object that begins with our notice, for who parses it.

        None where the text is no JSON, or cannot be made smaller so; its view is text then.
        """
        body = open_body(result)
        raw = pruning.rooted(body.text) if body and body.final and not body.is_error else b""
        if body is None or not raw or rule.keep == "never" or call.focus == WHOLE:
            return None
        if self._is_our_own(body.text):
            return None
        passed = Outgoing("passed", text=body.text)
        if estimate(body.text) <= max(rule.floor_tokens, rule.budget_tokens // 2):
            return passed
        try:
            found = pruning.prune(raw, {}, rule.budget_tokens // 2, call.focus)
            if found is None or not found[1] or rule.mode == "lossless":
                return None
            ref = self.artifacts.ref_for("result", result)
            value = pruning.announced(found[0], view.notice(found[1], ref))
            text = value.decode("utf-8", "surrogatepass")
            sent = with_text(result, text, body.others)
            if len(sent) >= len(result) or estimate(text) >= estimate(body.text):
                return replace(passed, reason="nothing gained")
            artifact = Artifact(ref, result, call, text, "selected", found[1])
            self.artifacts.put(self._for_its_time(artifact, rule, session))
        except (StoreError, OSError, ValueError, RecursionError) as error:
            logger.warning("%s.%s is not shown as JSON", call.upstream, call.tool)
            return replace(passed, reason=f"not pruned: {type(error).__name__}")
        return replace(
            passed, outcome="selected", result=sent, view=text, ref=ref, omissions=found[1]
        )

    def _summary(self, call: Call, rule: Rule, body: Body, aim: Aim, planned: Reduction) -> Summary:
        """Return what the summarizer makes of body; errors are never shown to it (law 7)."""
        if self.summarizer is None or body.is_error or rule.mode != "auto" or not rule.egress:
            return Summary()
        try:
            return self.summarizer(call, rule, body.text, aim, planned)
        except Exception as error:  # law 3: a failing summarizer never fails a call
            logger.exception("%s: the summarizer failed", aim.tool)
            return Summary(reason=f"summarizer failed: {type(error).__name__}")

    def _for_its_time(self, artifact: Artifact, rule: Rule, session: str) -> Artifact:
        now = self.clock()
        if isinstance(rule.keep, int):
            return replace(artifact, kept_at=now, expires_at=now + rule.keep)
        return replace(artifact, kept_at=now, session=session)

    def _reduction(self, body: Body, aim: Aim) -> tuple[Reduction | None, str]:
        """Return the best reduction, and why it is a simpler one than planned."""
        if body.is_error:
            return (None, "") if aim.lossless else self._attempt(self.clip, body.text, aim)
        reduction, reason = self._attempt(self.reduce, body.text, aim)
        if reduction is None and reason and not aim.lossless:
            return self._attempt(self.clip, body.text, aim)[0], reason
        return reduction, reason

    def _attempt(self, reducer: Reducer, text: str, aim: Aim) -> tuple[Reduction | None, str]:
        try:
            return reducer(text, aim), ""
        except Exception as error:  # noqa: BLE001 - law 3: a failing reducer never fails a call
            logger.warning("%s: a reducer failed (%s)", aim.tool, type(error).__name__)
            return None, f"reducer failed: {type(error).__name__}"

    def _is_our_own(self, text: str) -> bool:
        """Tell whether text is a view that was really sent; a forged header is not (law 9)."""
        ref = view.ref_in(text)
        try:
            return bool(ref) and self.artifacts.has_view(ref, text)
        except (StoreError, OSError):
            return False


def aim_for(call: Call, rule: Rule, tokens: int) -> Aim:
    """Return what to reach for in a result of so many estimated tokens."""
    most = max(1, rule.budget_tokens // 2)
    try:
        arguments = spans.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = {}
    return Aim(
        budget_tokens=min(most, max(LEAST_TOKENS, round(SHARE * tokens))),
        focus=call.focus,
        lossless=rule.mode == "lossless",
        tool=f"{call.upstream}.{call.tool}",
        arguments=arguments if isinstance(arguments, dict) else {},
    )
