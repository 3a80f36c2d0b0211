"""Tell whether a text still shows a value, however it is laid out."""

import html
import re
import unicodedata
from collections.abc import Iterator

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
TAG = re.compile(r"<[!/a-zA-Z][^<>]*>")
WORD = re.compile(r"[^\W_]+")
ISO = re.compile(r"(?<=\d-\d\d)t(?=\d\d:)")
SHORT_HASH = re.compile(r"(?=.*[a-f])(?=.*\d)[0-9a-f]{7,12}")
SEPARATOR = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
MEANT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
# So many letters and digits in a row are no accident, whatever stands between them.
LEAST_JOINED = 20


class Shown:
    """One text as it can be read: as it is, without escapes of JSON, without tags of HTML.

    Case, spacing, punctuation and the separators of thousands do not matter; a short hash is shown
    by a longer one.
    """

    def __init__(self, text: str) -> None:
        self._readings = [(f" {' '.join(found)} ", "".join(found)) for found in _readings(text)]

    def has(self, value: str) -> bool:
        """Tell whether the words of value stand here in a row; a value without words does not."""
        found = words(html.unescape(value))
        if not found:
            return False
        row, joined = f" {' '.join(found)} ", "".join(found)
        if SHORT_HASH.fullmatch(joined):
            row = row[:-1]
        return any(
            row in apart or (len(joined) >= LEAST_JOINED and joined in together)
            for apart, together in self._readings
        )


def words(text: str) -> list[str]:
    """Return the words and numbers of text in their plainest form."""
    plain = unicodedata.normalize("NFKC", ANSI.sub("", text)).casefold()
    return WORD.findall(SEPARATOR.sub("", ISO.sub(" ", plain)))


def _readings(text: str) -> Iterator[list[str]]:
    seen = set()
    for reading in (text, unescaped(text), unescaped(unescaped(text))):
        for also in (html.unescape(reading), html.unescape(TAG.sub(" ", reading))):
            if also not in seen:
                seen.add(also)
                yield words(also)


def unescaped(text: str) -> str:
    """Return text with the escapes of JSON strings replaced by what they stand for."""
    if "\\" not in text:
        return text
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _meant(found[2]), text)


def _meant(letter: str) -> str:
    return MEANT.get(letter, letter)
