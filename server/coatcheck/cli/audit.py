"""coatcheck audit: where an agent's tokens went, and what smaller results would have saved."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

from coatcheck import spans
from coatcheck.amounts import moment
from coatcheck.audit import Audit, Trace, Weight, trace
from coatcheck.catalogue import FETCH_TOOL
from coatcheck.cli import audit_report
from coatcheck.cli.compact import NotKept
from coatcheck.cli.parts import pipeline
from coatcheck.cli.place import Place, place
from coatcheck.cli.savings import Since
from coatcheck.fetch import TOOL as FETCH
from coatcheck.focus import derive
from coatcheck.sizing import estimate
from coatcheck.transcripts import ToolResult
from coatcheck.types import Call, CoatcheckError, LedgerError

# How many transcripts may wait for a process.
WAITING = 16
OURS = ("[coatcheck:", '{"_coatcheck"')
USUAL_REF = "cc_" + "0" * 12


@dataclass(frozen=True, slots=True)
class File:
    """One transcript: its client, its session, where it is and how big."""

    client: str
    session: str
    path: Path
    size_bytes: int


def _known(_: click.Context, __: click.Parameter, client: str) -> str:
    from coatcheck_adapters.transcripts import TRANSCRIPTS

    names = [kind.name for kind in TRANSCRIPTS]
    if client and client not in names:
        raise click.BadParameter(f"{client!r} is none of {', '.join(names)}.")
    return client


@click.command()
@click.option("--since", type=Since(), metavar="SPAN|DATE", help="30d, 2w or 2026-11-15 (UTC).")
@click.option("--client", default="", callback=_known, help="Only this client's transcripts.")
@click.option(
    "--compare",
    is_flag=False,
    flag_value="ledger",
    metavar="[DATE]",
    help="Before and after a day; by default that of the ledger's first entry.",
)
@click.option("--json", "as_json", is_flag=True, help="Raw numbers, stable keys.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="A report in one file."
)
@click.option("--receipt", is_flag=True, help="A summary without any names, to be shown around.")
def audit(
    *,
    since: float | None,
    client: str,
    compare: str | None,
    as_json: bool,
    html: Path | None,
    receipt: bool,
) -> None:
    """Say from transcripts where your tokens went.

    Example: coatcheck audit --since 30d

    Each result of an MCP server is put through the pipeline with your settings, without a model.
    Transcripts are only read, and nothing leaves this machine.
    """
    from coatcheck_adapters.transcripts import TRANSCRIPTS

    at = place()
    files = list(found(client, since))
    if not files:
        whose = client or ", ".join(kind.name for kind in TRANSCRIPTS)
        raise click.ClickException(
            f"no transcripts of {whose} here{_of(since)}; docs/audit.md says where they should be"
        )
    cut = None if compare is None else _day(compare, at)
    assumed = _assumed(at)
    audits = [_audit(assumed) for _ in range(1 if cut is None else 2)]
    for one in _traces(files, show=sys.stderr.isatty()):
        began = min((turn.prompt.at for turn in one.turns), default=0.0)
        if began >= (since or 0.0):
            audits[cut is not None and began >= cut].add(one)
    report = audit_report.report(audits, cut, assumed)
    if html is not None:
        html.write_text(audit_report.as_html(report), encoding="utf-8")
        click.echo(f"{html} was written.", err=True)
    if as_json:
        click.echo(audit_report.as_json(report))
    elif receipt:
        click.echo(audit_report.as_receipt(report))
    elif html is None:
        click.echo(audit_report.as_text(report))


def found(client: str, since: float | None) -> Iterator[File]:
    """Yield the transcripts on this machine that were written to since a time."""
    from coatcheck_adapters.transcripts import TRANSCRIPTS

    for kind in TRANSCRIPTS:
        if client in ("", kind.name):
            for path in kind.files(Path.home(), os.environ):
                try:
                    status = path.stat()
                except OSError:
                    continue
                if status.st_mtime >= (since or 0.0):
                    yield File(kind.name, kind.session_of(path), path, status.st_size)


def _of(since: float | None) -> str:
    return f" since {moment(since)}" if since else ""


def _day(text: str, at: Place) -> float:
    if text != "ledger":
        return Since().convert(text, None, None)
    from coatcheck.ledger.reader import reading

    try:
        with reading(at.home) as db:
            first = db.execute("SELECT min(at) FROM entries").fetchone()[0]
    except (FileNotFoundError, LedgerError):
        first = None
    if first is None:
        raise click.ClickException("the ledger is empty; name the day: --compare 2026-11-15")
    return float(first)


# The replay, in as many processes as there are cores


def _traces(files: Sequence[File], *, show: bool) -> Iterator[Trace]:
    """Yield the trace of each file, with a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("transcripts"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True, quiet=not show)
    total = sum(file.size_bytes for file in files)
    with ProcessPoolExecutor(os.cpu_count()) as pool, Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        waiting: list[tuple[File, Future[Trace]]] = []
        for file in files:
            waiting.append((file, pool.submit(read, file, weigh)))
            if len(waiting) >= WAITING:
                done, future = waiting.pop(0)
                yield future.result()
                bar.advance(task, done.size_bytes)
        for done, future in waiting:
            yield future.result()
            bar.advance(task, done.size_bytes)


