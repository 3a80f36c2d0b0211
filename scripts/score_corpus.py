"""Score the reducers on a corpus of tool outputs with probes.

Usage: COATCHECK_CORPUS=DIR python scripts/score_corpus.py [--types json,csv] [--reducer MODULE]
       [--budget N] [--share X] [--least N] [--no-focus] [--lost N] [--views DIR] [--bootstrap N]

DIR holds *.jsonl; its parent holds score.py (effective reduction at retained usefulness).
--reducer scores one reducer alone, for example coatcheck.reducers.records, on the types given.
"""

import argparse
import importlib
import importlib.util
import os
import random
import time
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from coatcheck.pipeline import LEAST_TOKENS, SHARE
from coatcheck.reducers import reduce
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Rule
from coatcheck.view import render

REF = "cc_7f3k9m2q4x1b"


def view_of(text: str, reducer: Any, aim: Aim) -> str:
    """Return the view the agent would get, the text itself when nothing is gained."""
    reduction = reducer(text, aim)
    view = text if reduction is None else render(reduction, REF)
    return view if len(view) < len(text) else text


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", default="")
    parser.add_argument("--reducer", default="")
    parser.add_argument("--budget", type=int, default=Rule().budget_tokens)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--least", type=int, default=LEAST_TOKENS)
    parser.add_argument("--no-focus", action="store_true")
    parser.add_argument("--tool", default="", help="override the items' tools")
    parser.add_argument("--lost", type=int, default=0, help="print N lost keeps")
    parser.add_argument("--bootstrap", type=int, default=0, help="draws for 95 %% intervals")
    parser.add_argument("--rows", action="store_true", help="print a line per item")
    parser.add_argument("--views", type=Path, help="write each view into this folder")
    return parser.parse_args()


def scorer(folder: Path) -> Any:
    """Import the scorer that stands beside the corpus."""
    spec = importlib.util.spec_from_file_location("score", folder.parent / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reduced(items: list[dict[str, Any]], args: argparse.Namespace) -> dict[str, tuple[str, float]]:
    """Return view and seconds by item id."""
    reducer = importlib.import_module(args.reducer).reduce if args.reducer else reduce
    views = {}
    for item in items:
        share = round(args.share * estimate(item["text"]))
        budget = min(args.budget // 2, max(args.least, share))
        focus = "" if args.no_focus else item.get("focus") or ""
        aim = Aim(budget, focus=focus, tool=args.tool or item["tool"])
        view_of(item["text"], reducer, aim)  # what is imported at first use is no cost of an item
        began = time.process_time()
        view = view_of(item["text"], reducer, aim)
        views[item["id"]] = (view, time.process_time() - began)
        if args.views:
            path = args.views / (item["id"].replace("/", "_") + ".txt")
            path.write_text(view, "utf-8", errors="replace")
    return views


def print_row(row: dict[str, Any], seconds: float) -> None:
    """Print what became of one item."""
    print(
        f"{row['ct']:9} {row['id'][:48]:48} {row['before']:7} {row['after']:6}"
        f" {row['kk']}/{row['k']:<4}{'focus' if row['focus'] else '':6}"
        f"{'' if row['ok'] else 'LOST':5}{seconds:6.2f}s"
    )


def unspilled(rows: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    """Print the mean per item over the sizes that clients do not write to files by themselves."""
    chars = {item["id"]: len(item["text"]) for item in items}
    chosen = [r for r in rows if not r["peer"] and 2_000 <= chars[r["id"]] <= 50_000]
    if chosen:
        mean = fmean(100 - 100 * row["cost"] / row["before"] for row in chosen)
        kept = 100 * fmean(row["ok"] for row in chosen)
        print(
            f"2,000 to 50,000 characters: {len(chosen)} items, mean effective {mean:.1f} %", end=""
        )
        print(f", all-keep {kept:.1f} %")


def intervals(rows: list[dict[str, Any]], draws: int) -> None:
    """Print the 95 % bootstrap interval of each type's effective reduction and of the headline."""
    rng = random.Random(draws)
    types = sorted({row["ct"] for row in rows if not row["peer"]})
    groups = [[row for row in rows if row["ct"] == kind and not row["peer"]] for kind in types]

    def effective(group: list[dict[str, Any]]) -> float:
        drawn = rng.choices(group, k=len(group))
        cost, before = (float(sum(row[name] for row in drawn)) for name in ("cost", "before"))
        return 100 - 100 * cost / before

    table = [[effective(group) for group in groups] for _ in range(draws)]
    columns = [*zip(*table, strict=True), [sum(line) / len(line) for line in table]]
    for name, column in zip([*types, "headline"], columns, strict=True):
        low, *_, high = quantiles(column, n=40)
        print(f"95 % interval of {name:9} {low:5.1f} .. {high:5.1f}")


def main() -> None:
    """Run the reducers over the corpus and print the scorer's table."""
    args = arguments()
    folder = Path(os.environ["COATCHECK_CORPUS"])
    score = scorer(folder)
    kinds = set(filter(None, args.types.split(",")))
    items = [i for i in score.load([folder]) if not kinds or i["content_type"] in kinds]
    if args.views:
        args.views.mkdir(parents=True, exist_ok=True)
    views = reduced(items, args)
    tok = score.Tok("o200k_base")
    tok.n(items[0]["text"])
    began = time.process_time()
    before = {i["id"]: tok.n(i["text"]) for i in items}
    counting = time.process_time() - began
    rows = score.score(items, {key: view for key, (view, _) in views.items()}, None, tok, before)
    for row in rows if args.rows else ():
        print_row(row, views[row["id"]][1])
    score.report(rows, "reducers")
    unspilled(rows, items)
    if args.bootstrap:
        intervals(rows, args.bootstrap)
    spent = sum(seconds for _, seconds in views.values())
    print(f"CPU {spent:.2f} s = {spent / max(counting, 1e-9):.2f} times counting with tiktoken")
    for row in [r for r in rows if not r["ok"]][: args.lost]:
        print("lost", row["id"], row["lost"][:5])


if __name__ == "__main__":
    main()
