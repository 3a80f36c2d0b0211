"""Plain text for people: numbers, times and aligned tables."""

import os
import sys
from collections.abc import Sequence
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


def as_bytes(text: str) -> bytes:
    """Return text as the bytes it was read from, also where they are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate of JSON
        return text.encode("utf-8", "surrogatepass")


def write(text: str) -> None:
    """Write text to standard output as it is, with a newline if it does not end with one."""
    sys.stdout.buffer.write(as_bytes(text) + (b"" if text.endswith("\n") else b"\n"))
    sys.stdout.buffer.flush()


def table(lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return lines of cells as aligned text; the first columns left, others right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def is_styled() -> bool:
    """Tell whether standard output is a terminal that wants colours and lines."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def fitted(lines: Sequence[Sequence[str]], order: Sequence[int], width: int) -> list[Sequence[str]]:
    """Return lines without the columns that do not fit into width, left out in this order."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    left = set(range(len(widths)))
    for column in order:
        if sum(widths[i] + 2 for i in left) - 2 <= width:
            break
        left.remove(column)
    return [[line[i] for i in sorted(left)] for line in lines]
