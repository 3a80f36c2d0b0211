"""Keep what a login at an upstream has given: one file each, for its owner alone."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from coatcheck.types import UpstreamError

# Another process renews a token within this time, or not at all.
LOCK_SECONDS = 30.0
_TURN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Login:
    """Tokens, which URL they open, and how to renew them.

    expires_at is 0.0 if they do not say; method is how the client proves itself to token_url.
    """

    url: str
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    scope: str = ""
    token_url: str = ""
    revocation_url: str = ""
    resource: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    method: str = "none"


class Logins:
    """The logins in one folder, by the name of the upstream. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int, int], Login | None]] = {}

    def path(self, name: str) -> Path:
        """Return the file of an upstream."""
        return self._folder / f"{name}.json"

    def get(self, name: str) -> Login | None:
        """Return the login at an upstream; None if there is none that can be read."""
        try:
            found = self.path(name).stat()
        except OSError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if name not in self._read or self._read[name][0] != stamp:
            self._read[name] = stamp, self._load(name)
        return self._read[name][1]

    def _load(self, name: str) -> Login | None:
        try:
            values = json.loads(self.path(name).read_bytes())
            known = {key.name: values[key.name] for key in fields(Login) if key.name in values}
            return Login(**known)
        except (OSError, ValueError, TypeError):
            return None

    def put(self, name: str, login: Login) -> None:
        """Keep a login in place of an older one, whole or not at all. Raises: UpstreamError."""
        path = self.path(name)
        new = path.with_name(f".{name}.{os.urandom(6).hex()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(login), file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            text = (
                f"{path}: the login cannot be kept ({error.strerror}); see that it can be written"
            )
            raise UpstreamError(text) from None

    def drop(self, name: str) -> bool:
        """Forget a login; tell whether there was one."""
        try:
            self.path(name).unlink()
        except FileNotFoundError:
            return False
        return True

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[None]:
        """Keep other processes from renewing the same login. Raises: TimeoutError."""
        path = self._folder / f".{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                await _lock(descriptor)
            yield
        finally:
            os.close(descriptor)


async def _lock(descriptor: int) -> None:
    try:
        import fcntl  # does not exist on Windows
    except ImportError:
        return
    while True:  # a thread that waits for the lock could not be cancelled
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_TURN_SECONDS)
        else:
            return
