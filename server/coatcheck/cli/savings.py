"""coatcheck savings: what was saved, net, in a window of time."""

import json
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coatcheck.cli.home import Sources
from coatcheck.cli.log import log
from coatcheck.cli.text import (
    fitted,
    is_styled,
    milliseconds,
    moment,
    no_rows,
    percents,
    plain,
    table,
)
from coatcheck.fetch import text_of
from coatcheck.types import Artifacts, CoatcheckError, LedgerError, UnknownRef
from coatcheck.view import number

if TYPE_CHECKING:
    from coatcheck.ledger.report import By, Figures, Savings

BY = ("tool", "upstream", "session", "client", "day")
UNIT_SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}

HEAD = (
    ("", "calls", "shortened", "original", "client", "view", "fetched", "own",
     "net", "net", "client net", "client net", "p50", "p95", "errors"),
    ("", "", "", "tokens", "tokens", "tokens", "tokens", "tokens",
     "tokens", "%", "tokens", "%", "ms", "ms", ""),
)  # fmt: skip
# What a narrow terminal goes without, first things first; a pipe and --json always have all.
LEFT_OUT_FIRST = (12, 13, 2, 11, 10, 14, 4, 7)


class Since(click.ParamType[float]):
    """A span back from now (12h, 7d, 2w) or a date (2026-11-15, midnight UTC)."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds since the epoch."""
        if isinstance(value, float):
            return value
        text = str(value)
        with suppress(ValueError):
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
        span = re.fullmatch(r"(\d{1,6})([hdw])", text)
        if span is None:
            self.fail(f"{text!r} is neither a span nor a date; write 7d, 12h or 2026-11-15.")
        return time.time() - int(span[1]) * UNIT_SECONDS[span[2]]


@click.group(name="savings", invoke_without_command=True)
@click.option("--by", type=click.Choice(BY), default="tool", help="What a row stands for.")
@click.option("--since", type=Since(), metavar="SPAN|DATE", help="12h, 7d, 2w or 2026-11-15 (UTC).")
@click.option("--json", "as_json", is_flag=True, help="Raw integers, stable keys.")
@click.pass_context
def savings(ctx: click.Context, by: "By", since: float | None, as_json: bool) -> None:
    """Show what was saved, net.

    Example: coatcheck savings --by day --since 7d
    """
    if ctx.invoked_subcommand is not None:
        return
    sources = ctx.ensure_object(Sources)
    count_exactly(sources)
    try:
        report = report_of(sources.home, by, since)
    except LedgerError as exc:
        raise click.ClickException(str(exc)) from exc
    if as_json:
        click.echo(json_of(report, sources.home))
    elif report.rows:
        show(report)
    if not report.rows:
        click.echo(why_empty(sources.home, since), err=as_json)


savings.add_command(log)


def report_of(home: Path, by: "By", since: float | None) -> "Savings":
    """Return the report of everything since a time; an absent ledger is an empty one."""
    from coatcheck.ledger import report
    from coatcheck.ledger.reader import reading

    window = report.Window(since)
    try:
        with reading(home) as db:
            return report.savings(db, window, by)
    except FileNotFoundError:
        return report.Savings(window, by, report.Figures(), ())


def count_exactly(sources: Sources) -> None:
    """Fill in exact counts where the artifacts are still kept; say so if that fails."""
    from coatcheck.ledger.exact import fill_exact

    if sources.open_artifacts is None or sources.count is None:
        return
    try:
        artifacts = sources.open_artifacts()
        fill_exact(sources.home, sources.count, lambda ref: texts_of(artifacts, ref))
    except FileNotFoundError:
        return
    except CoatcheckError as exc:
        click.echo(f"Some tokens stay estimated: {exc}", err=True)


def texts_of(artifacts: Artifacts, ref: str) -> tuple[str, str] | None:
    """Return the text of an original and its newest view, None when they are gone.

    Raises: StoreError.
    """
    try:
        artifact = artifacts.peek(ref)
    except UnknownRef:
        return None
    return (text_of(artifact)[0], artifact.view) if artifact.view else None


