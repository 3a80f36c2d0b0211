"""coatcheck doctor: say what is wrong with an installation, and how to mend it."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from coatcheck import __version__, config
from coatcheck.cli import checkup
from coatcheck.cli.checkup import Finding, said
from coatcheck.cli.handshake import greet
from coatcheck.cli.home import home, pause_file
from coatcheck.cli.place import Place
from coatcheck.cli.text import plain
from coatcheck.clients import CLIENTS
from coatcheck.counting import TokenCounter
from coatcheck.ledger.reader import reading
from coatcheck.types import CoatcheckError, StoreError
from coatcheck_adapters.stores.disk import DiskStore

START_SECONDS = KEY_SECONDS = 30.0
# A disk with less is close to losing what should be kept.
LEAST_FREE_BYTES = 200_000_000


@click.command()
@click.option("--config", "flag", type=click.Path(path_type=Path), help="Use this file instead.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("command", nargs=-1)
def doctor(flag: Path | None, as_json: bool, command: Sequence[str]) -> None:
    """Check the installation and every server, or one COMMAND.

    Example: coatcheck doctor -- npx -y server-github
    """
    found = findings(flag, command)
    listed = list(found) if as_json else list(_told(found))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in listed], indent=1))
    if any(finding.fix for finding in listed):
        sys.exit(1)


def _told(found: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings, each said when it is known."""
    for finding in found:
        click.echo(plain(f"{'WRONG' if finding.fix else 'ok':6}{finding.what}: {finding.seen}"))
        if finding.fix:
            click.echo(plain(f"      {finding.fix}"))
        yield finding


def _place(flag: Path | None) -> tuple[Place, Finding]:
    """Return where to look, and what is to be said of the settings there."""
    where = home()
    try:
        found = config.find(flag, os.environ, where)
        at = Place(where, config.load(found, os.environ))
        return at, Finding("settings", str(found or "none, defaults are used"))
    except CoatcheckError as error:
        fix = "correct it; `coatcheck config check` says more"
        return Place(where, config.Config()), Finding("settings", str(error), fix)


def at_home(flag: Path | None) -> Iterator[Finding]:
    """Yield what is seen of the state at this home; nobody else is asked or started."""
    yield Finding("coatcheck", f"{__version__}, Python {sys.version.split()[0]}, {sys.executable}")
    at, settings = _place(flag)
    where = at.home
    yield settings
    if os.environ.get("COATCHECK") == "off":
        yield Finding("switch", "COATCHECK=off: nothing is shortened", "unset COATCHECK")
    if pause_file(where).exists():
        yield Finding("switch", "paused: nothing is shortened", "run `coatcheck resume`")
    fix = "see that the folder can be written, or set COATCHECK_HOME"
    yield _seen("store", lambda: _store(at), fix)
    yield _seen("disk", lambda: _disk(at), "make room, or move COATCHECK_HOME to another disk")
    yield _seen("ledger", lambda: _ledger(where), "move the file away, or update coatcheck")


def findings(flag: Path | None, command: Sequence[str]) -> Iterator[Finding]:
    """Yield what is looked at here; with a command also that upstream."""
    yield from at_home(flag)
    at, _ = _place(flag)
    yield _summarizer(at) if at.config.summarizer.consent else _no_summarizer(at)
    if command:
        yield _upstream(command)
        return
    if at.config.upstreams:
        from coatcheck.cli.trying import try_all

        for tried in try_all(at, START_SECONDS):
            url = at.config.upstreams[tried.name].url
            what = f"upstream {tried.name}"
            yield _upstream_found(what, tried.tools, tried.seconds, tried.why, url)
    counter = TokenCounter()
    yield from checkup.findings(at.home, at.config.path, lambda text: counter.count(text).tokens)


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
        f"{usage.used_bytes / 1e6:,.1f} MB of {at.config.store.quota / 1e6:,.0f} MB used"
    )


def _disk(at: Place) -> str:
    """Say how much the disk has left. Raises: StoreError if that is too little."""
    free = DiskStore(at.home / "store").usage().free_bytes
    if free < LEAST_FREE_BYTES:
        raise StoreError(f"{free / 1e6:,.0f} MB free: results may pass unshortened")
    return f"{free / 1e9:,.1f} GB free"


def _no_summarizer(at: Place) -> Finding:
    """Say that no model reads results; a key alone is no consent."""
    from coatcheck.summarize.keys import has_key

    settings = at.config.summarizer
    env, file, command = settings.key_env, settings.key_file, settings.key_command
    has = has_key(os.environ, env=env, file=file, command=command)
    key = "there is a key" if has else "no key"
    return Finding("summarizer", f"off ({key}); `coatcheck config summarizer` says what it does")


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
        line.run(count()).result(KEY_SECONDS)
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
        greeting = greet(command, os.environ)
    except Exception as error:  # noqa: BLE001 - whatever an upstream does wrong is a finding
        return _upstream_found("upstream", 0, 0.0, f"{command[0]} does not answer: {said(error)}")
    return _upstream_found("upstream", len(greeting.tools), greeting.seconds, "")


def _upstream_found(what: str, tools: int, seconds: float, why: str, url: str = "") -> Finding:
    if why:
        fix = "run the command by hand, or correct its settings"
        return Finding(what, why, "do what it says, or correct its settings" if url else fix)
    limit = CLIENTS["codex"].start_seconds
    nearer = "use one that is nearer" if url else "install it locally"
    slow = f"Codex starts without a server that needs over {limit:g} s; {nearer}"
    seen = f"{tools} tools{_at(url)}, {seconds:.1f} s to start"
    return Finding(what, seen, slow if seconds > limit else "")


def _at(url: str) -> str:
    from coatcheck_adapters.upstreams.refusals import place_of

    return f" at {place_of(url)}" if url else ""
