"""Refs: the key they are made with, their form, and what is said of one that opens nothing."""

import hashlib
import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from coatcheck.rows import LOCAL
from coatcheck.types import StoreError, UnknownRef

REF = re.compile(r"cc_[0-9a-z]{12,50}")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY_BYTES = 32

HOW_IT_WENT = {
    "expired": "expired on {at}",
    "evicted": "was removed on {at} to make room for newer ones",
    "erased": "was erased on {at}",
    "session": "was kept for its session only, which ended on {at}",
}


def load_key(path: Path) -> bytes:
    """Return the key that refs are made with; it is made, for its owner alone, if there is none.

    Raises: StoreError if it can be neither read nor made.
    """
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error}; see that it can be written and read") from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: not {KEY_BYTES} bytes; remove it, and a new one is made")
    return key


def _make_key(path: Path) -> None:
    """Write a key in a file of its own, then give it its name: nobody reads half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as writer:
            writer.write(secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):  # another process was faster; its key holds
            os.link(fresh, path)
    finally:
        fresh.unlink()


def ref_digits(key: bytes, kind: str, data: bytes, principal: str = LOCAL) -> str:
    """Return the 49 base-36 characters from which the ref of data takes its first."""
    keyed = hashlib.blake2b(key=key, person=b"coatcheck ref")
    for part in (principal.encode(), kind.encode(), data):
        keyed.update(len(part).to_bytes(8, "big"))
        keyed.update(part)
    number, digits = int.from_bytes(keyed.digest(), "big"), ""
    for _ in range(49):
        number, digit = divmod(number, 36)
        digits += DIGITS[digit]
    return digits


def checked(ref: str) -> str:
    """Return ref if it looks like one. Raises: UnknownRef."""
    if REF.fullmatch(ref) is None:
        raise UnknownRef(unknown(ref[:60]))
    return ref


def unknown(ref: str) -> str:
    """Say that ref opens nothing, and what to do instead."""
    return (
        f"{ref!r} opens nothing here: copy the ref, which starts with cc_, from a [coatcheck …]"
        " line, or call the tool again"
    )


def farewell(ref: str, reason: str, at: float, upstream: str, tool: str, **_: object) -> str:
    """Say when and how the artifact of ref went, and what to do instead."""
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{ref} {HOW_IT_WENT[reason].format(at=when)}: {again(upstream, tool)}"


def again(upstream: str, tool: str) -> str:
    """Say which call brings an artifact back."""
    name = ".".join(part for part in (upstream, tool) if part) or "the tool"
    return f"call {name} again with the arguments of your earlier call"
