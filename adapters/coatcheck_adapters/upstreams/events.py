"""Cut a stream of server-sent events, as bytes, into events."""

from typing import NamedTuple

from coatcheck.wire import LINE_LIMIT_BYTES

_BOM = b"\xef\xbb\xbf"
# A longer wait asked for by a server is cut to this.
_MOST_RETRY_SECONDS = 60.0


class Event(NamedTuple):
    """One event: its kind, its data on one line, and its id if it has one."""

    kind: str
    data: bytes
    id: str | None = None


class Events:
    """Read events in time linear in their size; of an event over the limit the rest is cut.

    id is that of the last event, "" before there was one; retry_seconds is what the server asked
    for, None if it did not. Source: HTML living standard, 9.2.6 (2026-11-22).
    """

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._line: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False
        self._data: list[bytes] = []
        self._kind = ""
        self._new_id: str | None = None
        self.id = ""
        self.retry_seconds: float | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that chunk completes; those without data are only noted."""
        if b"\r" in chunk or self._after_cr:
            chunk = self._without_cr(chunk)
        first, newline, rest = chunk.partition(b"\n")
        self._keep(first)
        if not newline:
            return []
        lines = rest.split(b"\n")
        last = lines.pop()
        events = [event for line in (self._take(), *lines) if (event := self._read(line))]
        self._keep(last)
        return events

    def _without_cr(self, chunk: bytes) -> bytes:
        """End lines with a line feed only; a pair may be split between two chunks."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, part: bytes) -> None:
        if part and self._size < self._limit_bytes:
            self._line.append(part)
            self._size += len(part)

    def _take(self) -> bytes:
        line = self._line[0] if len(self._line) == 1 else b"".join(self._line)
        self._size -= len(line)
        self._line = []
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        return line

    def _read(self, line: bytes) -> Event | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data" and self._size < self._limit_bytes:
            self._data.append(value)
            self._size += len(value)
        elif name == b"event":
            self._kind = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._new_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry_seconds = min(int(value[:9]) / 1000, _MOST_RETRY_SECONDS)
        return None

    def _end(self) -> Event | None:
        data, kind, new_id = self._data, self._kind or "message", self._new_id
        self._data, self._kind, self._new_id = [], "", None
        self._size -= sum(map(len, data))
        if new_id is not None:
            self.id = new_id
        joined = data[0] if len(data) == 1 else b" ".join(data)  # a newline would end our line
        return Event(kind, joined, new_id) if joined else None
