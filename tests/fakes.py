"""Small hand-written stand-ins for the Protocols of coatcheck.types."""

import hashlib
from collections.abc import Sequence

from coatcheck.types import (
    Aim,
    Artifact,
    ArtifactInfo,
    Entry,
    Omission,
    Reduction,
    StoreError,
    UnknownRef,
)


class MemoryArtifacts:
    """Keeps artifacts in a dict; full makes every put fail."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.kept: dict[str, Artifact] = {}
        self.views: set[tuple[str, str]] = set()

    def ref_for(self, kind: str, data: bytes) -> str:
        return "cc_" + hashlib.sha256(kind.encode() + data).hexdigest()[:12]

    def put(self, artifact: Artifact) -> None:
        if self.full:
            raise StoreError("the store is full")
        self.kept[artifact.ref] = artifact
        self.views.add((artifact.ref, artifact.view))

    def get(self, ref: str) -> Artifact:
        if ref not in self.kept:
            raise UnknownRef(f"{ref} is unknown here")
        return self.kept[ref]

    def peek(self, ref: str) -> Artifact:
        return self.get(ref)

    def list(self, limit: int) -> Sequence[ArtifactInfo]:
        newest = list(self.kept.values())[::-1][:limit]
        return [
            ArtifactInfo(a.ref, a.call.upstream, a.call.tool, len(a.result), 0.0, None, a.outcome)
            for a in newest
        ]

    def forget_session(self, session: str) -> None:
        self.kept = {r: a for r, a in self.kept.items() if a.session != session}

    def has_view(self, ref: str, text: str) -> bool:
        return (ref, text) in self.views


class ListLedger:
    """Keeps entries in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)


def first_line(text: str, aim: Aim) -> Reduction:
    """Reduce to the first line."""
    lines = text.split("\n")
    return Reduction(lines[0], "lines", "clipped", [Omission("lines", 1, len(lines))])


def failing(text: str, aim: Aim) -> Reduction | None:
    """Fail as a reducer with a defect does."""
    raise ZeroDivisionError
