"""Seal bytes so that any damage to them shows when they are opened."""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

# magic, codec, bytes of the opened body, bytes of the metadata; then a SHA-256 over these, the
# metadata and the stored body; then the metadata and the stored body.
HEADER = struct.Struct(">4sBQI")
MAGIC = b"ccv1"  # another one when what is inside changes: an older version then sees damage
PLAIN, ZLIB = 0, 1
DIGEST_BYTES = 32
COMPRESS_BYTES = 512
SAMPLE_BYTES = 256 * 1024
# No body may open to more than this, whatever its header says.
LARGEST_BYTES = 512 * 1024 * 1024


class Damaged(ValueError):
    """An envelope that is not as it was sealed."""


def seal(metadata: Mapping[str, object], body: bytes = b"") -> bytes:
    """Return an envelope of JSON metadata and a body, compressed where that pays.

    Raises: ValueError if body is larger than LARGEST_BYTES.
    """
    if len(body) > LARGEST_BYTES:
        raise ValueError(f"{len(body)} bytes are more than the {LARGEST_BYTES} an envelope holds")
    facts = json.dumps(metadata, separators=(",", ":")).encode()
    codec, stored = _pack(body)
    header = HEADER.pack(MAGIC, codec, len(body), len(facts))
    return b"".join((header, _digest(header, facts, stored), facts, stored))


def unseal(envelope: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the metadata and the body of an envelope. Raises: Damaged."""
    if len(envelope) < HEADER.size + DIGEST_BYTES:
        raise Damaged("cut short")
    header = envelope[: HEADER.size]
    magic, codec, length, facts_length = HEADER.unpack(header)
    start = HEADER.size + DIGEST_BYTES
    view = memoryview(envelope)
    facts, stored = view[start : start + facts_length], view[start + facts_length :]
    if magic != MAGIC or envelope[HEADER.size : start] != _digest(header, facts, stored):
        raise Damaged("altered or cut short")
    return _metadata(bytes(facts)), _unpack(codec, stored, length)


def _metadata(facts: bytes) -> dict[str, Any]:
    try:
        metadata = json.loads(facts)
    except (ValueError, RecursionError) as error:
        raise Damaged("no JSON") from error
    if not isinstance(metadata, dict):
        raise Damaged("no JSON object")
    return metadata


def _pack(body: bytes) -> tuple[int, bytes]:
    """Compress body, unless a sample of it says that it is compressed already."""
    if len(body) <= COMPRESS_BYTES:
        return PLAIN, body
    if len(body) > SAMPLE_BYTES:
        sample = body[:SAMPLE_BYTES]
        if len(zlib.compress(sample, 1)) > 0.95 * len(sample):
            return PLAIN, body
    packed = zlib.compress(body, 1)
    return (ZLIB, packed) if len(packed) < len(body) else (PLAIN, body)


def _unpack(codec: int, stored: memoryview, length: int) -> bytes:
    """Return the body; never makes more than length bytes, and length is bounded."""
    if codec == PLAIN and len(stored) == length:
        return bytes(stored)
    if codec != ZLIB or length > LARGEST_BYTES:
        raise Damaged("of an unknown kind or too large")
    opener = zlib.decompressobj()
    try:
        body = opener.decompress(stored, length + 1)
    except zlib.error as error:
        raise Damaged("not what was compressed") from error
    if len(body) != length or not opener.eof or opener.unused_data:
        raise Damaged("longer or shorter than it says")
    return body


def _digest(header: bytes, facts: bytes | memoryview, stored: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(header)
    digest.update(facts)
    digest.update(stored)
    return digest.digest()
