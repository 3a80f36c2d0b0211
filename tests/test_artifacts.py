"""Artifacts: kept before a view leaves, given back byte for byte, removed with a word."""

import errno
import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import artifacts, envelope, refs
from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli.artifacts import group
from coatcheck.cli.parts import open_artifacts
from coatcheck.envelope import Damaged, seal, unseal
from coatcheck.refs import load_key, ref_digits
from coatcheck.types import Artifact, Call, Omission, StoreError, UnknownRef, Usage

DAY = 86_400.0
START = 1_796_000_000.0  # 2026-11-30 00:53:20 UTC
CALL = Call("github", "search_issues", b'{"q":"open"}', "crashes")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Shelf:
    """A Store in memory; its disk is as full as a test says.

    meanwhile is what another process does just before the next transaction.
    """

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.free_bytes = 1 << 40
        self.is_broken = False
        self.meanwhile: Callable[[], object] | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        first, self.meanwhile = self.meanwhile, None
        if first:
            first()
        before = dict(self.rows)
        try:
            yield
        except BaseException:
            self.rows = before
            raise

    def put(self, key: str, data: bytes) -> None:
        self._check()
        self.rows[key] = data

    def get(self, key: str) -> bytes | None:
        return self.rows.get(key)

    def delete(self, key: str) -> None:
        self._check()
        self.rows.pop(key, None)

    def clear(self, prefix: str) -> None:
        for key, _ in self.scan(prefix):
            self.delete(key)

    def scan(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        return [(key, data) for key, data in self.rows.items() if key.startswith(prefix)]

    def usage(self) -> Usage:
        return Usage(sum(map(len, self.rows.values())), self.free_bytes)

    def tidy(self, aside_seconds: float) -> None:
        self._check()

    def _check(self) -> None:
        if self.is_broken:
            raise StoreError(os.strerror(errno.ENOSPC))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def kept(shelf: Shelf, clock: Clock, tmp_path: Path) -> StoredArtifacts:
    return StoredArtifacts(shelf, tmp_path / "key", quota_bytes=100_000, clock=clock)


@pytest.fixture
def on_disk(tmp_path: Path, clock: Clock) -> StoredArtifacts:
    return open_artifacts(tmp_path / "home", floor_bytes=0, clock=clock)


def keep(kept: StoredArtifacts, result: bytes, view: str = "view", **more: object) -> str:
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, CALL, view, "trimmed", **more))  # type: ignore[arg-type]  # a shorthand of the tests
    return ref


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


# Envelope


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.binary(max_size=3000))
def test_what_was_sealed_is_opened_unchanged(facts: dict[str, object], body: bytes) -> None:
    assert unseal(seal(facts, body)) == (facts, body)


@given(st.binary(min_size=1, max_size=1500), st.data())
def test_a_changed_or_cut_envelope_is_damaged(body: bytes, data: st.DataObject) -> None:
    whole = seal({"key": "x"}, body * 2)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    for bad in (flipped, whole[:at], whole + b"\0"):
        with pytest.raises(Damaged):
            unseal(bad)


@pytest.mark.parametrize("facts", [b"{", b"[]", b"7", b"[" * 100_000, b"\xff"])
def test_an_envelope_without_a_json_object_is_damaged(facts: bytes) -> None:
    header = envelope.HEADER.pack(envelope.MAGIC, envelope.PLAIN, 0, len(facts))
    with pytest.raises(Damaged):
        unseal(header + envelope._digest(header, facts, b"") + facts)


def forged(length: int, stored: bytes, codec: int = envelope.ZLIB) -> bytes:
    header = envelope.HEADER.pack(envelope.MAGIC, codec, length, 2)
    return header + envelope._digest(header, b"{}", stored) + b"{}" + stored


