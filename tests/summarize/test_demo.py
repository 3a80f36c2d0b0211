"""What a model has to say in the demo: a recording, or a live answer."""

from importlib.resources import files
from pathlib import Path

import anthropic
import pytest
from fake_messages import Fake, knowing, serving

from coatcheck.cli.demo_summary import summarized

assert anthropic.__version__ >= "2"
DATA = Path(str(files("coatcheck") / "data" / "demo"))


def test_a_recording_goes_through_the_check_and_is_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    focus, outgoing, said = summarized(DATA, tmp_path, live=False)
    assert "WAL" in focus
    assert outgoing.outcome == "summarized", outgoing.reason
    assert "a RECORDING\nin place of a model's answer" in said
    assert (
        "\nsummary (recording, values checked): The page says that a transaction" in outgoing.view
    )
    assert "might roll back following a power loss or system crash." in outgoing.view
    assert outgoing.summary.micro_usd == 0


def test_live_asks_the_model_with_the_users_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = knowing("lose durability", "extra syncs provided by synchronous=FULL")
    monkeypatch.setenv("COATCHECK_HOME", str(tmp_path))
    monkeypatch.delenv("COATCHECK_CONFIG", raising=False)
    monkeypatch.delenv("COATCHECK_ANTHROPIC_API_KEY", raising=False)
    with serving(Fake(model=model)) as fake:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
        refused = summarized(DATA, tmp_path / "demo", live=True)[1]
        assert refused.reason.startswith("summarizer has no key: ")
        monkeypatch.setenv("COATCHECK_ANTHROPIC_API_KEY", "key")
        _, outgoing, said = summarized(DATA, tmp_path / "demo", live=True)
        assert len(fake.requests) == 1
    assert outgoing.outcome == "summarized", outgoing.reason
    assert said.startswith("claude-haiku-5-5 was asked: ")
    assert "summary (claude-haiku-5-5, values checked): " in outgoing.view
