"""Make the pictures of docs/page: a month of made-up calls, looked at in Chromium.

python scripts/screenshots.py [--out docs/page] [--home DIR]

Needs /usr/bin/chromium and Pillow. The results are the recorded ones of `coatcheck demo`, the other
figures are drawn with a fixed seed.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from coatcheck.cli.parts import open_artifacts, pipeline
from coatcheck.cli.place import Place
from coatcheck.config import Config
from coatcheck.fetch import fetch
from coatcheck.ledger import schema
from coatcheck.ledger.writer import store
from coatcheck.sizing import estimate
from coatcheck.spans import dumps
from coatcheck.types import Call, Entry, Outcome, Rule

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from chromium import Page, chromium

DAY = 86_400
SIZES = ((1280, 860), (380, 800))
SCHEMES = ("light", "dark")
COLOURS = 128


@dataclass(frozen=True, slots=True)
class Tool:
    """How often a made-up tool is called a day, how big its results are, and how often fetched."""

    upstream: str
    name: str
    calls: float
    tokens: int
    outcome: Outcome
    fetched: float


TOOLS = (
    Tool("github", "list_issues", 9, 9_000, "selected", 0.12),
    Tool("github", "get_pull_request_diff", 6, 7_000, "selected", 0.2),
    Tool("github", "search_code", 7, 4_000, "trimmed", 0.1),
    Tool("browser", "browser_snapshot", 14, 6_500, "selected", 0.15),
    Tool("files", "read_text_file", 18, 2_200, "lossless", 0.05),
    Tool("files", "directory_tree", 3, 5_500, "selected", 0.1),
    Tool("postgres", "query", 8, 3_500, "trimmed", 0.3),
    Tool("ci", "job_log", 4, 16_000, "selected", 0.25),
    Tool("docs", "read_page", 5, 5_000, "summarized", 0.1),
    Tool("slack", "post_message", 6, 120, "passed", 0.0),
    Tool("memory", "read_graph", 2, 900, "selected", 0.9),
)
QUAKES = "list_earthquakes"
REAL = (
    ("usgs", QUAKES, "earthquakes.json", "", {"grep": "Alaska"}),
    ("usgs", QUAKES, "earthquakes.json", "strongest", {"grep": '"mag": ?[5-9]'}),
    ("usgs", QUAKES, "earthquakes.json", "", {"query": "max_by(features, &properties.mag)"}),
    ("usgs", QUAKES, "earthquakes.json", "Hawaii", {"lines": "rows 1-3"}),
    ("docs", "read_page", "pragma.html", "busy_timeout milliseconds", {"grep": "busy_timeout"}),
    ("ci", "job_log", "tests.log", "", {"lines": "20-24"}),
)


def month(draw: random.Random, now: float) -> Iterator[Entry]:
    """Yield the calls of thirty days, fewer at weekends."""
    first = now - now % DAY - 29 * DAY
    for day in range(30):
        weekend = time.gmtime(first + day * DAY).tm_wday >= 5
        for session in range(1 if weekend else 3):
            name = f"{draw.getrandbits(128):032x}"
            client = ("claude-code", "codex", "gemini-cli")[session]
            begins = first + day * DAY + (8 + 3 * session) * 3600
            if begins < now - 4000:
                yield from one_session(draw, name, client, begins, 0.25 if weekend else 0.33)


def one_session(
    draw: random.Random, session: str, client: str, begins: float, share: float
) -> Iterator[Entry]:
    """Yield what one session called, fetched, and paid for our definitions."""
    yield Entry("definitions", begins, session, client, upstream="github", view_tokens=182)
    at = begins
    for tool in TOOLS:
        for _ in range(int(tool.calls * share + draw.random())):
            at += draw.uniform(4, 120)
            size = max(40, int(draw.lognormvariate(0, 0.5) * tool.tokens))
            ref = f"cc_{draw.getrandbits(60):012x}"
            view = {"passed": size, "lossless": int(0.6 * size)}.get(tool.outcome, min(size, 480))
            entry = Entry(
                "call",
                at,
                session,
                client,
                "2.1",
                upstream=tool.upstream,
                tool=tool.name,
                arguments_digest=f"{draw.getrandbits(64):016x}",
                ref="" if tool.outcome == "passed" else ref,
                outcome=tool.outcome,
                original_bytes=4 * size,
                view_bytes=4 * view,
                original_tokens=size,
                counterfactual_tokens=min(size, 12_000),
                view_tokens=view,
                upstream_ms=draw.uniform(30, 900),
                added_ms=draw.uniform(0.2, 60),
                summary_micro_usd=1400 if tool.outcome == "summarized" else 0,
            )
            yield entry
            if draw.random() < tool.fetched and entry.ref:
                part = size if tool.name == "read_graph" else draw.randrange(60, 900)
                verb = draw.choice(("grep", "lines", "query", "page"))
                yield replace(
                    entry, kind="fetch", at=at + 3, outcome="passed", verb=verb, view_tokens=part
                )


def week_of(text: str, number: int) -> str:
    """Return the earthquakes as they may have stood in the list on one of several days."""
    value = json.loads(text)
    value["features"] = value["features"][25 * number :][:120]
    return json.dumps(value, separators=(",", ":"))


def real(home: Path, now: float) -> Iterator[Entry]:
    """Keep the recorded results of the demo, and yield their calls and fetches."""
    kept = open_artifacts(home)
    line = pipeline(Place(home, Config()), kept)
    for number, (upstream, name, file, focus, asked) in enumerate(REAL):
        text = (files("coatcheck") / "data" / "demo" / file).read_text("utf-8")
        if name == QUAKES:
            text = week_of(text, number)
        result = dumps({"content": [{"type": "text", "text": text}]})
        sent = line.shorten(Call(upstream, name, b'{"days": 1}', focus), result, Rule())
        at = now - 900 + 200 * number
        entry = Entry(
            "call",
            at,
            "5e55" * 8,
            "claude-code",
            "2.1",
            upstream=upstream,
            tool=name,
            ref=sent.ref,
            outcome=sent.outcome,
            focus=bool(focus),
            original_bytes=len(result),
            view_bytes=len(sent.view),
            original_tokens=estimate(text),
            counterfactual_tokens=min(estimate(text), 25_000),
            view_tokens=estimate(sent.view),
            upstream_ms=140.0,
            added_ms=90.0,
        )
        yield entry
        got = fetch(kept, {"ref": sent.ref, **asked})
        yield replace(
            entry, kind="fetch", at=at + 20, outcome="passed", verb=got.verb, part=got.part,
            view_tokens=estimate(got.text),
        )  # fmt: skip


def fill(home: Path) -> None:
    """Write the ledger and the artifacts that the pictures show."""
    now = time.time()
    entries = [*month(random.Random(7), now), *real(home, now)]
    with closing(schema.open_writing(home)) as db:
        store(db, sorted(entries, key=lambda entry: entry.at))


def shoot(page: Page, base: str, out: Path) -> None:
    """Look at every view at both widths, in both schemes."""
    page.go(f"{base}/calls?tool=usgs.*")
    call = str(page.run("document.querySelector('tbody tr:last-child a').getAttribute('href')"))
    fields = "keep_fields=mag,+place,+id"
    trial = f"/workbench?tool=usgs.{QUAKES}&budget_tokens=5000&{fields}"
    views = {"overview": "/", "tools": "/tools", "call": call, "workbench": trial}
    for name, path in views.items():
        for width, height in SIZES:
            for scheme in SCHEMES:
                page.look(width, height, scheme)
                page.go(base + path)
                picture = out / f"{name}-{width}-{scheme}.png"
                page.picture(picture)
                small(picture)


def small(picture: Path) -> None:
    """Write a picture again with few colours."""
    from PIL import Image

    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(picture, optimize=True)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/page"))
    parser.add_argument("--home", type=Path, help="keep what was made up here")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = asked.home or Path(folder) / "home"
        if not (home / schema.FILE).exists():
            fill(home)
        command = [sys.executable, "-m", "coatcheck.cli", "dashboard"]
        environment = {**os.environ, "COATCHECK_HOME": str(home)}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            link = re.search(r"http\S+", process.stdout.readline())
            try:
                assert link
                with chromium(Path(folder) / "profile") as page:
                    page.go(link[0])
                    page.until("location.pathname == '/'")
                    shoot(page, link[0].partition("/enter")[0], asked.out)
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
