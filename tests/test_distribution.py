"""What is published says the same everywhere, and shells complete our commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import coatcheck
from coatcheck.cli.commands import COMMANDS
from coatcheck.cli.completion import SHELLS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REGISTRY = json.loads((ROOT / "server.json").read_text("utf-8"))
PLUGIN = json.loads((ROOT / "plugin/.claude-plugin/plugin.json").read_text("utf-8"))
MARKET = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text("utf-8"))


def test_every_file_names_the_same_version() -> None:
    (package,) = REGISTRY["packages"]
    named = {PROJECT["version"], REGISTRY["version"], package["version"], PLUGIN["version"]}
    assert named == {coatcheck.__version__}


def test_the_registry_finds_its_name_in_the_readme_that_is_published() -> None:
    assert PROJECT["readme"] == "README.md"
    assert f"mcp-name: {REGISTRY['name']}" in (ROOT / "README.md").read_text("utf-8")


def test_the_registry_starts_a_command_that_there_is() -> None:
    (package,) = REGISTRY["packages"]
    assert package["identifier"] == PROJECT["name"]
    assert [part["value"] for part in package["packageArguments"]] == ["serve"]
    assert "serve" in COMMANDS
    # Source: the schema that server.json names.
    assert len(REGISTRY["description"]) <= 100
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", REGISTRY["name"])


def test_the_marketplace_leads_to_the_plugin_and_says_the_same() -> None:
    (entry,) = MARKET["plugins"]
    assert (ROOT / entry["source"] / ".claude-plugin/plugin.json").is_file()
    assert (entry["name"], entry["description"]) == (PLUGIN["name"], PLUGIN["description"])


@pytest.mark.parametrize("skill", sorted((ROOT / "plugin/skills").glob("*/SKILL.md")))
def test_a_skill_names_commands_that_there_are(skill: Path) -> None:
    text = skill.read_text("utf-8")
    assert f"\nname: {skill.parent.name}\n" in text
    named = set(re.findall(r"`(?:uvx )?coatcheck ([a-z]+)", text))
    assert named and named <= set(COMMANDS)


def completed(shell: str, words: str, number: int) -> str:
    """Return what a shell is told to offer for the word at this place."""
    if shell == "fish":
        given = {"COMP_WORDS": words, "COMP_CWORD": words.split()[number]}
    else:
        given = {"COMP_WORDS": words, "COMP_CWORD": str(number)}
    done = subprocess.run(
        [sys.executable, "-m", "coatcheck.cli"],
        env={**os.environ, **given, "_COATCHECK_COMPLETE": f"{shell}_complete"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_and_options_are_completed(shell: str) -> None:
    assert "savings" in completed(shell, "coatcheck sav", 1)
    assert "--dry-run" in completed(shell, "coatcheck wrap --dr", 2)
    done = subprocess.run(
        [sys.executable, "-m", "coatcheck.cli", "completion", shell],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"_COATCHECK_COMPLETE={shell}_complete" in done.stdout, done.stderr


def test_bash_completes_by_the_script_that_is_printed() -> None:
    ours = shutil.which("coatcheck", path=str(Path(sys.executable).parent))
    if ours is None or shutil.which("bash") is None:
        pytest.skip("needs bash, and coatcheck as a command")
    script = (
        f'eval "$({ours} completion bash)"; COMP_WORDS=(coatcheck unw); COMP_CWORD=1;'
        f' _coatcheck_completion {ours}; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "unwrap", done.stderr