def json_of(report: "Savings", home: Path) -> str:
    """Return the report as JSON text."""
    from coatcheck.ledger.report import as_json

    return json.dumps({"ledger": str(home / "ledger.db"), **as_json(report)}, indent=1)


def why_empty(home: Path, since: float | None) -> str:
    """Say why there is nothing to show: an empty window, or no calls at all."""
    if since is not None and report_of(home, "tool", None).rows:
        return f"No calls since {moment(since)}; leave out --since to see all."
    return no_rows(home)


def show(report: "Savings") -> None:
    """Print headline, table and definitions."""
    from coatcheck.ledger.report import DEFINITIONS

    click.echo(headline(report) + "\n")
    lines: list[Sequence[str]] = [(report.by, *HEAD[0][1:]), HEAD[1]]
    lines += [cells(plain(line.name), line.figures) for line in report.rows]
    lines.append(cells("total", report.totals))
    if sys.stdout.isatty():
        lines = fitted(lines, LEFT_OUT_FIRST, shutil.get_terminal_size().columns)
    click.echo(emphasized(table(lines)) if is_styled() else table(lines))
    click.echo("\n" + "\n".join(notes(report.totals)))
    for word, meaning in DEFINITIONS.items():
        click.echo(textwrap.fill(f"{word}: {meaning}", 96, subsequent_indent="  "))


def emphasized(text: str) -> str:
    """Return a table with its head lines and totals row in bold."""
    *head, totals = text.split("\n")
    bold = [click.style(line, bold=True) for line in (*head[: len(HEAD)], totals)]
    return "\n".join([*bold[:-1], *head[len(HEAD) :], bold[-1]])


def headline(report: "Savings") -> str:
    """Return the report in one paragraph."""
    from coatcheck.ledger.report import percent

    total = report.totals
    since = "" if report.window.since is None else f" since {moment(report.window.since)}"
    original = percent(total.net_original_tokens, total.original_tokens)
    client = percent(total.net_counterfactual_tokens, total.counterfactual_tokens)
    return (
        f"{number(total.calls, 'calls')}{since}, {total.shortened:,} shortened:"
        f" {total.original_tokens:,} tokens became {total.view_tokens:,};"
        f" {total.fetched_tokens:,} fetched back, {total.own_tokens:,} for own definitions.\n"
        f"Net saving {total.net_original_tokens:,} tokens ({percents(original)} % of the"
        f" originals), or {total.net_counterfactual_tokens:,} ({percents(client)} %)"
        " against what the clients would have shown."
    )


def cells(name: str, figures: "Figures") -> tuple[str, ...]:
    """Return one row of the table, in the order of HEAD."""
    from coatcheck.ledger.report import percent

    nets = (
        (figures.net_original_tokens, figures.original_tokens),
        (figures.net_counterfactual_tokens, figures.counterfactual_tokens),
    )
    counts = (
        figures.calls,
        figures.shortened,
        figures.original_tokens,
        figures.counterfactual_tokens,
        figures.view_tokens,
        figures.fetched_tokens,
        figures.own_tokens,
    )
    return (
        name,
        *(f"{count:,}" for count in counts),
        *(cell for net, base in nets for cell in (f"{net:,}", percents(percent(net, base)))),
        milliseconds(figures.added_p50_us),
        milliseconds(figures.added_p95_us),
        f"{figures.errors:,}",
    )


def notes(total: "Figures") -> list[str]:
    """Return the remarks that stand between the table and the definitions."""
    width = total.half_width_tokens
    sampled = f", give or take {width:,} tokens" if width else ""
    rest = "" if total.counted == total.shortened else ", the others are estimated"
    lines = [
        f"Counted exactly: {total.counted:,} of {total.shortened:,} shortened calls{sampled}{rest}."
    ]
    if total.summary_micro_usd:
        lines.append(f"The summarizer cost ${total.summary_micro_usd / 1e6:,.4f}, not in the net.")
    if total.reasons:
        steps = ", ".join(f"{plain(why)} {times:,}" for why, times in total.reasons.items())
        lines.append(f"Reasons for a simpler step than planned: {steps}.")
    return [*lines, ""]
