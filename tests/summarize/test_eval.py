"""Tiers measured on items with probes, and the routes that follow."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import pytest
from click.testing import CliRunner, Result
from fake_messages import Body, Fake, knowing, serving
from made_up import LOG, PROSE

from coatcheck.cli.commands import coatcheck
from coatcheck.cli.routing import edited, news, recommended
from coatcheck.cli.tiers import RULES, Figures
from coatcheck.config import load
from coatcheck.types import ConfigError, Route, SummarizerSettings

assert anthropic.__version__ >= "2"
CONSENT = "# mine\n[summarizer]\nconsent = true  # yes\nhard_seconds = 30\n"
HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
PROBE = "speaks of topic 1 "
SHORT = "\n\n".join(PROSE.split("\n\n")[:240])
ERRORS = "\n".join(LOG.split("\n")[650:850])


@pytest.fixture(scope="module")
def server() -> Iterator[Fake]:
    with serving(Fake()) as fake:
        yield fake


@pytest.fixture
def fake(server: Fake) -> Fake:
    server.model, server.always, server.faults, server.ended = knowing(PROBE), "", [], True
    server.requests.clear()
    server.batches.clear()
    return server


@pytest.fixture
def home(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COATCHECK_HOME", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
    monkeypatch.setenv("COATCHECK_ANTHROPIC_API_KEY", "key")
    monkeypatch.delenv("COATCHECK_CONFIG", raising=False)
    (tmp_path / "config.toml").write_text(CONSENT, "utf-8")
    return tmp_path


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """Three results whose probe the rules show too, one whose probe they do not."""
    found = [
        {"id": f"p{n}", "tool": "docs.read", "text": f"{n}\n{SHORT}", "keep": [PROBE]}
        | {"focus": "what is said of topic 1"}
        for n in range(3)
    ]
    found.append(
        {"id": "log", "tool": "logs.tail", "text": ERRORS, "keep": ["deadlock on shard 17"]}
    )
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(map(json.dumps, found)), "utf-8")
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(coatcheck, ["eval", *arguments])


def totals(result: Result) -> dict[str, dict[str, Any]]:
    return {one["tier"]: one for one in json.loads(result.stdout)["totals"]}


def test_without_live_nothing_is_sent_and_no_quality_is_made_up(
    home: Path, items: Path, fake: Fake
) -> None:
    found = totals(run("--jsonl", str(items), "--json"))
    assert found[RULES]["kept"] == 4
    assert found[RULES]["model_usd"] == 0
    for model in (HAIKU, SONNET):
        assert found[model]["asked"] == 4
        assert found[model]["answered"] == 0
        assert found[model]["kept"] is None
        assert found[model]["view_tokens"] is None
    assert found[SONNET]["model_usd"] == pytest.approx(20 * found[HAIKU]["model_usd"])
    assert fake.requests == []
    assert fake.batches == {}
    shown = run("--jsonl", str(items)).stdout
    assert "What a model would keep is not known: nothing was sent. 8 requests" in shown
    assert "No route is recommended" in shown


def test_it_needs_neither_consent_nor_key_without_live(
    home: Path, items: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config.toml").unlink()
    monkeypatch.delenv("COATCHECK_ANTHROPIC_API_KEY")
    assert run("--jsonl", str(items)).exit_code == 0
    assert isinstance(run("--jsonl", str(items), "--live").exception, ConfigError)


@pytest.mark.parametrize("now", [[], ["--now"]])
def test_live_measures_every_tier_and_asks_once(
    home: Path, items: Path, fake: Fake, now: list[str]
) -> None:
    result = run("--jsonl", str(items), "--live", *now, "--json")
    found = totals(result)
    for model in (HAIKU, SONNET):
        assert found[model]["kept"] == 4
        assert found[model]["answered"] == 4
        assert found[model]["view_tokens"] < found[RULES]["view_tokens"]
        assert (found[model]["median_seconds"] is None) is (now == [])
    asked = fake.requests or fake.batches["msgbatch_1"]
    assert len(asked) == 8
    again = run("--jsonl", str(items), "--json")
    assert totals(again)[HAIKU]["kept"] == 4
    assert len(fake.requests or fake.batches["msgbatch_1"]) == 8
    routes = {one["tool"]: one["model"] for one in json.loads(result.stdout)["routes"]}
    assert routes == {"docs.read": HAIKU}


def test_a_run_that_was_stopped_is_gone_on_with(home: Path, items: Path, fake: Fake) -> None:
    fake.ended = False
    command = [sys.executable, "-m", "coatcheck.cli", "eval", "--jsonl", str(items), "--live"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("msgbatch_1: 0 of "):
                break
        process.send_signal(signal.SIGINT)
        assert "stopped; the same command goes on with it" in process.stderr.read()
        assert process.wait(30) == 1
    fake.ended = True
    found = totals(run("--jsonl", str(items), "--live", "--json"))
    assert found[HAIKU]["answered"] == 4
    assert list(fake.batches) == ["msgbatch_1"]


def test_results_of_which_models_show_less_are_kept_from_them_only_with_consent(
    home: Path, items: Path, fake: Fake
) -> None:
    fake.model = misled
    path = home / "config.toml"
    shown = run("--jsonl", str(items), "--live", "--apply")
    assert "recommended: docs.read -> none" in shown.stdout
    assert '+model = "none"' in shown.stderr
    assert "Not written; --yes writes it." in shown.stderr
    assert path.read_text("utf-8") == CONSENT
    run("--jsonl", str(items), "--apply", "--yes")
    assert path.read_text("utf-8").startswith(CONSENT)
    assert load(path, {}).summarizer.routes == (Route("none", tool="docs.read"),)
    assert "nothing to change" in run("--jsonl", str(items), "--apply", "--yes").stderr


def misled(passages: Mapping[int, str], task: str) -> Body:
    """Point at many passages, but at none that holds a probe."""
    return {"text": "", "keep": [{"first": 30, "last": 60}], "quotes": []}


@pytest.mark.parametrize("line", ["not json", "{}", '{"text": "x", "keep": []}', '{"keep": ["x"]}'])
def test_a_line_that_is_no_item_is_named(home: Path, tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"text": "a b", "keep": ["a"]}}\n{line}\n', "utf-8")
    assert str(run("--jsonl", str(path)).exception).startswith("line 2 is no item")


def test_the_caps_hold(home: Path, items: Path, fake: Fake) -> None:
    (home / "config.toml").write_text(f"{CONSENT}daily_usd = 0.003\n", "utf-8")
    result = run("--jsonl", str(items), "--live", "--now", "--json")
    assert " left out for summarizer.daily_usd or monthly_usd" in result.stderr
    assert 0 < len(fake.requests) < 8
    assert totals(result)[SONNET]["kept"] is None


def figures(tier: str, *, kept: int, total: float, asked: int = 9) -> Figures:
    return Figures(tier, "a.b", 10, asked, asked, 10_000, 900, kept, 0.0, total, None)


@pytest.mark.parametrize(
    ("haiku", "sonnet", "expected"),
    [
        (figures(HAIKU, kept=10, total=0.5), figures(SONNET, kept=10, total=0.6), HAIKU),
        (figures(HAIKU, kept=8, total=0.5), figures(SONNET, kept=10, total=0.6), SONNET),
        (figures(HAIKU, kept=8, total=0.5), figures(SONNET, kept=10, total=1.6), "none"),
        (figures(HAIKU, kept=9, total=1.5), figures(SONNET, kept=9, total=1.6), "none"),
    ],
)
def test_the_cheapest_tier_that_keeps_as_much_as_the_rules_is_recommended(
    haiku: Figures, sonnet: Figures, expected: str
) -> None:
    rules = figures(RULES, kept=9, total=1.0, asked=0)
    assert recommended([rules, haiku, sonnet]) == [Route(expected, tool="a.b")]


def test_a_tool_of_which_little_is_known_gets_no_route() -> None:
    rules = figures(RULES, kept=9, total=1.0, asked=0)
    assert recommended([rules, figures(HAIKU, kept=10, total=0.1, asked=2)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing but a remark",
        "[summarizer]\nmodel = 'm'\n\n# my route\n[[summarizer.routes]]\ntool = 'x.*'\n"
        "model = 'm'\n[store]\nquota = '2GiB'\n",
        "[[summarizer.routes]]\nmodel = 'm'",
        "[tools.'a.b']\nmode = 'trim' # quick\n",
    ],
)
def test_routes_are_written_before_all_others_and_change_nothing_else(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    before = load(path, {})
    after = edited(text, [Route("none", tool='a."b')], path)
    kept = after
    for line in filter(None, text.splitlines()):
        assert line in kept
        kept = kept.partition(line)[2]
    path.write_text(after, "utf-8")
    found = load(path, {})
    assert found.summarizer.routes[0] == Route("none", tool='a."b')
    assert found.summarizer.routes[1:] == before.summarizer.routes
    assert (found.store, found.tool_rules) == (before.store, before.tool_rules)


def test_routes_in_one_line_are_left_to_their_owner(tmp_path: Path) -> None:
    text = "[summarizer]\nroutes = [{ model = 'm' }]\n"
    with pytest.raises(ConfigError):
        edited(text, [Route("none", tool="a.b")], tmp_path / "config.toml")


def test_a_route_that_holds_already_is_no_news() -> None:
    settings = SummarizerSettings(routes=[Route("none", tool="a.*"), Route("m", kind="prose")])
    wanted = [Route("none", tool="a.b"), Route(HAIKU, tool="c.d")]
    assert news(wanted, settings) == [wanted[1]]
    assert news(wanted, SummarizerSettings()) == [wanted[0]]
