"""coatcheck savings log: a line per call and fetch."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from coatcheck.amounts import milliseconds, moment
from coatcheck.cli.home import Sources
from coatcheck.cli.text import no_rows, plain
from coatcheck.types import LedgerError

if TYPE_CHECKING:
    from sqlite3 import Row

FOLLOW_SECONDS = 0.5


@click.command(name="log")
@click.option("--follow", is_flag=True, help="Go on with new lines until interrupted.")
@click.option("--tool", default="", help="Only this tool: list_issues or github.list_*")
@click.option(
    "--last",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Past lines to begin with.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def log(ctx: click.Context, follow: bool, tool: str, last: int, as_json: bool) -> None:
    """Print a line per call and fetch, newest last.

    Example: coatcheck savings log --follow --tool github.search_issues
    """
    home = ctx.ensure_object(Sources).home
    write = json_of if as_json else line_of
    try:
        rows, seen = begin(home, tool, last)
        for row in rows:
            click.echo(write(row))
        if not seen:
            click.echo(no_rows(home), err=True)
        if follow:
            with suppress(KeyboardInterrupt):
                for row in following(home, seen, tool, lambda: not Event().wait(FOLLOW_SECONDS)):
                    click.echo(write(row))
    except LedgerError as exc:
        raise click.ClickException(str(exc)) from exc


def begin(home: Path, tool: str, last: int) -> "tuple[list[Row], int]":
    """Return the last rows of tool, and the number of the newest row of all (0: no ledger yet)."""
    from coatcheck.ledger.reader import last_id, newest, reading

    try:
        with reading(home) as db:
            return newest(db, last, tool), last_id(db)
    except FileNotFoundError:
        return [], 0


def following(home: Path, seen: int, tool: str, waited: Callable[[], bool]) -> "Iterator[Row]":
    """Yield the rows after number seen as they are written, as long as waited returns true."""
    from coatcheck.ledger.reader import last_id, later, reading

    while waited():
        with suppress(FileNotFoundError), reading(home) as db:
            rows = later(db, seen, tool)
            seen = last_id(db)
            yield from rows


def line_of(row: "Row") -> str:
    """Return one row as a line of plain text."""
    name = f"{row['upstream']}.{row['tool']}" if row["upstream"] else row["tool"]
    verb = f" {row['verb']}" if row["verb"] else ""
    what = f"fetch{verb}" if row["kind"] == "fetch" else row["outcome"]
    if row["kind"] == "summary":
        what = "late summary"
    parts = [
        moment(row["at"]),
        f"{what:<12}",
        name,
        tokens_of(row),
        f"+{milliseconds(row['added_us'])} ms",
        row["ref"],
        "error" if row["is_error"] else "",
        f"({row['reason']})" if row["reason"] else "",
        f"[{row['decision']}]" if row["decision"] else "",
    ]
    return plain("  ".join(part for part in parts if part)).replace("\n", "?")


def tokens_of(row: "Row") -> str:
    """Say how many tokens a row was about."""
    original = row["original_tokens_exact"] or row["original_tokens"]
    view = row["view_tokens_exact"] or row["view_tokens"]
    if row["kind"] == "fetch":
        return f"{view:,} tokens"
    if row["outcome"] == "passed":
        return f"{original:,} tokens"
    return f"{original:,} -> {view:,} tokens"


def json_of(row: "Row") -> str:
    """Return one row as a line of JSON, every column under its name."""
    return json.dumps(dict(row))
