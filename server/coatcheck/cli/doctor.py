"""coatcheck doctor: say what is wrong with an installation, and how to mend it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from coatcheck import __version__, config
from coatcheck.cli.home import home, pause_file
from coatcheck.cli.place import Place
from coatcheck.ledger.reader import reading
from coatcheck.types import CoatcheckError
from coatcheck_adapters.stores.disk import DiskStore

START_SECONDS = 30.0
# Codex begins its first turn without a server that needs longer. Source: measured, 2026-11.
CLIENT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; fix is "" when all is well."""

    what: str
    seen: str
    fix: str = ""


@click.command()
@click.option("--config", "flag", type=click.Path(path_type=Path), help="Use this file instead.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("command", nargs=-1)
def doctor(flag: Path | None, as_json: bool, command: Sequence[str]) -> None:
    """Check settings, store, ledger and upstreams, or COMMAND.

    Example: coatcheck doctor -- npx -y server-github
    """
    findings = list(_findings(flag, command))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(f"{'WRONG' if finding.fix else 'ok':6}{finding.what}: {finding.seen}")
            if finding.fix:
                click.echo(f"      {finding.fix}")
    if any(finding.fix for finding in findings):
        sys.exit(1)


def _findings(flag: Path | None, command: Sequence[str]) -> Iterator[Finding]:
    yield Finding("coatcheck", f"{__version__}, Python {sys.version.split()[0]}, {sys.executable}")
    where = home()
    try:
        found = config.find(flag, os.environ, where)
        at = Place(where, config.load(found, os.environ))
        yield Finding("settings", str(found or "none, defaults are used"))
    except CoatcheckError as error:
        at = Place(where, config.Config())
        yield Finding("settings", str(error), "correct it; `coatcheck config check` says more")
    if os.environ.get("COATCHECK") == "off":
        yield Finding("switch", "COATCHECK=off: nothing is shortened", "unset COATCHECK")
    if pause_file(where).exists():
        yield Finding("switch", "paused: nothing is shortened", "run `coatcheck resume`")
    fix = "see that the folder can be written, or set COATCHECK_HOME"
    yield _seen("store", lambda: _store(at), fix)
    yield _seen("ledger", lambda: _ledger(where), "move the file away, or update coatcheck")
    if at.config.summarizer.consent:
        yield _summarizer(at)
    if command:
        yield _upstream(command)
    elif at.config.upstreams:
        from coatcheck.cli.trying import try_all

        for tried in try_all(at, START_SECONDS):
            url = at.config.upstreams[tried.name].url
            what = f"upstream {tried.name}"
            yield _upstream_found(what, tried.tools, tried.seconds, tried.why, url)


def _seen(what: str, look: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(what, look())
    except (CoatcheckError, OSError) as error:
        return Finding(what, str(error), fix)


def _store(at: Place) -> str:
    """Write, read and delete a few bytes; say how full the store is. Raises: StoreError."""
    store = DiskStore(at.home / "store")
    store.put("probe", b"doctor")
    read = store.get("probe")
    store.delete("probe")
    usage = store.usage()
    return (
        f"{at.home / 'store'}: {'' if read else 'does not give back what it was given; '}"
        f"{usage.used_bytes / 1e6:,.1f} MB of {at.config.store.quota / 1e6:,.0f} MB used,"
        f" {usage.free_bytes / 1e9:,.1f} GB free"
    )


def _summarizer(at: Place) -> Finding:
    """Count the tokens of one word: the cheapest request, and free of charge."""
    from coatcheck.cli.summarizer import api
    from coatcheck.summarize.client import Unanswered

    model, line = at.config.summarizer.model, api(at)

    async def count() -> int:
        asked = [{"role": "user", "content": "coatcheck"}]
        counted = await line.client().messages.count_tokens(model=model, messages=asked)  # type: ignore[arg-type]  # a list of plain dicts
        return int(counted.input_tokens)

    try:
        line.run(count()).result(START_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is a finding
        why = f"it {error}" if isinstance(error, Unanswered) else type(error).__name__
        fix = "see summarizer.key_env, key_file, key_command; or `coatcheck config summarizer --no`"
        return Finding("summarizer", f"{model} does not answer: {why}", fix)
    finally:
        line.close()
    return Finding("summarizer", f"{model} answers; results may be sent to it")


def _ledger(where: Path) -> str:
    """Say how many entries there are. Raises: LedgerError."""
    try:
        with reading(where) as db:
            entries, newest = db.execute("SELECT count(*), max(at) FROM entries").fetchone()
    except FileNotFoundError:
        return "nothing written yet"
    last = time.strftime(", the newest of %Y-%m-%d %H:%M", time.localtime(newest)) if newest else ""
    return f"{where / 'ledger.db'}: {entries:,} entries{last}"


def _upstream(command: Sequence[str]) -> Finding:
    try:
        tools, seconds = asyncio.run(asyncio.wait_for(_handshake(command), START_SECONDS))
    except Exception as error:  # noqa: BLE001 - whatever an upstream does wrong is a finding
        return _upstream_found("upstream", 0, 0.0, f"{command[0]} did not answer: {error!r}")
    return _upstream_found("upstream", tools, seconds, "")


def _upstream_found(what: str, tools: int, seconds: float, why: str, url: str = "") -> Finding:
    if why:
        fix = "run the command by hand, or correct its settings"
        return Finding(what, why, "do what it says, or correct its settings" if url else fix)
    slow = f"Codex starts without a server that needs over {CLIENT_SECONDS:g} s"
    return Finding(
        what,
        f"{tools} tools{_at(url)}, {seconds:.1f} s to start",
        f"{slow}; {'use one that is nearer' if url else 'install it locally'}"
        if seconds > CLIENT_SECONDS
        else "",
    )


def _at(url: str) -> str:
    from coatcheck_adapters.upstreams.refusals import place_of

    return f" at {place_of(url)}" if url else ""


async def _handshake(command: Sequence[str]) -> tuple[int, float]:
    from mcp import Client, StdioServerParameters

    began = time.perf_counter()
    parameters = StdioServerParameters(
        command=command[0], args=list(command[1:]), env=dict(os.environ)
    )
    async with Client(parameters) as client:
        listed = await client.list_tools()
        return len(listed.tools), time.perf_counter() - began
