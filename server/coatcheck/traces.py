"""Tell which lines of an artifact a view shows, by the words that they have in common."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from coatcheck import excerpt, numbered, spans
from coatcheck.types import Omission

# Longer texts are judged up to here; the page says so.
MOST_CHARACTERS = 4_000_000
# Of what names one record alone, shorter pieces stand in a view by chance.
LEAST_NAME = 4

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\w(?:[\w.:/@+#-]*\w)?")
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|[nrtbf"/\\])')


def shown_lines(text: str, view: str, omissions: Sequence[Omission] = ()) -> list[bool]:
    """Return for each line of text whether view shows it.

    A line is shown when all its words stand in view; where view counts records, one of whose own
    names nothing stands there is not shown at all. Lines without words go with their neighbours.
    A common word may stand in view for other reasons, so a line may count as shown that is not.
    """
    sent = _body(view)
    known = set(_words(sent))
    lines = text.split("\n")
    found = [_is_known(line, known) for line in lines]
    for first, last, is_gone in _records(text, sent, omissions):
        if is_gone or last == first + 1:  # of a record in one line columns may be left out
            found[first:last] = [not is_gone] * (last - first)
    return _joined(found)


def laid_out(text: str) -> str:
    """Return JSON one member a line, any other text as it is."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped.startswith(("{", "[")):
        return text
    try:
        spans.loads(stripped.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text
    return excerpt.indent(stripped)


def covered(text: str, view: str) -> float:
    """Return the share of the different words of text that stand in view; 1.0 for no words."""
    wanted = set(_words(text))
    return len(wanted & set(_words(_body(view)))) / len(wanted) if wanted else 1.0


def _body(view: str) -> str:
    """Return a view without its own first and last line."""
    return "\n".join(
        line
        for line in view.split("\n")
        if not line.startswith(("[coatcheck: ", "Error [coatcheck: ", "[end of "))
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(_ESCAPE.sub(" ", text) if "\\" in text else text)


def _is_known(line: str, known: set[str]) -> bool | None:
    """Tell whether all words of line are known; None when it has none."""
    words = _words(line)
    return all(word in known for word in words) if words else None


def _records(
    text: str, sent: str, omissions: Sequence[Omission]
) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines of each record, first to before last, and whether nothing of it was sent."""
    records = numbered.records(text, omissions)
    if records is None:
        return
    pieces = [set(_names(text[slice(*place)])) for place in records.places]
    times = Counter(piece for names in pieces for piece in names)
    there = set(_names(sent))
    line = at = 0
    for (start, end), names in zip(records.places, pieces, strict=True):
        line += text.count("\n", at, start)
        last = line + text.count("\n", start, end)
        own = [piece for piece in names if times[piece] == 1]
        yield line, last + 1, bool(own) and there.isdisjoint(own)
        line, at = last, end


def _names(text: str) -> list[str]:
    found = _PIECE.findall(_ESCAPE.sub(" ", text) if "\\" in text else text)
    return [piece for piece in found if len(piece) >= LEAST_NAME]


def _joined(found: Sequence[bool | None]) -> list[bool]:
    """Return found with each gap taken for not shown only between lines that are not."""
    out: list[bool] = []
    following = list(found)
    state: bool | None = None
    for index in range(len(following) - 1, -1, -1):
        state = following[index] if following[index] is not None else state
        following[index] = state
    before: bool | None = None
    for own, after in zip(found, following, strict=True):
        before = own if own is not None else before
        is_between = before is False and after in (False, None)
        out.append(own if own is not None else not is_between)
    return out
