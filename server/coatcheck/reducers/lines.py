"""What every line-based reducer needs: severity, ANSI, long lines, look-alike headers."""

import re

ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
SEVERE = re.compile(
    r"(?i:\b(?:error|errors|err!|fatal|critical|crit|panic|panicked|exception|traceback|failed|failure"
    r"|fail|segfault|assertion\w*|denied|refused|timed?[ -]?out|deadlock|oom|killed|abort(?:ed)?"
    r"|warn(?:ing)?)\b)|\w(?:Error|Exception)\b|✗|✖|✕|❌"
    r"|(?i:exit(?:ed)?(?: with)?(?: code| status)?[ :=]+[1-9]\d*)"
)


def strip_ansi(text: str) -> str:
    """Return text without terminal escape sequences."""
    return ANSI.sub("", text) if "\x1b" in text else text


def is_severe(line: str) -> bool:
    """Tell whether line speaks of an error, a warning, a failing test or a non-zero exit."""
    return SEVERE.search(line) is not None
