"""The summarizer in the product: consent, run, compact, doctor, ledger."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fake_messages import Fake, knowing, serving
from made_up import PROSE

from coatcheck.cli.config import write_consent
from coatcheck.config import load

MAIN = "from coatcheck.cli import main; raise SystemExit(main())"
IMPORTED = """
import atexit, sys
def said():
    for name in ("anthropic", "coatcheck.summarize", "tomllib"):
        print(name, name in sys.modules, file=sys.stderr)
atexit.register(said)
from coatcheck.cli import main
raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Fake]:
    with serving(Fake(model=knowing("speaks of topic 5 "))) as fake:
        yield fake


@pytest.fixture
def environ(tmp_path: Path, server: Fake) -> dict[str, str]:
    server.requests.clear()
    server.always = ""
    (tmp_path / "config.toml").write_text(
        "[summarizer]\nconsent = true\nsoft_seconds = 25\nhard_seconds = 30\n", "utf-8"
    )
    return {
        **os.environ,
        "COATCHECK_HOME": str(tmp_path),
        "ANTHROPIC_BASE_URL": server.url,
        "COATCHECK_ANTHROPIC_API_KEY": "key-of-coatcheck",
        "ANTHROPIC_API_KEY": "key-of-somebody-else",
        "NO_PROXY": "127.0.0.1",
    }


def coatcheck(
    environ: Mapping[str, str], *arguments: str, given: str = "", code: str = MAIN
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, env=environ, timeout=60, check=False
    )


def test_compact_shows_a_summary_and_the_ledger_has_its_cost(
    environ: dict[str, str], server: Fake
) -> None:
    done = coatcheck(environ, "compact", "--tool", "docs.read", given=PROSE)
    assert "summary (claude-haiku-5-5, values checked): " in done.stdout
    assert server.headers[-1]["authorization"] == "Bearer key-of-coatcheck"
    found = json.loads(coatcheck(environ, "savings", "--json").stdout)
    assert found["totals"]["summary_micro_usd"] > 0
    assert found["totals"]["calls"] == 0
    again = coatcheck(environ, "compact", "--tool", "docs.read", given=PROSE)
    assert again.stdout == done.stdout
    assert len(server.requests) == 1


@pytest.mark.parametrize("missing", ["consent", "key"])
def test_nothing_is_sent_or_imported_without_consent_and_key(
    environ: dict[str, str], server: Fake, missing: str
) -> None:
    if missing == "key":
        del environ["COATCHECK_ANTHROPIC_API_KEY"]
    else:
        Path(environ["COATCHECK_HOME"], "config.toml").unlink()
    done = coatcheck(environ, "compact", given=PROSE, code=IMPORTED)
    assert "summary (" not in done.stdout
    assert "anthropic False" in done.stderr
    assert "coatcheck.summarize False" in done.stderr or missing == "key"
    assert server.requests == []


def test_doctor_checks_the_key_with_one_count(environ: dict[str, str], server: Fake) -> None:
    before = server.counted
    done = coatcheck(environ, "doctor")
    assert "summarizer: claude-haiku-5-5 answers" in done.stdout
    assert server.counted == before + 1
    server.always = "401"
    done = coatcheck(environ, "doctor")
    assert "WRONG summarizer: claude-haiku-5-5 does not answer" in done.stdout
    assert "key-of-coatcheck" not in done.stdout + done.stderr
    assert done.returncode == 1


def test_consent_is_asked_for_and_kept(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[defaults]\nfloor_tokens = 200\n", "utf-8")
    refused = coatcheck(environ, "config", "summarizer", given="\n")
    assert "May results be sent?" in refused.stdout
    assert load(path, {}).summarizer.consent is False
    agreed = coatcheck(environ, "config", "summarizer", given="y\n")
    assert "summarizer.consent = true" in agreed.stdout
    assert load(path, {}).summarizer.consent is True
    assert path.read_text("utf-8").startswith("# mine\n[defaults]\nfloor_tokens = 200\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[summarizer]\nconsent = false # no\nmodel = 'm'\n",
        "[summarizer]  # mine\nmodel = 'm'\n[store]\nquota = '2GiB'\n",
        "[store]\nquota = '2GiB'",
    ],
)
def test_consent_changes_nothing_else_in_the_settings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    before = load(path, {})
    write_consent(path, agreed=True)
    after = load(path, {})
    assert after.summarizer.consent is True
    assert (after.store, after.summarizer.model) == (before.store, before.summarizer.model)
    write_consent(path, agreed=False)
    assert load(path, {}).summarizer.consent is False
