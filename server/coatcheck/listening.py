"""Hold the one stream on which an upstream of 2026-07-28 tells of changes."""

from collections.abc import Callable, Collection

from coatcheck import eras, wire

# A stream that has ended is opened again after these; the wait doubles until one holds.
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
# Calls something after so many seconds; returns what calls that off.
Later = Callable[[float, Callable[[], None]], Callable[[], None]]

# Asks for changes of these lists and uris; returns the id of that request.
Listen = Callable[[Collection[str], Collection[str]], int]

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"


class Listening:
    """What the agent wants to hear of, and the request in flight that brings it.

    A stream cannot be altered: another is opened, and the old one cancelled as soon as the new one
    holds, so that nothing is missed between. lists and uris are what to hear of from the start; up
    and down take a line for the upstream and for the agent.
    """

    def __init__(
        self,
        lists: Collection[str],
        uris: dict[str, None],
        listen: Listen,
        up: Callable[[bytes], None],
        down: Callable[[bytes], None],
        later: Later,
    ) -> None:
        self._lists = lists
        self._listen = listen
        self._up = up
        self._down = down
        self._later = later
        self._uris = uris
        self._heard = 0  # the stream that holds
        self._opening = 0  # the one that is to take its place
        self._waiting: list[bytes] = []  # ids of requests to be answered once it holds
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._call_off: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Open a stream, if there is anything to hear."""
        if (self._lists or self._uris) and not self._heard and not self._opening:
            self._open()

    def subscribe(self, raw_id: bytes, uri: str) -> None:
        """Hear of changes of a resource too; the request raw_id is answered once that holds."""
        self._uris[uri] = None
        self._waiting.append(raw_id)
        self._open()

    def unsubscribe(self, raw_id: bytes, uri: str) -> None:
        """Hear no more of a resource."""
        self._uris.pop(uri, None)
        self._down(wire.result(raw_id, b"{}"))
        if self._lists or self._uris:
            self._open()
        else:
            self._close(self._heard, self._opening)
            self._heard = self._opening = 0

    def is_ours(self, answer: wire.Answer) -> bool:
        """Tell whether answer is to a request of ours, and take it: the stream is over."""
        if not answer.id or answer.id not in (self._heard, self._opening):
            return False
        refused = not answer.is_result and eras.error_code(answer.line) == eras.METHOD_NOT_FOUND
        if answer.id == self._heard:
            self._heard = 0
        else:
            self._opening = 0
            for raw_id in self._waiting:
                edit = (answer.span, raw_id)
                failed = wire.splice(answer.line, edit)
                self._down(wire.result(raw_id, b"{}") if answer.is_result else failed)
            self._waiting.clear()
        if not refused and not self._opening and (self._lists or self._uris):
            self._open_later()
        return True

    def passes(self, message: wire.Message, method: str) -> bool:
        """Tell whether the agent is to see a notification; take it if it is about a stream."""
        stream = eras.subscription_of(message)
        if method == ACKNOWLEDGED and stream and stream == self._opening:
            self._close(self._heard)
            self._heard, self._opening = stream, 0
            self._wait_seconds = FIRST_WAIT_SECONDS
            for raw_id in self._waiting:
                self._down(wire.result(raw_id, b"{}"))
            self._waiting.clear()
        return method != ACKNOWLEDGED and stream in (0, self._heard)

    def end(self) -> None:
        """Forget the stream; nothing is sent any more."""
        self._call_off()
        self._heard = self._opening = 0

    def _open(self) -> None:
        self._call_off()
        self._close(self._opening)
        self._opening = self._listen(self._lists, self._uris)

    def _open_later(self) -> None:
        self._call_off = self._later(self._wait_seconds, self._open)
        self._wait_seconds = min(LONGEST_WAIT_SECONDS, 2 * self._wait_seconds)

    def _close(self, *streams: int) -> None:
        for stream in filter(None, streams):
            self._up(wire.cancelled(b"%d" % stream, "another stream takes its place"))
