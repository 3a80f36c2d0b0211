"""The views: the numbers of the ledger, in order, as text whatever they are called."""

import json
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from ledgers import CALL
from pages import HOSTILE, NOW, client, home

from coatcheck.cli.home import Sources
from coatcheck.cli.page_source import HomeSource
from coatcheck.ledger.retention import prune
from coatcheck.web.page.calls import place
from coatcheck.web.page.source import Wanted
from coatcheck.web.page.tail import tail

VIEWS = ("/", "/tools", "/calls", "/calls/2", "/sessions", "/health")


def nets(page: str) -> list[int]:
    """Return the whole numbers of a page that programs can read."""
    return [int(value) for value in re.findall(r'<data value="(-?\d+)"', page)]


def rows(page: str) -> list[str]:
    """Return the first cell of each row of the first table, as text."""
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    cells = re.findall(r"<tr><t[hd][^>]*>(.*?)</t[hd]>", body, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in cells]


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_is_a_page_in_which_nothing_runs(tmp_path: Path, path: str) -> None:
    with client(home(tmp_path).source()) as asked:
        answer = asked.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    page = answer.text
    assert page.startswith('<!doctype html><html lang="en">')
    assert (
        "<script" not in page and " style=" not in page and " on" not in re.findall("<[^>]*>", page)
    )
    assert page.count("<h1>") == 1 and '<main id="main"' in page
    levels = [int(level) for level in re.findall(r"<h(\d)>", page)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", ["/", "/tools", "/calls", "/calls/4"])
def test_a_tool_named_like_markup_stays_text(tmp_path: Path, path: str) -> None:
    with client(home(tmp_path).source()) as asked:
        page = asked.get(path).text
    assert HOSTILE not in page
    assert HOSTILE in unescape(page.replace("<wbr>", ""))


def test_the_overview_shows_what_savings_prints(tmp_path: Path) -> None:
    old = replace(CALL, at=NOW - 40 * 86_400, ref="cc_0", session="s0")
    source = home(tmp_path, old).source()
    with client(source) as asked:
        for since in ("all", "30d"):
            known = {} if since == "all" else {"since": since}
            total = json.loads(source.as_json(known))["totals"]
            found = nets(asked.get(f"/?since={since}").text)
            assert found[0] == total["net_counterfactual_tokens"]
            assert found[1] == total["net_original_tokens"]
        both = {asked.get(f"/?since={since}").text.split("<tbody>")[0] for since in ("all", "30d")}
        assert len(both) == 2
        assert asked.get("/savings.json").json()["totals"]["calls"] == 3


@pytest.mark.parametrize("sort", ["tool", "calls", "original", "net", "percent", "p95"])
def test_tools_are_sorted_both_ways(tmp_path: Path, sort: str) -> None:
    more = [replace(CALL, tool=f"t{n}", at=NOW - n, view_tokens=100 * n, ref="") for n in (1, 2, 3)]
    with client(home(tmp_path, *more, more[0]).source()) as asked:
        down = asked.get(f"/tools?sort={sort}&dir=desc").text
        up = asked.get(f"/tools?sort={sort}&dir=asc").text
    assert 'aria-sort="descending"' in down and 'aria-sort="ascending"' in up
    kept = [name for name in rows(down) if name != "total"]
    assert kept != rows(up) and sorted(kept) == sorted(rows(up)[: len(kept)])


def test_tools_are_filtered_by_name_and_upstream(tmp_path: Path) -> None:
    more = replace(CALL, upstream="jira", tool="find", ref="", at=NOW)
    with client(home(tmp_path, more).source()) as asked:
        assert rows(asked.get("/tools?q=LIST").text) == ["github.list_issues"]
        assert rows(asked.get("/tools?upstream=jira").text) == ["jira.find"]
        assert rows(asked.get("/tools?q=nothing").text) == []
        assert asked.get("/tools?sort=colour&dir=no").status_code == 200


def test_calls_are_filtered_and_come_page_by_page(tmp_path: Path) -> None:
    many = [replace(CALL, at=NOW + n, ref="", tool="many") for n in range(150)]
    with client(home(tmp_path, *many).source()) as asked:
        first = asked.get("/calls?tool=github.man*").text
        assert len(rows(first)) == 100
        to = unescape(re.findall(r'href="([^"]*before=[^"]*)"', first)[0])
        assert len(rows(asked.get(to).text)) == 50
        assert len(rows(asked.get("/calls?session=s1&tool=github.list*").text)) == 2
        assert "No calls that fit" in asked.get("/calls?session=s9").text


def test_a_tool_leads_to_its_calls_whatever_its_name(tmp_path: Path) -> None:
    odd = replace(CALL, tool="a[b]*?<c>", ref="", at=NOW)
    with client(home(tmp_path, odd, replace(odd, tool="ab")).source()) as asked:
        found = re.findall(r'href="(/calls\?tool=[^"]*)"', asked.get("/tools").text)
        pages = [asked.get(unescape(to)).text for to in found]
    assert [len(rows(page)) for page in pages if "a[b]*?" in page] == [1]


def test_a_call_shows_its_artifact_beside_the_view(tmp_path: Path) -> None:
    made = home(tmp_path)
    [artifact] = made.artifacts.kept.values()
    with client(made.source()) as asked:
        page = asked.get("/calls/2").text
        later = asked.get("/calls/2?page=2").text
        beyond = asked.get("/calls/2?page=99").text
    assert artifact.view.split("\n")[1] in unescape(page)
    assert "Announced as left out" in page and "<mark>" in page
    assert "Later lines" in page and "Earlier lines" in later and "Earlier lines" in beyond
    assert "Calls and fetches of this artifact (1 fetched)" in page


def test_a_call_whose_artifact_is_gone_says_so(tmp_path: Path) -> None:
    made = home(tmp_path)
    made.artifacts.kept.clear()
    with client(made.source()) as asked:
        assert "is unknown here" in asked.get("/calls/2").text
        assert asked.get("/calls/99").status_code == 404
        assert asked.get("/calls?before=x").status_code == 400
        assert asked.get("/?since=yesterday").status_code == 400


def test_after_the_overview_was_sent_tokens_are_counted_exactly(tmp_path: Path) -> None:
    made = home(tmp_path)
    sources = Sources(tmp_path, lambda: made.artifacts, lambda text: (len(text), 0))
    with client(HomeSource(sources, tuple)) as asked:
        first = asked.get("/?since=all").text
        totals = asked.get("/savings.json").json()["totals"]
        assert totals["counted"] == 1
        second = asked.get("/?since=all").text
    assert nets(first)[0] != nets(second)[0] == totals["net_counterfactual_tokens"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("", ""),
        ("lines:20-24", "lines 20-24"),
        ("lines:rows 1-3", "rows 1-3"),
        ("at:7,9-12", "lines 7, 9-12"),
        ("chars:8000-16000", "characters 8000-16000"),
        ("at:" + "1234567,9-12," * 6 + "9", "lines 1234567, 9-12, 1234567, 9-12, 1234567 …"),
    ],
)
def test_the_part_that_a_fetch_gave_is_said_in_few_words(part: str, words: str) -> None:
    assert place(part) == words


