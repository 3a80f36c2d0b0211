"""Sweep the store in the background of a session."""

import threading
from pathlib import Path

import pytest

from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli import parts
from coatcheck.cli.place import Place
from coatcheck.config import Config
from coatcheck.types import Artifact, Call, StoreError

BOUND_SECONDS = 5


def place_at(home: Path) -> Place:
    return Place(home, Config())


def wait_for_timers() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(BOUND_SECONDS)


def test_a_session_sweeps_what_expired(tmp_path: Path) -> None:
    at = place_at(tmp_path)
    kept = parts.artifacts(at)
    result = b'{"content":[]}'
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, Call("up", "t"), expires_at=1.0))
    assert kept.usage().used_bytes
    with parts.sweeping(at, 0):
        wait_for_timers()
    assert kept.sweep().artifacts == 0


def test_a_session_without_a_store_makes_none(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with parts.sweeping(place_at(tmp_path), 0):
        for thread in set(threading.enumerate()) - before:
            thread.join(30)
    assert not list(tmp_path.iterdir())


def test_a_session_without_a_home_sweeps_nothing(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with parts.sweeping(place_at(tmp_path / "home"), 0):
        assert set(threading.enumerate()) == before
    assert not list(tmp_path.iterdir())


def test_a_store_that_cannot_be_swept_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").write_text("no folder")
    with parts.sweeping(place_at(tmp_path), 0):
        pass
    (tmp_path / "store").unlink()
    (tmp_path / "store").mkdir()

    def fail(self: StoredArtifacts) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(StoredArtifacts, "sweep_daily", fail)
    with parts.sweeping(place_at(tmp_path), 0):
        wait_for_timers()
