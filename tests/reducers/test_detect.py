"""Which kind a text is taken for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SAMPLES

from coatcheck.reducers.detect import CHECKS, detect
from coatcheck.types import Aim


@pytest.mark.parametrize("name", SAMPLES)
def test_each_kind_is_known_by_its_content_alone(name: str) -> None:
    kind, text = SAMPLES[name]
    assert detect(text, Aim(1)) == kind


@pytest.mark.parametrize("name", ["csv", "server log", "markdown", "python", "diff", "yaml"])
def test_windows_line_ends_do_not_matter(name: str) -> None:
    kind, text = SAMPLES[name]
    assert detect(text.replace("\r\n", "\n").replace("\n", "\r\n"), Aim(1)) == kind


def test_a_path_among_the_arguments_settles_a_doubt() -> None:
    text = "alpha beta\n  gamma delta\n"
    assert detect(text, Aim(1, arguments={"path": "/src/a.hs"})) == "code"
    assert detect(text, Aim(1, arguments={"path": "/src/a.txt"})) == "prose"


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from([text for _, text in SAMPLES.values()])).map("".join))
def test_law_10_any_text_has_a_kind(text: str) -> None:
    kinds = {kind for kind, _ in CHECKS} | {"prose"}
    assert detect(text, Aim(1)) in kinds


def test_nesting_past_any_depth_is_still_a_kind() -> None:
    assert detect("[" * 100_000, Aim(1)) in {"records", "prose", "code"}


@pytest.mark.skipif("COATCHECK_CORPUS" not in os.environ, reason="COATCHECK_CORPUS is not set")
def test_the_corpus_falls_on_kinds_that_fit_its_labels() -> None:
    script = Path(__file__).parents[2] / "scripts" / "confusion.py"
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
