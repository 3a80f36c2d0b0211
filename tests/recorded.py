"""Recorded responses, and the views they become with an adapter and without."""

from pathlib import Path

from coatcheck import reducers
from coatcheck.counting import TokenCounter
from coatcheck.pipeline import aim_for
from coatcheck.protocols import Adapter, Reducer
from coatcheck.sizing import estimate
from coatcheck.types import Call, Reduction, Rule
from coatcheck.view import render

REF = "cc_000000000000"
COUNTER = TokenCounter()


def recording(name: str) -> str:
    """Return the text of a recorded response."""
    return (Path(__file__).parent / "results" / "recordings" / f"{name}.json").read_text("utf-8")


def reduced(reducer: Reducer, text: str, focus: str = "") -> Reduction:
    """Return what the pipeline would take of reducer."""
    aim = aim_for(Call("up", "tool", focus=focus), Rule(), estimate(text))
    found = reducers.first_fit([reducer], text, aim)
    assert found
    return found


def view(reducer: Reducer, text: str, focus: str = "") -> str:
    return render(reduced(reducer, text, focus), REF)


def saved_over_generic(adapter: Adapter, text: str) -> float:
    """Return the share of exact tokens that the view of adapter has less than the generic one."""
    ours, generic = view(adapter.reduce, text), view(reducers.reduce, text)
    return 1 - COUNTER.count(ours).tokens / COUNTER.count(generic).tokens
