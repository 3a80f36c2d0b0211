"""Write the log to stderr: no secrets, nothing out of a result, a full store said once."""

import logging
import re
import traceback
from types import TracebackType

Failure = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Line(logging.Formatter):
    """Writes log lines without secrets, whatever was logged.

    Of an exception only type and places are written: its text may quote a result.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of record, masked."""
        from coatcheck.secrets import mask  # here because few sessions log anything

        return mask(super().format(record))

    def formatException(self, ei: Failure) -> str:
        """Return the places that led to an exception, and its type."""
        kind, _, places = ei
        name = "" if kind is None else kind.__name__
        return "".join(traceback.format_tb(places)) + name


class Once:
    """Lets a line through once, also where only its numbers differ."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, record: logging.LogRecord) -> bool:
        """Tell whether record is to be written."""
        text = re.sub(r"[\d,.]+", "0", record.getMessage())
        if record.exc_info or text not in self._said:
            self._said.add(text)
            return True
        return False


def to_stderr() -> None:
    """Send every warning of this process to stderr, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(Line("coatcheck: %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    # A home that cannot be written would otherwise say so at every call.
    logging.getLogger("coatcheck.pipeline").addFilter(Once())
