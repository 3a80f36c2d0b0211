"""The tokens with which other machines may come in: made, listed, revoked, recognised."""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coatcheck.types import ConfigError

# Random enough that a plain digest of it gives nothing away.
TOKEN_BYTES = 32
PREFIX = "cct_"


@dataclass(frozen=True, slots=True)
class Token:
    """What is remembered of one token: a digest, not the token."""

    sha256: str
    made_at: int


class Tokens:
    """The tokens in one file, which only its owner may read.

    A change of the file holds from the next request on, so that a revoked token ends at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int, int] | None, Mapping[str, Token]] = (None, {})

    def all(self) -> Mapping[str, Token]:
        """Return the tokens by name. Raises: ConfigError when the file cannot be used."""
        try:
            stat = self.path.stat()
            version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if version != self._read[0]:
                table = json.loads(self.path.read_bytes())
                self._read = version, {name: Token(**token) for name, token in table.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{self.path}: {error}; correct the file or move it away") from None
        return self._read[1]

    def new(self, name: str, clock: float | None = None) -> str:
        """Make a token and return it; it is not kept. Raises: ConfigError if the name is taken."""
        if not name.strip() or not name.isprintable():
            raise ConfigError("a token needs a name; give one, such as laptop")
        if name in self.all():
            raise ConfigError(
                f"there is a token named {name}; take another name or revoke it first"
            )
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        made_at = int(time.time() if clock is None else clock)
        self._write({**self.all(), name: Token(_digest(token), made_at)})
        return token

    def revoke(self, name: str) -> None:
        """Forget a token. Raises: ConfigError if there is none of this name."""
        rest = dict(self.all())
        if rest.pop(name, None) is None:
            raise ConfigError(f"there is no token named {name}; `coatcheck token list` shows all")
        self._write(rest)

    def principal_of(self, token: str) -> str | None:
        """Return the name of a token, None if it is none of ours; takes equally long for all."""
        digest = _digest(token)
        found = None
        for name, known in self.all().items():
            if hmac.compare_digest(known.sha256, digest):
                found = name
        return found

    def _write(self, tokens: Mapping[str, Token]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: asdict(token) for name, token in tokens.items()}, file, indent=1)
        new.replace(self.path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
