"""Keep artifacts under their refs: for a time, within a size, never altered."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from coatcheck.protocols import Store
from coatcheck.refs import again, checked, farewell, load_key, ref_digits, unknown
from coatcheck.rows import (
    LOCAL,
    Record,
    Row,
    artifact_from,
    body_row,
    bytes_of,
    digest_of,
    info_of,
    joined,
    opened_row,
    record_from,
    sealed_row,
    view_key,
    view_row,
)
from coatcheck.types import Artifact, ArtifactInfo, StoreError, UnknownRef, Usage

REF_CHARACTERS = 12

QUOTA_BYTES = 1 << 30
FLOOR_BYTES = 256 << 20
# An eviction goes on until this share of the quota is left, so that the next is not soon.
SHARE_LEFT = 0.9
# What was handed out within this time is not evicted.
GRACE_SECONDS = 3_600
GONE_SECONDS = 90 * 86_400
ASIDE_SECONDS = 7 * 86_400
SWEEP_SECONDS = 86_400
# A fetch that follows another within this time need not write.
HANDED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: how many artifacts, and the bytes of their results."""

    artifacts: int
    size_bytes: int


class StoredArtifacts:
    """Artifacts in a store, under refs that only a holder of the key file can compute.

    Opens nothing before its first use. Safe in any thread and beside other processes. What one
    principal keeps no other can open or list, but for the owner of the store, who is LOCAL.
    """

    def __init__(
        self,
        store: Store,
        key_path: Path,
        *,
        quota_bytes: int = QUOTA_BYTES,
        floor_bytes: int = FLOOR_BYTES,
        clock: Callable[[], float] = time.time,
        principal: str = LOCAL,
    ) -> None:
        self._store = store
        self._key_path = key_path
        self._key = b""
        self._quota_bytes = quota_bytes
        self._floor_bytes = floor_bytes
        self._clock = clock
        self._principal = principal

    def ref_for(self, kind: str, data: bytes) -> str:
        """Return the ref under which data is, or would be, kept. Raises: StoreError."""
        if not self._key:
            self._key = load_key(self._key_path)
        digits = ref_digits(self._key, kind, data, self._principal)
        for length in range(REF_CHARACTERS, len(digits)):
            ref = f"cc_{digits[:length]}"
            if self._result(ref) in (None, data):
                return ref
        raise StoreError(f"every ref from cc_{digits} on is taken; erase some artifacts")

    def put(self, artifact: Artifact) -> None:
        """Keep artifact under its ref; equal bytes again add its view and prolong its life.

        Raises: StoreError if it cannot be kept, or if other bytes are kept under its ref.
        """
        ref, now = checked(artifact.ref), self._clock()
        held = self._result(ref)
        if held not in (None, artifact.result):
            raise StoreError(f"{ref} is taken by another artifact; ask for a ref again")
        body = b"" if held is not None else body_row(artifact)
        key, view = view_row(artifact)
        self._make_room(len(body) + len(view), now)
        with self._store.transaction():
            old = self._record(ref)
            if old is None or body:  # new, damaged, or removed a moment ago
                body = body or body_row(artifact)
                self._store.put(f"body/{ref}", body)
            record = joined(old, artifact, len(body) + len(view), now)
            record = replace(record, principal=self._principal)
            if view_key(ref, record.views[-1]) == key:
                self._store.put(key, view)
            for digest in set(old.views if old else ()) - set(record.views):
                self._store.delete(view_key(ref, digest))
            self._write(ref, record)
            self._store.delete(f"gone/{ref}")

    def get(self, ref: str) -> Artifact:
        """Return the artifact of ref and let its time run anew.

        Raises: UnknownRef, with what to do instead; StoreError if it is damaged.
        """
        artifact = self.peek(ref)
        self._prolong(ref)
        return artifact

    def peek(self, ref: str) -> Artifact:
        """Return the artifact of ref as get does, but leave its time as it is."""
        for _ in range(3):  # another process may remove it, or send a new view, in between
            record = self._known(ref)
            sent = self._row(view_key(ref, record.views[-1]))
            result = self._result(ref)
            if sent is not None and result is not None:
                return artifact_from(ref, record, sent, result)
        raise StoreError(f"{ref} is damaged: {again(record.upstream, record.tool)}")

    def has_view(self, ref: str, text: str) -> bool:
        """Tell whether text is, byte for byte, a view that was sent for ref."""
        view = bytes_of(text)
        try:
            sent = self._row(view_key(ref, digest_of(view))) if self._known(ref) and view else None
        except (StoreError, UnknownRef):
            return False
        return sent is not None and sent[1][sent[0]["arguments_bytes"] :] == view

    def list(self, limit: int, upstream: str | None = None) -> Sequence[ArtifactInfo]:
        """Return the newest artifacts first, at most limit. Raises: StoreError."""
        now = self._clock()
        found = [
            info_of(ref, record)
            for ref, record in self._records()
            if record.expires_at > now and upstream in (None, record.upstream) and self._may(record)
        ]
        return sorted(found, key=lambda info: (-info.kept_at, info.ref))[:limit]

    def usage(self) -> Usage:
        """Return how full the store is. Raises: StoreError."""
        return self._store.usage()

    def erase(self, ref: str) -> None:
        """Erase the artifact of ref now. Raises: UnknownRef, StoreError."""
        self._known(ref)
        with self._store.transaction():
            record = self._record(ref)
            if record is not None:
                self._remove(ref, record, "erased", self._clock())

    def erase_all(self) -> Swept:
        """Erase every artifact now, and what was set aside as damaged. Raises: StoreError."""
        now = self._clock()
        with self._store.transaction():
            records = tuple(self._records())
            for ref, record in records:
                self._note_gone(ref, record, "erased", now)
            for rows in ("info/", "view/", "body/", "answer/"):
                self._store.clear(rows)
        self._store.tidy(0)
        return Swept(len(records), sum(record.size_bytes for _, record in records))

    def forget_session(self, session: str) -> None:
        """Erase what was kept for this session alone. Raises: StoreError."""
        now = self._clock()
        for ref, record in self._records():
            if session in record.owners:
                with self._store.transaction():
                    self._disown(ref, session, now)

    def sweep(self, aside_seconds: float = ASIDE_SECONDS) -> Swept:
        """Remove what expired, old notes of what is gone, and leftovers. Raises: StoreError."""
        now = self._clock()
        swept = self._remove_expired(now)
        for key, blob in self._store.scan("gone/"):
            gone = opened_row(key, blob)
            if gone is None or gone[0]["at"] < now - GONE_SECONDS:
                self._store.delete(key)
        self._store.tidy(aside_seconds)
        return swept

    def sweep_daily(self) -> None:
        """Sweep, unless some process did so within a day. Raises: StoreError.

        Never part of a call: it may take seconds.
        """
        now = self._clock()
        last = self._row("swept")
        if last is None or not 0 <= now - last[0]["at"] < SWEEP_SECONDS:
            self._store.put("swept", sealed_row("swept", {"at": now}))
            self.sweep()

    def _disown(self, ref: str, session: str, now: float) -> None:
        record = self._record(ref)
        if record is None or session not in record.owners:
            return
        if record.owners == (session,):
            self._remove(ref, record, "session", now)
        else:
            others = tuple(owner for owner in record.owners if owner != session)
            self._write(ref, replace(record, owners=others))

    def _make_room(self, needed: int, now: float) -> None:
        """Remove what may be removed until needed bytes fit. Raises: StoreError."""
        if self._fits(needed):
            return
        self._remove_expired(now)
        usage = self._store.usage()
        if usage.free_bytes - needed < self._floor_bytes:
            raise StoreError(
                f"the disk of the store has {usage.free_bytes:,} bytes left, of which"
                f" {self._floor_bytes:,} stay free; free some space"
            )
        aged = sorted(
            ((ref, r) for ref, r in self._records() if r.handed_at <= now - GRACE_SECONDS),
            key=lambda found: found[1].handed_at,
        )
        if usage.used_bytes - sum(r.stored_bytes for _, r in aged) + needed <= self._quota_bytes:
            for ref, record in aged:
                if self._store.usage().used_bytes + needed < SHARE_LEFT * self._quota_bytes:
                    break
                self._remove(ref, record, "evicted", now)
        if not self._fits(needed):
            raise StoreError(
                f"the store is full: {needed:,} bytes do not fit in its quota of"
                f" {self._quota_bytes:,} beside the artifacts of the last hour; raise the quota"
            )

    def _fits(self, needed: int) -> bool:
        usage = self._store.usage()
        return (
            usage.used_bytes + needed <= self._quota_bytes
            and usage.free_bytes - needed >= self._floor_bytes
        )

    def _remove_expired(self, now: float) -> Swept:
        expired = ((ref, r) for ref, r in self._records() if r.expires_at <= now)
        return self._remove_each(expired, "expired", now)

    def _remove_each(self, records: Iterator[tuple[str, Record]], reason: str, now: float) -> Swept:
        sizes = [
            record.size_bytes for ref, record in records if self._remove(ref, record, reason, now)
        ]
        return Swept(len(sizes), sum(sizes))

    def _remove(self, ref: str, expected: Record, reason: str, now: float) -> bool:
        """Remove an artifact, unless its record has changed since it was read."""
        with self._store.transaction():
            if self._record(ref) != expected:
                return False
            self._note_gone(ref, expected, reason, now)
            self._store.delete(f"info/{ref}")
            for digest in expected.views:
                self._store.delete(view_key(ref, digest))
            self._store.delete(f"body/{ref}")
        return True

    def _note_gone(self, ref: str, record: Record, reason: str, now: float) -> None:
        at = record.expires_at if reason == "expired" else now
        gone = {"at": at, "reason": reason, "upstream": record.upstream, "tool": record.tool}
        self._store.put(f"gone/{ref}", sealed_row(f"gone/{ref}", gone))

    def _prolong(self, ref: str) -> None:
        """Note that an artifact was handed out; a store that cannot be written does not matter."""
        now = self._clock()
        with suppress(StoreError):
            record = self._record(ref)
            if record and now - record.handed_at < min(HANDED_SECONDS, record.keep_seconds / 10):
                return
            with self._store.transaction():
                record = self._record(ref)
                if record is not None:
                    until = max(record.expires_at, now + record.keep_seconds)
                    self._write(ref, replace(record, handed_at=now, expires_at=until))

    def _may(self, record: Record) -> bool:
        return self._principal in (LOCAL, record.principal)

    def _known(self, ref: str) -> Record:
        record = self._record(checked(ref))
        if record is not None and not self._may(record):
            raise UnknownRef(unknown(ref))
        if record is None:
            gone = self._row(f"gone/{ref}")
            raise UnknownRef(farewell(ref, **gone[0]) if gone else unknown(ref))
        if record.expires_at <= self._clock():
            with suppress(StoreError):
                self._remove(ref, record, "expired", record.expires_at)
            raise UnknownRef(
                farewell(ref, "expired", record.expires_at, record.upstream, record.tool)
            )
        return record

    def _records(self) -> Iterator[tuple[str, Record]]:
        for key, blob in self._store.scan("info/"):
            record = record_from(opened_row(key, blob))
            if record is not None:
                yield key.removeprefix("info/"), record

    def _record(self, ref: str) -> Record | None:
        return record_from(self._row(f"info/{ref}"))

    def _write(self, ref: str, record: Record) -> None:
        self._store.put(f"info/{ref}", sealed_row(f"info/{ref}", asdict(record)))

    def _result(self, ref: str) -> bytes | None:
        """Return the result kept under ref; None if there is none, or if it is damaged."""
        row = self._row(f"body/{ref}")
        return row[1] if row else None

    def _row(self, key: str) -> Row | None:
        blob = self._store.get(key)
        return None if blob is None else opened_row(key, blob)
