"""Run the commands of the README's first transcript, and print what they say.

    python scripts/first_token.py

Run it in a project, with Claude Code and one server named `files` in its settings: it installs and
wraps for real. What differs from run to run (places, times, refs) is masked.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
MASKS = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>"),
    (r"\+[\d.,]+ ms", "<milliseconds>"),
    (r"cc_[0-9a-z]{12,}", "<ref>"),
)


def transcript() -> str:
    """Return the transcript that stands in the README."""
    found = re.search(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    if found is None:
        raise SystemExit("README.md has no transcript")
    return found[1]


def masked(text: str, home: str = "/home/me") -> str:
    """Return a transcript without what differs from run to run."""
    text = text.replace(home, "~")
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


def commands(text: str) -> list[str]:
    """Return the commands of a transcript."""
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def run(text: str) -> Iterator[str]:
    """Yield each command of a transcript and what it says."""
    for command in commands(text):
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        yield f"$ {command}\n{done.stdout}"


if __name__ == "__main__":
    sys.stdout.writelines(masked(part, os.environ["HOME"]) for part in run(transcript()))
