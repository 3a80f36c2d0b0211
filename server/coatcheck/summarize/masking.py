"""Hide secrets in what leaves the machine, and bring them back into what returns."""

import re

from coatcheck.secrets import found

# A value that its own name calls secret: what only looks like a word or an id elsewhere must not
# leave here.
NAMED = re.compile(
    r"(?i)(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token"
    r"|client[_-]?secret|private[_-]?key)[\w-]{0,20}[\"']?\s*[:=]\s*[\"']?"
    r"(?P<value>[^\s\"',;}{\]\[()<>]{8,})|authorization:\s*(?:bearer|basic)\s+(?P<token>\S{8,})"
)


class Mask:
    """Puts marks in place of secrets, the same mark for the same secret, and back again."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """Return text with a mark in place of each secret."""
        places = [(start, end) for start, end, _ in found(text)]
        places += [match.span(match.lastgroup or 0) for match in NAMED.finditer(text)]
        out, at = [], 0
        for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
            if start >= at:
                out += [text[at:start], self._mark(text[start:end])]
                at = end
        return "".join([*out, text[at:]])

    def restore(self, text: str) -> str:
        """Return text with each mark replaced by its secret."""
        for secret, mark in self._marks.items():
            text = text.replace(mark, secret)
        return text

    def _mark(self, secret: str) -> str:
        return self._marks.setdefault(secret, f"[secret-{len(self._marks) + 1}]")
