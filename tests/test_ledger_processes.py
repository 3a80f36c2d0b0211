"""Several processes write one ledger at once, and some of them are killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledgers import assert_sound, rows

WORKER = """
import pathlib, sys, threading, time
from coatcheck.ledger import LedgerWriter
from coatcheck.types import Entry
home, name, many, pause = sys.argv[1:]
ledger = LedgerWriter(pathlib.Path(home))
for i in range(int(many)):
    kind = "fetch" if i % 3 == 0 else "call"
    ledger.append(Entry(kind, i, session=name, tool=f"t{i % 5}", outcome="selected",
                        original_tokens=i, view_tokens=1))
    print(i, time.monotonic(), flush=True)
    threading.Event().wait(float(pause))
ledger.close(60)
sys.exit(ledger.lost)
"""


def worker(home: Path, name: str, many: int, pause: float) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", WORKER, str(home), name, str(many), str(pause)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_eight_processes_write_every_entry(tmp_path: Path) -> None:
    workers = [worker(tmp_path, f"w{i}", 150, 0.0005) for i in range(8)]
    for process in workers:
        process.communicate(timeout=60)
    assert [process.returncode for process in workers] == [0] * 8
    assert len(rows(tmp_path)) == 8 * 150
    assert_sound(tmp_path)


def kill_round(home: Path, number: int, lines: int) -> list[float]:
    """Kill eight writers at work; return for each how many seconds of entries it lost.

    What is stored of each must be what it appended, from the first entry on without a gap.
    """
    workers = {f"r{number}w{i}": worker(home, f"r{number}w{i}", 100_000, 0.002) for i in range(8)}
    appended: dict[str, list[float]] = {}
    for i, (name, process) in enumerate(workers.items()):
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(lines + 17 * i)]
        process.send_signal(signal.SIGKILL)
        rest = process.communicate(timeout=60)[0].splitlines()
        whole = [line.split() for line in (*first, *rest) if line.count(" ") == 1]
        appended[name] = [float(at) for _, at in whole]
    seconds = []
    for name, times in appended.items():
        query = (
            f"SELECT CAST(at AS INTEGER) AS at FROM entries WHERE session = '{name}' ORDER BY id"
        )
        stored = [row["at"] for row in rows(home, query)]
        assert stored == list(range(len(stored)))
        seconds.append(times[-1] - times[len(stored)] if len(stored) < len(times) else 0.0)
    assert_sound(home)
    return seconds


def test_killed_writers_leave_a_sound_ledger(tmp_path: Path) -> None:
    kill_round(tmp_path, 0, lines=80)
    assert rows(tmp_path)


@pytest.mark.slow
def test_writers_killed_again_and_again_lose_at_most_their_last_moment(tmp_path: Path) -> None:
    lost = sorted(second for number in range(12) for second in kill_round(tmp_path, number, 150))
    # 0.2 s is the promise; a machine that is busy elsewhere may stall the last writes.
    assert lost[len(lost) // 2] <= 0.2
    assert lost[-1] <= 2.0
