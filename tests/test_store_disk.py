"""The store on disk: private, safe against planted rows, and quick to say no."""

import json
import os
import pickle
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest

import coatcheck
import coatcheck_adapters
from coatcheck.types import StoreError
from coatcheck_adapters.stores.disk import FILE_BYTES, DiskStore

BIG = os.urandom(FILE_BYTES)
VALUE_FILE = "ab/cd/" + "0" * 28 + ".val"


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    store = DiskStore(tmp_path / "home" / "store")
    store.put("kept", b"before")
    store.put("kept big", BIG)
    return store


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.trace),)


def sql(store: DiskStore, statement: str, *values: object) -> None:
    connection = sqlite3.connect(store.path / "cache.db", isolation_level=None)
    connection.execute(statement, values)
    connection.close()


def plant(store: DiskStore, key: object, raw: int, mode: int, name: object, value: object) -> None:
    columns = "key, raw, store_time, access_time, mode, filename, value"
    sql(
        store,
        f"INSERT INTO Cache ({columns}) VALUES (?, ?, 0, 0, ?, ?, ?)",
        key,
        raw,
        mode,
        name,
        value,
    )


def assert_still_works(store: DiskStore) -> None:
    assert store.get("kept") == b"before"
    assert store.get("kept big") == BIG
    store.put("new", b"after")
    assert dict(store.scan("n")) == {"new": b"after"}
    fresh = DiskStore(store.path)
    assert fresh.get("new") == b"after"
    store.tidy(0)
    assert store.get("kept big") == BIG


