"""One number: every face of the savings says the same of the same window."""

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from ledgers import CALL, rows, written
from pages import client
from transcript_lines import asked, claude, gave, said

from coatcheck.amounts import dollars
from coatcheck.cli.books import HomeBooks
from coatcheck.cli.home import Sources
from coatcheck.cli.page_source import HomeSource
from coatcheck.cli.rates import rates
from coatcheck.cli.savings import savings
from coatcheck.cli.savings_text import bar
from coatcheck.cli.statusline import line
from coatcheck.ledger.metrics import metrics
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import GROUPS
from coatcheck.statement import Statement
from coatcheck.types import Arm, Entry

if TYPE_CHECKING:
    from conftest import Agent

NOW = time.time()
FETCH = replace(
    CALL, kind="fetch", verb="grep", outcome="passed", view_tokens=30, reason="", at=NOW - 40
)
BOOKED = [
    Entry("definitions", NOW - 99, session="s1", upstream="github", view_tokens=130),
    *(replace(CALL, at=NOW - 90 + 9 * number, ref=f"cc_{number}") for number in range(5)),
    FETCH,
    replace(CALL, tool="get_me", ref="", outcome="passed", at=NOW - 30),
]
NET = {"original": 5 * 900 - 30 - 130, "client": 5 * 700 - 30 - 130}


def run(home: Path, *arguments: str) -> str:
    found = CliRunner().invoke(savings, arguments, obj=Sources(home))
    assert found.exit_code == 0, found.output
    return found.output


def of_json(text: str) -> Mapping[str, int]:
    total = json.loads(text)["totals"]
    return {
        "original": total["net_original_tokens"],
        "client": total["net_counterfactual_tokens"],
    }


def of_table(home: Path) -> Mapping[str, int]:
    found = re.search(r"Net saving (-?[\d,]+) tokens .* or (-?[\d,]+) \(", run(home))
    assert found
    return {"original": number(found[1]), "client": number(found[2])}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def of_csv(home: Path) -> Mapping[str, int]:
    found = list(csv.DictReader(io.StringIO(run(home, "--csv", "--by", "day"))))
    return {
        "original": sum(int(row["net_original_tokens"]) for row in found),
        "client": sum(int(row["net_counterfactual_tokens"]) for row in found),
    }


def of_graph(home: Path) -> Mapping[str, int]:
    found = run(home, "--graph").splitlines()[1:]
    return {"original": sum(number(row.split()[1]) for row in found)}


def of_resource(home: Path) -> Mapping[str, int]:
    params = {"uri": "coatcheck://savings"}
    answer = Statement(HomeBooks(home, rates)).answer("resources/read", params, b"")
    return of_json(json.loads(answer)["contents"][0]["text"])


def of_metrics(home: Path) -> Mapping[str, int]:
    with reading(home) as db:
        found = re.findall(r'coatcheck_net_tokens\{base="(\w+)"\} (-?\d+)', metrics(db))
    return {base: int(net) for base, net in found}


def of_statusline(home: Path) -> Mapping[str, int]:
    found = re.search(r"net (-?[\d,]+) tokens", line(home, 0, "in all"))
    assert found
    return {"client": number(found[1])}


def of_page(home: Path) -> Mapping[str, int]:
    with client(HomeSource(Sources(home), tuple)) as asked:
        found = re.findall(r'<data value="(-?\d+)"', asked.get("/?since=all").text)
    return {"client": int(found[0]), "original": int(found[1])}


# A face is added with one line: what it says of all time, on the bases that it tells.
FACES: Mapping[str, Callable[[Path], Mapping[str, int]]] = {
    "table": of_table,
    "json": lambda home: of_json(run(home, "--json")),
    "csv": of_csv,
    "graph": of_graph,
    "resource": of_resource,
    "metrics": of_metrics,
    "statusline": of_statusline,
    "page": of_page,
}


@pytest.mark.parametrize("face", FACES)
def test_every_face_says_the_same_net_number(tmp_path: Path, face: str) -> None:
    written(tmp_path, *BOOKED)
    found = FACES[face](tmp_path)
    assert found and found == {base: NET[base] for base in found}


@pytest.mark.parametrize("by", GROUPS)
def test_every_grouping_has_the_same_dollars(tmp_path: Path, by: str) -> None:
    written(tmp_path, *BOOKED)
    told = json.loads(run(tmp_path, "--json", "--by", by))
    assert told["dollars"] == json.loads(run(tmp_path, "--json"))["dollars"]
    price = rates()
    client = told["dollars"]["client"]
    assert client["written_nano_usd"] == NET["client"] * round(price.cache_write * 1000)
    assert told["dollars"]["prices_of"] == price.date


def test_the_same_window_is_the_same_number_in_resource_and_json(tmp_path: Path) -> None:
    old = replace(CALL, at=NOW - 9 * 86_400, ref="cc_old")
    written(tmp_path, old, *BOOKED)
    books = HomeBooks(tmp_path, rates)
    assert of_json(books.as_json({"since": "7d"})) == of_json(
        run(tmp_path, "--json", "--since", "7d")
    )
    assert of_json(books.as_json({"since": "7d", "by": "day"})) == NET
    assert of_json(books.as_json({})) != NET
    with pytest.raises(ValueError, match="use one of tool, upstream"):
        books.as_json({"by": "colour"})
    with pytest.raises(ValueError, match="neither a span nor a date"):
        books.as_json({"since": "yesterday"})
    with pytest.raises(ValueError, match="use since and by"):
        books.as_json({"until": "7d"})


def test_the_prompt_shows_what_the_table_shows(tmp_path: Path) -> None:
    written(tmp_path, *BOOKED)
    assert HomeBooks(tmp_path, rates).as_text() == run(tmp_path).rstrip("\n")


