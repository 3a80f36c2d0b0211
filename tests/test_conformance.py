"""The official conformance suite, directly and through coatcheck serve --http, both eras."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import BOUND_SECONDS, UPSTREAMS
from http_client import Served, serve
from outside import node_bin, npm_package, run

pytestmark = pytest.mark.slow

FIXTURE = [sys.executable, str(UPSTREAMS / "conformance.py")]
# Scenarios and checks that each revision requires and the fixture passes when spoken to directly.
REQUIRED = {"2025-11-25": (30, 70), "2026-07-28": (37, 120)}
EXTRA = re.compile(r"^  [✓✗] (\S+) \((?:added-after-release|pending|extension|draft)", re.M)
SCENARIO = re.compile(r"^([✓✗]) (\S+): (\d+) passed, (\d+) failed", re.M)


@dataclass(frozen=True, slots=True)
class Score:
    """What the suite says of the scenarios that a revision requires."""

    passed: int
    checks: int
    failed: list[str]


def score(url: str, revision: str, folder: Path) -> Score:
    path = os.pathsep.join([node_bin(), os.environ["PATH"]])
    suite = npm_package("@modelcontextprotocol/conformance/dist/index.js")
    words = ["server", "--url", url, "--requirements", revision, "--timeout", "60000"]
    lines = run(["node", suite, *words, "-o", str(folder)], {"PATH": path}, 560)
    text = "\n".join(lines)
    extra = set(EXTRA.findall(text))
    scored = [found for found in SCENARIO.findall(text) if found[1] not in extra]
    failed = [name for mark, name, _, _ in scored if mark == "✗"]
    return Score(len(scored) - len(failed), sum(int(found[2]) for found in scored), failed)


@contextmanager
def fixture_over_http() -> Iterator[str]:
    """Run the fixture over HTTP and give its address."""
    with subprocess.Popen([*FIXTURE, "--http"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        finally:
            process.terminate()
            process.wait(BOUND_SECONDS)


@contextmanager
def coatcheck_over(upstream: str, mode: str, home: Path) -> Iterator[str]:
    """Run coatcheck serve --http over one upstream and give its address."""
    config = f'[serve]\nnames = "flat"\n[defaults]\nmode = "{mode}"\n[upstreams.conf]\n{upstream}\n'
    (home / "config.toml").write_text(config)
    served = Served(serve(), COATCHECK_HOME=str(home), COATCHECK="")
    try:
        yield f"http://127.0.0.1:{served.port}/mcp"
    finally:
        served.end()


@pytest.mark.parametrize("revision", REQUIRED)
def test_the_fixture_passes_when_spoken_to_directly(revision: str, tmp_path: Path) -> None:
    with fixture_over_http() as url:
        found = score(url, revision, tmp_path)
    assert (found.passed, found.checks, found.failed) == (*REQUIRED[revision], [])


@pytest.mark.parametrize("mode", ["off", "auto"])
@pytest.mark.parametrize("revision", REQUIRED)
def test_coatcheck_passes_over_a_command(revision: str, mode: str, tmp_path: Path) -> None:
    upstream = f'command = "{FIXTURE[0]}"\nargs = ["{FIXTURE[1]}"]'
    with coatcheck_over(upstream, mode, tmp_path) as url:
        found = score(url, revision, tmp_path / "out")
    assert (found.passed, found.checks, found.failed) == (*REQUIRED[revision], [])


@pytest.mark.parametrize("mode", ["off", "auto"])
@pytest.mark.parametrize("revision", REQUIRED)
def test_coatcheck_passes_over_a_url(revision: str, mode: str, tmp_path: Path) -> None:
    with (
        fixture_over_http() as address,
        coatcheck_over(f'url = "{address}"', mode, tmp_path) as url,
    ):
        found = score(url, revision, tmp_path / "out")
    assert (found.passed, found.checks, found.failed) == (*REQUIRED[revision], [])
