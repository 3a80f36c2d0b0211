"""The command line: one module per command, imported when run."""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that argv (default: the process's arguments) names; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["run"]:
        # Its start-up is part of every wrapped server's, so it does without click, and until all
        # is imported without looking for garbage, which is a twentieth of it.
        import gc

        gc.disable()
        from coatcheck.cli.run import main as run

        return run(arguments[1:])
    if arguments[:1] == ["statusline"]:  # an agent waits for it again and again
        from coatcheck.cli.statusline import main as statusline

        return statusline(arguments[1:])
    from coatcheck.cli.commands import main as others

    return others(arguments)
