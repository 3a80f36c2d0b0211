"""Plain text for people: numbers, times and aligned tables."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

NO_ROWS = """No calls in the ledger yet: {path}
The usual causes:
  1. The agent starts its server without coatcheck: see `coatcheck status`.
  2. The agent still runs with its old settings: restart it, then call a tool.
  3. The agent's coatcheck has another home, or cannot write to this one: compare COATCHECK_HOME
     in the agent's settings with yours, then see `coatcheck doctor`."""


def plain(text: str) -> str:
    """Return text with control characters replaced, so that it cannot steer a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)


def no_rows(home: Path) -> str:
    """Say where the ledger is, and why it may be empty."""
    return NO_ROWS.format(path=home / "ledger.db")


def percents(value: float | None) -> str:
    """Return a percentage with one decimal, "-" when there is none."""
    return "-" if value is None else f"{value:.1f}"


def milliseconds(microseconds: int) -> str:
    """Return microseconds as milliseconds with one decimal."""
    return f"{microseconds / 1000:,.1f}"


def moment(at: float) -> str:
    """Return a time as UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"


def table(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under the head lines as aligned text; the first column left, others right."""
    lines = [*head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def is_styled() -> bool:
    """Tell whether standard output is a terminal that wants colours and lines."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def styled_table(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> None:
    """Print the same table as `table` for a terminal; the last row is the totals row."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(show_footer=False)
    for i, names in enumerate(zip(*head, strict=True)):
        grid.add_column(Text("\n".join(names)), justify="right" if i else "left")
    for number, row in enumerate(rows, 1):
        if number == len(rows):
            grid.add_section()
        grid.add_row(*(Text(cell) for cell in row), style="bold" if number == len(rows) else "")
    Console().print(grid)
