"""What transcripts add up to, and the command that reads them."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outside import bench, npm_server, program, run
from transcript_lines import asked, claude, gave, said

from coatcheck.audit import Audit, Weight, net, stays_by_call, trace
from coatcheck.summarize.economics import Price
from coatcheck.transcripts import Compaction, Event, Prompt, Said, ToolResult

RATES = Price(input=2.0, output=10.0, cache_write=4.0, cache_read=1.0)
OWN_TOKENS = 100
FETCH_TOKENS = 3_620


def prompt(number: int, tokens: int, agent: str = "") -> Prompt:
    return Prompt(f"m{number}", agent, 1000.0 + number, "m", tokens, 0, 0, 1)


def result(name: str, agent: str = "", server: str = "fs") -> ToolResult:
    return ToolResult(name, agent, 1000.0, server, "read", b"{}", "x" * 40, "x" * 20)


def weigh(one: ToolResult) -> Weight:
    return Weight(len(one.original), len(one.shown), 10)


def audit(*events: Event, rate: float = 0.0) -> Audit:
    found = Audit(lambda model: RATES, OWN_TOKENS, rate, FETCH_TOKENS)
    found.add(trace("c", "s", events, weigh))
    return found


def test_a_result_stays_until_the_end_or_a_compaction() -> None:
    stream: list[Event] = [prompt(1, 50), result("a"), prompt(2, 70), prompt(3, 80)]
    stream += [result("b"), Compaction("")]
    found = trace("c", "s", [*stream, prompt(4, 60), result("c")], weigh)
    assert stays_by_call([found]) == {"a": 2, "b": 0, "c": 0}
    assert [stay.context_tokens for stay in found.stays] == [70, 0, 0]


def test_a_sub_agent_carries_only_its_own_results() -> None:
    stream: list[Event] = [prompt(1, 50), result("a", "kid"), prompt(2, 30, "kid"), prompt(3, 60)]
    assert stays_by_call([trace("c", "s", stream, weigh)]) == {"a": 1}


def test_savings_are_priced_once_as_a_write_and_then_as_reads() -> None:
    found = audit(prompt(1, 50), result("a"), *(prompt(n, 70) for n in (2, 3, 4)))
    # 10 tokens less in 3 requests, against 100 tokens of our own tool in all 4 of them
    assert (found.against_shown.first_tokens, found.against_shown.again_tokens) == (10, 20)
    assert found.against_original.first_tokens == 30
    assert found.against_shown.usd == pytest.approx((10 * 4 + 20 * 1) / 1e6)
    assert (found.own.first_tokens, found.own.again_tokens) == (100, 300)
    left = net(found, found.against_shown)
    assert (left.first_tokens, left.again_tokens) == (-90, -280)  # never clamped
    assert left.usd == pytest.approx((-90 * 4 - 280 * 1) / 1e6)


def test_what_is_fetched_back_is_a_page_and_a_request_more() -> None:
    found = audit(prompt(1, 50), result("a"), prompt(2, 200), rate=0.5)
    assert (found.fetched.first_tokens, found.fetched.again_tokens) == (20, 100)


def test_a_result_that_no_request_carried_saves_nothing() -> None:
    found = audit(prompt(1, 50), result("a"))
    assert (found.against_original.first_tokens, found.fetched.usd) == (0, 0.0)


def test_copies_of_a_session_count_once() -> None:
    found = Audit(lambda model: RATES, OWN_TOKENS, 0.0, FETCH_TOKENS)
    copied = trace("c", "s", [prompt(1, 50), result("a"), prompt(2, 70)], weigh)
    longer: list[Event] = [prompt(1, 50), result("a"), prompt(2, 70), prompt(3, 90)]
    found.add(copied)
    found.add(trace("c", "s2", longer, weigh))
    assert (found.turns, found.prompt_tokens) == (3, 210)
    assert found.tools["fs", "read"].calls == 1


def test_results_that_were_shortened_already_save_nothing_and_cost_nothing_more() -> None:
    found = Audit(lambda model: RATES, OWN_TOKENS, 0.5, FETCH_TOKENS)
    ours = trace(
        "c", "s", [prompt(1, 9), result("a"), prompt(2, 9)], lambda one: Weight(40, 20, 20, True)
    )
    found.add(ours)
    assert (found.ours, found.own.first_tokens, found.fetched.usd) == (1, 0, 0.0)


events = st.lists(
    st.one_of(
        st.tuples(st.just("prompt"), st.integers(0, 9_000), st.sampled_from(["", "kid"])),
        st.tuples(st.just("result"), st.just(0), st.sampled_from(["", "kid"])),
        st.tuples(st.just("said"), st.integers(0, 50), st.sampled_from(["", "kid"])),
        st.tuples(st.just("compaction"), st.just(0), st.sampled_from(["", "kid"])),
    )
)


@given(events)
def test_the_parts_sum_to_all_tokens_and_stays_are_counted_one_by_one(made: Any) -> None:
    stream: list[Event] = []
    alive: dict[str, list[str]] = {"": [], "kid": []}
    turns: dict[str, int] = {}
    for number, (kind, tokens, agent) in enumerate(made):
        if kind == "prompt":
            stream.append(prompt(number, tokens, agent))
            for name in alive[agent]:
                turns[name] += 1
        elif kind == "result":
            stream.append(result(f"r{number}", agent))
            alive[agent].append(f"r{number}")
            turns[f"r{number}"] = 0
        elif kind == "said":
            stream.append(Said(agent, "word " * tokens))
        else:
            stream.append(Compaction(agent))
            alive[agent].clear()
    found = audit(*stream)
    total = sum(tokens for kind, tokens, _ in made if kind == "prompt")
    assert found.prefix_tokens + found.transcript_tokens + found.sub_agent_tokens == total
    assert found.prompt_tokens == total
    assert stays_by_call([trace("c", "s", stream, weigh)]) == turns
    assert found.mcp_carried_tokens == 20 * sum(turns.values())


# The command

ROWS = json.dumps(
    [{"id": n, "name": f"row {n}", "text": f"{n} lorem ipsum dolor " * 6} for n in range(300)]
)


def person(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "COATCHECK_HOME": str(home / "cc")}
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COATCHECK_CONFIG"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "coatcheck.cli", "audit", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def keep(home: Path, *lines: bytes, name: str = "5a") -> Path:
    folder = home / ".claude" / "projects" / "-p"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def session() -> list[bytes]:
    call = [("t1", "mcp__<b>db__dump")]
    return claude(
        said("look"),
        asked("m1", (9, 1_000, 0, 5), call),
        gave("t1", ROWS, ROWS),
        asked("m2", (9, 15_000, 1_000, 5)),
        asked("m3", (9, 100, 16_000, 5)),
    )


def test_audit_replays_results_through_the_pipeline(tmp_path: Path) -> None:
    keep(tmp_path, *session(), b'{"type":"assistant","mess')
    ran = person(tmp_path, "--json")
    assert ran.returncode == 0, ran.stderr
    data = json.loads(ran.stdout)
    assert (data["turns"], data["prompt_tokens"], data["cache_read_tokens"]) == (3, 33_127, 17_000)
    (tool,) = data["tools"]
    assert (tool["server"], tool["tool"], tool["calls"], tool["turns"]) == ("<b>db", "dump", 1, 2)
    assert tool["view_tokens"] < tool["original_tokens"] / 5
    saved = data["savings"]
    for name in ("first_tokens", "again_tokens"):
        parts = saved["against_shown"][name] - saved["own"][name] - saved["fetched"][name]
        assert saved["net_shown"][name] == parts
    assert saved["net_shown"]["usd"] > 0
    assert not (tmp_path / "cc").exists()  # it only reads


def test_audit_says_it_in_text_html_and_a_receipt_without_names(tmp_path: Path) -> None:
    keep(tmp_path, *session())
    text = person(tmp_path).stdout
    assert "<b>db.dump" in text
    assert "What" not in person(tmp_path, "--receipt").stdout
    receipt = person(tmp_path, "--receipt").stdout
    assert "33,127 tokens sent" in receipt
    assert "db" not in receipt
    page = tmp_path / "audit.html"
    assert person(tmp_path, "--html", str(page)).returncode == 0
    written = page.read_text()
    assert "&lt;b&gt;db.dump" in written
    assert "<b>" not in written
    assert "http" not in written.replace("http-equiv", "")


def test_audit_compares_before_and_after_a_day(tmp_path: Path) -> None:
    keep(tmp_path, *session())
    later = [line.replace(b"2026-11-22", b"2026-11-25") for line in session()]
    keep(tmp_path, *later, name="5b")
    data = json.loads(person(tmp_path, "--compare", "2026-11-24", "--json").stdout)
    assert (data["before"]["turns"], data["after"]["turns"]) == (3, 3)
    ran = person(tmp_path, "--compare")
    assert ran.returncode == 1
    assert "--compare 2026-11-15" in ran.stderr


def test_audit_without_transcripts_says_so(tmp_path: Path) -> None:
    ran = person(tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no transcripts of" in ran.stderr
    unknown = person(tmp_path, "--client", "any")
    assert unknown.returncode == 2
    assert "'any' is none of claude-code, codex" in unknown.stderr


def big_lines(total_bytes: int) -> Iterator[bytes]:
    text, number, written = "built-in output " * 640, 0, 0
    while written < total_bytes:
        lines = claude(
            asked(f"m{number}", calls=[(f"t{number}", "Bash")]), gave(f"t{number}", text)
        )
        written += sum(map(len, lines))
        number += 1
        yield from lines


@pytest.mark.slow
def test_a_gigabyte_of_transcripts_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = keep(tmp_path)
    with path.open("wb") as file:
        file.writelines(big_lines(1 << 30))
    ran = person(tmp_path, "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["turns"] > 90_000
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 600_000


@pytest.mark.slow
@pytest.mark.parametrize("client", ["claude", "codex", "gemini", "qwen", "copilot"])
def test_totals_equal_the_accounting_of_the_model(client: str, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "rows.json").write_text(ROWS)
    servers = {
        "fs": dict(
            zip(
                ("command", "args"),
                _split(npm_server("server-filesystem", "$CWD/data")),
                strict=True,
            )
        )
    }
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    call = {"tool": "fs/read_text_file", "input": {"path": "$CWD/data/rows.json"}}
    (tmp_path / "plan.json").write_text(json.dumps([call] * 4))
    out = tmp_path / "out"
    files = {
        "--mcp": tmp_path / "mcp.json",
        "--plan": tmp_path / "plan.json",
        "--seed": seed,
        "--out": out,
    }
    pairs = [str(word) for pair in files.items() for word in pair]
    agent = [sys.executable, bench("clients/run_agent.py"), "--client", client]
    run([*agent, "--bin", program(client), *pairs, "--quiet", "--timeout", "200"])
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    bodies = [one["body"] for one in logged if one["body"] and one["body"].get("tools")]
    # The scripted model bills a quarter of the characters of each request.
    billed = [len(json.dumps(body, ensure_ascii=False)) // 4 for body in bodies]
    data = json.loads(person(out / "home", "--json").stdout)
    assert (data["turns"], data["input_tokens"]) == (len(billed), sum(billed))
    assert data["output_tokens"] == 20 * len(billed)
    (tool,) = data["tools"]
    assert (tool["tool"], tool["calls"]) == ("read_text_file", 4)


def _split(command: list[str]) -> tuple[str, list[str]]:
    return command[0], command[1:]
