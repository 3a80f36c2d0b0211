"""Reduce a body by rule: detect its kind, then the reducer of that kind."""

import logging
from collections.abc import Iterable
from importlib import import_module

from coatcheck.protocols import Reducer
from coatcheck.reducers.budget import WHOLE
from coatcheck.reducers.detect import detect
from coatcheck.reducers.terms import WORD
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Forced, Kind, Reduction

logger = logging.getLogger(__name__)

# What header and end line of a view cost at most.
HEADER_BYTES = 320
HEADER_TOKENS = 100
LOSSLESS_SHARE = 0.15
LOSSLESS_TOKENS = 100
OVER_BUDGET = 1.2
# A longer text is clipped: a second passes for every 40,000 to 160,000 lines that are looked at.
MOST_LINES = 500_000
MOST_CHARACTERS = 16_000_000
# Modules that are asked for a kind, in this order; clip is asked last for all.
STEPS: dict[Kind, tuple[str, ...]] = {
    "records": ("unwrap", "records", "split", "logs"),
    "tables": ("tables", "split", "logs"),
    "logs": ("commits", "logs"),
    "repeats": ("stanzas", "split", "logs"),
    "builds": ("builds", "listing", "logs"),
    "diffs": ("diffs",),
    "listing": ("listing", "logs"),
    "html": ("split", "html"),
    "trees": ("stanzas", "xmlrecords", "split", "trees", "prose"),
    "snapshots": ("trees",),
    "code": ("split", "code", "prose"),
    "prose": ("split", "prose"),
}


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of text within aim, or None when nothing is gained.

    Never raises, whatever a reducer does.
    """
    return reduce_as("auto", text, aim)


def reduce_as(kind: Forced, text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of text when it is taken for content of kind. Never raises."""
    if len(text) > MOST_CHARACTERS or text.count("\n") > MOST_LINES:
        kind = "clip"
    elif kind == "auto":
        kind = detect(text, aim)
    names = ("clip",) if kind == "clip" else (*STEPS[kind], "clip")
    return first_fit(map(load, names), text, aim)


def load(name: str) -> Reducer:
    """Return the reducer of a module, imported at first use so that a start stays quick."""
    reducer: Reducer = import_module(f"{__name__}.{name}").reduce
    return reducer


def first_fit(reducers: Iterable[Reducer], text: str, aim: Aim) -> Reduction | None:
    """Return the first offer of reducers that holds what every view promises, None for none."""
    for reducer in reducers:
        try:
            reduction = reducer(text, aim)
        except Exception:  # law 3: when a reducer fails, the next simpler one is asked
            logger.exception("%s failed on %d characters", reducer, len(text))
            continue
        if reduction is not None and is_fit(reduction, text, aim):
            return reduction
    return None


def is_fit(reduction: Reduction, text: str, aim: Aim) -> bool:
    """Tell whether reduction keeps the laws: smaller, honest, within the budget."""
    before, after = estimate(text), estimate(reduction.text)
    if size(reduction.text) + HEADER_BYTES >= size(text) or after + HEADER_TOKENS >= before:
        return False
    is_near = after <= allowance(reduction, aim) * aim.budget_tokens
    if reduction.level == "lossless":
        gain = max(LOSSLESS_TOKENS, LOSSLESS_SHARE * before)
        return not reduction.omissions and before - after >= gain and (is_near or aim.lossless)
    return is_near and not aim.lossless and is_honest(reduction, text)


def allowance(reduction: Reduction, aim: Aim) -> float:
    """Return how many budgets reduction may cost."""
    return WHOLE if reduction.level == "trimmed" and not aim.focus else OVER_BUDGET


def size(text: str) -> int:
    """Return the bytes of text."""
    return len(text.encode("utf-8", "replace"))


def is_honest(reduction: Reduction, text: str) -> bool:
    """Tell whether what is left out can be true, and that it is said at all (law 4).

    Where nothing is said to be left out, each word of text must still be there.
    """
    if not reduction.omissions:
        return set(WORD.findall(text)) <= set(WORD.findall(reduction.text))
    return all(0 <= omission.shown <= omission.total for omission in reduction.omissions)
