"""Write docs/reducers.md: one before and after per kind of text.

Usage: python scripts/show_reducers.py > docs/reducers.md
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coatcheck.counting import TokenCounter
from coatcheck.pipeline import aim_for
from coatcheck.reducers import reduce
from coatcheck.sizing import estimate
from coatcheck.types import Call, Rule
from coatcheck.view import render

DEMO = Path(__file__).parent.parent / "server" / "coatcheck" / "data" / "demo"
REF = "cc_7f3k9m2q4x1b"
BEFORE_LINES, AFTER_LINES, WIDTH = 6, 24, 118

INTRO = """\
# What each kind of text becomes

Made by `python scripts/show_reducers.py > docs/reducers.md`. Long lines and long views are cut here
at `…`; tokens are counted (o200k_base). The kind of a result is found by its content. It is first
written shorter without losing anything; then parts are dropped and announced; then units (rows,
lines, passages, elements) are chosen by what the agent looks for, always with errors, handles and
totals. The share of a result that its view may cost, and its floor and ceiling, are in
[config.toml](../config.toml) and `pipeline.py`.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, where it came from, and what is looked for in it."""

    title: str
    tool: str
    text: str
    focus: str = ""


def earthquakes() -> list[dict[str, object]]:
    """Return the records of the demo's feed, flat."""
    feed = json.loads((DEMO / "earthquakes.json").read_text("utf-8"))
    names = ("code", "mag", "place", "time", "status", "type", "magType")
    return [{name: f["properties"][name] for name in names} for f in feed["features"]]


