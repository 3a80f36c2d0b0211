"""Find the key of the summarizer where the user has put it."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from coatcheck.summarize.client import Unanswered

OWN = "COATCHECK_ANTHROPIC_API_KEY"
COMMAND_SECONDS = 10


def has_key(environ: Mapping[str, str], *, env: str, file: str, command: str) -> bool:
    """Tell whether there is a place to take the key from; reads no file and runs nothing."""
    return bool(environ.get(env or OWN)) or bool(file) or bool(command)


def key(environ: Mapping[str, str], *, env: str, file: str, command: str) -> str:
    """Return the key: from its variable, else its file, else what its command prints.

    Raises: Unanswered, without a word of what was found.
    """
    if found := environ.get(env or OWN, "").strip():
        return found
    try:
        if file:
            found = Path(os.path.expandvars(file)).expanduser().read_text("utf-8").strip()
        elif command:
            done = subprocess.run(
                shlex.split(command),
                capture_output=True,
                timeout=COMMAND_SECONDS,
                text=True,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            found = done.stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Unanswered(f"has no key: {type(error).__name__}") from None
    if not found:
        raise Unanswered(f"has no key: set {env or OWN}")
    return found
