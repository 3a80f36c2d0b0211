"""How the summarizer fared, per tool."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from ledgers import CALL, assert_sound, written

from coatcheck.cli.home import Sources
from coatcheck.cli.savings import savings
from coatcheck.cli.show import show
from coatcheck.ledger.reader import reading
from coatcheck.ledger.summaries import Fared, by_tool
from coatcheck.types import Entry

PLAIN = replace(CALL, reason="", decision="", summary_input_tokens=0, summary_micro_usd=0)
ASKED = replace(
    PLAIN,
    decision="gain +1 c",
    outcome="summarized",
    summary_input_tokens=1_000,
    summary_output_tokens=50,
    summary_micro_usd=300,
)
GUARD = replace(ASKED, outcome="selected", reason="guard: not in the source, 1 quotes")
NO = replace(PLAIN, decision="gain -1 c", reason="summary does not pay: gain -1 c")
ASK = replace(
    ASKED,
    kind="fetch",
    verb="ask",
    outcome="passed",
    summary_cache_write_tokens=0,
    summary_cache_read_tokens=900,
)


def found(home: Path, **more: object) -> dict[str, Fared]:
    with reading(home) as db:
        return by_tool(db, **more)  # type: ignore[arg-type]  # its own keywords


def test_answers_misses_and_the_cache_are_counted_per_tool(tmp_path: Path) -> None:
    other = replace(GUARD, tool="get_issue", ref="cc_000000000002")
    written(tmp_path, PLAIN, ASKED, GUARD, GUARD, NO, ASK, other)
    assert_sound(tmp_path)
    tools = found(tmp_path)
    assert tools.keys() == {"github.list_issues", "github.get_issue"}
    one = tools["github.list_issues"]
    assert (one.wanted, one.answered, one.shown) == (5, 4, 1)
    assert one.guard_misses == 2
    assert one.fallbacks == {"guard": 2, "summary does not pay": 1}
    assert one.micro_usd == 1_200
    assert one.cache_read_tokens == 900
    assert one.cache_hit_share == pytest.approx(900 / 4_000)
    assert "2 caught; cache 0 written, 900 read (22 % of 4,000 prompt tokens)" in str(one)
    assert tools["github.get_issue"].guard_misses == 1


def test_one_tool_one_artifact_or_one_time_can_be_asked_for(tmp_path: Path) -> None:
    later = replace(GUARD, tool="get_issue", ref="cc_000000000002", at=CALL.at + 10)
    written(tmp_path, ASKED, later)
    assert found(tmp_path, name="github.get_issue").keys() == {"github.get_issue"}
    assert found(tmp_path, ref="cc_000000000001").keys() == {"github.list_issues"}
    assert found(tmp_path, since=CALL.at + 1).keys() == {"github.get_issue"}
    assert found(tmp_path, until=CALL.at + 1).keys() == {"github.list_issues"}


def test_a_ledger_without_summaries_has_nothing_to_say(tmp_path: Path) -> None:
    written(tmp_path, PLAIN, Entry("definitions", CALL.at))
    assert found(tmp_path) == {}


def test_show_tells_it_of_an_artifact_and_of_its_tool(tmp_path: Path) -> None:
    written(tmp_path, ASKED, ASK, replace(GUARD, ref="cc_000000000002"))
    output = CliRunner().invoke(show, [CALL.ref], obj=Sources(tmp_path)).output
    assert "Summarizer, this artifact: 2 wanted, 2 answered, 1 shown, 0 caught; cache" in output
    assert "Summarizer, all of github.list_issues: 3 wanted, 3 answered, 1 shown, 1" in output
    raw = CliRunner().invoke(show, [CALL.ref, "--json"], obj=Sources(tmp_path)).output
    ours = json.loads(raw)["summarizer"]
    assert ours["this artifact"]["cache_read_tokens"] == 900
    assert ours["all of github.list_issues"]["guard_misses"] == 1


def test_show_is_silent_about_a_summarizer_that_had_no_say(tmp_path: Path) -> None:
    written(tmp_path, PLAIN)
    assert "Summarizer" not in CliRunner().invoke(show, [CALL.ref], obj=Sources(tmp_path)).output


def test_savings_tells_it_of_each_tool_and_of_batches(tmp_path: Path) -> None:
    batch = Entry("summary", CALL.at, decision="batch of 3", summary_input_tokens=9)
    written(tmp_path, ASKED, GUARD, replace(PLAIN, tool="get_issue"), batch)
    output = CliRunner().invoke(savings, [], obj=Sources(tmp_path)).output
    assert "\nSummarizer, github.list_issues: 2 wanted, 2 answered, 1 shown, 1 caught; " in output
    assert "\nSummarizer, batches: 1 wanted" in output
    assert "Summarizer, github.get_issue" not in output
    raw = CliRunner().invoke(savings, ["--json"], obj=Sources(tmp_path)).output
    assert json.loads(raw)["summarizer"]["github.list_issues"]["guard_misses"] == 1


def test_savings_is_silent_about_a_summarizer_that_had_no_say(tmp_path: Path) -> None:
    written(tmp_path, PLAIN)
    assert "ummarizer," not in CliRunner().invoke(savings, [], obj=Sources(tmp_path)).output
    raw = CliRunner().invoke(savings, ["--json"], obj=Sources(tmp_path)).output
    assert "summarizer" not in json.loads(raw)
