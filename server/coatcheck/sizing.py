"""Estimate how many tokens a text costs, without a vocabulary."""

import math
import re
from collections.abc import Callable, Mapping
from operator import mul

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = b"0123456789"
BLANKS = b" \t\n\r"


def table(kind: Callable[[int], bytes]) -> bytes:
    """Return the table that turns each byte into the one that stands for its kind."""
    return b"".join(map(kind, range(256)))


def kind_of(byte: int) -> bytes:
    """Return a for a small letter, A for a capital, 0 for a digit, c, 2, 3, 4 beyond ASCII."""
    if byte >= 0x80:
        return b"c" if byte < 0xC0 else b"2" if byte < 0xE0 else b"3" if byte < 0xF0 else b"4"
    letter = bytes([byte])
    if letter.isalpha():
        return b"a" if letter.islower() else b"A"
    return b"0" if byte in DIGITS else letter if byte in BLANKS else b"."


KIND = table(kind_of)
WORD = table(lambda byte: b"1" if byte in LETTERS + DIGITS else b"0")
DIGIT = table(lambda byte: b"1" if byte in DIGITS else b"0")
MARK = table(lambda byte: b"0" if byte >= 0x80 or byte in LETTERS + DIGITS + BLANKS else b"1")

# Tokens per sign, in the order of signs(): least squares over the open corpus and generated texts
# by scripts/calibrate_estimate.py, 2026-11-22; docs/tokens.md has the errors.
COSTS = (0.894, 0.25, 0.882, 1.407, 2.849, 0.363, -1.998, 0.357, 0.392, 0.706, 2.218)

# Longer texts are estimated from windows at fixed places.
WHOLE_CHARS = 65_536
WINDOWS = 64
WINDOW_CHARS = 1_024
GOLDEN = (math.sqrt(5) - 1) / 2


def estimate(text: str) -> int:
    """Return the estimated o200k_base tokens of text: 0 when empty, else at least 1.

    The same number for the same text, always. Parts add up to the whole but for a few tokens.
    """
    if not text:
        return 0
    sample = text if len(text) <= WHOLE_CHARS else spread(text)
    tokens: float = sum(map(mul, COSTS, signs(sample)))
    return max(1, round(tokens * len(text) / len(sample)))


def signs(text: str) -> tuple[int, ...]:
    """Count what the tokens of text depend on.

    Runs of punctuation, eights in them, fours of letters or digits, runs of digits, digits after
    a capital (random strings), spaces, sixes of them (long runs are cheap), line breaks; beyond
    ASCII: continuation bytes, characters of four bytes, characters of two bytes after a letter.
    """
    # A line break in front makes the first run start like any other.
    data = ("\n" + text).encode("utf-8", "surrogatepass")
    kinds = data.translate(KIND)
    marks = data.translate(MARK)
    ascii_signs = (
        marks.count(b"01"),
        marks.count(b"11111111"),
        data.translate(WORD).count(b"1111"),
        data.translate(DIGIT).count(b"01"),
        kinds.count(b"A0"),
        kinds.count(b" "),
        kinds.count(b"      "),
        kinds.count(b"\n") - 1,
    )
    if text.isascii():
        return ascii_signs
    return (*ascii_signs, kinds.count(b"c"), kinds.count(b"4"), kinds.count(b"a2"))


def spread(text: str) -> str:
    """Return windows of text from 64 equal strata, always the same ones, in step with no period."""
    stratum = len(text) / WINDOWS
    last = len(text) - WINDOW_CHARS
    starts = (min(last, int((i + i * GOLDEN % 1) * stratum)) for i in range(WINDOWS))
    return "".join(text[start : start + WINDOW_CHARS] for start in starts)


# Claude tokens (the tokenizer of Opus 4.7, Sonnet 5, Haiku 5.5 and later) per o200k_base token, by
# content class: measured with an unofficial reconstruction of that tokenizer, so a first guess
# until real usage has been seen.
CLAUDE_FACTOR: Mapping[str, float] = {
    "prose": 1.46,
    "markdown": 1.65,
    "code": 1.6,
    "html": 1.6,
    "json": 1.46,
    "log": 1.28,
    "csv": 1.11,
    "hex": 1.15,
    "base64": 1.39,
    "cjk": 1.09,
    "emoji": 2.0,
    "blank": 8.0,
}

SAMPLE_CHARS = 4_096
# Strings, compiled at first use: a start-up should not wait for them.
CJK = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
EMOJI = r"[\u2600-\u27bf\U0001f000-\U0001faff]"
HEX = r"(?i)\b(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,})\b"
BASE64 = r"[A-Za-z0-9+/_-]{40,}"
JSON_KEY = r'"\s*:\s*["\d\[{tfn-]'
TAG = r"</?[a-zA-Z][^<>\n]{0,200}>|<!"
SEPARATOR = r"[,;\t|]"
LOG_LINE = (
    r"(?m)^.{0,30}?(?:\d\d:\d\d:\d\d|\d{4}[-/.]\d\d[-/.]\d\d|\b\d{6} \d{6}\b"
    r"|\b(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b)"
)
CODE_LINE = (
    r"(?m)[;{}][ \t]*$|^(?:[-+](?![-+ ])|@@ |diff )|^[-+ \t]*(?:(?:def|class|import|from|return|if"
    r"|for|func|fn|let|const|var|public|private|package|use)\b.*[\w():,]$|[@#]\w|//|/\*|\*/)"
)
MARKDOWN_LINE = r"(?m)^[ \t]*(?:#{1,6} |[-*+] |\d+\. |\||```|> )|\]\([^)\s]{1,200}\)"


def content_class(text: str) -> str:
    """Return what kind of content text is, a key of CLAUDE_FACTOR, judged from a sample of it."""
    middle = max(SAMPLE_CHARS, len(text) // 2)
    sample = text[:SAMPLE_CHARS] + text[middle : middle + SAMPLE_CHARS]
    return by_characters(sample) or by_marks(sample) or by_lines(sample)


def by_characters(sample: str) -> str:
    """Return the class that the characters alone decide, "" if they do not."""
    dense = "".join(sample.split())
    if len(dense) < 0.3 * len(sample) or not dense:
        return "blank"
    for name, pattern, share in (
        ("cjk", CJK, 0.3),
        ("emoji", EMOJI, 0.3),
        ("hex", HEX, 0.6),
        ("base64", BASE64, 0.6),
    ):
        if sum(map(len, re.findall(pattern, sample))) > share * len(dense):
            return name
    return ""


def by_marks(sample: str) -> str:
    """Return json, html or csv when the punctuation says so, else ""."""
    lines = [line for line in sample.splitlines() if line.strip()]
    if sample.lstrip()[:1] in {"{", "["} and len(re.findall(JSON_KEY, sample)) * 100 > len(sample):
        return "json"
    if len(re.findall(TAG, sample)) * 200 > len(sample):
        return "html"
    counts = [len(re.findall(SEPARATOR, line)) for line in lines[:30]]
    usual = max(counts, key=counts.count, default=0)
    if len(counts) > 2 and usual > 1 and counts.count(usual) > 0.7 * len(counts):
        return "csv"
    return ""


def by_lines(sample: str) -> str:
    """Return what most of the lines look like."""
    lines = sum(1 for line in sample.splitlines() if line.strip()) or 1
    for name, pattern, share in (
        ("log", LOG_LINE, 0.5),
        ("code", CODE_LINE, 0.35),
        ("markdown", MARKDOWN_LINE, 0.15),
    ):
        if len(re.findall(pattern, sample)) > share * lines:
            return name
    return "prose"