def as_csv(rows: Sequence[dict[str, object]]) -> str:
    """Return rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def log() -> str:
    """Return the log of a small service with two bad moments."""
    lines = [
        f"2026-11-22T03:{n // 60:02}:{n % 60:02}Z INFO  gateway request id=7f{n:04x} path=/v1/items"
        f" status={200 if n % 17 else 404} took={3 + n % 40}ms"
        for n in range(900)
    ]
    lines[300] = "2026-11-22T03:05:00Z WARN  pool connections at 95 of 100"
    lines[700:703] = [
        "2026-11-22T03:11:40Z ERROR store write failed: disk full on /var/lib/items",
        "  at Store.write (store.ts:118)",
        "  at Queue.flush (queue.ts:44)",
    ]
    return "\n".join(lines)


def diff() -> str:
    """Return a diff over code, documents and a lock file."""
    parts = []
    for n in range(12):
        body = "".join(f" line {k} stays as it is\n" for k in range(6))
        parts.append(
            f"diff --git a/src/m{n}.py b/src/m{n}.py\n--- a/src/m{n}.py\n+++ b/src/m{n}.py\n"
            f"@@ -10,8 +10,8 @@ def handler_{n}(request):\n{body}"
            f"-    timeout = {n}\n+    timeout = {n * 10}\n"
        )
    locked = "".join(f"-    pkg{k} 1.0.{k}\n+    pkg{k} 1.1.{k}\n" for k in range(200))
    parts.append(
        "diff --git a/package-lock.json b/package-lock.json\n--- a/package-lock.json\n"
        f"+++ b/package-lock.json\n@@ -1,400 +1,400 @@\n{locked}"
    )
    return "".join(parts)


def snapshot() -> str:
    """Return an accessibility snapshot of a page with a form and a long list."""
    rows = "".join(
        f"      - listitem [ref=e{20 + 3 * n}]:\n"
        f'        - link "Order {4000 + n}" [ref=e{21 + 3 * n}] [cursor=pointer]:\n'
        f"          - /url: /orders/{4000 + n}\n"
        f"        - generic [ref=e{22 + 3 * n}]: shipped on day {n}\n"
        for n in range(120)
    )
    return (
        "- generic [ref=e1]:\n  - banner [ref=e2]:\n"
        '    - link "Home" [ref=e3] [cursor=pointer]:\n      - /url: /\n'
        '    - textbox "Search orders" [ref=e4]\n    - button "Search" [ref=e5]\n'
        f"  - main [ref=e6]:\n    - list [ref=e7]:\n{rows}"
    )


def pods() -> str:
    """Return a Kubernetes list as YAML."""
    return "apiVersion: v1\nkind: PodList\nitems:\n" + "".join(
        f"- metadata:\n    name: web-{n}\n    namespace: shop\n    labels:\n      app: web\n"
        "    managedFields:\n    - manager: kubelet\n      operation: Update\n"
        f"  status:\n    phase: {'Running' if n != 17 else 'CrashLoopBackOff'}\n"
        f"    restartCount: {0 if n != 17 else 42}\n    podIP: 10.0.0.{n}\n"
        for n in range(40)
    )


def code() -> str:
    """Return a Python module of many small classes."""
    return '"""Things that are counted."""\n\nimport os\nimport sys\n\n\n' + "\n\n".join(
        f'class Counter{n}:\n    """Count thing {n}."""\n\n    def __init__(self) -> None:\n'
        f"        self.count = 0\n\n    def add(self, by: int) -> int:\n"
        f'        """Add by and return the count."""\n        self.count += by\n'
        f"        if self.count > {n * 100}:\n            raise OverflowError({n})\n"
        "        return self.count\n"
        for n in range(60)
    )


def document() -> str:
    """Return a long document with headings."""
    return "# Handbook\n\n" + "\n\n".join(
        f"## Chapter {n}: {'Backups' if n == 23 else 'Topic ' + str(n)}\n\n"
        + (
            "Backups run at 02:30 UTC and are kept for 35 days. Restores are tested every month."
            if n == 23
            else f"This chapter speaks of topic {n} at some length. It goes on for a while, with"
            " sentences that nobody needs just now, and ends without surprises."
        )
        for n in range(60)
    )


def samples() -> list[Sample]:
    """Return a sample of each kind."""
    flat = earthquakes()
    return [
        Sample("JSON", "usgs.feed", (DEMO / "earthquakes.json").read_text("utf-8"), "Fiji"),
        Sample("JSON, nothing looked for", "usgs.list", json.dumps({"count": 300, "rows": flat})),
        Sample("Table", "db.query", as_csv(flat), "strongest near Kodiak"),
        Sample("Log", "k8s.logs", log()),
        Sample("Test output", "ci.test", (DEMO / "tests.log").read_text("utf-8")),
        Sample("Diff", "git.diff", diff(), "handler_7 timeout"),
        Sample("HTML", "web.fetch", (DEMO / "pragma.html").read_text("utf-8"), "busy_timeout"),
        Sample("Accessibility snapshot", "browser.snapshot", snapshot(), "Order 4077"),
        Sample("YAML", "k8s.get", pods(), "crashing pods"),
        Sample("Code", "fs.read_file", code(), "Counter42.add"),
        Sample("Prose", "docs.read", document(), "how long are backups kept"),
    ]


def cut(text: str, lines: int) -> str:
    """Return the first lines of text, each cut to a width."""
    rows = text.split("\n")
    shown = [row if len(row) <= WIDTH else row[: WIDTH - 1] + "…" for row in rows[:lines]]
    return "\n".join([*shown, "…"] if len(rows) > lines else shown)


def shown(sample: Sample, counter: TokenCounter) -> str:
    """Return the section of one sample."""
    upstream, _, tool = sample.tool.partition(".")
    aim = aim_for(Call(upstream, tool, focus=sample.focus), Rule(), estimate(sample.text))
    reduction = reduce(sample.text, aim)
    view = render(reduction, REF) if reduction else sample.text
    before, after = counter.count(sample.text).tokens, counter.count(view).tokens
    looked_for = f", looking for “{sample.focus}”" if sample.focus else ""
    return (
        f"## {sample.title}\n\n`{sample.tool}`{looked_for}: {before:,} -> {after:,} tokens\n\n"
        f"```\n{cut(sample.text, BEFORE_LINES)}\n```\n\nbecomes\n\n"
        f"```\n{cut(view, AFTER_LINES)}\n```\n"
    )


def document_of() -> str:
    """Return the whole document."""
    counter = TokenCounter()
    return "\n".join([INTRO, *(shown(sample, counter) for sample in samples())])


if __name__ == "__main__":
    print(document_of(), end="")
