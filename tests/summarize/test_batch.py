"""Kept results read by Message Batches, at half price, across restarts."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from click.testing import CliRunner, Result
from fake_messages import Fake, knowing, serving
from made_up import PROSE

from coatcheck.cli.commands import coatcheck
from coatcheck.cli.home import Sources
from coatcheck.cli.parts import artifacts, pipeline, summarizer
from coatcheck.cli.place import place
from coatcheck.spans import dumps
from coatcheck.summarize.batches import Asked, Batch, remember, remembered
from coatcheck.types import Call, Session

assert anthropic.__version__ >= "2"
CONSENT = "[summarizer]\nconsent = true\nsoft_seconds = 25\nhard_seconds = 30\n"
OTHER = PROSE.replace("Paragraph", "Section")


@pytest.fixture(scope="module")
def server() -> Iterator[Fake]:
    with serving(Fake()) as fake:
        yield fake


@pytest.fixture
def fake(server: Fake) -> Fake:
    server.model, server.always, server.faults = knowing("speaks of topic 5 "), "", []
    server.ended, server.expired, server.lost = True, 0, False
    server.requests.clear()
    server.batches.clear()
    return server


@pytest.fixture
def home(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that keeps two results which no model has read."""
    monkeypatch.setenv("COATCHECK_HOME", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
    monkeypatch.setenv("COATCHECK_ANTHROPIC_API_KEY", "key")
    monkeypatch.delenv("COATCHECK_CONFIG", raising=False)
    for text in (PROSE, OTHER):
        assert "summary (" not in compact(text)
    (tmp_path / "config.toml").write_text(CONSENT, "utf-8")
    return tmp_path


def run(*arguments: str, given: str = "") -> Result:
    sources = Sources(open_artifacts=lambda: artifacts(place()))
    return CliRunner().invoke(coatcheck, arguments, input=given, obj=sources)


def compact(text: str) -> str:
    """Return the view of text, kept in the home."""
    at = place()
    reads = summarizer(at, None, Session("s"))
    try:
        line = pipeline(at, artifacts(at), summarizer=reads)
        result = dumps({"content": [{"type": "text", "text": text}]})
        return line.shorten(Call("docs", "read"), result, at.config.rule("docs", "read")).view
    finally:
        if reads:
            reads.close()


def totals() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("savings", "--json").stdout)["totals"]
    return found


def test_a_batch_is_gone_on_with_after_a_restart_and_costs_half(home: Path, fake: Fake) -> None:
    fake.ended = False
    sent = run("batch", "--no-wait")
    assert sent.stdout == "2 requests sent, 2 requests under way\n"
    assert "msgbatch_1: 0 of 2 done" in sent.stderr
    again = run("batch", "--no-wait")
    assert again.stdout == "2 requests under way\n"
    fake.ended = True
    collected = run("batch")
    assert collected.stdout.startswith("2 answers kept, $0.00")
    assert list(fake.batches) == ["msgbatch_1"]
    found = totals()
    full = found["summary_input_tokens"] * 0.125 + found["summary_output_tokens"] * 0.5
    assert 0 < found["summary_micro_usd"] <= full * 0.52
    assert run("batch").stdout == "Nothing is left to be read.\n"


def test_its_answers_serve_the_same_bytes_and_stand_in_find_ask_and_show(
    home: Path, fake: Fake
) -> None:
    run("batch")
    view = compact(PROSE)
    assert "summary (claude-haiku-5-5, values checked): " in view
    assert fake.requests == []
    ref = view.partition('ref="')[2].partition('"')[0]
    said = 'summary (claude-haiku-5-5, values checked): The result says "speaks of topic 5 ".'
    (home / "config.toml").unlink()  # no model is needed for what was answered before
    for arguments in (("--find", "topic 7"), ("--ask", "what of topic 7?")):
        assert run("fetch", ref, *arguments).stdout.split("\n")[1] == said
    assert said in run("show", ref).stdout
    assert said not in run("fetch", ref, "--grep", "topic 7").stdout


def test_what_expired_is_counted_and_sent_again(home: Path, fake: Fake) -> None:
    fake.expired = 1
    assert ", 1 request failed" in run("batch").stdout
    fake.expired = 0
    assert run("batch").stdout.startswith("1 request sent, 1 answer kept, $")


def test_a_batch_that_the_api_has_lost_is_forgotten_and_sent_again(home: Path, fake: Fake) -> None:
    fake.lost = True
    lost = run("batch")
    assert "msgbatch_1 is forgotten: " in lost.stderr
    assert "2 requests failed" in lost.stdout
    fake.lost = False
    assert "2 answers kept" in run("batch").stdout


@pytest.mark.parametrize("cap", ["daily_usd", "monthly_usd"])
def test_the_caps_hold_over_what_is_under_way(home: Path, fake: Fake, cap: str) -> None:
    fake.ended = False
    run("batch", "--no-wait")
    (under_way,) = remembered(home / "batches.json").values()
    config = home / "config.toml"
    config.unlink()  # the third is kept without being read
    compact(PROSE.replace("Paragraph", "Chapter"))
    # Two at half price cost as much as one; a third would break the cap.
    config.write_text(f"{CONSENT}{cap} = {1.2 * under_way.expected_usd:.6f}\n", "utf-8")
    left_out = "1 request left out for summarizer.daily_usd or monthly_usd\n"
    assert run("batch", "--no-wait").stdout == f"2 requests under way, {left_out}"
    config.write_text(f"{CONSENT}{cap} = {1.6 * under_way.expected_usd:.6f}\n", "utf-8")
    assert run("batch", "--no-wait").stdout == "1 request sent, 3 requests under way\n"


def test_the_passages_are_the_cached_prefix_of_a_request(home: Path, fake: Fake) -> None:
    run("batch")
    for item in fake.batches["msgbatch_1"]:
        artifact, task = item["params"]["messages"][0]["content"]
        assert artifact["cache_control"] == {"type": "ephemeral"}
        assert "cache_control" not in task


def test_a_batch_needs_consent(home: Path) -> None:
    (home / "config.toml").unlink()
    from coatcheck.cli.commands import main

    assert main(["batch"]) == 2


def test_what_is_under_way_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "batches.json"
    sent = {"msgbatch_1": Batch({"k": Asked("m", 7, "cc_1")}, 0.25)}
    remember(path, sent)
    assert remembered(path) == sent
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text('{"msgbatch_1": {"k": "m"}}', "utf-8")
    assert remembered(path) == {}
