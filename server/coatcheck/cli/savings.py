"""coatcheck savings: what was saved, net, in a window of time."""

import json
import shutil
import sys
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import click

from coatcheck.amounts import moment
from coatcheck.cli import savings_text
from coatcheck.cli.books import BY, fared, json_of, read, since_of
from coatcheck.cli.home import Sources
from coatcheck.cli.log import log
from coatcheck.cli.text import is_styled, no_rows, plain
from coatcheck.fetch import text_of
from coatcheck.types import CoatcheckError, LedgerError, UnknownRef

if TYPE_CHECKING:
    from coatcheck.figures import By, Overview, Savings
    from coatcheck.ledger.money import Transcribed
    from coatcheck.protocols import Artifacts

WATCH_SECONDS = 2.0


class Since(click.ParamType[float]):
    """A span back from now (12h, 7d, 2w) or a date (2026-11-15, midnight UTC)."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds since the epoch."""
        if isinstance(value, float):
            return value
        try:
            return since_of(str(value))
        except ValueError as error:
            self.fail(str(error))


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the savings is asked for, and in which form."""

    by: "By"
    since: float | None
    form: str = "text"
    causal: bool = False
    transcripts: bool = False


@click.group(name="savings", invoke_without_command=True)
@click.option("--by", type=click.Choice(BY), help="What a row stands for (default: tool).")
@click.option("--since", type=Since(), metavar="SPAN|DATE", help="12h, 7d, 2w or 2026-11-15 (UTC).")
@click.option("--graph", "form", flag_value="graph", help="A bar per row (default: per day).")
@click.option("--json", "form", flag_value="json", help="Raw integers, stable keys.")
@click.option("--csv", "form", flag_value="csv", help="The rows alone, as CSV.")
@click.option("--causal", is_flag=True, help="Compare with the sessions that were held out.")
@click.option("--explain", "form", flag_value="explain", help="What words and figures mean.")
@click.option("--transcripts", is_flag=True, help="How often results were read again, for real.")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds until interrupted.")
@click.pass_context
def savings(
    ctx: click.Context,
    by: "By | None",
    since: float | None,
    form: str | None,
    causal: bool,
    transcripts: bool,
    watch: bool,
) -> None:
    """Show what was saved, net.

    Example: coatcheck savings --by day --since 7d
    """
    if ctx.invoked_subcommand is not None:
        return
    sources = ctx.ensure_object(Sources)
    rows = by or ("day" if form == "graph" else "tool")
    asked = Asked(rows, since, form or "text", causal, transcripts)
    try:
        answer(sources, asked)
        while watch and not Event().wait(WATCH_SECONDS):
            click.clear()
            answer(sources, asked)
    except KeyboardInterrupt:
        return
    except LedgerError as exc:
        raise click.ClickException(str(exc)) from exc


savings.add_command(log)


def answer(sources: Sources, asked: Asked) -> None:
    """Print what is asked for. Raises: LedgerError."""
    if asked.form == "explain":
        click.echo(savings_text.explained(sources.rates()))
    elif asked.causal:
        click.echo(compared(sources, asked))
    else:
        count_exactly(sources)
        reported(sources, asked)


def reported(sources: Sources, asked: Asked) -> None:
    """Print the report in its form; an empty one also says why. Raises: LedgerError."""
    report, found = read(sources.home, sources.rates(), asked.by, asked.since)
    known = transcribed(sources, asked) if asked.transcripts and report.rows else None
    if asked.form == "json":
        click.echo(json_of(report, found, sources.home, known))
    elif asked.form == "csv":
        click.echo(savings_text.as_csv(report), nl=False)
    elif asked.form == "graph" and report.rows:
        click.echo(savings_text.bars(report, is_plain=not sys.stdout.isatty()))
    elif report.rows:
        show(report, found, known)
        for tool, one in fared(sources.home, asked.since).items():
            click.echo(f"Summarizer, {plain(tool) or 'batches'}: {one}")
    if not report.rows:
        click.echo(why_empty(sources, asked.since), err=asked.form in ("json", "csv"))


def transcribed(sources: Sources, asked: Asked) -> "Transcribed":
    """Return what the agents' transcripts know of the calls asked for. Raises: LedgerError."""
    from coatcheck.audit import Weight, stays_by_call
    from coatcheck.cli.audit import found, read
    from coatcheck.figures import Window
    from coatcheck.ledger.money import followed
    from coatcheck.ledger.reader import reading

    traces = (read(file, lambda _: Weight(0, 0, 0)) for file in found("", asked.since))
    requests = stays_by_call(traces)
    with reading(sources.home) as db:
        return followed(db, Window(asked.since), sources.rates(), requests)


def compared(sources: Sources, asked: Asked) -> str:
    """Return how sessions with views differ from those held out. Raises: LedgerError."""
    from coatcheck.figures import Window
    from coatcheck.ledger import causal
    from coatcheck.ledger.reader import reading

    try:
        with reading(sources.home) as db:
            found = causal.compare(db, Window(asked.since), sources.rates())
    except FileNotFoundError:
        found = causal.Comparison(Window(asked.since), 0, 0, ())
    if asked.form == "json":
        return json.dumps(causal.as_object(found), indent=1)
    return savings_text.compared(found)


def count_exactly(sources: Sources, **most: int) -> None:
    """Fill in exact counts where the artifacts are still kept; say so if that fails.

    most are the max_rows and max_bytes of fill_exact.
    """
    from coatcheck.ledger.exact import fill_exact

    if sources.open_artifacts is None or sources.count is None:
        return
    try:
        artifacts = sources.open_artifacts()
        fill_exact(sources.home, sources.count, lambda ref: texts_of(artifacts, ref), **most)
    except FileNotFoundError:
        return
    except CoatcheckError as exc:
        click.echo(f"Some tokens stay estimated: {exc}", err=True)


def texts_of(artifacts: "Artifacts", ref: str) -> tuple[str, str] | None:
    """Return the text of an original and its newest view, None when they are gone.

    Raises: StoreError.
    """
    try:
        artifact = artifacts.peek(ref)
    except UnknownRef:
        return None
    return (text_of(artifact)[0], artifact.view) if artifact.view else None


def why_empty(sources: Sources, since: float | None) -> str:
    """Say why there is nothing to show: an empty window, or no calls at all."""
    if since is not None and read(sources.home, sources.rates(), "tool", None)[0].rows:
        return f"No calls since {moment(since)}; leave out --since to see all."
    return no_rows(sources.home)


def show(report: "Savings", found: "Overview", known: "Transcribed | None") -> None:
    """Print headline, table and notes."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    text = savings_text.said(report, found, width)
    click.echo(emphasized(text) if is_styled() else text)
    if known is not None:
        click.echo(savings_text.transcribed(known, report.totals.calls))


def emphasized(text: str) -> str:
    """Return a report with the head lines and the totals row of its table in bold."""
    headline, table, *rest = text.split("\n\n")
    first, second, *rows, totals = table.split("\n")
    bold = [click.style(line, bold=True) for line in (first, second, totals)]
    return "\n\n".join([headline, "\n".join([*bold[:2], *rows, bold[2]]), *rest])
