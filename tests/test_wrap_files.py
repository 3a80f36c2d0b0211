"""A config file is replaced whole or not at all, and never over somebody else's change."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from coatcheck import journal
from coatcheck.rewrite import OsFiles, edit, obstacle, replace

OLD, NEW = b'{"old": 1}', b'{"new": 2}' * 1000
OPERATIONS = ("create", "own", "write", "close", "read", "rename", "sync_folder")


class Crash(BaseException):
    """The process is gone: nothing is cleaned up."""


class Stopping:
    """Files that raise before or after one operation."""

    def __init__(self, operation: str, error: BaseException, *, after: bool) -> None:
        self._operation, self._error, self._after = operation, error, after
        self._files = OsFiles()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._files, name)

        def operation(*arguments: Any) -> Any:
            if name != self._operation:
                return real(*arguments)
            if self._after:
                real(*arguments)
            raise self._error

        return operation


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_crash_leaves_the_old_or_the_new_file_whole(
    config: Path, operation: str, after: bool
) -> None:
    with pytest.raises(Crash):
        replace(config, OLD, NEW, Stopping(operation, Crash(), after=after))
    moved = operation == "sync_folder" or (operation == "rename" and after)
    assert config.read_bytes() == (NEW if moved else OLD)
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


@pytest.mark.parametrize("operation", OPERATIONS[:-1])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(config: Path, operation: str) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        replace(config, OLD, NEW, Stopping(operation, full, after=False))
    assert config.read_bytes() == OLD
    assert [path.name for path in config.parent.iterdir()] == ["settings.json"]


def test_a_file_that_has_changed_meanwhile_is_left_as_it_is(config: Path) -> None:
    config.write_bytes(b"somebody else's")
    assert not replace(config, OLD, NEW, OsFiles())
    assert config.read_bytes() == b"somebody else's"
    assert len(list(config.parent.iterdir())) == 1


class Busy(OsFiles):
    """Files that somebody else writes, a few times, just after they were read."""

    def __init__(self, config: Path, times: int) -> None:
        self._config, self._times = config, times

    def own(self, descriptor: int, like: os.stat_result) -> None:
        if self._times:
            self._times -= 1
            self._config.write_bytes(self._config.read_bytes() + b"!")
        super().own(descriptor, like)


def test_a_file_that_changes_meanwhile_is_planned_anew(config: Path) -> None:
    assert edit(config, lambda data: b"<" + data, Busy(config, 2))
    assert config.read_bytes() == b"<" + OLD + b"!!"


def test_a_file_that_changes_all_the_time_is_given_up(config: Path) -> None:
    assert not edit(config, lambda data: b"<" + data, Busy(config, 99))
    assert config.read_bytes().startswith(OLD)
    assert len(list(config.parent.iterdir())) == 1


def test_a_link_stays_and_its_target_changes_with_the_same_mode(
    config: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(config)
    assert replace(link, OLD, NEW, OsFiles())
    assert link.is_symlink()
    assert config.read_bytes() == NEW
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


def test_what_must_not_be_replaced_has_a_reason(config: Path, tmp_path: Path) -> None:
    assert not obstacle(config)
    (tmp_path / "second.json").hardlink_to(config)
    assert "second name" in obstacle(config)
    config.chmod(0o440)
    assert "read-only" in obstacle(config)
    assert "regular" in obstacle(tmp_path)


def test_the_journal_keeps_the_first_text_while_nobody_else_writes(tmp_path: Path) -> None:
    path = Path("/x/settings.json")
    journal.note(tmp_path, path, "one", "two")
    journal.note(tmp_path, path, "two", "three")
    assert journal.earlier(tmp_path, path, "three") == "one"
    assert journal.earlier(tmp_path, path, "two") is None
    (record,) = tmp_path.iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_the_journal_begins_anew_after_somebody_elses_change(tmp_path: Path) -> None:
    path = Path("/x/settings.json")
    journal.note(tmp_path, path, "one", "two")
    journal.note(tmp_path, path, "two, edited", "four")
    assert journal.earlier(tmp_path, path, "four") == "two, edited"


def test_the_journal_forgets_a_file_that_is_as_it_was(tmp_path: Path) -> None:
    path = Path("/x/settings.json")
    journal.note(tmp_path, path, "one", "two")
    journal.note(tmp_path, path, "two", "one")
    assert not list(tmp_path.iterdir())


def test_a_damaged_journal_is_no_journal(tmp_path: Path) -> None:
    path = Path("/x/settings.json")
    journal.note(tmp_path, path, "one", "two")
    (record,) = tmp_path.iterdir()
    record.write_text('["half')
    assert journal.earlier(tmp_path, path, "two") is None
