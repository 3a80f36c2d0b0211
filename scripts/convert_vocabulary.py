"""Write the bundled o200k_base vocabulary from the raw file that tiktoken publishes.

Usage: python scripts/convert_vocabulary.py RAW.tiktoken [OUT.xz]

RAW is `o200k_base.tiktoken` (lines of base64 token, space, rank), found in a tiktoken cache under
the name fb374d419588a4632f3f557e76b4b70aebbca790. OUT is the compact form, compressed with xz:
one length byte per token, then the bytes of all tokens, both in rank order.
"""

import base64
import hashlib
import lzma
import sys
from pathlib import Path

from coatcheck.counting import VOCABULARY_SHA256

RAW_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
OUT = Path(__file__).parents[1] / "server" / "coatcheck" / "data" / "o200k_base.xz"


def parse(raw: bytes) -> list[bytes]:
    """Return the tokens of a raw vocabulary by rank. Raises: ValueError on any other content."""
    digest = hashlib.sha256(raw).hexdigest()
    if digest != RAW_SHA256:
        raise ValueError(f"raw vocabulary has SHA-256 {digest}, not {RAW_SHA256}; get o200k_base")
    pairs = [line.split() for line in raw.splitlines() if line]
    if [int(rank) for _, rank in pairs] != list(range(len(pairs))):
        raise ValueError("the ranks of the raw vocabulary do not count up from 0")
    return [base64.b64decode(token) for token, _ in pairs]


def compact(tokens: list[bytes]) -> bytes:
    """Return one length byte per token, then the bytes of all tokens."""
    return bytes(map(len, tokens)) + b"".join(tokens)


def main() -> int:
    """Convert the raw vocabulary named on the command line."""
    if len(sys.argv) not in {2, 3}:
        print(__doc__, file=sys.stderr)
        return 2
    blob = compact(parse(Path(sys.argv[1]).read_bytes()))
    digest = hashlib.sha256(blob).hexdigest()
    if digest != VOCABULARY_SHA256:
        print(f"the compact form has SHA-256 {digest}, not {VOCABULARY_SHA256}", file=sys.stderr)
        return 1
    packed = lzma.compress(blob, preset=9 | lzma.PRESET_EXTREME)
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else OUT
    out.write_bytes(packed)
    print(f"{out}: {len(packed):,} bytes, {len(blob):,} uncompressed, SHA-256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
