"""Answer a repeated call shorter, where the agent still has the earlier answer before it."""

import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from coatcheck.body import open_body, with_text
from coatcheck.difference import difference
from coatcheck.pipeline import Outgoing
from coatcheck.protocols import Artifacts
from coatcheck.sizing import estimate
from coatcheck.types import Call, Outcome, StoreError, UnknownRef
from coatcheck.view import escape

logger = logging.getLogger(__name__)

# Later than this the client may have dropped the earlier answer from its context.
MOST_TURNS = 20
MOST_REMEMBERED = 64
MOST_CHARACTERS = 16_000_000
MOST_CONTEXTS = 256

Same = tuple[str, str, str, bytes, str]


@dataclass(frozen=True, slots=True)
class Sent:
    """A view that a context was given: of which artifact and text, at which of its calls.

    is_whole is false once a shorter answer has referred to it.
    """

    ref: str
    text: str
    turn: int
    outcome: Outcome = "passed"
    is_whole: bool = True


class Repeats:
    """What was sent lately to the contexts that clients name; in memory only, bounded.

    Safe in any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: Counter[str] = Counter()
        self._sent: OrderedDict[Same, Sent] = OrderedDict()
        self.characters = 0

    def turn(self, context: str) -> int:
        """Count a call of context; return how many it has made."""
        with self._lock:
            if context not in self._turns and len(self._turns) >= MOST_CONTEXTS:
                self._turns.clear()
                self._forget_all()
            self._turns[context] += 1
            return self._turns[context]

    def shorter(self, call: Call, outgoing: Outgoing) -> str:
        """Return what to send instead of the view of outgoing, "" to send the view.

        That is one line where nothing has changed, else the difference, if the same call was
        answered with a view at most 20 calls ago; never twice in a row, and never where a
        summary has arrived since.
        """
        if not call.context:
            return ""
        turn = self.turn(call.context)
        same = (call.context, call.upstream, call.tool, call.arguments, call.focus)
        with self._lock:
            earlier = self._sent.get(same)
            self._remember(same, Sent(outgoing.ref, outgoing.text, turn, outgoing.outcome))
        if earlier is None or not earlier.is_whole or turn - earlier.turn > MOST_TURNS:
            return ""
        if outgoing.outcome == "summarized" != earlier.outcome:
            return ""
        short = said(earlier, outgoing, turn - earlier.turn, call.focus)
        if not short or estimate(short) >= estimate(outgoing.view):
            return ""
        with self._lock:
            self._remember(same, replace(earlier, is_whole=False))
        return short

    def _remember(self, same: Same, sent: Sent) -> None:
        before = self._sent.pop(same, None)
        self.characters += len(sent.text) - (len(before.text) if before else 0)
        self._sent[same] = sent
        while self._sent and (
            len(self._sent) > MOST_REMEMBERED or self.characters > MOST_CHARACTERS
        ):
            _, oldest = self._sent.popitem(last=False)
            self.characters -= len(oldest.text)

    def _forget_all(self) -> None:
        self._sent.clear()
        self.characters = 0


def said(earlier: Sent, now: Outgoing, ago: int, focus: str = "") -> str:
    """Return in words how the text of now relates to what was sent earlier, "" if it cannot.

    Raises nothing: a text without a short difference has none.
    """
    when = f"shown {ago} call{'s' if ago > 1 else ''} ago"
    whole = f'fetch_artifact(ref="{now.ref}", page=1)'
    if earlier.text == now.text:
        return f"[coatcheck: unchanged since {earlier.ref}, {when}. Again: {whole}]"
    found = difference(earlier.text, now.text, focus)
    if found is None:
        return ""
    return (
        f"[coatcheck: {found.what} since {earlier.ref}, {when}; all else is the same."
        f" Whole: {whole}]\n{escape(found.text)}\n[end of the difference]"
    )


def resent(artifacts: Artifacts, result: bytes, outgoing: Outgoing, short: str) -> Outgoing:
    """Return outgoing with short in place of its view, once that is kept as a view that was sent.

    outgoing itself when it cannot be kept.
    """
    body = open_body(result)
    try:
        artifacts.put(replace(artifacts.peek(outgoing.ref), view=short))
    except (StoreError, UnknownRef) as error:
        logger.warning("%s: the whole view is sent: %s", outgoing.ref, error)
        return outgoing
    sent = with_text(result, short, body.others if body else ())
    return replace(outgoing, result=sent, view=short, reason="a repeat: only what is new")
