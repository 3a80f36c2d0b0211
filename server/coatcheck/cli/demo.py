"""coatcheck demo: the main job on recorded real data, over a real `coatcheck run`."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coatcheck.cli.home import home
from coatcheck.types import CoatcheckError

if TYPE_CHECKING:
    from mcp import Client

REF = re.compile(r"cc_[0-9a-z]{12,}")
SHOWN_LINES = 12
SHOWN_CHARS = 110
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the demo, and the fetch that follows it.

    focus is what the agent says it looks for; then names the part that is fetched by ref, found
    the text that must come back.
    """

    tool: str
    file: str
    focus: str
    then: Mapping[str, str]
    found: str


STEPS = (
    Step("list_earthquakes", "earthquakes.json", "", {"grep": "Fiji"}, "Fiji"),
    Step("read_test_log", "tests.log", "", {"lines": "20-24"}, "PASSED"),
    Step(
        "read_page",
        "pragma.html",
        "busy_timeout milliseconds",
        {"grep": "busy_timeout"},
        "busy_timeout",
    ),
)


class DemoError(CoatcheckError):
    """The demo did not show what it promises."""


@dataclass(slots=True)
class Seen:
    """What went by the client, to be compared with the ledger."""

    calls: int = 0
    fetches: int = 0
    original_tokens: int = 0
    view_tokens: int = 0


@click.command()
@click.option("--live", is_flag=True, help="Have a model read one public page, with your key.")
def demo(live: bool) -> None:
    """Show the main job on recorded real data: no key, no network.

    Example: coatcheck demo

    A recording stands in place of a model's answer; --live asks summarizer.model, which sends a
    page of the SQLite documentation and costs less than a cent.
    """
    try:
        state = _empty(home() / "demo")
        with as_file(files("coatcheck") / "data" / "demo") as data:
            asyncio.run(asyncio.wait_for(_demo(data, state), SECONDS))
            _summary(data, state, live=live)
    except* Exception as group:  # noqa: BLE001 - whatever went wrong ends in one line
        raise click.ClickException(str(_first(group))) from None


def _first(error: BaseException) -> BaseException:
    """Return the first error inside nested groups: task groups wrap what they pass on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _empty(state: Path) -> Path:
    """Return state as an empty private folder."""
    try:
        shutil.rmtree(state, ignore_errors=True)
        state.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        state.mkdir(mode=0o700)
        (state / "config.toml").write_text('[defaults]\nfocus = "always"\n', "utf-8")
    except OSError as error:
        raise DemoError(f"{state} cannot be written ({error}); set COATCHECK_HOME") from None
    return state


async def _demo(data: Path, state: Path) -> None:
    from coatcheck.counting import TokenCounter  # the vocabulary costs half a second

    counter = TokenCounter()
    seen = Seen()
    click.echo("agent (official mcp client) -> coatcheck run -> a stdio MCP server\n")
    async with _connected(data, state) as client:
        await client.list_tools()
        for step in STEPS:
            whole = (data / step.file).read_text("utf-8")
            await _show(client, step, whole, seen, lambda text: counter.count(text).tokens)
    _check(seen, state)


@asynccontextmanager
async def _connected(data: Path, state: Path) -> AsyncIterator["Client"]:
    """Start client, coatcheck and server as three processes, and join them."""
    from mcp import Client, StdioServerParameters

    wrapped = [sys.executable, "-m", "coatcheck.cli.demo_server", str(data)]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "coatcheck.cli", "run", "--name", "demo", "--", *wrapped],
        env={
            **os.environ,
            "COATCHECK_HOME": str(state),
            "COATCHECK_CONFIG": str(state / "config.toml"),
        },
    )
    async with Client(parameters) as client:
        yield client


def _environment(state: Path) -> dict[str, str]:
    config = str(state / "config.toml")
    return {**os.environ, "COATCHECK_HOME": str(state), "COATCHECK_CONFIG": config}


async def _show(
    client: "Client", step: Step, whole: str, seen: Seen, count: Callable[[str], int]
) -> None:
    view = await _call(client, step.tool, {"_focus": step.focus} if step.focus else {})
    seen.calls += 1
    seen.original_tokens += count(whole)
    seen.view_tokens += count(view)
    asked = f'(_focus="{step.focus}")' if step.focus else "()"
    click.secho(f"{step.tool}{asked}: {count(whole):,} -> {count(view):,} tokens", bold=True)
    click.echo(_indented(view))
    ref = REF.search(view)
    if not ref or len(view) >= len(whole):
        raise DemoError(
            f"{step.tool} came back unshortened: the store could not keep it; see the lines above"
        )
    part = await _call(client, "fetch_artifact", {"ref": ref[0], **step.then})
    seen.fetches += 1
    if step.found not in part.partition("\n")[2]:
        raise DemoError(f"the part fetched from {ref[0]} does not hold {step.found!r}")
    arguments = ", ".join(f'{k}="{v}"' for k, v in {"ref": ref[0], **step.then}.items())
    click.secho(f"fetch_artifact({arguments}): {count(part):,} tokens", bold=True)
    click.echo(_indented(part, 5) + "\n")


def _summary(data: Path, state: Path, *, live: bool) -> None:
    """Show one result that a model has a say in."""
    from coatcheck.cli.demo_summary import FILE, summarized
    from coatcheck.counting import TokenCounter

    counter = TokenCounter()
    focus, outgoing, said = summarized(data, state, live=live)
    click.echo(f"\n{said}")
    if outgoing.outcome != "summarized":
        why = outgoing.reason or "the answer was not shown"
        raise DemoError(f"no summary: {why}; `coatcheck doctor` checks the key")
    whole = (data / FILE).read_text("utf-8")
    tokens = f"{counter.count(whole).tokens:,} -> {counter.count(outgoing.view).tokens:,} tokens"
    click.secho(f'read_page(_focus="{focus}"): {tokens}', bold=True)
    click.echo(_indented(outgoing.view))


async def _call(client: "Client", tool: str, arguments: dict[str, Any]) -> str:
    answer = await client.call_tool(tool, arguments)
    text = "\n".join(getattr(block, "text", "") for block in answer.content)
    if answer.is_error:
        raise DemoError(f"{tool} failed: {text}")
    return text


def _indented(text: str, lines: int = SHOWN_LINES) -> str:
    shown = [line[:SHOWN_CHARS] for line in text.split("\n")]
    more = ["..."] if len(shown) > lines else []
    return "\n".join("    " + line for line in [*shown[:lines], *more])


def _check(seen: Seen, state: Path) -> None:
    """Print the savings, and compare them with what the client saw."""
    import subprocess

    command = [sys.executable, "-m", "coatcheck.cli", "savings"]
    table, raw = (
        subprocess.run([*command, *more], env=_environment(state), capture_output=True, text=True)
        for more in ((), ("--json",))
    )
    click.echo(table.stdout)
    if raw.returncode:
        raise DemoError(f"coatcheck savings failed: {raw.stderr.strip()}")
    totals = json.loads(raw.stdout)["totals"]
    differs = [f"{k} {totals[k]:,}, not {v:,}" for k, v in asdict(seen).items() if totals[k] != v]
    if differs:
        raise DemoError(f"the ledger at {state} and the client differ: {'; '.join(differs)}")
    click.echo(
        f"The ledger agrees with the client: {seen.calls} calls, {seen.fetches} fetches,"
        f" {seen.original_tokens:,} -> {seen.view_tokens:,} tokens.\n"
        f"Look closer: COATCHECK_HOME={state} coatcheck savings log"
    )