def test_the_overview_reads_sums_and_not_the_rows_of_old_days(tmp_path: Path) -> None:
    old = [replace(CALL, at=NOW - 86_400 * n, ref="", session=f"s{n}") for n in range(3, 40)]
    source = home(tmp_path, *old).source()
    with client(source) as asked:
        before = [nets(asked.get(path).text) for path in ("/?since=all", "/tools?since=all")]
        assert prune(tmp_path, 86_400, NOW) == len(old)
        after = [nets(asked.get(path).text) for path in ("/?since=all", "/tools?since=all")]
    assert before == after and before[0][0] > 37 * 700


def test_an_absent_ledger_and_a_damaged_one_are_told(tmp_path: Path) -> None:
    source = HomeSource(Sources(tmp_path), tuple)
    with client(source) as asked:
        assert "No calls in the ledger yet" in asked.get("/?since=all").text
        assert [asked.get(path).status_code for path in ("/tools", "/calls", "/sessions")] == [
            200
        ] * 3
        (tmp_path / "ledger.db").write_bytes(b"no ledger" * 200)
        answer = asked.get("/")
    assert answer.status_code == 503 and "coatcheck doctor" in answer.text


async def test_the_tail_begins_with_the_newest_calls_and_ends_by_itself(tmp_path: Path) -> None:
    source = home(tmp_path).source()
    page = b"".join([part async for part in tail(source, Wanted(), seconds=0.2)]).decode()
    assert page.count("<tr>") == 1 + 3 and page.index("/calls/2") < page.index("/calls/4")
    assert HOSTILE not in page and "Go on" in page and page.endswith("</html>")


def test_programs_get_metrics_and_json(tmp_path: Path) -> None:
    with client(home(tmp_path).source(), entered=False) as asked:
        bearer = {"authorization": "Bearer cct_may-be-used-again"}
        text = asked.get("/metrics", headers=bearer).text
        assert re.search(r'coatcheck_net_tokens\{base="client"\} \d+', text)
        assert asked.get("/healthz", headers=bearer).json() == {"status": "ok"}
