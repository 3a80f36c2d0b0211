"""Measure how long each verb of fetch_artifact takes, as ratios to reading the file once.

Usage: python scripts/bench_verbs.py [--sizes 1000000,50000000] [--kinds json,log,html] [--runs 7]

Keeps a generated artifact in a store on the disk and fetches parts of it through the same function
as the tool does. Prints for each verb p50 of the runs in milliseconds, and as a ratio to reading
the same text from a file once; first is the first run, which imports what it needs.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench_latency import KINDS, result_of

from coatcheck.artifacts import StoredArtifacts
from coatcheck.fetch import fetch
from coatcheck.protocols import Artifacts
from coatcheck.types import Artifact, Call
from coatcheck_adapters.stores.disk import DiskStore

VERBS: dict[str, dict[str, object]] = {
    "page": {"page": 2},
    "lines": {"lines": "1000-1100"},
    "grep": {"grep": "error|network"},
    "query": {"query": "[?state=='closed'].title"},
    "find": {"find": "which statement raises an exception"},
}


def seconds(work: Callable[[], object], runs: int) -> list[float]:
    """Return how long each run took by the clock on the wall."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return took


def keep(artifacts: Artifacts, text: str) -> str:
    """Keep text as the result of a call; return its ref."""
    result = result_of(text)
    ref = artifacts.ref_for("result", result)
    artifacts.put(Artifact(ref, result, Call("bench", "read")))
    return ref


def measure(folder: Path, kind: str, size: int, runs: int) -> None:
    """Print a line per verb for one artifact."""
    text = KINDS[kind](size, random.Random(size))
    path = folder / f"{kind}{size}"
    path.write_text(text, "utf-8")
    read = statistics.median(seconds(partial(path.read_text, "utf-8"), runs))
    artifacts = StoredArtifacts(DiskStore(folder / "store"), folder / "key", quota_bytes=1 << 30)
    ref = keep(artifacts, text)
    print(f"\n{kind}, {len(text):,} characters, read once in {read * 1e3:.2f} ms")
    print(f"{'verb':6} {'p50 ms':>10} {'ratio':>8} {'first ms':>10}")
    for verb, asked in VERBS.items():
        arguments = {"ref": ref, **asked}
        took = seconds(partial(fetch, artifacts, arguments), runs)
        p50 = statistics.median(took)
        print(f"{verb:6} {p50 * 1e3:10.1f} {p50 / read:8.0f} {took[0] * 1e3:10.1f}")


def main() -> None:
    """Print a table per kind and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000000,50000000")
    parser.add_argument("--kinds", default="json,log,html")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, args.sizes.split(",")):
            for kind in args.kinds.split(","):
                measure(Path(folder), kind, size, args.runs)


if __name__ == "__main__":
    main()