def test_a_bomb_is_not_opened_beyond_its_stated_length() -> None:
    packed = seal({}, bytes(50_000_000))
    stored = packed[envelope.HEADER.size + envelope.DIGEST_BYTES + 2 :]
    assert unseal(forged(50_000_000, stored))[1] == bytes(50_000_000)
    for length in (0, 10, 49_999_999, 50_000_001, envelope.LARGEST_BYTES + 1, 2**63):
        with pytest.raises(Damaged):
            unseal(forged(length, stored))
    tracemalloc.start()
    with pytest.raises(Damaged):
        unseal(forged(1000, stored))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    for codec in (envelope.PLAIN, 7):
        with pytest.raises(Damaged):
            unseal(forged(50_000_000, stored, codec))


def test_only_what_becomes_smaller_is_compressed() -> None:
    text, dense, short = b"the same words " * 1000, noise(600_000), b"a" * 512
    assert len(seal({}, text)) < len(text) / 10
    assert len(dense) < len(seal({}, dense)) < len(dense) + 100
    assert len(seal({}, short)) > len(short)


# Refs


def test_equal_results_have_equal_refs_and_others_have_not(kept: StoredArtifacts) -> None:
    ref = kept.ref_for("result", b"one")
    assert refs.REF.fullmatch(ref)
    assert len(ref) == 15
    assert ref == kept.ref_for("result", b"one")
    assert len({ref, kept.ref_for("result", b"two"), kept.ref_for("page", b"one")}) == 3


def test_refs_cannot_be_computed_without_the_key(shelf: Shelf, tmp_path: Path) -> None:
    mine, theirs = (StoredArtifacts(shelf, tmp_path / name) for name in ("mine", "theirs"))
    assert mine.ref_for("result", b"guess me") != theirs.ref_for("result", b"guess me")
    again = StoredArtifacts(shelf, tmp_path / "mine")
    assert again.ref_for("result", b"guess me") == mine.ref_for("result", b"guess me")


def test_every_character_of_a_ref_takes_every_value() -> None:
    digits = [ref_digits(b"k" * 32, "result", b"%d" % number)[:12] for number in range(1500)]
    assert all(set(column) == set(refs.DIGITS) for column in zip(*digits, strict=True))


def test_a_ref_that_is_taken_is_lengthened(kept: StoredArtifacts, tmp_path: Path) -> None:
    digits = ref_digits(load_key(tmp_path / "key"), "result", b"mine")
    for length in (12, 13):
        kept.put(Artifact(f"cc_{digits[:length]}", b"another %d" % length, CALL, "view"))
    ref = keep(kept, b"mine")
    assert ref == f"cc_{digits[:14]}"
    assert kept.get(ref).result == b"mine"
    assert kept.get(f"cc_{digits[:12]}").result == b"another 12"
    with pytest.raises(StoreError, match="taken"):
        kept.put(Artifact(f"cc_{digits[:12]}", b"mine", CALL, "view"))


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(load_key, [path] * 32))
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_a_key_that_cannot_be_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"half a key")
    for path in (tmp_path / "short", tmp_path / "short" / "key", tmp_path):
        with pytest.raises(StoreError):
            load_key(path)


# Keeping and giving back


@settings(deadline=None, max_examples=40)
@given(
    result=st.binary(max_size=2000) | st.binary(max_size=20).map(lambda part: part * 9000),
    arguments=st.binary(max_size=50),
    view=st.text(st.characters(), max_size=50),
    focus=st.text(st.characters(), max_size=20),
)
def test_an_artifact_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory,
    result: bytes,
    arguments: bytes,
    view: str,
    focus: str,
) -> None:
    kept = open_artifacts(tmp_path_factory.mktemp("home"), floor_bytes=0)
    ref = kept.ref_for("result", result)
    call = Call("upstream", "tool", arguments, focus)
    omissions = (Omission("rows", 3, 10, "the rest"),)
    kept.put(Artifact(ref, result, call, view, "selected", omissions))
    got = kept.get(ref)
    assert (got.result, got.call, got.view) == (result, call, view)
    assert (got.outcome, got.omissions) == ("selected", omissions)


def test_every_view_that_was_sent_is_known_exactly(kept: StoredArtifacts) -> None:
    ref = keep(kept, b"result", "first")
    assert keep(kept, b"result", "second") == ref
    assert kept.get(ref).view == "second"
    assert kept.has_view(ref, "first")
    assert kept.has_view(ref, "second")
    for forged_view in ("", "firs", "first ", "third"):
        assert not kept.has_view(ref, forged_view)
    assert not kept.has_view("cc_000000000000", "first")
    assert not kept.has_view("no ref", "first")


