"""Score views and one fetch: find(focus), or page 2 without one, where a view lost a keep.

Usage: COATCHECK_CORPUS=DIR python scripts/score_fetch.py [--all] [--lost N]
       [--out FILE --extra FILE]
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from score_corpus import scorer, view_of

from coatcheck.fetch import fetch
from coatcheck.reducers import reduce
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Artifact, ArtifactInfo, Call


class OneArtifact:
    """Holds one text as an artifact."""

    def __init__(self, text: str) -> None:
        content = {"content": [{"type": "text", "text": text}]}
        self.artifact = Artifact("cc_7f3k9m2q4x1b", json.dumps(content).encode(), Call("up", "t"))

    def get(self, ref: str) -> Artifact:
        """Return it, whatever the ref."""
        return self.artifact

    def list(self, limit: int) -> list[ArtifactInfo]:
        """Return nothing: a ref is always given."""
        return []


def first_view(item: dict[str, Any]) -> str:
    """Return the view an agent gets of an item."""
    budget = min(1500, max(250, round(0.15 * estimate(item["text"]))))
    return view_of(
        item["text"], reduce, Aim(budget, focus=item.get("focus") or "", tool=item["tool"])
    )


def fetched(item: dict[str, Any]) -> str:
    """Return what one fetch brings for an item."""
    asked = {"find": item["focus"]} if item.get("focus") else {"page": 2}
    kept: Any = OneArtifact(item["text"])
    answer = fetch(kept, {"ref": "cc_7f3k9m2q4x1b", **asked})
    return fetch(kept, {"ref": "cc_7f3k9m2q4x1b"}).text if answer.is_error else answer.text


def main() -> None:
    """Print the scorer's table with the fetches counted in full."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", type=Path, help="write what was fetched here, for score.py")
    parser.add_argument("--out", type=Path, help="write the views here, for score.py")
    parser.add_argument("--lost", type=int, default=20)
    parser.add_argument("--all", action="store_true", help="score find for every item with a focus")
    args = parser.parse_args()
    folder = Path(os.environ["COATCHECK_CORPUS"])
    score = scorer(folder)
    items = score.load([folder])
    views = {item["id"]: first_view(item) for item in items}
    tok = score.Tok("o200k_base")
    before = {i["id"]: tok.n(i["text"]) for i in items}
    rows = score.score(items, views, None, tok, before)
    lost = {row["id"] for row in rows if not row["ok"]}
    if args.all:
        views = {i["id"]: "" if i.get("focus") else views[i["id"]] for i in items}
        lost |= {i["id"] for i in items if i.get("focus")}
    extra = {i["id"]: fetched(i) for i in items if i["id"] in lost}
    for path, found in ((args.extra, extra), (args.out, views)):
        if path:
            path.write_text(json.dumps(found), "utf-8")
    rows = score.score(items, views, extra, tok, before)
    score.report(rows, "views and one fetch")
    focused = [row for row in rows if row["id"] in lost and row["focus"]]
    kept = sum(row["ok"] for row in focused)
    print(f"find(focus) brought what was lost for {kept} of {len(focused)} items with a focus")
    print(f"tokens shown: {sum(r['after'] + r['extra'] for r in rows) / sum(before.values()):.3f}")
    for row in [r for r in rows if not r["ok"]][: args.lost]:
        print("lost", row["id"], bool(row["focus"]), row["lost"][:5])


if __name__ == "__main__":
    main()
