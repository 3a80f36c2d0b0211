"""coatcheck statusline: today's savings on one line, for the status bar of an agent."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from coatcheck.cli.home import home
from coatcheck.types import LedgerError

USAGE = """usage: coatcheck statusline [--all]

Prints what was saved today (UTC), net, on one line: for the status line of an agent.

  --all  what was saved since the first call instead

example: coatcheck statusline
"""
DAY_SECONDS = 86_400
TODAY = """SELECT coalesce(sum(calls), 0), coalesce(sum(shortened), 0),
    coalesce(sum(counterfactual_tokens - view_tokens - fetched_tokens - own_tokens), 0),
    coalesce(sum(counterfactual_tokens), 0) FROM rollup WHERE day >= ?"""


def main(argv: Sequence[str]) -> int:
    """Print the line; a ledger that cannot be read is said so on it, too."""
    if argv and list(argv) != ["--all"]:
        is_help = argv[0] in ("--help", "-h")
        wrong = "" if is_help else f"\ncoatcheck statusline: unknown option {' '.join(argv)}\n"
        print(USAGE + wrong, end="", file=sys.stdout if is_help else sys.stderr)
        return 0 if is_help else 2
    first = 0 if argv else int(time.time() // DAY_SECONDS)
    print(line(home(), first, "in all" if argv else "today"))
    return 0


def line(where: Path, first_day: int, when: str) -> str:
    """Return the line for the days from first_day on, against what the clients would have shown."""
    from coatcheck.ledger.reader import reading

    try:
        with reading(where) as db:
            calls, shortened, net, base = db.execute(TODAY, (first_day,)).fetchone()
    except FileNotFoundError:
        calls = shortened = net = base = 0
    except LedgerError:
        return "coatcheck: the ledger cannot be read, see coatcheck doctor"
    if not calls:
        return f"coatcheck: no calls {when}"
    percent = f" ({100 * net / base:.0f} %)" if base else ""
    return (
        f"coatcheck {when}: {shortened:,} of {calls:,} calls shortened, net {net:,} tokens{percent}"
    )
