"""Estimate how many tokens a text costs, without a vocabulary."""

import re
from collections.abc import Mapping
from operator import mul

# Each byte of UTF-8 is of one kind, a bit; signs() needs some kinds to be neighbours. Marks are
# the rest of ASCII; the first byte of a character of two or three bytes is of no kind.
KINDS = {
    "capital": range(0x41, 0x5B),
    "digit": range(0x30, 0x3A),
    "space": b" \t",
    "mark": b"",
    "break": b"\n\r",
    "small": range(0x61, 0x7B),
    "beyond": range(0x80, 0xC0),
    "four": range(0xF0, 0x100),
}
# Limits the masks below to 16 kB each.
BLOCK_CHARS = 4_096
EACH = int.from_bytes(b"\1" * (4 * BLOCK_CHARS), "little")
CAPITAL, DIGIT, SPACE, MARK, BREAK, SMALL, BEYOND, FOUR = (EACH << bit for bit in range(8))
DENSE, LIGHT, BLANK = CAPITAL | DIGIT, SMALL | MARK, SPACE | BREAK


def kind(byte: int) -> int:
    """Return the bit of the kind of byte, 0 for none."""
    other = 1 << 3 if byte < 0x80 else 0
    return next((1 << bit for bit, group in enumerate(KINDS.values()) if byte in group), other)


KIND = bytes(map(kind, range(256)))

# Tokens per sign, in the order of signs(): least squares over the open corpus and generated texts
# by scripts/calibrate_estimate.py, 2026-11-22; docs/tokens.md has the errors.
COSTS = (0.289, 0.089, 0.032, 0.594, 0.581, 0.832, 1.299, 2.889, 0.548, -1.047, 1.145, 0.419, 0.624)


def estimate(text: str) -> int:
    """Return the estimated o200k_base tokens of text: 0 when empty, else at least 1.

    The same number for the same text, always. Parts add up to the whole but for a few tokens.
    """
    if len(text) <= BLOCK_CHARS:
        return max(1, round(cost(text))) if text else 0
    starts = range(0, len(text), BLOCK_CHARS)
    return round(sum(cost(text[start : start + BLOCK_CHARS]) for start in starts))


def cost(text: str) -> float:
    """Return the estimated tokens of at most 4,096 characters, unrounded."""
    tokens: float = sum(map(mul, COSTS, signs(text)))
    return tokens


def signs(text: str) -> tuple[int, ...]:
    """Count what the tokens of at most 4,096 characters depend on.

    All bytes are looked at together, as one integer with eight bits of kind a byte: shifted by
    eight bits it holds at each byte the kind of the one before, by nine or seven bits the kind
    whose bit is the next lower or higher one.
    """
    data = text.encode("utf-8", "surrogatepass").translate(KIND)
    bits = int.from_bytes(data, "little")
    first = bits ^ (bits & (bits << 8))
    after = bits & (bits << 9)
    return (
        (bits & DENSE).bit_count(),
        (bits & LIGHT).bit_count(),
        (bits & BLANK).bit_count(),
        (first & MARK).bit_count(),
        (first & SMALL).bit_count(),
        (first & DIGIT).bit_count(),
        (first & BREAK).bit_count(),
        (after & DIGIT).bit_count(),  # after a capital, as in random strings
        (after & MARK).bit_count(),  # after a space
        (after & BREAK).bit_count(),  # after a mark, with which it makes one token
        (bits & (bits << 7) & DIGIT).bit_count(),  # after a space, which is a token then
        0 if text.isascii() else (bits & BEYOND).bit_count(),
        0 if text.isascii() else (bits & FOUR).bit_count(),
    )


