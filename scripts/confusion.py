"""Print which kinds the corpus's content types are detected as.

Usage: COATCHECK_CORPUS=DIR python scripts/confusion.py [--wrong]

Exit code 1 when fewer than 95 % of the items fall on a kind that fits their label.
"""

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path

from coatcheck.reducers.detect import detect
from coatcheck.types import Aim

# The kinds that fit each label of the corpus: a label says where a text came from.
FITTING = {
    "json": {"records"},
    "html": {"html"},
    "log": {"logs", "repeats", "builds"},
    "text": {"prose", "tables", "trees"},
    "markdown": {"prose"},
    "diff": {"diffs"},
    "code": {"code", "listing"},
    "csv": {"tables"},
    "snapshot": {"snapshots"},
}


def main() -> None:
    """Detect each item and print a row of counts per label."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="name the items that do not fit")
    args = parser.parse_args()
    seen: Counter[tuple[str, str]] = Counter()
    fitting = 0
    for path in sorted(Path(os.environ["COATCHECK_CORPUS"]).glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            item = json.loads(line)
            kind = detect(item["text"], Aim(1500, tool=item["tool"]))
            seen[item["content_type"], kind] += 1
            fits = kind in FITTING[item["content_type"]]
            fitting += fits
            if args.wrong and not fits:
                print(item["content_type"], item["id"], "is read as", kind)
    kinds = sorted({kind for _, kind in seen})
    print(f"{'':9}" + "".join(f"{kind:>10}" for kind in kinds))
    for label in sorted({label for label, _ in seen}):
        print(f"{label:9}" + "".join(f"{seen[label, kind] or '':>10}" for kind in kinds))
    total = sum(seen.values())
    print(f"{fitting} of {total} fit their label")
    sys.exit(fitting < 0.95 * total)


if __name__ == "__main__":
    main()
