"""Keep bytes in a folder of one machine, with diskcache; pickle is never read nor written."""

import os
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from coatcheck.types import StoreError, Usage

# From this size on a value is a file of its own instead of part of its row.
FILE_BYTES = 64 * 1024
TIMEOUT_SECONDS = 5.0
FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")
SETTINGS = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",  # nothing is forgotten behind our back
    "cull_limit": 0,
    "size_limit": 1 << 62,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": -1024,  # KiB for each thread's connection
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,  # a mapped file that is cut short kills the process
    "sqlite_secure_delete": 1,  # what was erased is overwritten
    "sqlite_synchronous": 1,
    "disk_min_file_size": FILE_BYTES,
    "disk_pickle_protocol": 2,
}
COUNTERS = {"count", "size", "hits", "misses"}
COLUMNS = "key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename"
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class DiskStore:
    """A Store in the folder path, which is made, private, at first use."""

    def __init__(self, path: Path, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.path = path
        self.aside = path.with_name(f"{path.name}.damaged")
        self._database = path / "cache.db"
        self._timeout_seconds = timeout_seconds
        self._opening = threading.Lock()
        self._cache: Any = None
        self._inode = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is put and deleted inside one step, alone among all writers; may be nested."""
        with self._opened() as cache:
            with cache.transact():
                yield
            if _inode(self._database) != self._inode:  # nobody else would find what was put
                raise StoreError(f"store {self.path}: was replaced meanwhile; try again")

    def put(self, key: str, data: bytes) -> None:
        """Keep data under key in place of what was there."""
        # The file is written under the lock: what no row names is then left by the dead alone.
        with self._opened() as cache, cache.transact():
            cache.set(key, data)

    def get(self, key: str) -> bytes | None:
        """Return what is under key; None if nothing is, or if its file is gone."""
        with self._opened() as cache:
            found: bytes | None = cache.get(key)
        return found

    def delete(self, key: str) -> None:
        """Forget key; nothing happens if there is none."""
        with self._opened() as cache:
            cache.delete(key)

    def clear(self, prefix: str) -> None:
        """Forget every key with that prefix."""
        query = "SELECT key FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
        with self._opened() as cache, cache.transact():
            for (key,) in cache._sql(query, _range(prefix)).fetchall():
                cache.delete(key)

    def scan(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """Return the keys with that prefix and their data, where data is under 64 KiB."""
        # One range query; the public interface would need one query per key.
        query = (
            "SELECT key, value FROM Cache WHERE key >= ? AND key < ? AND raw = 1 AND mode = 1"
            " AND typeof(key) = 'text' AND typeof(value) = 'blob' ORDER BY key"
        )
        with self._opened() as cache:
            rows: list[tuple[str, bytes]] = cache._sql(query, _range(prefix)).fetchall()
        return rows

    def usage(self) -> Usage:
        """Return how full the store is."""
        import shutil  # at first use: it costs more than the rest of a start's imports here

        with self._opened() as cache:
            return Usage(int(cache.volume()), shutil.disk_usage(self.path).free)

    def tidy(self, aside_seconds: float) -> None:
        """Remove what killed processes left, and damaged stores set aside longer than that."""
        with self._opened() as cache:
            with cache.transact():
                named = {name for (name,) in cache._sql("SELECT filename FROM Cache").fetchall()}
                for file in tuple(self.path.glob("*/*/*.val")):
                    name = file.relative_to(self.path).as_posix()
                    if name not in named and FILE_NAME.fullmatch(name):
                        cache.disk.remove(name)
            cache._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with suppress(FileNotFoundError):
            if self.aside.stat().st_mtime <= time.time() - aside_seconds:
                _remove(self.aside)

    def close(self) -> None:
        """Close this thread's connection; any later use opens it again."""
        if self._cache is not None:
            self._cache.close()

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """Give the open cache; turn whatever goes wrong with it into a StoreError."""
        import diskcache  # type: ignore[import-untyped]  # ships no types; imported at first use

        try:
            yield self._current()
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            self._recover(error)
            if isinstance(error.__context__, StoreError):  # only its rollback failed
                raise error.__context__ from None
            reason = "locked or not writable" if isinstance(error, diskcache.Timeout) else error
            raise StoreError(
                f"store {self.path}: {reason}; see that its disk has room and can be written"
            ) from error

    def _current(self) -> Any:
        """Return the cache, opened again if the folder was replaced since."""
        cache = self._cache
        if cache is not None and (
            cache._txn_id == threading.get_ident() or _inode(self._database) == self._inode
        ):
            return cache
        with self._opening:
            if self._cache is None or _inode(self._database) != self._inode:
                self._cache = self._open()
                self._inode = _inode(self._database)
        return self._cache

    def _open(self) -> Any:
        import diskcache

        for _ in range(2):
            _make_private(self.path, self._database)
            inode = _inode(self._database)
            if self._is_sound():
                return diskcache.Cache(
                    str(self.path), timeout=self._timeout_seconds, disk=bytes_disk(), **SETTINGS
                )
            self._set_aside(inode)
        raise StoreError(f"store {self.path}: damaged again and again; move it away")

    def _is_sound(self) -> bool:
        """Tell whether what is there is ours. Raises: sqlite3.Error if that cannot be known now.

        diskcache would hand unknown settings to its Disk, and waits a minute for a lock.
        """
        connection = sqlite3.connect(
            self._database, timeout=self._timeout_seconds, isolation_level=None
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
            tables = {
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                )
            }
            if "Cache" in tables:
                connection.execute(f"SELECT {COLUMNS}, value FROM Cache LIMIT 1").fetchall()  # noqa: S608 - a constant
            return "Settings" not in tables or all(
                key in SETTINGS or (key in COUNTERS and isinstance(value, int))
                for key, value in connection.execute("SELECT key, value FROM Settings")
            )
        except sqlite3.DatabaseError as error:
            if _is_damage(error, DAMAGE | {sqlite3.SQLITE_ERROR}):  # a table is not as it should be
                return False
            raise
        finally:
            connection.close()

    def _recover(self, error: BaseException) -> None:
        """Leave no transaction open in this thread, and no damaged database in the way."""
        if self._cache is not None and self._cache._txn_id != threading.get_ident():
            self._cache.close()  # a commit that failed would keep the lock
        if _is_damage(error):
            with suppress(OSError):
                self._set_aside(self._inode)

    def _set_aside(self, inode: int) -> None:
        """Move the folder away if its database is still the damaged one; the last one stays."""
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform != "win32":
                import fcntl  # does not exist on Windows

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _inode(self._database) == inode:
                _remove(self.aside, ignore_errors=True)
                self.path.rename(self.aside)
                os.utime(self.aside)
        finally:
            os.close(lock)


def bytes_disk() -> type:  # noqa: C901 - counts every method of the class inside
    """Return the diskcache Disk that keeps str keys and bytes, and refuses every other row.

    Neither the keys nor the values of a row are ever given to pickle, no file is read or removed
    but one that diskcache itself could have named, and what is written only its owner may read.
    Source: CVE-2025-69872, 2026-02-11.
    """
    import diskcache
    from diskcache.core import MODE_BINARY, MODE_RAW  # type: ignore[import-untyped]  # no types

    class BytesDisk(diskcache.Disk):  # type: ignore[misc]  # the base ships no types
        def put(self, key: object) -> tuple[str, bool]:
            if type(key) is not str:
                raise TypeError("the key of a store is a str")
            return key, True

        def get(self, key: object, raw: object) -> str:
            if not raw or type(key) is not str:
                raise StoreError(f"store {self._directory}: a key that is not ours was refused")
            return key

        def store(
            self, value: object, read: bool, key: object = diskcache.UNKNOWN
        ) -> tuple[int, int, str | None, bytes | None]:
            if read or type(value) is not bytes:
                raise TypeError("the value of a store is bytes")
            if len(value) < self.min_file_size:
                return 0, MODE_RAW, None, value
            name, path = self.filename(key, value)
            _write_private(Path(path), value)
            return len(value), MODE_BINARY, name, None

        def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes:
            if not read and mode == MODE_RAW and type(value) is bytes:
                return value
            if not read and mode == MODE_BINARY and _is_ours(filename):
                return Path(self._directory, str(filename)).read_bytes()
            raise StoreError(f"store {self._directory}: a row that is not ours was refused")

        def remove(self, file_path: object) -> None:
            if _is_ours(file_path):
                super().remove(file_path)

    return BytesDisk


def _is_ours(name: object) -> bool:
    return isinstance(name, str) and FILE_NAME.fullmatch(name) is not None


def _write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner may read; nothing is left of it after an error."""
    for last in (False, True):
        _make_folder(path.parent)
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            break
        except FileNotFoundError:  # another process has just removed the empty folder
            if last:
                raise
    try:
        with os.fdopen(file, "wb") as writer:
            writer.write(data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    """Make folder and the one above it private; mkdir would do so for the last one only."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _make_private(folder: Path, database: Path) -> None:
    """Make folder and an empty database that only their owner may read, whatever the umask.

    SQLite gives its side files the mode of the database. An existing database is never opened
    here: closing it would drop the locks of this process.
    """
    _make_folder(folder)
    folder.chmod(0o700)
    try:
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        database.chmod(0o600)


def _remove(folder: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder with all that is in it."""
    import shutil  # at first use, see usage

    shutil.rmtree(folder, ignore_errors=ignore_errors)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


def _is_damage(error: BaseException, codes: Collection[int] = DAMAGE) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in codes


def _range(prefix: str) -> tuple[str, str]:
    """Return the bounds between which all keys with that prefix lie."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
