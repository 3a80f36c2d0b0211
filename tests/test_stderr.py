"""What the log says, and what it must not say."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.cli.stderr import Line, Once

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Agent


def record(text: str, *words: object) -> logging.LogRecord:
    return logging.LogRecord("n", logging.WARNING, "p", 1, text, words, None)


def test_a_failure_is_logged_without_what_its_exception_says() -> None:
    try:
        int("a line of a result")
    except ValueError:
        failed = logging.LogRecord("n", logging.ERROR, "p", 1, "it failed", (), sys.exc_info())
    line = Line("%(message)s").format(failed)
    assert "it failed" in line
    assert "in test_a_failure_is_logged" in line
    assert line.endswith("ValueError")
    assert "a line of a result" not in line.replace('int("a line of a result")', "")


def test_a_line_is_said_once_also_where_only_its_numbers_differ() -> None:
    once = Once()
    said = [once(record("the disk has %s bytes left", size)) for size in ("1,024", "512", "7")]
    assert said == [True, False, False]
    assert once(record("the disk is gone"))


def test_a_home_that_cannot_be_written_is_said_in_one_line(
    start: "Callable[..., Agent]", tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    agent = start("plain.py", COATCHECK="on", COATCHECK_HOME=str(tmp_path / "file"))
    agent.greet()
    long = "\n".join(f"INFO request {n} took {n * 7 % 90} ms" for n in range(2_000))
    for _ in range(3):
        assert agent.said("echo", text=long) == long
    assert agent.close() == 0
    lines = []
    while line := agent.log.get(timeout=5):
        lines.append(line)
    assert len([line for line in lines if b"results pass unshortened" in line]) == 1
