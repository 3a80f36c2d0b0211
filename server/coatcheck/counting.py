"""Count tokens exactly, with the bundled o200k_base vocabulary and never a network."""

import hashlib
import logging
import lzma
import math
import re
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from coatcheck.sizing import estimate
from coatcheck.types import CoatcheckError

logger = logging.getLogger(__name__)

TOKENS = 199_998
VOCABULARY_SHA256 = "440741350e7cfa1c0f4869ce742d1b043550adbda5187adcac9e787edac6fba9"
# The split pattern of o200k_base, as published in tiktoken (MIT); see NOTICE.
PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)

# tiktoken panics on 999,999 spaces in a row, so text is encoded in pieces.
PIECE_CHARS = 65_536
EXACT_CHARS = 524_288
STRATA = 128
WINDOW_CHARS = 2_048
# By the split pattern no token reaches over such a place: a line break before a character other
# than white space and "/", or a space after anything but white space. Greedy, so the last one wins.
BOUNDARY = re.compile(r"(?s).*(?:\n(?=[^\s/])|\S(?= ))")
# More than the largest error of the estimate over whole texts; see docs/tokens.md.
ESTIMATE_HALF_WIDTH = 0.25
GOLDEN = (math.sqrt(5) - 1) / 2

Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of a text, exact when half_width is 0, else give or take half_width."""

    tokens: int
    half_width: int = 0


class TokenCounter:
    """Counts o200k_base tokens; safe to share between threads.

    The vocabulary (about 80 MB of memory) is read at the first count.
    """

    def __init__(self, load: Callable[[], Encode] | None = None) -> None:
        self._load = load or load_encode
        self._encode: Encode | None = None
        self._lock = threading.Lock()

    def count(self, text: str) -> Count:
        """Return the tokens of text, special tokens such as `<|endoftext|>` counted as text.

        Exact up to 524,288 characters, a stratified sample with its half width above. Should the
        encoder give up on a text, the estimate with its half width is returned instead.
        Raises: CoatcheckError if the bundled vocabulary is damaged.
        """
        encode = self._ready()
        try:
            return counted(encode, text) if len(text) <= EXACT_CHARS else sampled(encode, text)
        except BaseException as error:
            if not gave_up(error):
                raise
            logger.warning("tiktoken gave up on %d characters, estimate used", len(text))
            tokens = estimate(text)
            return Count(tokens, math.ceil(tokens * ESTIMATE_HALF_WIDTH))

    def _ready(self) -> Encode:
        with self._lock:
            if self._encode is None:
                self._encode = self._load()
            return self._encode


def gave_up(error: BaseException) -> bool:
    """Tell whether error is the encoder's own failure.

    A Rust panic derives from BaseException and its class cannot be imported by name.
    """
    return isinstance(error, ValueError) or type(error).__name__ == "PanicException"


def counted(encode: Encode, text: str) -> Count:
    """Return the tokens of all of text."""
    return Count(sum(len(encode(piece)) for piece in pieces(text)))


def sampled(encode: Encode, text: str) -> Count:
    """Return the tokens of text from one window in each of 128 equal strata.

    Places come from the golden ratio: the same for the same length, in step with no period.
    half_width is twice the standard error.
    """
    stratum = len(text) / STRATA
    last = len(text) - WINDOW_CHARS
    starts = [min(last, int((i + i * GOLDEN % 1) * stratum)) for i in range(STRATA)]
    windows = [text[start : start + WINDOW_CHARS] for start in starts]
    rates = [len(encode(window)) / WINDOW_CHARS for window in windows]
    error = statistics.stdev(rates) / math.sqrt(STRATA)
    return Count(
        round(statistics.fmean(rates) * len(text)), max(1, math.ceil(2 * error * len(text)))
    )


def pieces(text: str, size: int = PIECE_CHARS) -> Iterator[str]:
    """Split text into pieces of at most size characters, where no token reaches over if possible.

    Within a piece without such a place the cut falls at size and may add a few tokens.
    """
    start = 0
    while len(text) - start > size:
        place = BOUNDARY.match(text, start, start + size)
        end = place.end() if place else start + size
        yield text[start:end]
        start = end
    yield text[start:]


def load_encode() -> Encode:
    """Return the encoder of the bundled vocabulary. Raises: CoatcheckError if it is damaged."""
    return encoder(resources.files("coatcheck").joinpath("data", "o200k_base.xz").read_bytes())


def encoder(packed: bytes) -> Encode:
    """Return the encoder of a compact vocabulary. Raises: CoatcheckError if it is damaged."""
    import tiktoken

    encoding = tiktoken.Encoding(
        "o200k_base", pat_str=PATTERN, mergeable_ranks=ranks(packed), special_tokens={}
    )
    return encoding.encode_ordinary


def ranks(packed: bytes) -> dict[bytes, int]:
    """Return the rank of each token of a compact vocabulary compressed with xz.

    Raises: CoatcheckError if it is not the one we ship.
    """
    try:
        blob = lzma.decompress(packed)
    except lzma.LZMAError:
        blob = b""
    if hashlib.sha256(blob).hexdigest() != VOCABULARY_SHA256:
        raise CoatcheckError(
            "the bundled vocabulary coatcheck/data/o200k_base.xz is damaged; reinstall coatcheck"
        )
    table, start = {}, TOKENS
    for rank, length in enumerate(blob[:TOKENS]):
        table[blob[start : start + length]] = rank
        start += length
    return table
