"""The reports: every number follows from the ledger, rows sum to totals, nothing is clamped."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result
from fakes import MemoryArtifacts
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.cli.home import Sources, home
from coatcheck.cli.log import following
from coatcheck.cli.savings import savings
from coatcheck.cli.show import show
from coatcheck.cli.text import fitted
from coatcheck.figures import By, Figures, Savings, Window, percent
from coatcheck.ledger import schema
from coatcheck.ledger.reader import reading
from coatcheck.ledger.report import DEFINITIONS, GROUPS
from coatcheck.ledger.report import savings as report
from coatcheck.ledger.writer import store
from coatcheck.types import Artifact, Call, Entry, Omission

DAY = 86_400
CALL = Entry(
    kind="call",
    at=1.0,
    session="s1",
    client="claude-code",
    upstream="github",
    tool="list_issues",
    ref="cc_000000000001",
    outcome="selected",
    original_bytes=4000,
    original_tokens=1000,
    counterfactual_tokens=800,
    view_tokens=100,
    added_ms=2.0,
)
FETCH = replace(CALL, kind="fetch", at=2.0, verb="grep", outcome="passed", view_tokens=30)
OWN = Entry(kind="definitions", at=0.0, session="s1", client="claude-code", view_tokens=130)
PASSED = replace(CALL, at=3.0, tool="get_me", ref="", outcome="passed", original_tokens=50)

tokens = st.integers(min_value=0, max_value=10**9)
entries = st.builds(
    Entry,
    kind=st.sampled_from(["call", "fetch", "definitions"]),
    at=st.floats(min_value=0, max_value=5 * DAY),
    session=st.sampled_from(["s1", "s2"]),
    client=st.sampled_from(["codex", ""]),
    upstream=st.sampled_from(["github", "jira"]),
    tool=st.sampled_from(["search", "get", ""]),
    outcome=st.sampled_from(["passed", "selected"]),
    is_error=st.booleans(),
    reason=st.sampled_from(["", "store: full", "nothing gained"]),
    original_tokens=tokens,
    counterfactual_tokens=tokens,
    view_tokens=tokens,
    added_ms=st.floats(min_value=0, max_value=1e4),
    summary_micro_usd=tokens,
)


def keep(folder: Path, many: Sequence[Entry]) -> None:
    with closing(schema.open_writing(folder)) as db:
        store(db, many)


def reported(folder: Path, by: By = "tool", window: Window = Window()) -> Savings:  # noqa: B008 (frozen)
    with reading(folder) as db:
        return report(db, window, by)


def run(folder: Path, *arguments: str, given: Sources | None = None) -> Result:
    found = CliRunner().invoke(savings, arguments, obj=given or sources(folder))
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found


def test_net_is_base_minus_view_fetched_and_own_on_both_bases(tmp_path: Path) -> None:
    keep(tmp_path, [OWN, CALL, FETCH])
    total = reported(tmp_path).totals
    assert total.net_original_tokens == 1000 - 100 - 30 - 130
    assert total.net_counterfactual_tokens == 800 - 100 - 30 - 130
    assert (total.calls, total.shortened, total.fetches, total.definitions) == (1, 1, 1, 1)


def test_a_net_below_zero_is_shown_as_it_is(tmp_path: Path) -> None:
    keep(tmp_path, [OWN, CALL, replace(FETCH, view_tokens=5000)])
    assert reported(tmp_path).totals.net_original_tokens == -4230
    assert "Net saving -4,230 tokens (-423.0 %" in run(tmp_path).output


def test_a_passed_call_saves_nothing_on_either_base(tmp_path: Path) -> None:
    cut_by_the_client = replace(PASSED, original_tokens=9000, counterfactual_tokens=500)
    keep(tmp_path, [cut_by_the_client, replace(PASSED, view_tokens=0)])
    total = reported(tmp_path).totals
    assert (total.net_original_tokens, total.net_counterfactual_tokens) == (0, 0)


def test_definitions_have_a_row_of_their_own(tmp_path: Path) -> None:
    keep(tmp_path, [CALL, OWN, replace(OWN, upstream="jira", session="s2")])
    last = reported(tmp_path).rows[-1]
    assert (last.name, last.figures.own_tokens) == ("(definitions)", 260)
    assert last.figures.net_original_tokens == -260


def test_added_time_is_the_nearest_rank_of_calls(tmp_path: Path) -> None:
    calls = [replace(CALL, added_ms=float(i)) for i in (9, 1, 5, 3, 7, 2, 8, 4, 6, 10)]
    keep(tmp_path, [*calls, replace(FETCH, added_ms=500.0)])
    [line] = reported(tmp_path).rows
    assert (line.figures.added_p50_us, line.figures.added_p95_us) == (5_000, 10_000)


def test_reasons_are_counted_by_their_kind(tmp_path: Path) -> None:
    many = [replace(CALL, reason=why) for why in ("store: disk full", "store: gone", "timed out")]
    keep(tmp_path, many)
    assert reported(tmp_path).totals.reasons == {"store": 2, "timed out": 1}


@pytest.mark.parametrize("by", GROUPS)
@settings(max_examples=25, deadline=None)
@given(many=st.lists(entries, max_size=25), bounds=st.tuples(*[st.integers(0, 6 * DAY)] * 2))
def test_rows_sum_to_totals(by: By, many: list[Entry], bounds: tuple[int, int]) -> None:
    with TemporaryDirectory() as folder:
        keep(Path(folder), many)
        found = reported(Path(folder), by, Window(*bounds))
    inside = [entry for entry in many if bounds[0] <= entry.at < bounds[1]]
    assert found.totals.calls == sum(entry.kind == "call" for entry in inside)
    for name in (item.name for item in fields(Figures) if "_p" not in item.name):
        values = [getattr(line.figures, name) for line in found.rows]
        if name == "reasons":
            for why, times in found.totals.reasons.items():
                assert sum(value.get(why, 0) for value in values) == times
        else:
            assert sum(values) == getattr(found.totals, name)


@settings(max_examples=25, deadline=None)
@given(many=st.lists(entries, max_size=25), bounds=st.tuples(*[st.integers(0, 6 * DAY)] * 2))
def test_every_grouping_has_the_same_totals(many: list[Entry], bounds: tuple[int, int]) -> None:
    with TemporaryDirectory() as folder:
        keep(Path(folder), many)
        found = {by: reported(Path(folder), by, Window(*bounds)).totals for by in GROUPS}
    assert all(totals == found["session"] for totals in found.values())


@settings(max_examples=25, deadline=None)
@given(many=st.lists(entries, min_size=1, max_size=25), cut=st.integers(0, 5))
def test_two_windows_that_meet_sum_to_the_whole(many: list[Entry], cut: int) -> None:
    with TemporaryDirectory() as folder:
        keep(Path(folder), many)
        whole = reported(Path(folder)).totals
        parts = [
            reported(Path(folder), "tool", window).totals
            for window in (Window(until=cut * DAY), Window(since=cut * DAY))
        ]
    assert sum(part.net_original_tokens for part in parts) == whole.net_original_tokens
    assert sum(part.net_counterfactual_tokens for part in parts) == whole.net_counterfactual_tokens


@pytest.mark.parametrize("by", GROUPS)
def test_a_window_holds_its_first_moment_and_not_its_end(tmp_path: Path, by: By) -> None:
    keep(tmp_path, [replace(CALL, at=at) for at in (99.9, 100.0, 100.1, 2.5 * DAY, 3.5 * DAY)])
    assert reported(tmp_path, by, Window(100, 3.5 * DAY)).totals.calls == 3
    assert reported(tmp_path, by, Window(100, 100.1)).totals.calls == 1


def test_days_are_utc_days_in_their_order(tmp_path: Path) -> None:
    keep(tmp_path, [replace(CALL, at=DAY - 0.001), replace(CALL, at=DAY), CALL])
    found = reported(tmp_path, "day")
    assert [(line.name, line.figures.calls) for line in found.rows] == [
        ("1970-01-01", 2),
        ("1970-01-02", 1),
    ]


def test_percent_has_no_value_without_a_base() -> None:
    assert percent(5, 0) is None
    assert percent(-5, 50) == -10.0


def test_the_table_is_aligned_plain_text_with_units_totals_and_definitions(tmp_path: Path) -> None:
    keep(tmp_path, [OWN, CALL, FETCH, PASSED])
    output = run(tmp_path).output
    assert output.isascii()
    assert "\x1b" not in output
    table = output.split("\n\n")[1].splitlines()
    assert table[1].split()[:5] == ["tokens"] * 5
    assert " ".join(table[2].split()[:8]) == "github.list_issues 1 1 1,000 800 100 30 0"
    assert " ".join(table[-1].split()[:8]) == "total 2 1 1,050 850 150 30 130"
    assert len({len(line) for line in table[2:]}) == 1


def test_explain_says_what_words_mean_when_prices_are_from_and_how_far_counts_are_off(
    tmp_path: Path,
) -> None:
    output = "\n" + run(tmp_path, "--explain").output
    for word in (*DEFINITIONS, "prices", "error"):
        assert f"\n{word}: " in output
    assert "claude-opus-5-5, of 20" in output and "7.4 %" in output


def test_a_narrow_table_goes_without_the_columns_named_first() -> None:
    lines = [("tool", "aaaa", "bbbb", "cccc"), ("x", "1", "2", "3")]
    assert fitted(lines, (2, 1), 22) == [list(line) for line in lines]
    assert fitted(lines, (2, 1), 21) == [["tool", "aaaa", "cccc"], ["x", "1", "3"]]
    assert fitted(lines, (2, 1), 3) == [["tool", "cccc"], ["x", "3"]]


def test_json_holds_raw_integers_that_equal_the_report(tmp_path: Path) -> None:
    keep(tmp_path, [OWN, CALL, FETCH, PASSED])
    found = json.loads(run(tmp_path, "--json", "--since", "1970-01-01").stdout)
    total = reported(tmp_path).totals
    assert found["window"] == {"since": 0, "until": None}
    assert found["definitions"] == DEFINITIONS
    assert found["totals"]["net_original_tokens"] == total.net_original_tokens == 740
    assert [row["name"] for row in found["rows"]] == [
        "github.list_issues",
        "github.get_me",
        "(definitions)",
    ]
    for figures in (found["totals"], *found["rows"]):
        words = {"name", "upstream", "tool", "reasons"}
        assert all(type(value) is int for name, value in figures.items() if name not in words)


@pytest.mark.parametrize("by", GROUPS)
def test_every_grouping_has_the_same_columns(tmp_path: Path, by: By) -> None:
    keep(tmp_path, [OWN, CALL, FETCH, PASSED])
    found = json.loads(run(tmp_path, "--json", "--by", by).stdout)
    assert all(row.keys() >= found["totals"].keys() for row in found["rows"])


def test_an_empty_ledger_says_where_it_is_and_why_it_may_be_empty(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert found.exit_code == 0
    assert str(tmp_path / schema.FILE) in found.output
    assert all(f"  {number}. " in found.output for number in (1, 2, 3))
    assert not list(tmp_path.iterdir())
    assert json.loads(run(tmp_path, "--json").stdout)["rows"] == []


def test_an_empty_window_is_not_an_empty_ledger(tmp_path: Path) -> None:
    keep(tmp_path, [CALL])
    assert "No calls since 2999-01-01" in run(tmp_path, "--since", "2999-01-01").output


@pytest.mark.parametrize("since", ["yesterday", "7", "d7", "2026-13-01", "-1d"])
def test_a_window_that_cannot_be_read_is_wrong_usage(tmp_path: Path, since: str) -> None:
    assert run(tmp_path, "--since", since).exit_code == 2


def test_a_damaged_ledger_is_a_failure_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / schema.FILE).write_bytes(b"not a database" * 100)
    found = run(tmp_path)
    assert found.exit_code == 1
    assert "coatcheck doctor" in found.output


def test_names_from_upstreams_cannot_steer_the_terminal(tmp_path: Path) -> None:
    keep(tmp_path, [replace(CALL, tool="\x1b[31mred\nline")])
    for arguments in ([], ["log"]):
        assert "\x1b" not in run(tmp_path, *arguments).output


ARTIFACT = Artifact(
    ref=CALL.ref,
    result=json.dumps({"content": [{"type": "text", "text": "x" * 900}]}).encode(),
    call=Call("github", "list_issues", b'{"state":"open"}'),
    view="the view \x1b[31m",
    outcome="selected",
    omissions=(Omission("rows", 13, 214, "the oldest"),),
)


def sources(folder: Path, *artifacts: Artifact) -> Sources:
    kept = MemoryArtifacts()
    for artifact in artifacts:
        kept.put(artifact)
    return Sources(folder, lambda: kept, lambda text: (len(text), 0))


def test_the_command_fills_in_exact_counts_before_it_reports(tmp_path: Path) -> None:
    keep(tmp_path, [CALL])
    found = run(tmp_path, "--json", given=sources(tmp_path, ARTIFACT))
    total = json.loads(found.stdout)["totals"]
    assert (total["original_tokens"], total["view_tokens"]) == (900, len(ARTIFACT.view))
    assert total["counted"] == 1


def test_the_log_has_a_line_per_call_and_fetch_newest_last(tmp_path: Path) -> None:
    keep(tmp_path, [OWN, CALL, FETCH, PASSED])
    assert run(tmp_path, "log").output.splitlines() == [
        "1970-01-01 00:00:01Z  selected      github.list_issues  1,000 -> 100 tokens  +2.0 ms"
        "  cc_000000000001",
        "1970-01-01 00:00:02Z  fetch grep    github.list_issues  30 tokens  +2.0 ms"
        "  cc_000000000001",
        "1970-01-01 00:00:03Z  passed        github.get_me  50 tokens  +2.0 ms",
    ]
    assert len(run(tmp_path, "log", "--tool", "github.get_*").output.splitlines()) == 1
    [line] = run(tmp_path, "log", "--json", "--last", "1").output.splitlines()
    assert json.loads(line)["tool"] == "get_me"


def test_following_yields_each_new_row_once_and_waits_for_a_ledger(tmp_path: Path) -> None:
    steps = iter([[], [CALL], [], [PASSED, CALL], []])

    def waited() -> bool:
        many = next(steps, None)
        if many:
            keep(tmp_path, many)
        return many is not None

    found = [row["tool"] for row in following(tmp_path, 0, "", waited)]
    assert found == ["list_issues", "get_me", "list_issues"]


def shown(folder: Path, *arguments: str, given: Sources) -> Result:
    return CliRunner().invoke(show, arguments, obj=given)


def test_show_tells_call_sizes_omissions_fetches_and_view(tmp_path: Path) -> None:
    keep(tmp_path, [CALL, FETCH])
    output = shown(tmp_path, CALL.ref, given=sources(tmp_path, ARTIFACT)).output
    for part in (
        'github.list_issues {"state":"open"}',
        "1,000     800   100       30",
        "fetch grep",
        "Not shown: 201 of 214 rows the oldest",
        "the view ?[31m",
    ):
        assert part in output
    found = json.loads(
        shown(tmp_path, CALL.ref, "--json", given=sources(tmp_path, ARTIFACT)).output
    )
    assert found["totals"]["net_original_tokens"] == 870
    assert [entry["kind"] for entry in found["entries"]] == ["call", "fetch"]


def test_show_still_tells_the_books_of_an_expired_artifact(tmp_path: Path) -> None:
    keep(tmp_path, [CALL])
    found = shown(tmp_path, CALL.ref, given=sources(tmp_path))
    assert found.exit_code == 0
    assert f"{CALL.ref} is unknown here" in found.output


def test_show_fails_on_a_ref_nobody_knows(tmp_path: Path) -> None:
    assert shown(tmp_path, "cc_0", given=sources(tmp_path)).exit_code == 1


def test_the_home_is_the_chosen_one_else_that_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = {"COATCHECK_HOME": "/here", "XDG_DATA_HOME": "/data"}
    assert home(chosen, "linux") == Path("/here")
    assert home({"XDG_DATA_HOME": "/data"}, "linux") == Path("/data/coatcheck")
    assert home({"XDG_DATA_HOME": "data"}, "linux") == tmp_path / ".local/share/coatcheck"
    assert home({}, "darwin") == tmp_path / "Library/Application Support/coatcheck"
    assert home({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/coatcheck")