def test_a_pickle_in_a_value_column_is_refused(store: DiskStore, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    plant(store, "planted", 1, 4, None, bomb)
    with pytest.raises(StoreError):
        store.get("planted")
    assert store.scan("planted") == []
    store.put("planted", b"ours")
    assert store.get("planted") == b"ours"
    assert not (tmp_path / "ran").exists()
    assert_still_works(store)


def test_a_pickle_in_a_file_named_by_a_row_is_refused(store: DiskStore, tmp_path: Path) -> None:
    file = store.path / VALUE_FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    plant(store, "planted", 1, 4, VALUE_FILE, None)
    with pytest.raises(StoreError):
        store.get("planted")
    store.delete("planted")
    assert not (tmp_path / "ran").exists()
    assert_still_works(store)


def test_a_pickle_as_a_key_is_not_looked_at(store: DiskStore, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    plant(store, bomb, 0, 1, None, b"value")
    plant(store, bomb, 1, 1, None, b"value")
    assert {key for key, _ in store.scan("k")} == {"kept"}
    assert store.scan("\x80") == []
    assert not (tmp_path / "ran").exists()
    assert_still_works(store)


@pytest.mark.parametrize("mode", [2, 3, 4])
@pytest.mark.parametrize("spell", ["{}", "ab/../../../{name}", "../../{name}", "./{}"])
def test_a_foreign_file_is_neither_read_nor_removed(
    store: DiskStore, tmp_path: Path, mode: int, spell: str
) -> None:
    foreign = tmp_path / "foreign.val"
    foreign.write_bytes(b"secret")
    plant(store, "planted", 1, mode, spell.format(foreign, name=foreign.name), None)
    with pytest.raises(StoreError):
        store.get("planted")
    store.put("planted", b"over it")
    sql(store, "UPDATE Cache SET filename = ? WHERE key = 'planted'", str(foreign))
    store.delete("planted")
    store.tidy(0)
    assert foreign.read_bytes() == b"secret"
    assert_still_works(store)


@pytest.mark.parametrize(
    ("key", "value"),
    [("disk_evil", 1), ("disk_compress_level", 9), ("evil", "x"), ("size", "many"), (None, None)],
)
def test_a_store_with_planted_settings_is_set_aside(
    store: DiskStore, key: object, value: object
) -> None:
    if key is None:
        sql(store, "ALTER TABLE Cache RENAME COLUMN mode TO moody")
    else:
        sql(store, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", key, value)
    fresh = DiskStore(store.path)
    assert fresh.get("kept") is None
    fresh.put("new", b"value")
    assert fresh.get("new") == b"value"
    assert fresh.aside.is_dir()
    fresh.tidy(3600)
    assert fresh.aside.is_dir()
    fresh.tidy(0)
    assert not fresh.aside.exists()


def test_nothing_but_bytes_is_taken(store: DiskStore) -> None:
    for value in (1, "text", bytearray(b"x"), [b"x"]):
        with pytest.raises(TypeError):
            store.put("key", value)  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 400, b"SQLite format 3\0" + b"x" * 99]
)
def test_a_damaged_database_is_set_aside_and_a_new_one_started(
    store: DiskStore, damage: bytes
) -> None:
    store.close()
    for side in ("cache.db-wal", "cache.db-shm"):
        (store.path / side).unlink(missing_ok=True)
    (store.path / "cache.db").write_bytes(damage)
    fresh = DiskStore(store.path)
    fresh.put("new", b"value")
    assert fresh.get("new") == b"value"
    assert (fresh.aside / "cache.db").read_bytes() == damage


def test_damage_met_in_the_middle_is_set_aside_for_all_who_have_it_open(tmp_path: Path) -> None:
    mine, other = DiskStore(tmp_path / "store"), DiskStore(tmp_path / "store")
    for number in range(200):
        mine.put(f"row {number}", bytes(1000))
    assert other.get("row 1") == bytes(1000)
    sql(mine, "PRAGMA wal_checkpoint(TRUNCATE)")
    database = tmp_path / "store" / "cache.db"
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    mine.close()
    with pytest.raises(StoreError):
        for number in range(200):
            mine.get(f"row {number}")
    assert mine.aside.is_dir()
    for one in (mine, other):
        one.put("new", b"value")
    assert other.get("new") == b"value" == mine.get("new")


def test_a_folder_that_was_removed_is_made_again(store: DiskStore) -> None:
    store.path.rename(store.path.with_name("moved"))
    assert store.get("kept") is None
    store.put("new", b"value")
    assert DiskStore(store.path).get("new") == b"value"


def test_only_the_owner_may_read_what_is_stored(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; os.umask(0o022)\n"
        "from coatcheck_adapters.stores.disk import DiskStore\n"
        "store = DiskStore(Path(sys.argv[1]) / 'home' / 'store')\n"
        "store.put('small', b'x'); store.put('big', bytes(100_000))\n"
        "for at, _, files in os.walk(sys.argv[1] + '/home'):\n"
        "    assert os.stat(at).st_mode & 0o777 == 0o700, at\n"
        "    for file in files:\n"
        "        assert os.stat(f'{at}/{file}').st_mode & 0o777 == 0o600, file\n"
        "assert os.umask(0) == 0o022\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=30)
    assert len([*tmp_path.glob("home/store/*/*/*.val")]) == 1


def test_a_store_that_was_open_to_all_is_closed_to_others(store: DiskStore) -> None:
    store.path.chmod(0o755)
    (store.path / "cache.db").chmod(0o644)
    DiskStore(store.path).get("kept")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((store.path / "cache.db").stat().st_mode) == 0o600


def test_diskcache_is_imported_at_first_use_only(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from coatcheck_adapters.stores.disk import DiskStore\n"
        "store = DiskStore(Path(sys.argv[1]) / 'store')\n"
        "assert 'diskcache' not in sys.modules and not store.path.exists()\n"
        "store.get('x'); assert 'diskcache' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=30)


def test_a_transaction_that_fails_changes_nothing(store: DiskStore) -> None:
    with pytest.raises(KeyError), store.transaction():
        store.put("one", b"1")
        store.delete("kept")
        raise KeyError
    assert store.get("one") is None
    assert store.get("kept") == b"before"


def test_a_transaction_whose_store_is_moved_away_fails(store: DiskStore) -> None:
    with pytest.raises(StoreError, match="replaced"), store.transaction():
        store.put("one", b"1")
        store.path.rename(store.path.with_name("moved"))
        store.put("two", b"2")
    assert store.get("one") is None
    assert store.get("two") is None


def test_keys_are_cleared_by_their_beginning(store: DiskStore) -> None:
    for key in ("a/1", "a/2", "a0", "a"):
        store.put(key, BIG)
    store.clear("a/")
    assert [store.get(key) for key in ("a/1", "a/2", "a0", "a")] == [None, None, BIG, BIG]
    assert len(list(store.path.rglob("*.val"))) == 3


def test_transactions_of_threads_take_turns(store: DiskStore) -> None:
    store.put("count", b"0")

    def add(_: int) -> None:
        with store.transaction():
            store.put("count", b"%d" % (int(store.get("count") or b"") + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    assert store.get("count") == b"80"


def test_a_home_that_cannot_be_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DiskStore(tmp_path / "file" / "home" / "store")
    for attempt in (store.usage, lambda: store.get("x"), lambda: store.put("x", b"")):
        with pytest.raises(StoreError, match="disk has room"):
            attempt()


def test_a_locked_store_gives_up_in_its_time(store: DiskStore) -> None:
    holder = sqlite3.connect(store.path / "cache.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    hasty = DiskStore(store.path, timeout_seconds=0.05)
    with pytest.raises(StoreError):
        hasty.put("x", b"")
    holder.execute("ROLLBACK")
    hasty.put("x", b"y")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        hasty.put("x", b"z")
    assert hasty.get("x") == b"y"
    holder.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_a_store_error_and_passes(small_disk: Path) -> None:
    store = DiskStore(small_disk / "store")
    store.put("kept", b"small")
    store.put("kept big", BIG)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)):
            pass
    files = {path.name for path in store.path.rglob("*.val")}
    for size in (FILE_BYTES, FILE_BYTES - 1):
        with pytest.raises(StoreError):
            store.put("new", os.urandom(size))
        with pytest.raises(StoreError), store.transaction():
            store.put("one", b"1")
            store.put("two", os.urandom(size))
    assert {path.name for path in store.path.rglob("*.val")} == files
    assert store.get("kept big") == BIG
    assert store.usage().free_bytes < FILE_BYTES
    ballast.unlink()
    store.put("new", BIG)
    assert store.get("new") == BIG
    assert store.get("one") is None
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(store.get, "new").result() == BIG


def test_a_read_only_disk_is_a_store_error(small_disk: Path) -> None:
    store = DiskStore(small_disk / "store")
    store.put("kept", b"small")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for one in (store, DiskStore(small_disk / "store"), DiskStore(small_disk / "other")):
        with pytest.raises(StoreError):
            one.put("new", b"value")
    assert not store.aside.exists()


def test_one_module_alone_imports_diskcache() -> None:
    found = [
        path.name
        for root in (coatcheck.__path__[0], coatcheck_adapters.__path__[0])
        for path in Path(root).rglob("*.py")
        if re.search(r"^\s*(import|from) (diskcache|pickle)\b", path.read_text(), re.MULTILINE)
    ]
    assert found == ["disk.py"]


def test_the_statement_for_scanners_names_the_diskcache_that_is_installed() -> None:
    text = Path(__file__).parent.with_name("docs").joinpath("vex.json").read_text()
    (statement,) = json.loads(text)["statements"]
    assert statement["vulnerability"]["name"] == "CVE-2025-69872"
    assert statement["status"] == "not_affected"
    (part,) = statement["products"][0]["subcomponents"]
    assert part["@id"] == f"pkg:pypi/diskcache@{version('diskcache')}"


def test_files_that_no_row_names_are_tidied_away(store: DiskStore) -> None:
    left = store.path / VALUE_FILE
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of a killed process")
    strange = store.path / "ab" / "cd" / "notes.val"
    strange.write_bytes(b"not ours")
    store.tidy(0)
    assert not left.exists()
    assert strange.exists()
    assert store.get("kept big") == BIG


OPENER = """
import sys; from pathlib import Path
from coatcheck_adapters.stores.disk import DiskStore
store = DiskStore(Path(sys.argv[1]) / 'store')
sys.stdin.readline()
store.put(sys.argv[2], b'x')
assert store.get(sys.argv[2]) == b'x'
"""


def test_eight_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(tmp_path), f"child {number}"], stdin=subprocess.PIPE
        )
        for number in range(8)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.close()
    assert [child.wait(30) for child in children] == [0] * 8
    store = DiskStore(tmp_path / "store")
    assert len(store.scan("child")) == 8
    assert not store.aside.exists()


def test_threads_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    store, together = DiskStore(tmp_path / "store"), threading.Barrier(8)

    def one(number: int) -> None:
        together.wait(10)
        store.put(f"thread {number}", b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert len(store.scan("thread")) == 8
