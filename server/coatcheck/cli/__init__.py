"""The command line: one module per command, imported when it runs."""

import sys
from collections.abc import Sequence

USAGE = """usage: coatcheck run [--name NAME] [--config FILE] -- COMMAND [ARGUMENT ...]

example: coatcheck run --name github -- npx -y server-github
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when it failed, 2 for a wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"]:
        # Not through click: an agent waits for this command, and click takes 60 ms to import.
        from coatcheck.cli import run

        return run.main(words[1:])
    asked = words[:1] in (["--help"], ["-h"])
    print(USAGE, end="", file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2
