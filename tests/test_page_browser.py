"""The page in a real browser: every view, by keyboard and small screens, accessible and silent."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from chromium import Page, chromium, is_there
from ledgers import CALL, written
from outside import npm_package
from pages import HOSTILE, NOW, home

from coatcheck.cli.parts import open_artifacts
from coatcheck.figures import Window
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import savings

pytestmark = pytest.mark.skipif(not is_there(), reason="there is no /usr/bin/chromium")

TOOL = "github.list_issues"
VIEWS = (
    "/",
    "/tools",
    "/calls",
    "/calls/2",
    "/sessions",
    "/health",
    "/workbench",
    f"/workbench?tool={TOOL}",
)
TAB = 9


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at the page of a home."""

    page: Page
    base: str
    home: Path

    def go(self, path: str) -> None:
        self.page.go(self.base + path)

    @property
    def path(self) -> str:
        return str(self.page.run("location.pathname + location.search"))


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Give a browser that was let in to a dashboard of its own."""
    where = tmp_path_factory.mktemp("home")
    loss = replace(CALL, tool="loses", ref="", view_tokens=900, at=NOW - 9)
    made = home(where, loss)
    [artifact] = made.artifacts.kept.values()
    kept = open_artifacts(where)
    ref = kept.ref_for("result", artifact.result)
    kept.put(replace(artifact, ref=ref))
    written(where, replace(made.entries[1], ref=ref, at=NOW - 5))
    command = [sys.executable, "-m", "coatcheck.cli", "dashboard"]
    environment = {**os.environ, "COATCHECK_HOME": str(where)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = re.search(r"http\S+", process.stdout.readline())
        assert link
        try:
            with chromium(tmp_path_factory.mktemp("profile")) as page:
                page.go(link[0])
                page.until("location.pathname == '/'")
                yield Visit(page, link[0].partition("/enter")[0], where)
                assert not page.complaints
                own = (link[0].partition("/enter")[0] + "/", "about:", "data:")
                assert [url for url in page.requests if not url.startswith(own)] == []
        finally:
            process.terminate()


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_is_one_page_with_a_title_and_fits_a_small_screen(visit: Visit, path: str) -> None:
    visit.page.look(380, 800)
    visit.go(path)
    assert visit.page.run("document.title").endswith(" - coatcheck")
    assert visit.page.run("document.querySelectorAll('h1').length") == 1
    assert visit.page.run("document.documentElement.scrollWidth") <= 380
    assert visit.page.run("document.scripts.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", VIEWS)
def test_axe_finds_no_violation(visit: Visit, path: str, scheme: str) -> None:
    axe = Path(npm_package("axe-core/axe.min.js")).read_text("utf-8")
    visit.page.look(1280, 900, scheme)
    visit.go(path)
    visit.page.run(f"{axe};undefined")
    found = visit.page.run(
        "axe.run().then(r => [r.passes.length,"
        " ...r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join())])"
    )
    assert found[0] > 15 and found[1:] == []


def test_tools_are_sorted_by_clicks(visit: Visit) -> None:
    visit.go("/tools?since=all")
    visit.page.click("thead th:nth-child(1) a")
    assert "sort=tool" in visit.path and "dir=desc" in visit.path
    visit.page.click("thead th:nth-child(1) a")
    names = visit.page.run("[...document.querySelectorAll('tbody th')].map(e => e.textContent)")
    assert len(names) == 4 and names == sorted(names, key=str.lower)
    assert visit.page.run("document.querySelector('th[aria-sort]').ariaSort") == "ascending"


def test_tools_are_filtered_by_the_form(visit: Visit) -> None:
    visit.go("/tools?since=all")
    visit.page.run("void (document.querySelector('input[name=q]').value = 'LOSES')")
    visit.page.click("form.filters button")
    names = visit.page.run("[...document.querySelectorAll('tbody th')].map(e => e.textContent)")
    assert names == ["github.loses"] and "q=LOSES" in visit.path
    assert visit.page.run("document.querySelectorAll('td .loss').length") == 1


def test_a_call_is_followed_from_its_tool_to_its_artifact(visit: Visit) -> None:
    visit.go("/tools?since=all&q=list")
    visit.page.click("tbody th a")
    assert visit.page.run("document.querySelector('input[name=tool]').value") == TOOL
    visit.page.click("tbody tr td a")
    assert visit.page.run("document.querySelectorAll('pre mark').length") > 0
    assert "Crash number 7" in visit.page.run("document.body.textContent")


def test_the_numbers_are_those_of_the_ledger(visit: Visit) -> None:
    visit.go("/?since=all")
    shown = visit.page.run("[...document.querySelectorAll('.tiles data')].map(e => e.value)")
    with reading(visit.home) as db:
        totals = savings(db, Window()).totals
    nets = [totals.net_counterfactual_tokens, totals.net_original_tokens]
    assert [int(value) for value in shown[:2]] == nets


@pytest.mark.parametrize("path", ["/?since=all", "/tools?since=all", "/calls", "/calls/4"])
def test_a_tool_named_like_a_script_is_text(visit: Visit, path: str) -> None:
    visit.go(path)
    assert visit.page.run("document.scripts.length") == 0
    assert HOSTILE in visit.page.run("document.body.textContent")


def test_the_tail_shows_a_call_as_it_is_made(visit: Visit) -> None:
    visit.page.go(f"{visit.base}/calls/live?tool=github.fresh", wait=False)
    visit.page.until("!!document.querySelector('.live tbody')")
    assert visit.page.run("document.querySelectorAll('.live td').length") == 0
    written(visit.home, replace(CALL, tool="fresh", ref="", at=NOW))
    visit.page.until("document.querySelectorAll('.live tbody tr').length == 1")


def test_the_keyboard_reaches_the_content_and_every_box(visit: Visit) -> None:
    visit.go("/")
    visit.page.press("Tab", TAB)
    assert visit.page.run("document.activeElement.className") == "skip"
    assert visit.page.run("document.activeElement.getBoundingClientRect().left") >= 0
    outline = visit.page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    boxes = "[...document.querySelectorAll('.box, pre')]"
    assert visit.page.run(f"{boxes}.every(e => e.tabIndex == 0 && e.ariaLabel)")


def test_the_workbench_writes_the_rule_it_showed(visit: Visit) -> None:
    visit.go(f"/workbench?tool={TOOL}")
    visit.page.run("void (document.querySelector('input[name=budget_tokens]').value = 700)")
    visit.page.click("form.settings button")
    assert "+budget_tokens = 700" in visit.page.run("document.querySelector('.diff').textContent")
    assert not (visit.home / "config.toml").exists()
    visit.page.click("form.writing button")
    assert "says so already" in visit.page.run("document.body.textContent")
    expected = f'[tools."{TOOL}"]\nbudget_tokens = 700\n'
    assert (visit.home / "config.toml").read_text() == expected
