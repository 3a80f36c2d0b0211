"""Measure the memory of several wrapped servers that share a home, after a mixed load.

Usage: COATCHECK_CORPUS=DIR python scripts/bench_memory.py [--servers 10] [--calls 300]

DIR holds *.jsonl with `text` a line; every server serves all of them in an order of its own. Of
every five calls one is repeated and one is followed by a fetch. Prints for each coatcheck process
its resident and proportional memory, and the sums. Linux only.
"""

import argparse
import json
import os
import random
import re
import tempfile
from pathlib import Path

from bench_session import RUN, BenchSession, upstream

REF = re.compile(r"cc_[0-9a-z]{12,}")


def megabytes(pid: int) -> tuple[float, float, float]:
    """Return resident, most resident ever and proportional memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = [
        re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
        for name, text in (("VmRSS", status), ("VmHWM", status), ("Pss", rollup))
    ]
    resident, peak, proportional = (int(f[1]) / 1024 if f else 0.0 for f in found)
    return resident, peak, proportional


def said(resident: float, peak: float, proportional: float) -> str:
    """Return what megabytes found, in words."""
    return f"{resident:.1f} MB resident, {peak:.1f} at most, {proportional:.1f} proportional"


def load(session: BenchSession, number: int, texts: int, calls: int) -> int:
    """Make calls; return how many results were shortened."""
    order = random.Random(number)
    shortened = 0
    for i in range(calls):
        chosen = order.randrange(texts)
        said = session.call("item", number=chosen)
        found = REF.search(said.partition("\n")[0])
        shortened += bool(found)
        if i % 5 == 1:
            session.call("item", number=chosen)
        elif i % 5 == 3 and found:
            verb, value = order.choice([("grep", "error|name"), ("page", "1"), ("lines", "1-50")])
            session.call("fetch_artifact", **{"ref": found[0], verb: value})
    return shortened


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--calls", type=int, default=300, help="per server")
    return parser.parse_args()


def main() -> None:
    """Load the servers in turn and print what they take."""
    args = arguments()
    corpus = Path(os.environ["COATCHECK_CORPUS"])
    lines = [line for path in sorted(corpus.glob("*.jsonl")) for line in path.open("rb")]
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.jsonl"
        items.write_bytes(b"".join(lines))
        home = {"COATCHECK_HOME": str(Path(folder) / "home")}
        command = [*RUN, *upstream(items)]
        sessions = [BenchSession(command, home) for _ in range(args.servers)]
        idle = sum(megabytes(session.process.pid)[0] for session in sessions)
        print(f"{args.servers} servers before the first call: {idle:.1f} MB resident")
        sums = [0.0, 0.0, 0.0]
        for number, session in enumerate(sessions):
            shortened = load(session, number, len(lines), args.calls)
            print(f"server {number}: {args.calls} calls, {shortened} shortened")
        for number, session in enumerate(sessions):
            taken = megabytes(session.process.pid)
            sums = [a + b for a, b in zip(sums, taken, strict=True)]
            print(f"server {number}: {said(*taken)}")
        for session in sessions:
            session.close()
    print(f"together: {said(*sums)}")
    print(json.dumps({"load_average": os.getloadavg()}))


if __name__ == "__main__":
    main()
