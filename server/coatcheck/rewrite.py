"""Replace a file that other programs write too: whole or not at all, never over their changes."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

TRIES = 5


class Files(Protocol):
    """The operations on files, handed in so that a test can stop after any of them."""

    def read(self, path: Path) -> bytes:
        """Return what is in path."""
        ...

    def create(self, path: Path) -> int:
        """Open a new file for its owner alone."""
        ...

    def own(self, descriptor: int, like: os.stat_result) -> None:
        """Give an open file the mode and the owner of another."""
        ...

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of data and wait until it is on the disk."""
        ...

    def close(self, descriptor: int) -> None:
        """Close an open file."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Put source in the place of target in one step."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file."""
        ...


class OsFiles:
    """Files as the operating system does them."""

    def read(self, path: Path) -> bytes:
        """Return what is in path."""
        return path.read_bytes()

    def create(self, path: Path) -> int:
        """Open a new file for its owner alone."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def own(self, descriptor: int, like: os.stat_result) -> None:
        """Give an open file the mode and the owner of another."""
        now = os.fstat(descriptor)
        if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of data and wait until it is on the disk."""
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close an open file."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Put source in the place of target in one step."""
        source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()


def obstacle(path: Path) -> str:
    """Say why the file at path must not be replaced, "" if it may."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        return "it is no regular file"
    if not found.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        return "it is read-only"
    if not os.access(path.parent, os.W_OK):
        return "its folder is read-only"
    return "it has a second name (hard link)" if found.st_nlink > 1 else ""


def replace(path: Path, before: bytes, after: bytes, files: Files) -> bool:
    """Put after in the place of before; False if the file holds something else by now.

    Links are followed; mode and owner stay. A failure at any point leaves the old file or the
    new one. Raises: OSError.
    """
    target = path.resolve()
    new = target.with_name(f".{target.name}.{os.getpid()}.coatcheck")
    descriptor = files.create(new)
    try:
        try:
            files.own(descriptor, target.stat())
            files.write(descriptor, after)
        finally:
            files.close(descriptor)
        is_same = files.read(target) == before
        if is_same:
            files.rename(new, target)
    except Exception:
        with suppress(OSError):
            files.remove(new)
        raise
    if not is_same:
        files.remove(new)
        return False
    files.sync_folder(target.parent)
    return True


def edit(path: Path, plan: Callable[[bytes], bytes], files: Files) -> bool:
    """Put what plan makes of the file in its place; False if others change it all the time.

    plan may be called again. Raises: OSError and what plan raises.
    """
    for _ in range(TRIES):
        before = files.read(path)
        if replace(path, before, plan(before), files):
            return True
    return False


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep other coatcheck processes out; waits for them."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a") as file:
        if sys.platform != "win32":
            import fcntl  # does not exist on Windows

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
