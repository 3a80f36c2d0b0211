"""Remember what each context of a session looked for in its last fetches."""

from collections import deque

from coatcheck.types import Call

FETCHES = 3


class Lately:
    """The words of recent fetches, by the context and the tool whose results they were for.

    Without the name of a context they are not remembered: sub-agents share a connection, and the
    same result must give each the same view.
    """

    def __init__(self) -> None:
        self._words: dict[tuple[str, str, str], deque[str]] = {}

    def note(self, fetch: Call, words: str) -> None:
        """Remember the words of a fetch; it names the tool whose result it was for."""
        if fetch.context:
            key = (fetch.context, fetch.upstream, fetch.tool)
            self._words.setdefault(key, deque(maxlen=FETCHES)).append(words)

    def words_for(self, call: Call) -> str:
        """Return what the context of call looked for in results of its tool, "" if nothing."""
        return " ".join(self._words.get((call.context, call.upstream, call.tool), ()))