# Claude tokens (tokenizer of Opus 4.7, Sonnet 5, Haiku 5.5 and later) per o200k_base token by
# content class, measured with an unofficial reconstruction (ctok 1.3.0, 2026-11-22) over the open
# corpus and generated texts: a first guess, to be replaced by what real usage shows.
CLAUDE_FACTOR: Mapping[str, float] = {
    "prose": 1.55,
    "markdown": 1.5,
    "code": 1.6,
    "html": 1.6,
    "json": 1.5,
    "log": 1.35,
    "csv": 1.35,
    "numbers": 1.2,
    "hex": 1.15,
    "base64": 1.4,
    "cjk": 1.2,
    "emoji": 1.5,
    "blank": 8.0,
}

SAMPLE_CHARS = 4_096
# Strings, compiled at first use: a start-up should not wait for them.
CJK = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
EMOJI = r"[\u2600-\u27bf\U0001f000-\U0001faff]"
HEX = r"(?i)\b(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,})\b"
BASE64 = r"[A-Za-z0-9+/_-]{40,}"
NUMBERS = r"\d+"
JSON_KEY = r"""["']\s*:\s*["'\d\[{tfnTFN-]"""
TAG = r"</?[a-zA-Z][^<>\n]{0,200}>|<!"
SEPARATOR = r"[,;\t|]"
LOG_LINE = (
    r"(?m)^.{0,30}?(?:\d\d:\d\d:\d\d|\d{4}[-/.]\d\d[-/.]\d\d|\b\d{6} \d{6}\b"
    r"|\b(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b)"
)
CODE_LINE = (
    r"(?m)[;{}][ \t]*$|^(?:[-+](?![-+ ])|@@ |diff )"
    r"|^[-+ \t\d]*(?:(?:def|class|import|from|return|if|for|func|fn|let|const|var|public|private"
    r"|package|use)\b.*[\w():,]$|[@#]\w|//|/\*|\*/)"
)
MARKDOWN_LINE = r"(?m)^[ \t]*(?:#{1,6} |[-*+] |\d+\. |\||```|> )|\]\([^)\s]{1,200}\)"


def content_class(text: str) -> str:
    """Return what kind of content text is, a key of CLAUDE_FACTOR, judged from a sample of it."""
    middle = max(SAMPLE_CHARS, len(text) // 2)
    sample = text[:SAMPLE_CHARS] + text[middle : middle + SAMPLE_CHARS]
    return by_characters(sample) or by_marks(sample) or by_lines(sample)


def by_characters(sample: str) -> str:
    """Return the class that the characters alone decide, "" if they do not."""
    seen = len("".join(sample.split()))
    if seen <= 0.3 * len(sample):
        return "blank"
    kinds = (("cjk", CJK, 0.3), ("emoji", EMOJI, 0.3), ("hex", HEX, 0.6), ("base64", BASE64, 0.6))
    return next((name for name, kind, share in kinds if covered(kind, sample) > share * seen), "")


def by_marks(sample: str) -> str:
    """Return json or html when the punctuation says so, else ""."""
    if sample.lstrip()[:1] in {"{", "["} and len(re.findall(JSON_KEY, sample)) * 100 > len(sample):
        return "json"
    return "html" if len(re.findall(TAG, sample)) * 200 > len(sample) else ""


def by_lines(sample: str) -> str:
    """Return what most of the lines look like, prose when like nothing else."""
    lines = [line for line in sample.splitlines() if line.strip()]
    if len(re.findall(LOG_LINE, sample)) > 0.5 * len(lines):
        return "log"
    if covered(NUMBERS, sample) > 0.3 * len("".join(sample.split())):
        return "numbers"
    counts = [len(re.findall(SEPARATOR, line)) for line in lines[:30]]
    usual = max(counts, key=counts.count, default=0)
    if len(counts) > 2 and usual > 1 and counts.count(usual) > 0.7 * len(counts):
        return "csv"
    if len(re.findall(CODE_LINE, sample)) > 0.35 * len(lines):
        return "code"
    return "markdown" if len(re.findall(MARKDOWN_LINE, sample)) > 0.15 * len(lines) else "prose"


def covered(pattern: str, sample: str) -> int:
    """Return how many characters of sample pattern matches."""
    return sum(map(len, re.findall(pattern, sample)))
