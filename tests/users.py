"""A made-up user with files of agent clients, and the command line run in place."""

import json
from pathlib import Path
from typing import Any

import pytest

from coatcheck.cli import main


class User:
    """A user with a home folder, a project folder and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.project = folder / "home", folder / "project"
        self.project.mkdir()
        self.launcher = str(self.home / "state/bin/coatcheck")
        self._capsys = capsys

    def write(self, path: str, text: str) -> Path:
        """Write a file of the user, or of the project if path begins with a dot and a slash."""
        file = (self.project if path.startswith("./") else self.home) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        return file

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command and return what it says, errors included."""
        try:
            ended: object = main(list(words))
        except SystemExit as stop:
            ended = stop.code
        said = self._capsys.readouterr()
        assert ended == code, said
        return said.out + said.err

    def states(self, *words: str) -> dict[str, str]:
        """Return the state of each server, by client, scope and name."""
        rows: list[dict[str, Any]] = json.loads(self.run("status", "--json", *words))["rows"]
        return {f"{r['client']} {r['scope']} {r['server']}": r["state"] for r in rows}