def test_a_view_sent_again_is_the_newest(kept: StoredArtifacts) -> None:
    for view in ("first", "second", "first"):
        ref = keep(kept, b"result", view)
    assert kept.get(ref).view == "first"
    assert kept.has_view(ref, "second")


def test_no_view_never_takes_the_place_of_one(kept: StoredArtifacts) -> None:
    ref = keep(kept, b"result", "")
    assert kept.get(ref).view == ""
    keep(kept, b"result", "sent")
    keep(kept, b"result", "")
    assert kept.get(ref).view == "sent"


def test_the_oldest_views_of_an_artifact_are_forgotten(kept: StoredArtifacts, shelf: Shelf) -> None:
    for number in range(103):
        ref = keep(kept, b"result", f"view {number}")
    assert [kept.has_view(ref, f"view {number}") for number in range(4)] == [False] * 3 + [True]
    assert len(shelf.scan("view/")) == 100


def test_the_list_is_newest_first_and_opens_no_result(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    refs = []
    for number in range(4):
        clock.now += 10
        refs.append(keep(kept, b"result %d" % number))
    other = kept.ref_for("result", b"other")
    kept.put(Artifact(other, b"other", Call("jira", "get"), "view", kept_at=START + 15))
    for key in [key for key in shelf.rows if key.startswith("body/")]:
        del shelf.rows[key]
    assert [info.ref for info in kept.list(3)] == [refs[3], refs[2], refs[1]]
    assert [info.ref for info in kept.list(9)] == [*refs[:0:-1], other, refs[0]]
    (info,) = kept.list(9, "jira")
    assert (info.tool, info.size_bytes, info.kept_at) == ("get", 5, START + 15)
    assert (info.outcome, info.expires_at) == ("passed", START + 40 + 7 * DAY)


# Damage


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.parametrize("hurt", ["flip", "cut", "lose"])
def test_a_damaged_value_is_said_and_never_given_short(
    on_disk: StoredArtifacts, tmp_path: Path, size: int, hurt: str
) -> None:
    ref = keep(on_disk, noise(size))
    other = keep(on_disk, noise(size, 1))
    damage(on_disk, ref, tmp_path, hurt)
    with pytest.raises(StoreError, match=rf"{ref} is damaged: call github\.search_issues again"):
        on_disk.get(ref)
    assert on_disk.get(other).result == noise(size, 1)
    assert keep(on_disk, noise(size)) == ref
    assert on_disk.get(ref).result == noise(size)


def damage(kept: StoredArtifacts, ref: str, tmp_path: Path, hurt: str) -> None:
    store = kept._store
    files = list(tmp_path.rglob("*.val"))
    blob = store.get(f"body/{ref}")
    assert blob is not None
    hurts = {"flip": blob[:-1] + bytes([blob[-1] ^ 1]), "cut": blob[:-1], "lose": None}
    bad = hurts[hurt]
    mine = [file for file in files if file.read_bytes() == blob]
    if mine and bad is None:
        mine[0].unlink()
    elif mine and bad is not None:
        mine[0].write_bytes(bad)
    elif bad is None:
        store.delete(f"body/{ref}")
    else:
        store.put(f"body/{ref}", bad)


def test_rows_that_changed_places_are_damaged(kept: StoredArtifacts, shelf: Shelf) -> None:
    one, two = keep(kept, b"one"), keep(kept, b"two")
    shelf.rows[f"body/{one}"] = shelf.rows[f"body/{two}"]
    with pytest.raises(StoreError, match="damaged"):
        kept.get(one)


@pytest.mark.parametrize("bad", [b"", b"garbage", seal({"key": "info/x"}), seal({"a": 1})])
def test_a_damaged_record_is_as_if_it_were_not_there(
    kept: StoredArtifacts, shelf: Shelf, bad: bytes
) -> None:
    ref, other = keep(kept, b"one"), keep(kept, b"two")
    shelf.rows[f"info/{ref}"] = bad
    with pytest.raises(UnknownRef):
        kept.get(ref)
    assert [info.ref for info in kept.list(9)] == [other]
    kept.sweep()
    assert keep(kept, b"one") == ref
    assert kept.get(ref).result == b"one"


# Time


def test_an_artifact_expires_with_a_sentence_that_says_what_to_do(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    clock.now += DAY
    assert kept.list(9) == []
    for _ in range(2):
        with pytest.raises(UnknownRef) as told:
            kept.get(ref)
        assert str(told.value) == (
            f"{ref} expired on 2026-12-01 00:53 UTC: call github.search_issues again"
            " with the arguments of your earlier call"
        )
    assert set(shelf.rows) == {f"gone/{ref}"}
    assert not kept.has_view(ref, "view")


def test_every_get_lets_the_time_run_anew(kept: StoredArtifacts, clock: Clock) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    for _ in range(5):
        clock.now += DAY - 1
        assert kept.get(ref).result == b"result"
    clock.now += DAY
    with pytest.raises(UnknownRef):
        kept.get(ref)


def test_a_peek_leaves_the_time_as_it_is(kept: StoredArtifacts, clock: Clock) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    clock.now += DAY - 1
    assert kept.peek(ref).expires_at == START + DAY
    clock.now += 1
    with pytest.raises(UnknownRef):
        kept.peek(ref)


def test_the_longest_time_of_equal_results_holds(kept: StoredArtifacts, clock: Clock) -> None:
    ref = keep(kept, b"result", expires_at=START + 5 * DAY)
    keep(kept, b"result", expires_at=START + DAY)
    clock.now += 4 * DAY
    assert kept.get(ref).expires_at == START + 5 * DAY


def test_what_expired_may_be_kept_again(kept: StoredArtifacts, clock: Clock) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    clock.now += 2 * DAY
    assert kept.sweep().artifacts == 1
    assert keep(kept, b"result") == ref
    assert kept.get(ref).result == b"result"


def test_a_sweep_removes_what_expired_and_old_notes(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    keep(kept, b"short", expires_at=START + 1)
    long = keep(kept, b"long", expires_at=START + 500 * DAY)
    clock.now += DAY
    assert kept.sweep() == artifacts.Swept(1, 5)
    assert len(shelf.scan("gone/")) == 1
    clock.now += 91 * DAY
    assert kept.sweep() == artifacts.Swept(0, 0)
    assert shelf.scan("gone/") == []
    assert kept.get(long).result == b"long"


def test_what_expired_is_removed_once_a_day_and_never_by_a_call(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    kept.sweep_daily()
    old = keep(kept, b"old", expires_at=START + 10)
    clock.now += DAY - 1
    keep(kept, b"second")
    kept.sweep_daily()
    assert f"body/{old}" in shelf.rows
    clock.now += 1
    keep(kept, b"third")
    assert f"body/{old}" in shelf.rows
    kept.sweep_daily()
    assert f"body/{old}" not in shelf.rows
    assert len(kept.list(9)) == 2


def test_an_artifact_can_be_read_when_nothing_can_be_written(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    shelf.is_broken = True
    clock.now += DAY / 2
    assert kept.get(ref).result == b"result"
    clock.now += DAY
    with pytest.raises(UnknownRef, match="expired on"):
        kept.get(ref)


def test_a_session_takes_its_artifacts_with_it(kept: StoredArtifacts, shelf: Shelf) -> None:
    mine = keep(kept, b"mine", session="a")
    shared = keep(kept, b"shared", session="a")
    keep(kept, b"shared", session="b")
    durable = keep(kept, b"durable", session="a")
    keep(kept, b"durable")
    keep(kept, b"durable", session="a")
    kept.forget_session("a")
    with pytest.raises(UnknownRef, match="kept for its session only, which ended on 2026-11-30"):
        kept.get(mine)
    assert kept.get(shared).session == "b"
    assert kept.get(durable).session == ""
    kept.forget_session("b")
    assert [info.ref for info in kept.list(9)] == [durable]
    assert len(shelf.scan("body/")) == len(shelf.scan("view/")) == 1


def test_what_a_killed_session_left_expires_in_a_day(kept: StoredArtifacts, clock: Clock) -> None:
    ref = keep(kept, b"mine", session="killed")
    clock.now += DAY
    with pytest.raises(UnknownRef, match="expired"):
        kept.get(ref)


def test_what_was_erased_is_gone_with_a_word(kept: StoredArtifacts, shelf: Shelf) -> None:
    ref = keep(kept, b"result")
    keep(kept, b"other")
    kept.erase(ref)
    with pytest.raises(UnknownRef, match="erased on 2026-11-30 00:53 UTC: call github"):
        kept.get(ref)
    with pytest.raises(UnknownRef):
        kept.erase(ref)
    shelf.rows["body/cc_111111111111"] = b"damaged"
    assert kept.erase_all().artifacts == 1
    assert {key.partition("/")[0] for key in shelf.rows} == {"gone"}


def test_nothing_of_what_was_erased_is_left_on_the_disk(
    on_disk: StoredArtifacts, tmp_path: Path
) -> None:
    for size in (100, 400, 70_000, 300_000):
        keep(on_disk, b"SECRET" + noise(size), f"VISIBLE SECRET {size}")

    def trace() -> list[str]:
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        return [file.name for file in files if b"SECRET" in file.read_bytes()]

    assert len(trace()) >= 3
    assert on_disk.erase_all().artifacts == 4
    assert trace() == []


@pytest.mark.parametrize(
    "ref", ["cc_000000000000", "", "7", "cc_../../../../etc", "cc_A", "x" * 999]
)
def test_a_ref_that_never_was_is_said_to_be_unknown(kept: StoredArtifacts, ref: str) -> None:
    with pytest.raises(UnknownRef, match="opens nothing here: copy the ref") as told:
        kept.get(ref)
    assert len(str(told.value)) < 250


# Room


def test_the_oldest_not_handed_out_make_room(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    refs = []
    for number in range(9):
        clock.now += 60
        refs.append(keep(kept, noise(10_000, number)))
    clock.now += 3600
    kept.get(refs[0])
    keep(kept, noise(10_000, 9))
    with pytest.raises(UnknownRef, match=r"was removed on .* to make room"):
        kept.get(refs[1])
    assert kept.get(refs[0]).result == noise(10_000, 0)
    assert shelf.usage().used_bytes < 100_000


def test_expired_artifacts_make_room_first(kept: StoredArtifacts, clock: Clock) -> None:
    old = keep(kept, noise(40_000, 0))
    clock.now += 1
    short = keep(kept, noise(40_000, 1), expires_at=START + 10)
    clock.now += 5000
    keep(kept, noise(40_000, 2))
    assert kept.get(old).result == noise(40_000, 0)
    with pytest.raises(UnknownRef, match="expired"):
        kept.get(short)


def test_a_full_store_refuses_rather_than_evict_what_was_just_handed_out(
    kept: StoredArtifacts, clock: Clock
) -> None:
    aged = keep(kept, noise(10_000, 0))
    clock.now += 4000
    refs = [keep(kept, noise(40_000, number)) for number in (1, 2)]
    with pytest.raises(StoreError, match="full"):
        keep(kept, noise(40_000, 3))
    for number, ref in enumerate([aged, *refs]):
        assert kept.get(ref).result == noise((10_000, 40_000, 40_000)[number], number)


def test_a_result_beyond_the_quota_is_refused_and_nothing_is_evicted(
    kept: StoredArtifacts, clock: Clock
) -> None:
    ref = keep(kept, b"small")
    clock.now += 4000
    with pytest.raises(StoreError, match="full"):
        keep(kept, noise(200_000))
    assert kept.get(ref).result == b"small"


def test_a_result_too_large_for_an_envelope_is_refused(
    kept: StoredArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, "LARGEST_BYTES", 1000)
    with pytest.raises(StoreError, match="more than"):
        keep(kept, noise(1001))


def test_a_floor_of_the_disk_stays_free(kept: StoredArtifacts, shelf: Shelf) -> None:
    shelf.free_bytes = artifacts.FLOOR_BYTES + 500
    with pytest.raises(StoreError, match="stay free"):
        keep(kept, noise(1000))
    assert shelf.rows == {}
    keep(kept, b"small", "")
    assert len(kept.list(9)) == 1


def test_a_broken_store_is_a_store_error_and_recovers(kept: StoredArtifacts, shelf: Shelf) -> None:
    ref = keep(kept, b"before")
    shelf.is_broken = True
    with pytest.raises(StoreError):
        keep(kept, b"after")
    assert kept.get(ref).result == b"before"
    shelf.is_broken = False
    assert kept.get(keep(kept, b"after")).result == b"after"


def test_a_home_that_cannot_be_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = open_artifacts(tmp_path / "file" / "home")
    with pytest.raises(StoreError):
        kept.ref_for("result", b"x")
    with pytest.raises(StoreError):
        kept.put(Artifact("cc_000000000000", b"x", CALL, "view"))
    with pytest.raises(StoreError):
        kept.get("cc_000000000000")
    assert not kept.has_view("cc_000000000000", "view")


# Several at once


KEEPER = """
import os, random, sys
from pathlib import Path
from coatcheck.cli.parts import open_artifacts
from coatcheck.types import Artifact, Call
kept = open_artifacts(Path(sys.argv[1]), floor_bytes=0)
chance = random.Random(int(sys.argv[2]))
while True:
    result = chance.randbytes(8) * chance.choice([10, 1000, 40_000])
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, Call("u", "t"), "view"))
    os.write(1, f"{ref} {result[:8].hex()} {len(result)}\\n".encode())
"""


def kill_while_they_keep(home: Path, rounds: int) -> None:
    told: list[bytes] = []
    for number in range(rounds):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", KEEPER, str(home), str(number * 8 + child)],
                stdout=subprocess.PIPE,
            )
            for child in range(8)
        ]
        for child in children:
            assert child.stdout is not None
            told += [child.stdout.readline() for _ in range(6)]
        for child in children:
            child.kill()
        for child in children:
            assert child.stdout is not None
            with child.stdout as rest:
                told += [line for line in rest if line.endswith(b"\n")]
            child.wait(30)
    kept = open_artifacts(home, floor_bytes=0)
    for line in told:
        ref, pattern, size = line.decode().split()
        assert kept.get(ref).result == bytes.fromhex(pattern) * (int(size) // 8)
    assert len(told) >= rounds * 48
    kept.sweep()
    named = {info.ref for info in kept.list(10**6)}
    assert {line.decode().split()[0] for line in told} <= named
    assert not (home / "store.damaged").exists()


def test_no_kept_artifact_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    kill_while_they_keep(tmp_path / "home", 1)


@pytest.mark.slow
def test_no_kept_artifact_is_lost_when_processes_are_killed_again_and_again(
    tmp_path: Path,
) -> None:
    kill_while_they_keep(tmp_path / "home", 15)


def test_what_is_removed_a_moment_before_is_kept_whole(kept: StoredArtifacts, shelf: Shelf) -> None:
    ref = keep(kept, b"result")
    shelf.meanwhile = kept.erase_all
    keep(kept, b"result")
    assert kept.get(ref).result == b"result"


def test_what_is_handed_out_a_moment_before_is_not_removed(
    kept: StoredArtifacts, shelf: Shelf, clock: Clock
) -> None:
    ref = keep(kept, b"result", expires_at=START + DAY)
    clock.now += DAY
    shelf.meanwhile = lambda: keep(kept, b"result", expires_at=START + 9 * DAY)
    assert kept.sweep().artifacts == 0
    assert kept.get(ref).result == b"result"


class Hasty(Shelf):
    """A Shelf on which another process is busy just before a view is read."""

    def get(self, key: str) -> bytes | None:
        if key.startswith("view/") and self.meanwhile:
            first, self.meanwhile = self.meanwhile, None
            first()
        return super().get(key)


def test_a_reader_that_is_overtaken_reads_again(tmp_path: Path, clock: Clock) -> None:
    shelf = Hasty()
    kept = StoredArtifacts(shelf, tmp_path / "key", clock=clock)
    ref = keep(kept, b"result", "")
    shelf.meanwhile = lambda: keep(kept, b"result", "sent")
    assert kept.get(ref).view == "sent"
    shelf.meanwhile = lambda: kept.erase(ref)
    with pytest.raises(UnknownRef, match="erased"):
        kept.get(ref)


def test_what_is_removed_while_it_is_kept_again_is_there_in_the_end(
    on_disk: StoredArtifacts,
) -> None:
    ref = keep(on_disk, noise(1000))

    def again(_: int) -> None:
        assert keep(on_disk, noise(1000)) == ref

    def away(_: int) -> None:
        on_disk.erase_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: (again, away)[number % 2](number), range(60)))
    keep(on_disk, noise(1000))
    assert on_disk.get(ref).result == noise(1000)


# Command line


@pytest.fixture
def home(tmp_path: Path) -> Path:
    kept = open_artifacts(tmp_path / "home", floor_bytes=0, clock=lambda: START)
    keep(kept, b"first\x00", "view of the first", expires_at=START * 2)
    call = Call("evil\x1b[2J", "tool", b'{"a":"\x1b[1m"}')
    ref = kept.ref_for("result", b"second")
    kept.put(
        Artifact(
            ref, b"second", call, "a\x1b[31m\nb", "clipped", expires_at=START * 2, kept_at=START + 1
        )
    )
    return tmp_path / "home"


def run(home: Path, *arguments: str, answer: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(group, arguments, obj=home, input=answer)
    return result.exit_code, result.output


def test_ls_prints_a_table_and_json(home: Path) -> None:
    code, text = run(home, "ls")
    lines = text.splitlines()
    assert code == 0
    assert lines[0].split() == ["REF", "TOOL", "BYTES", "KEPT", "UNTIL", "OUTCOME"]
    assert "github.search_issues" in lines[2]
    assert lines[3].split() == ["2", "artifacts", "12"]
    assert "\x1b" not in text
    found = json.loads(run(home, "ls", "--json", "--upstream", "github")[1])
    assert [info["size_bytes"] for info in found] == [6]


def test_show_prints_the_facts_or_the_exact_result(home: Path) -> None:
    second, first = (info["ref"] for info in json.loads(run(home, "ls", "--json")[1]))
    text = run(home, "show", second)[1]
    assert "clipped" in text
    assert "\x1b" not in text
    assert "view of the first" in run(home, "show", first)[1]
    result = CliRunner().invoke(group, ["show", first, "--result"], obj=home)
    assert result.stdout_bytes == b"first\x00"


def test_rm_erases_some_or_all(home: Path) -> None:
    refs = [info["ref"] for info in json.loads(run(home, "ls", "--json")[1])]
    assert run(home, "rm", refs[0])[0] == 0
    code, text = run(home, "show", refs[0])
    assert code == 1
    assert "was erased on" in text
    assert run(home, "rm")[0] == 2
    assert run(home, "rm", refs[1], "--all")[0] == 2
    assert run(home, "rm", "--all", answer="n\n")[0] == 1
    assert len(json.loads(run(home, "ls", "--json")[1])) == 1
    assert run(home, "rm", "--all", "--yes") == (0, "Erased 1.\n")
    assert json.loads(run(home, "ls", "--json")[1]) == []


def test_gc_tells_what_it_removed(home: Path) -> None:
    kept = open_artifacts(home, floor_bytes=0, clock=lambda: START)
    keep(kept, b"old", expires_at=1.0)
    found = json.loads(run(home, "gc", "--json")[1])
    assert found["removed"] == {"artifacts": 1, "size_bytes": 3}
    assert "0 expired artifacts" in run(home, "gc")[1]


@pytest.mark.parametrize("name", ["", "ls", "show", "rm", "gc"])
def test_each_help_shows_an_example(name: str) -> None:
    result = CliRunner().invoke(group, [*name.split(), "--help"])
    assert "Example: coatcheck artifacts" in result.output
