"""Time the reports of a ledger of a million rows, while eight processes write to it.

python scripts/bench_ledger.py --rows 1000000 [--writers 8] [--home DIR]

Times are processor time, and each is also given as a ratio to one full scan of the rows by SQL in
the same minute, because machines differ. Prints one line per figure; exits 1 if a row was lost.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from coatcheck.cli.home import Sources
from coatcheck.cli.page_source import HomeSource
from coatcheck.figures import Rates, Window
from coatcheck.ledger import schema
from coatcheck.ledger.overview import overview
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import savings
from coatcheck.ledger.writer import store
from coatcheck.types import Entry
from coatcheck.web.page.routes import overview_of

DAYS = 90
DAY = 86_400
NEWEST = 1_790_000_000
RATES = Rates("model", "today", 5.0, 0.2)
TOOLS = [(f"upstream{i % 5}", f"tool{i}") for i in range(40)]
CLIENTS = ("claude-code", "codex", "gemini-cli")
SCAN = "SELECT sum(original_tokens), sum(view_tokens), sum(added_us) FROM entries"
WRITER = """
import pathlib, sys, threading, time
from coatcheck.ledger import LedgerWriter
from coatcheck.types import Entry
from coatcheck.web.page.routes import overview_of
home, name, seconds = sys.argv[1:]
ledger = LedgerWriter(pathlib.Path(home))
ends, number = time.monotonic() + float(seconds), 0
while time.monotonic() < ends:
    number += 1
    ledger.append(Entry("call", time.time(), session=name, upstream="w", tool="t",
                        outcome="selected", ref=f"cc_{name}{number}", original_tokens=9,
                        counterfactual_tokens=9, view_tokens=1, added_ms=number % 7))
    threading.Event().wait(0.005)
ledger.close(120)
print(number, ledger.lost)
"""


def entries(count: int, seed: int = 1) -> Iterator[Entry]:
    """Yield entries as sessions of about 50 calls make them, oldest first."""
    draw = random.Random(seed)
    step = DAYS * DAY / count
    live = [f"{draw.getrandbits(128):032x}" for _ in range(8)]
    for number in range(count):
        slot = draw.randrange(8)
        if draw.random() < 0.02:
            live[slot] = f"{draw.getrandbits(128):032x}"
        upstream, tool = TOOLS[min(39, int(draw.expovariate(0.12)))]
        ref, is_shortened = f"cc_{draw.getrandbits(60):012x}", draw.random() < 0.4
        size = int(draw.lognormvariate(7, 1.5))
        kind = "fetch" if draw.random() < 0.05 else "call"
        yield Entry(
            kind="fetch" if kind == "fetch" else "call",
            at=NEWEST - DAYS * DAY + number * step,
            session=live[slot],
            client=CLIENTS[slot % 3],
            upstream=upstream,
            tool=tool,
            arguments_digest=f"{draw.getrandbits(20):016x}",
            ref=ref if is_shortened else "",
            outcome="selected" if is_shortened and kind == "call" else "passed",
            verb="grep" if kind == "fetch" else "",
            reason="nothing gained" if draw.random() < 0.03 else "",
            original_tokens=size,
            counterfactual_tokens=min(size, 12_000),
            view_tokens=min(size, 700) if is_shortened else size,
            upstream_ms=draw.lognormvariate(4, 1),
            added_ms=draw.lognormvariate(2, 1) if is_shortened else 0.0,
        )


def fill(home: Path, count: int) -> float:
    """Write so many entries in batches; return the seconds that took."""
    began = time.perf_counter()
    with closing(schema.open_writing(home)) as db:
        batch = []
        for entry in entries(count):
            batch.append(entry)
            if len(batch) == 500:
                store(db, batch)
                batch = []
        if batch:
            store(db, batch)
    return time.perf_counter() - began


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the median of the processor time that work takes; others use the machine too."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)


def measure(home: Path, title: str) -> None:
    """Print how long each report takes, beside a full scan."""

    def scan() -> None:
        with reading(home) as db:
            db.execute(SCAN).fetchall()

    def report(by: str) -> Callable[[], object]:
        def work() -> object:
            with reading(home) as db:
                return savings(db, Window(), by)  # type: ignore[arg-type]  # a name of By

        return work

    def first() -> object:
        with reading(home) as db:
            return overview(db, Window(), RATES)

    def week() -> object:
        with reading(home) as db:
            return overview(db, Window(NEWEST - 7 * DAY - 3600.5), RATES)

    shown = HomeSource(Sources(home), tuple)

    def page() -> object:
        return overview_of(shown, {"since": "all"})

    full = seconds(scan, 3)
    print(f"{title}: full scan {full * 1000:,.0f} ms")
    works = {"overview": first, "7 days of it": week, "page": page}
    works |= {f"savings --by {by}": report(by) for by in ("tool", "day", "client", "session")}
    for name, work in works.items():
        took = seconds(work)
        print(f"{title}: {name} {took * 1000:,.0f} ms = {took / full:.2f} scans")


def main() -> int:
    """Fill, measure, measure again among writers, and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        if not (home / schema.FILE).exists():
            took = fill(home, options.rows)
            print(f"fill: {options.rows:,} rows in {took:,.0f} s, {options.rows / took:,.0f} a s")
        print(f"size: {(home / schema.FILE).stat().st_size / 1e6:,.0f} MB")
        with reading(home) as db:
            for name in ("entries", *schema.ROLLUPS, "sessions"):
                print(f"{name}: {db.execute(f'SELECT count(*) FROM {name}').fetchone()[0]:,} rows")
        measure(home, "quiet")
        return among_writers(home, options.writers, options.seconds)


def among_writers(home: Path, writers: int, lasting: float) -> int:
    """Measure while so many processes write; return 1 if an entry of theirs was lost."""
    command = [sys.executable, "-c", WRITER, str(home)]
    name = f"bench{time.time():.0f}"
    started = [
        subprocess.Popen([*command, f"{name}w{i}", str(lasting)], stdout=subprocess.PIPE, text=True)
        for i in range(writers)
    ]
    measure(home, f"{writers} writers")
    sent = lost = 0
    for process in started:
        words = process.communicate(timeout=300)[0].split()
        sent, lost = sent + int(words[0]), lost + int(words[1])
    with reading(home) as db:
        where = f"session LIKE '{name}%'"
        rows = db.execute(f"SELECT count(*) FROM entries WHERE {where}").fetchone()[0]
        booked = db.execute(f"SELECT sum(calls) FROM visits WHERE {where}").fetchone()[0]
    print(f"writers: {sent:,} entries sent, {lost} lost, {rows:,} rows, {booked:,} booked")
    return 0 if sent == rows == booked and not lost else 1


if __name__ == "__main__":
    sys.exit(main())
