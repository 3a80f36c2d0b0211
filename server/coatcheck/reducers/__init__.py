"""Reduce a body by rule: detect its kind, then the reducer of that kind."""

from coatcheck.types import Aim, Reduction


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the best reduction of text within aim, or None when nothing is gained."""
    return None
