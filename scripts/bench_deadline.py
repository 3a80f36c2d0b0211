"""Measure what a call costs when the Messages API hangs: the soft deadline, and how much more.

Usage: python scripts/bench_deadline.py [--soft 0.2,4] [--calls 60] [--at-once 4]

Each call is shortened twice, without and with a summarizer whose API accepts the request and never
answers; what the second takes longer is what the API added. Calls run in threads, as in a session.
"""

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fake_messages import Fake, serving
from fakes import MemoryArtifacts
from made_up import PROSE

from coatcheck import reducers
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.spans import dumps
from coatcheck.summarize.answers import Answers
from coatcheck.summarize.client import Api
from coatcheck.summarize.pointer import Pointer
from coatcheck.types import Call, Rule, SummarizerSettings


def took(line: Pipeline, result: bytes) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    line.shorten(Call("a", "b"), result, Rule())
    return time.perf_counter() - began


def measured(soft_seconds: float, calls: int, at_once: int) -> list[float]:
    """Return the milliseconds that the API added to each call, in order."""
    with serving(Fake(always="hang")) as fake:
        # So many failures in a row that the breaker, which would hide the deadline, stays shut.
        api = Api(lambda: "key", hard_seconds=600, base_url=fake.url, parallel=10_000)
        api.client()
        settings = SummarizerSettings(consent=True, soft_seconds=soft_seconds)
        pointer = Pointer(settings, api, Answers(None), reducers.reduce)
        plain = Pipeline(MemoryArtifacts(), reducers.reduce, clip.reduce)
        asking = replace(plain, summarizer=pointer)

        def added(number: int) -> float:
            result = dumps({"content": [{"type": "text", "text": f"{PROSE}\n{number}"}]})
            without = took(plain, result)
            return 1e3 * (took(asking, result) - without)

        with ThreadPoolExecutor(at_once) as pool:
            found = sorted(pool.map(added, range(calls)))
        api.close()
    return found


def main() -> None:
    """Parse the command line and print a line for each deadline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soft", default="0.2,4", help="soft deadlines in seconds")
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=4)
    args = parser.parse_args()
    for soft in map(float, args.soft.split(",")):
        found = measured(soft, args.calls, args.at_once)
        worst = found[int(0.99 * (len(found) - 1))]
        print(
            f"soft deadline {1e3 * soft:.0f} ms, {args.calls} calls, {args.at_once} at once: added"
            f" ms p50 {statistics.median(found):.0f}, p99 {worst:.0f}, max {found[-1]:.0f};"
            f" p99 over the deadline by {worst - 1e3 * soft:+.0f}"
        )


if __name__ == "__main__":
    main()
