"""Draw the sessions that are held out: they go unshortened, for comparison."""

import hashlib
import os
from collections.abc import Mapping

from coatcheck.cli.place import Place
from coatcheck.types import Arm, StoreError

# What a client tells all servers of one session; so they are all drawn alike. Source: measured
# with Claude Code 2.1 and Copilot CLI 1.0, 2026-11.
SHARED = ("CLAUDE_CODE_SESSION_ID", "COPILOT_AGENT_SESSION_ID")


def arm_of(at: Place, session: str, environment: Mapping[str, str] = os.environ) -> Arm:
    """Return the arm of a session: "" where none are held out, or where there is no key to draw.

    Drawn by a keyed hash: the same session is always drawn alike, and nobody can choose.
    """
    share = at.config.ledger.holdout
    if not share:
        return ""
    from coatcheck.refs import load_key

    name = next((environment[name] for name in SHARED if environment.get(name)), session)
    try:
        key = load_key(at.home / "key")
    except StoreError:
        return ""
    return "held out" if drawn(key, name) < share else "shortened"


def drawn(key: bytes, session: str) -> float:
    """Return a number from 0 to below 1 for a session."""
    text = b"holdout:" + session.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, key=key, digest_size=7).digest(), "big") / 2**56
