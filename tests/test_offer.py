"""The summarizer is offered once, where its key is, with what a day of it may cost."""

import os
import pty
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import CALL, written

from coatcheck.cli.offer import day_of, said
from coatcheck.types import SummarizerSettings

SETTINGS = SummarizerSettings()
QUESTION = "May results be sent?"


class Person:
    """Somebody at a terminal, with one server to wrap."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.file = folder / ".mcp.json"
        self.folder = folder
        self.file.write_text('{"mcpServers": {"files": {"command": "npx"}}}')

    def wrap(self, answers: str, *words: str, key: str = "k") -> str:
        """Wrap and answer what is asked; return what was said."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "COATCHECK_HOME": str(self.state),
            **({"COATCHECK_ANTHROPIC_API_KEY": key} if key else {}),
        }
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answers.encode())
            done = subprocess.run(
                [sys.executable, "-m", "coatcheck.cli", "wrap", *words],
                stdin=theirs,
                capture_output=True,
                text=True,
                cwd=self.folder,
                env=environ,
                timeout=30,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def settings(self) -> str:
        """Return what the settings say."""
        file = self.state / "config.toml"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


@pytest.mark.parametrize(("answer", "consent"), [("y", "true"), ("n", "false")])
def test_the_answer_is_kept_and_not_asked_for_again(
    person: Person, answer: str, consent: str
) -> None:
    said = person.wrap(f"y\n{answer}\n")
    assert said.count(QUESTION) == 1
    assert "At most about 0.04 USD a day: 40 results over 2,000 tokens (assumed" in said
    assert f"consent = {consent}" in person.settings
    person.file.write_text('{"mcpServers": {"more": {"command": "npx"}}}')
    assert QUESTION not in person.wrap("y\n")


def test_nothing_is_asked_without_a_key_with_yes_or_with_nothing_wrapped(person: Person) -> None:
    assert QUESTION not in person.wrap("", "--dry-run")
    assert QUESTION not in person.wrap("y\n", key="")
    assert QUESTION not in person.wrap("")
    person.file.write_text('{"mcpServers": {"more": {"command": "npx"}}}')
    assert QUESTION not in person.wrap("", "--yes")
    assert not person.settings


def test_the_estimate_is_the_mean_of_the_days_in_the_ledger(tmp_path: Path) -> None:
    now = time.time()
    days = [now - 86_400 * n for n in (1, 2)]
    calls = [replace(CALL, at=at, original_tokens=n) for at in days for n in (30_000, 10_000, 500)]
    many = replace(CALL, at=days[0], original_tokens=900_000)
    old = replace(CALL, at=now - 86_400 * 40, original_tokens=50_000)
    error = replace(CALL, at=days[0], is_error=True, original_tokens=50_000)
    written(tmp_path, old, many, error, *calls)
    day = day_of(tmp_path, SETTINGS, now)
    assert (day.results, day.tokens) == (2.5, (100_000 + 2 * 40_000) / 2)
    assert "the mean of the 2 days in the ledger" in said(day, SETTINGS)


def test_the_estimate_stays_under_the_limit_of_a_day(tmp_path: Path) -> None:
    day = day_of(tmp_path, SETTINGS, time.time())
    assert "At most about 0.02 USD a day" in said(day, replace(SETTINGS, daily_usd=0.02))
