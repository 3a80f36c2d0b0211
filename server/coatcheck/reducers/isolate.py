"""Run a function that can stall or eat memory in a process of its own, which can be killed."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

SECONDS = 2.0
MEMORY_BYTES = 1 << 30


def isolated(
    target: str, data: bytes, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES
) -> bytes | None:
    """Return what the function named by target ("module:function") makes of data.

    None when it raises, dies, needs longer than seconds or more memory than memory_bytes (where
    the system can limit that). The process starts for this one call, without our environment, and
    its memory goes with it; starting takes about 50 ms. target must come from our own code.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__, target, str(memory_bytes)],
            input=data,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={} if os.name == "posix" else None,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def limit_memory(size_bytes: int) -> None:
    """Make this process fail when it takes more than size_bytes, where the system can do that."""
    try:
        import resource  # not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def work(target: str, memory_bytes: int) -> None:
    """Be the process: answer standard input with the function's result on standard output."""
    answer, sys.stdout = sys.stdout.buffer, sys.stderr  # whatever the function prints stays out
    limit_memory(memory_bytes)
    module, _, name = target.partition(":")
    function: Callable[[bytes], bytes | None] = getattr(import_module(module), name)
    answer.write(function(sys.stdin.buffer.read()) or b"")
    answer.flush()


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