def test_dollars_quality_and_advice_stand_in_the_text(tmp_path: Path) -> None:
    whole = [replace(FETCH, verb="page", view_tokens=950, ref=f"cc_{n}") for n in range(5)]
    written(tmp_path, *BOOKED, *whole)
    output = run(tmp_path)
    assert "at the prices of claude-opus-5-5 (20" in output
    assert "Of the views: 100.0 % fetched from afterwards, 100.0 % fetched whole" in output
    assert "\nFetches by verb: page 5, grep 1.\n" in output
    assert (
        "Advice: github.list_issues was fetched whole in 5 of 5 cases:"
        ' mode = "lossless" under [tools."github.list_issues"].' in output
    )


def test_transcripts_say_how_often_results_were_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    written(tmp_path / "home", replace(CALL, call_id="t1"), replace(CALL, call_id="t2"))
    assert "No transcript on this machine" in run(tmp_path / "home", "--transcripts")
    folder = tmp_path / ".claude" / "projects" / "here"
    folder.mkdir(parents=True)
    call = asked("m1", calls=[("t1", "mcp__github__list_issues")])
    records = claude(said("look"), call, gave("t1", "view"), asked("m2"), asked("m3"))
    (folder / "s1.jsonl").write_bytes(b"\n".join(line.strip() for line in records))
    found = json.loads(run(tmp_path / "home", "--transcripts", "--json"))["transcripts"]
    assert found["calls"] == 1
    assert found["money"]["written_nano_usd"] == 700 * 5000
    assert found["money"]["read_nano_usd"] == 700 * 200
    assert "Transcripts know 1 of 2 calls" in run(tmp_path / "home", "--transcripts")


def test_causal_says_when_there_is_too_little_data_and_else_compares(tmp_path: Path) -> None:
    assert "Too little data: 0 sessions held out and 0 not" in run(tmp_path, "--causal")
    arms: list[Arm] = ["held out", "shortened"]
    for number_, arm in enumerate(arms * 20):
        entry = replace(CALL, session=f"s{number_}", arm=arm, at=NOW + number_)
        written(tmp_path, entry)
    assert "20 sessions" in run(tmp_path, "--causal")
    found = json.loads(run(tmp_path, "--causal", "--json"))
    assert found["sessions"] == {"held_out": 20, "shortened": 20} and found["is_enough"]


def test_bars_are_in_proportion_and_money_keeps_its_sign() -> None:
    assert bar(1.0, is_plain=True) == "#" * 40
    assert bar(0.5, is_plain=False) == "█" * 20
    assert bar(-0.5, is_plain=False) == "-" * 20
    assert bar(0.0, is_plain=True) == ""
    assert [dollars(n) for n in (1_500_000_000, 40_000_000, -40_000_000, 0)] == [
        "$1.50",
        "$0.0400",
        "-$0.0400",
        "$0.0000",
    ]


def test_the_status_line_says_what_is_wrong_and_imports_nothing_heavy(tmp_path: Path) -> None:
    assert line(tmp_path, 0, "today") == "coatcheck: no calls today"
    assert not list(tmp_path.iterdir())
    (tmp_path / "ledger.db").write_bytes(b"no ledger" * 200)
    assert line(tmp_path, 0, "today").endswith("see coatcheck doctor")
    code = (
        "import sys; from coatcheck.cli import main; main(['statusline']);"
        "assert not {'click', 'rich', 'orjson', 'asyncio', 'tomllib'} & sys.modules.keys()"
    )
    environment = {"COATCHECK_HOME": str(tmp_path / "other"), "PATH": ""}
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=environment, check=True, timeout=30, stdout=subprocess.DEVNULL)


def test_the_status_line_counts_today_alone(tmp_path: Path) -> None:
    day = int(CALL.at // 86_400)
    written(tmp_path, CALL, replace(CALL, at=CALL.at - 86_400))
    assert line(tmp_path, day, "today") == (
        "coatcheck today: 1 of 1 calls shortened, net 700 tokens (88 %)"
    )


def test_an_agent_reads_the_savings_of_its_own_session(
    start: "Callable[..., Agent]", tmp_path: Path
) -> None:
    agent = start("plain.py", COATCHECK="on", COATCHECK_HOME=str(tmp_path))
    agent.greet()
    assert agent.said("echo", text="hello")
    for _ in range(200):  # what was just called is booked within 0.2 s
        agent.send(id=7, method="resources/read", params={"uri": "coatcheck://savings?by=level"})
        report = json.loads(agent.read()["result"]["contents"][0]["text"])
        if report["totals"]["calls"]:
            break
    assert report["totals"]["calls"] == 1
    assert report["rows"][0]["name"] == "passed"
    agent.send(id=8, method="resources/read", params={"uri": "coatcheck://savings?by=colour"})
    assert "use one of tool, upstream" in agent.read()["error"]["message"]


def test_a_session_held_out_is_offered_nothing_of_ours(
    start: "Callable[..., Agent]", tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("[ledger]\nholdout = 0.9999999\n")
    listed = {}
    for home in (tmp_path, tmp_path / "other"):
        agent = start("plain.py", COATCHECK="on", COATCHECK_HOME=str(home))
        agent.greet()
        agent.send(id=1, method="tools/list")
        listed[home] = {tool["name"] for tool in agent.read()["result"]["tools"]}
        assert agent.said("echo", text="word " * 4000).count("word") >= 1
        agent.close()
    assert "fetch_artifact" not in listed[tmp_path]
    assert "fetch_artifact" in listed[tmp_path / "other"]
    [row] = rows(tmp_path, "SELECT arm, outcome FROM entries")
    assert tuple(row) == ("held out", "passed")
