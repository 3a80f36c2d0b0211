"""Reduce trees: accessibility snapshots."""

from coatcheck.reducers import snapshots
from coatcheck.types import Aim, Reduction


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the parts of a tree that matter within aim."""
    return snapshots.reduce(text, aim)
