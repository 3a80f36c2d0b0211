"""Start the command of an upstream, and make sure that nothing of it outlives coatcheck.

Imports little, so that the upstream can be on its way while the rest of coatcheck is imported.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from coatcheck.types import UpstreamError

# Kills the last group it was told when its stdin ends, that is when coatcheck is gone in any way.
_GUARD = """trap '' HUP INT TERM
while read -r line; do group=$line; done
[ -z "$group" ] || kill -s KILL -- "-$group"
"""


class Guard:
    """A tiny shell that outlives coatcheck just long enough to kill the upstream's group.

    A parent-death signal would reach the upstream alone, not what it has started.
    """

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        if sys.platform == "win32":
            return
        with suppress(OSError):  # an image without a shell; the end of stdin still tells it
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                process_group=0,
            )

    def watch(self, group: int | None) -> None:
        """Guard this process group from now on, None for nothing."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(OSError):
                self._shell.stdin.write(b"%d\n" % group if group else b"\n")

    def close(self) -> None:
        """Let the shell end; it kills nothing."""
        if self._shell is not None and self._shell.stdin is not None:
            self.watch(None)
            self._shell.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._shell.wait(1)


class Command:
    """What starts an upstream: its words and its environment, which is ours without our own."""

    def __init__(self, name: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self._words = list(words)
        self._environ = {k: v for k, v in environ.items() if not k.startswith("COATCHECK_")}
        self._guard: Guard | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it in a guarded session of its own, with a pipe on each stream.

        Raises: UpstreamError.
        """
        try:
            process = subprocess.Popen(
                self._resolved(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environ,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            path = self._environ.get("PATH", "")
            raise UpstreamError(
                f"upstream {self.name!r}: command {self._words[0]!r} cannot be started "
                f"({error.strerror or error}); install it, give its full path, "
                f"or correct PATH, which is {path}"
            ) from None
        self._guard = self._guard or Guard()
        self._guard.watch(process.pid)
        return process

    def ended(self) -> None:
        """Note that nothing is left of what was started last."""
        if self._guard is not None:
            self._guard.watch(None)

    def close(self) -> None:
        """Let the guard go."""
        if self._guard is not None:
            self._guard.close()

    def _resolved(self) -> list[str]:
        if sys.platform == "win32":
            import shutil  # only Windows needs help to find npx.cmd

            found = shutil.which(self._words[0], path=self._environ.get("PATH"))
            return [found or self._words[0], *self._words[1:]]
        return self._words
