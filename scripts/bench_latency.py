"""Measure how long shortening takes, in process and through `coatcheck run`.

Usage: python scripts/bench_latency.py [--sizes 10000,1000000] [--kinds json,log,html]

Each repetition shortens a text of its own, made for it from the words of Python's manual. Prints
p50 and p95 in milliseconds and as ratios to tokenizing the same texts with tiktoken's o200k_base in
the same run: of the pipeline (estimate, reducers, store) in processor time, and of a whole call
through `coatcheck run` less the same call made directly, by the clock on the wall.
"""

import argparse
import json
import math
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from pydoc_data import topics

from bench_session import RUN, BenchSession, upstream

from coatcheck import reducers
from coatcheck.artifacts import StoredArtifacts
from coatcheck.counting import PIECE_CHARS, Encode, load_encode
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Call, Rule
from coatcheck_adapters.stores.disk import DiskStore

WORDS = re.findall(r"[A-Za-z]{2,}", "".join(topics.topics.values()))
NAMES = sorted(set(WORDS))


def words(chance: random.Random, many: int) -> str:
    """Return some words."""
    start = chance.randrange(len(WORDS) - many)
    return " ".join(WORDS[start : start + many])


def json_text(size: int, chance: random.Random) -> str:
    """Return records as an API lists them, of about size characters."""
    rows = [
        {
            "id": chance.randrange(10**9),
            "title": words(chance, 6),
            "state": chance.choice(["open", "closed"]),
            "user": {"login": chance.choice(NAMES), "url": f"https://example.invalid/{i % 40}"},
            "created_at": f"2026-{1 + i % 12:02}-{1 + i % 28:02}T10:00:00Z",
            "body": words(chance, chance.randrange(5, 40)),
        }
        for i in range(max(1, size // 400))
    ]
    return json.dumps(rows)


def log_text(size: int, chance: random.Random) -> str:
    """Return a log with a failure in a thousand lines."""
    lines = []
    for i in range(max(1, size // 90)):
        level = "ERROR" if chance.random() < 0.001 else "INFO"
        at = f"2026-11-22T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.{i % 1000:03}Z"
        lines.append(f"{at} {level} worker-{i % 8} {words(chance, 3)} id={chance.randrange(10**6)}")
    return "\n".join(lines)


def html_text(size: int, chance: random.Random) -> str:
    """Return a page with navigation around its article."""
    links = "".join(f'<li><a href="/{w}/{i}">{w}</a></li>' for i, w in enumerate(NAMES[:40]))
    parts = [
        f'<h2 id="s{i}">{words(chance, 4)}</h2><p class="c{i % 5}">{words(chance, 60)}.</p>'
        for i in range(max(1, size // 480))
    ]
    head = f"<html><head><title>{words(chance, 5)}</title><style>p{{margin:0}}</style></head>"
    return f"{head}<body><nav><ul>{links}</ul></nav><main>{''.join(parts)}</main></body></html>"


KINDS: dict[str, Callable[[int, random.Random], str]] = {
    "json": json_text,
    "log": log_text,
    "html": html_text,
}


def timed(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the milliseconds that work takes by clock, which is the processor's by default."""
    began = clock()
    work()
    return (clock() - began) * 1e3


def tokenized(encode: Encode, text: str) -> None:
    """Encode text in the pieces that tiktoken bears."""
    for start in range(0, len(text), PIECE_CHARS):
        encode(text[start : start + PIECE_CHARS])


def p50_p95(times: Sequence[float]) -> tuple[float, float]:
    """Return the median and the time that 95 of 100 stay within."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1]


def in_process(texts: Sequence[str], spare: str, home: Path) -> list[float]:
    """Return the milliseconds that the pipeline takes for each text, after a spare one."""
    kept = StoredArtifacts(DiskStore(home / "store"), home / "key", quota_bytes=1 << 30)
    line = Pipeline(kept, reducers.reduce, clip.reduce)
    call, rule = Call("items", "item"), Rule()
    line.shorten(call, result_of(spare), rule)  # imports, and the opening of the store
    return [timed(partial(line.shorten, call, result_of(text), rule)) for text in texts]


def result_of(text: str) -> bytes:
    """Return a tool result with one text."""
    return json.dumps({"content": [{"type": "text", "text": text}]}).encode()


def through(command: Sequence[str], texts: Sequence[str], home: Path) -> list[float]:
    """Return the milliseconds of a call for each text, after one that does not count."""
    session = BenchSession(command, {"COATCHECK_HOME": str(home)})
    session.line("item", number=len(texts))
    numbers = range(len(texts))
    times = [
        timed(partial(session.line, "item", number=number), time.perf_counter) for number in numbers
    ]
    session.close()
    return times


def measured(kind: str, size: int, repeats: int, encode: Encode) -> None:
    """Print the line of one kind and size."""
    chance = random.Random(size)
    texts = [KINDS[kind](size, chance) for _ in range(repeats + 1)]
    spare, texts = texts[-1], texts[:-1]
    with tempfile.TemporaryDirectory() as folder:
        home, items = Path(folder), Path(folder) / "items.jsonl"
        items.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*texts, spare]))
        counting, _ = p50_p95([timed(partial(tokenized, encode, text)) for text in texts])
        inside = p50_p95(in_process(texts, spare, home / "a"))
        direct = through(upstream(items), texts, home / "b")
        wrapped = through([*RUN, *upstream(items)], texts, home / "b")
    added = p50_p95([w - d for w, d in zip(wrapped, direct, strict=True)])
    print(
        f"{kind:5} {len(texts[0]):>10,} {repeats:>4} {counting:>9.2f} |"
        f" {inside[0]:>8.1f} {inside[1]:>8.1f} {inside[0] / counting:>6.2f}"
        f" {inside[1] / counting:>6.2f} |"
        f" {added[0]:>8.1f} {added[1]:>8.1f} {added[0] / counting:>6.2f}"
        f" {added[1] / counting:>6.2f}",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000,10000000")
    parser.add_argument("--kinds", default=",".join(KINDS))
    return parser.parse_args()


def main() -> None:
    """Measure every kind at every size."""
    args = arguments()
    encode = load_encode()
    encode("warm")
    print(
        f"{'kind':5} {'characters':>10} {'n':>4} {'tiktoken':>9} |"
        f" {'p50 ms':>8} {'p95 ms':>8} {'ratio':>6} {'ratio':>6} |"
        f" {'run p50':>8} {'run p95':>8} {'ratio':>6} {'ratio':>6}"
    )
    for kind in args.kinds.split(","):
        for size in map(int, args.sizes.split(",")):
            repeats = max(5, min(40, 20_000_000 // size))
            measured(kind, size, repeats, encode)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
