"""Write an artifact as rows of a store, and read the rows back."""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from coatcheck.envelope import Damaged, seal, unseal
from coatcheck.types import Artifact, ArtifactInfo, Call, Omission, Outcome, StoreError

# How long artifacts without expires_at stay, and those of a session that never said its end.
KEEP_SECONDS = 7 * 86_400
SESSION_SECONDS = 86_400
VIEWS_KEPT = 100
# The person whose machine it is.
LOCAL = "local"
NAME_CHARACTERS = 200

# The facts and the body of a row.
Row = tuple[dict[str, Any], bytes]


@dataclass(frozen=True, slots=True)
class Record:
    """What is noted of an artifact in a small row of its own.

    views are digests, newest last. owners are the sessions it is kept for; none: kept for all.
    principal is whose it is.
    """

    upstream: str
    tool: str
    size_bytes: int
    stored_bytes: int
    kept_at: float
    handed_at: float
    expires_at: float
    keep_seconds: float
    outcome: Outcome
    views: tuple[str, ...]
    owners: tuple[str, ...]
    principal: str = LOCAL


def sealed_row(key: str, facts: dict[str, Any], body: bytes = b"") -> bytes:
    """Seal a row together with its key, so that rows cannot change places."""
    try:
        return seal({"key": key, **facts}, body)
    except ValueError as error:
        raise StoreError(f"{key}: {error}") from error


def opened_row(key: str, blob: bytes) -> Row | None:
    """Return the facts and the body of a row; None if it is not as it was sealed."""
    try:
        facts, body = unseal(blob)
    except Damaged:
        return None
    return (facts, body) if facts.pop("key", None) == key else None


def body_row(artifact: Artifact) -> bytes:
    """Return the row of the result of artifact."""
    return sealed_row(f"body/{artifact.ref}", {}, artifact.result)


def view_row(artifact: Artifact) -> tuple[str, bytes]:
    """Return key and row of the view that was sent, with the call that led to it."""
    call, view = artifact.call, bytes_of(artifact.view)
    facts = {
        "upstream": call.upstream,
        "tool": call.tool,
        "focus": call.focus,
        "arguments_bytes": len(call.arguments),
        "outcome": artifact.outcome,
        "omissions": [asdict(omission) for omission in artifact.omissions],
    }
    key = view_key(artifact.ref, digest_of(view))
    return key, sealed_row(key, facts, call.arguments + view)


def artifact_from(ref: str, record: Record, sent: Row, result: bytes) -> Artifact:
    """Return the artifact that its record, its newest view row and its result make."""
    facts, body = sent
    arguments, view = body[: facts["arguments_bytes"]], body[facts["arguments_bytes"] :]
    return Artifact(
        ref=ref,
        result=result,
        call=Call(facts["upstream"], facts["tool"], arguments, facts["focus"]),
        view=view.decode("utf-8", "surrogatepass"),
        outcome=facts["outcome"],
        omissions=tuple(Omission(**omission) for omission in facts["omissions"]),
        kept_at=record.kept_at,
        expires_at=record.expires_at,
        session=record.owners[-1] if record.owners else "",
    )


def joined(old: Record | None, artifact: Artifact, stored_bytes: int, now: float) -> Record:
    """Return the record after a put: the newest call and view, the longest life."""
    default = SESSION_SECONDS if artifact.session else KEEP_SECONDS
    until = now + default if artifact.expires_at is None else artifact.expires_at
    record = Record(
        upstream=artifact.call.upstream[:NAME_CHARACTERS],
        tool=artifact.call.tool[:NAME_CHARACTERS],
        size_bytes=len(artifact.result),
        stored_bytes=stored_bytes,
        kept_at=artifact.kept_at or now,
        handed_at=now,
        expires_at=until,
        keep_seconds=max(until - now, 0),
        outcome=artifact.outcome,
        views=(digest_of(bytes_of(artifact.view)),),
        owners=(artifact.session,) if artifact.session else (),
    )
    if old is None:
        return record
    owners = {*old.owners, *record.owners} if old.owners and record.owners else ()
    return replace(
        record,
        stored_bytes=old.stored_bytes + stored_bytes,
        expires_at=max(old.expires_at, record.expires_at),
        keep_seconds=max(old.keep_seconds, record.keep_seconds),
        outcome=record.outcome if artifact.view else old.outcome,
        views=_views(old.views, record.views[0], is_empty=not artifact.view),
        owners=tuple(sorted(owners)),
    )


def _views(old: tuple[str, ...], digest: str, *, is_empty: bool) -> tuple[str, ...]:
    """Return the digests of the views sent, newest last; no view counts only before the first."""
    if is_empty:
        return old
    others = (other for other in old if other not in (digest, digest_of(b"")))
    return (*others, digest)[-VIEWS_KEPT:]


def record_from(row: Row | None) -> Record | None:
    """Return the record in a row; None if there is none that this version can read."""
    if row is None:
        return None
    facts = row[0]
    try:
        facts |= {"views": tuple(facts["views"]), "owners": tuple(facts["owners"])}
        return Record(**facts)
    except (KeyError, TypeError):
        return None


def info_of(ref: str, record: Record) -> ArtifactInfo:
    """Return what a list shows of an artifact."""
    return ArtifactInfo(
        ref,
        record.upstream,
        record.tool,
        record.size_bytes,
        record.kept_at,
        record.expires_at,
        record.outcome,
    )


def view_key(ref: str, digest: str) -> str:
    """Return the key of the row of a view."""
    return f"view/{ref}/{digest}"


def digest_of(view: bytes) -> str:
    """Return the digest under which a view is known."""
    return hashlib.sha256(view).hexdigest()


def bytes_of(text: str) -> bytes:
    """Return the bytes of a view, whatever characters it holds."""
    return text.encode("utf-8", "surrogatepass")
