"""A page over a ledger of the tests' own and artifacts that the real reducers have shortened."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fakes import MemoryArtifacts
from ledgers import CALL, written
from starlette.testclient import TestClient

from coatcheck import config
from coatcheck.cli.home import Sources
from coatcheck.cli.page_source import HomeSource
from coatcheck.cli.place import Place
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip, reduce
from coatcheck.sizing import estimate
from coatcheck.types import Call, Entry, Rule
from coatcheck.web.guard import LOCAL_NAMES
from coatcheck.web.page.app import application

HOSTILE = '<script>alert("x")</script>'
ONCE = "once-and-only-once"
AGAIN = "cct_may-be-used-again"
NOW = time.time()
ROWS = [
    {"number": n, "title": f"Crash number {n} in module {n * 7}", "state": "open", "url": f"/i/{n}"}
    for n in range(200)
]


@dataclass(frozen=True, slots=True)
class Home:
    """Where the ledger is, the artifacts, and what was booked."""

    path: Path
    artifacts: MemoryArtifacts
    entries: tuple[Entry, ...]

    def source(self) -> HomeSource:
        """Return what a page over it shows."""
        sources = Sources(self.path, lambda: self.artifacts)
        findings = [("ledger", "there", ""), ("store", "full", "erase")]
        return HomeSource(sources, lambda: findings, self.place)

    def place(self) -> Place:
        """Return the place, with its settings as they are now."""
        file = self.path / "config.toml"
        return Place(self.path, config.load(file if file.exists() else None, {}))


def home(path: Path, *more: Entry) -> Home:
    """Return a home with a shortened call, a fetch of it, and a tool with a hostile name."""
    artifacts = MemoryArtifacts()
    line = Pipeline(artifacts, reduce, clip.reduce)
    text = json.dumps(ROWS)
    result = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
    call = Call("github", "list_issues", b'{"state": "open"}', "crash number 7")
    sent = line.shorten(call, result, Rule())
    shortened = replace(
        CALL,
        at=NOW - 50,
        ref=sent.ref,
        outcome=sent.outcome,
        original_tokens=estimate(text),
        counterfactual_tokens=estimate(text),
        view_tokens=estimate(sent.view),
        reason="",
    )
    fetch = replace(
        shortened, at=NOW - 40, kind="fetch", verb="grep", outcome="passed", view_tokens=30
    )
    hostile = replace(CALL, at=NOW - 30, tool=HOSTILE, ref="", outcome="passed", reason=HOSTILE)
    entries = (
        Entry("definitions", NOW - 60, session="s1", upstream="github", view_tokens=130),
        shortened,
        fetch,
        hostile,
        *more,
    )
    written(path, *entries)
    return Home(path, artifacts, entries)


@contextmanager
def client(source: HomeSource, *, entered: bool = True) -> Iterator[TestClient]:
    """Give a client of the page, let in already."""
    known = {AGAIN: "prometheus"}
    app = application(source, LOCAL_NAMES, ONCE, known.get)
    found = TestClient(app, base_url="http://127.0.0.1:8400", follow_redirects=False)
    try:
        if entered:
            assert found.get(f"/enter?token={ONCE}").status_code == 200
        yield found
    finally:
        found.close()
