"""Texts like no other one, so that nothing but a model makes them short."""

from random import Random

RANDOM = Random(7)
WORDS = [f"{a}{b}{c}" for a in ("ma", "lo", "ti", "re") for b in ("ka", "ne", "su") for c in "rnst"]


def sentence(start: str) -> str:
    """Return a sentence like no other one, so that nothing but a model makes it short."""
    return f"{start} {' '.join(RANDOM.choices(WORDS, k=14))}."


PROSE = "\n\n".join(
    f"## {' '.join(RANDOM.choices(WORDS, k=3))}\n\n"
    + sentence(f"Paragraph {n} speaks of topic {n} at length, of")
    + " "
    + sentence(f"It goes on, number {n}, with")
    for n in range(150)
)
LOG = "\n".join(
    sentence(f"2026-11-22T03:{n // 60:02}:{n % 60:02} INFO")
    if n != 777
    else "2026-11-22T03:12:57 ERROR worker 6 deadlock on shard 17"
    for n in range(1_000)
)
