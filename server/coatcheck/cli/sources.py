"""What the reporting commands read from: the home, the store and the tokenizer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from coatcheck.cli.home import home
from coatcheck.types import Artifacts

# Gives the tokens of a text and the half width of that count.
Count = Callable[[str], tuple[int, int]]


def open_kept() -> Artifacts:
    """Return the artifacts that this user's settings name. Raises: ConfigError, StoreError."""
    from coatcheck.cli.parts import artifacts, place

    return artifacts(place())


def open_count() -> Count:
    """Return the exact count; its vocabulary is read at the first text."""
    from coatcheck.counting import TokenCounter

    counter = TokenCounter()

    def count(text: str) -> tuple[int, int]:
        found = counter.count(text)
        return found.tokens, found.half_width

    return count


@dataclass(frozen=True, slots=True)
class Sources:
    """What a reporting command reads from; a test hands its own to the click context as `obj`."""

    home: Path = field(default_factory=home)
    open_artifacts: Callable[[], Artifacts] = open_kept
    open_count: Callable[[], Count] = open_count


def sources_of(ctx: click.Context) -> Sources:
    """Return the sources that the command was given, or those of the environment."""
    return ctx.find_object(Sources) or Sources()