def read(file: File, weigh: Callable[[ToolResult], Weight]) -> Trace:
    """Return the trace of one transcript."""
    from coatcheck_adapters.transcripts import TRANSCRIPTS

    kind = next(kind for kind in TRANSCRIPTS if kind.name == file.client)
    with file.path.open("rb") as lines:
        return trace(file.client, file.session, kind.read(lines), weigh)


@cache
def _joined() -> Any:
    """Return the pipeline and the settings of this process, built at its first result."""
    at = place()
    return pipeline(at, NotKept(USUAL_REF)), at


def weigh(result: ToolResult) -> Weight:
    """Return what a result weighs, and what it would weigh through the pipeline."""
    shown = estimate(result.shown)
    if not result.server:
        return Weight(shown, shown, shown)
    original = shown if result.original is result.shown else estimate(result.original)
    if result.tool == FETCH or result.original.startswith(OURS):
        return Weight(original, shown, shown, is_ours=True)
    line, at = _joined()
    arguments = spans.loads(result.arguments)
    focus = derive(arguments) if isinstance(arguments, dict) else ""
    call = Call(result.server, result.tool, result.arguments, focus)
    content: dict[str, Any] = {"content": [{"type": "text", "text": result.original}]}
    body = spans.dumps(content | ({"isError": True} if result.is_error else {}))
    outgoing = line.shorten(call, body, at.config.rule(result.server, result.tool))
    return Weight(original, shown, estimate(outgoing.view) if outgoing.view else original)


# What is assumed


def _audit(assumed: audit_report.Assumed) -> Audit:
    from coatcheck.summarize.economics import FETCH_CALL_TOKENS, PAGE_TOKENS

    own_tokens, back_tokens = (
        estimate(spans.dumps(FETCH_TOOL).decode()),
        FETCH_CALL_TOKENS + PAGE_TOKENS,
    )
    return Audit(assumed.rates_of, own_tokens, assumed.refetch_rate, back_tokens)


def _refetch_rate(at: Place) -> float:
    """Return the share of shortened results that was fetched again, over the whole ledger."""
    from coatcheck.ledger.reader import reading
    from coatcheck.summarize.economics import USUAL_REFETCH_RATE

    sums = "SELECT coalesce(sum(shortened), 0), coalesce(sum(fetches), 0) FROM rollup"
    try:
        with reading(at.home) as db:
            shortened, fetches = db.execute(sums).fetchone()
    except (OSError, CoatcheckError):
        return USUAL_REFETCH_RATE
    return min(1.0, fetches / shortened) if shortened >= 20 else USUAL_REFETCH_RATE


def _assumed(at: Place) -> audit_report.Assumed:
    from coatcheck.summarize.economics import prices

    known, settings = prices(at.config.summarizer.prices), at.config.summarizer
    rates = {**known.models, settings.agent_model: known.of(settings.agent_model)}
    return audit_report.Assumed(known.date, rates, settings.agent_model, _refetch_rate(at))
