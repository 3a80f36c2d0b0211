"""Reduce a body by rule: detect its kind, then the reducer of that kind."""

import logging
from importlib import import_module
from importlib.util import find_spec

from coatcheck.reducers.detect import Kind, detect
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reducer, Reduction

logger = logging.getLogger(__name__)

# What header and end line of a view cost at most.
HEADER_BYTES = 320
HEADER_TOKENS = 90
LOSSLESS_SHARE = 0.15
LOSSLESS_TOKENS = 100
OVER_BUDGET = 1.2
# What nothing was selected from, only announced parts dropped, may cost more: with nothing sought
# a missing passage costs fetching the whole (html: 24 pages, 77 % saved without this, 96 % with).
OVER_BUDGET_TRIMMED = 2.2
# Modules that are tried for a kind, in this order; the last of all is clip.
STEPS: dict[Kind, tuple[str, ...]] = {
    "records": ("records", "split", "logs"),
    "tables": ("tables",),
    "logs": ("logs",),
    "builds": ("builds", "logs"),
    "diffs": ("diffs",),
    "listing": ("listing",),
    "html": ("split", "html"),
    "trees": ("trees",),
    "code": ("split", "code"),
    "prose": ("split", "prose"),
}


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of text within aim, or None when nothing is gained.

    What a reducer offers is taken when it holds what every view promises; else the next simpler
    reducer is asked. Never raises, whatever a reducer does.
    """
    for name in (*STEPS[detect(text, aim)], "clip"):
        reduction = attempt(name, text, aim)
        if reduction is not None and is_fit(reduction, text, aim):
            return reduction
    return None


def attempt(name: str, text: str, aim: Aim) -> Reduction | None:
    """Return what the reducer in module name makes of text, None when it fails."""
    if find_spec(f"{__name__}.{name}") is None:
        return None
    reducer: Reducer = import_module(f"{__name__}.{name}").reduce
    try:
        return reducer(text, aim)
    except Exception:  # law 3: a failing reducer never fails the call
        logger.exception("reducer %s failed on %d characters", name, len(text))
        return None


def is_fit(reduction: Reduction, text: str, aim: Aim) -> bool:
    """Tell whether reduction keeps the laws: smaller, honest, and within the budget."""
    before, after = estimate(text), estimate(reduction.text)
    size = len(reduction.text.encode("utf-8", "replace"))
    is_smaller = (
        size + HEADER_BYTES < len(text.encode("utf-8", "replace"))
        and after + HEADER_TOKENS < before
    )
    if reduction.level == "lossless":
        saved = before - after
        return (
            is_smaller
            and not reduction.omissions
            and saved >= max(LOSSLESS_TOKENS, LOSSLESS_SHARE * before)
        )
    return (
        is_smaller
        and not aim.lossless
        and is_honest(reduction)
        and after <= allowance(reduction, aim) * aim.budget_tokens
    )


def allowance(reduction: Reduction, aim: Aim) -> float:
    """Return how many budgets reduction may cost."""
    return OVER_BUDGET_TRIMMED if reduction.level == "trimmed" and not aim.focus else OVER_BUDGET


def is_honest(reduction: Reduction) -> bool:
    """Tell whether the omissions can be true: something is left out, nothing more than all."""
    return bool(reduction.omissions) and all(
        0 <= omission.shown <= omission.total for omission in reduction.omissions
    )
