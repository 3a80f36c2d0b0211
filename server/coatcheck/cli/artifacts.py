"""List, show and erase the artifacts that are kept: `coatcheck artifacts`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from coatcheck.artifacts import StoredArtifacts
from coatcheck.cli.parts import artifacts, open_artifacts
from coatcheck.cli.place import place
from coatcheck.types import Artifact, ArtifactInfo, StoreError, UnknownRef

COLUMNS = ("REF", "TOOL", "BYTES", "KEPT", "UNTIL", "OUTCOME")


@click.group(name="artifacts")
def group() -> None:
    """List, show and erase the artifacts that are kept.

    Example: coatcheck artifacts ls --upstream github
    """


@group.command()
@click.option("--upstream", help="Only those of this upstream.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, times in seconds since 1970.")
@click.pass_context
def ls(context: click.Context, upstream: str | None, limit: int, as_json: bool) -> None:
    """List artifacts, newest first.

    Example: coatcheck artifacts ls --limit 10
    """
    with plain_errors():
        found = opened(context).list(limit, upstream)
    if as_json:
        click.echo(json.dumps([asdict(info) for info in found], indent=1))
    elif found:
        click.echo(table(found))
    else:
        click.echo("No artifacts are kept.", err=True)


@group.command()
@click.argument("ref")
@click.option("--result", "as_result", is_flag=True, help="Write the result exactly as received.")
@click.pass_context
def show(context: click.Context, ref: str, as_result: bool) -> None:
    """Show what is known of an artifact, and its newest view.

    Example: coatcheck artifacts show cc_7f3k9m2q4x1b --result > result.json
    """
    with plain_errors():
        artifact = opened(context).peek(ref)
    if as_result:
        click.echo(artifact.result, nl=False)
        return
    click.echo("\n".join(facts(artifact)))
    click.echo()
    click.echo(printable(artifact.view) or "No view of it was sent.")


@group.command()
@click.argument("refs", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Erase every artifact.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rm(context: click.Context, refs: Sequence[str], every: bool, yes: bool) -> None:
    """Erase artifacts. An agent that asks for one is told to call the tool again.

    Example: coatcheck artifacts rm cc_7f3k9m2q4x1b
    """
    if bool(refs) == every:
        raise click.UsageError("name one or more refs, or use --all")
    kept = opened(context)
    with plain_errors():
        if not every:
            for ref in refs:
                kept.erase(ref)
            click.echo(f"Erased {len(refs):,}.")
            return
        if not yes:
            click.confirm("Erase every artifact of every session?", abort=True)
        click.echo(f"Erased {kept.erase_all().artifacts:,}.")


@group.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def gc(context: click.Context, as_json: bool) -> None:
    """Remove what expired, and what killed processes left behind.

    Example: coatcheck artifacts gc --json
    """
    kept = opened(context)
    with plain_errors():
        swept = kept.sweep(aside_seconds=0)
        usage = kept.usage()
    if as_json:
        click.echo(json.dumps({"removed": asdict(swept), "store": asdict(usage)}))
    else:
        click.echo(
            f"Removed {swept.artifacts:,} expired artifacts of {swept.size_bytes:,} bytes;"
            f" the store takes {usage.used_bytes:,} bytes."
        )


def opened(context: click.Context) -> StoredArtifacts:
    """Return the artifacts of the home that an outer command put into the context, or of ours."""
    found = context.find_object(Path)
    return open_artifacts(found) if found else artifacts(place())


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our own errors into one line on stderr and exit code 1."""
    try:
        yield
    except (StoreError, UnknownRef) as error:
        raise click.ClickException(printable(str(error))) from error


def table(found: Sequence[ArtifactInfo]) -> str:
    """Return aligned lines under a header, with a line of totals."""
    rows: list[tuple[str, ...]] = [
        (
            info.ref,
            printable(info.name),
            f"{info.size_bytes:,}",
            moment(info.kept_at),
            moment(info.expires_at),
            info.outcome,
        )
        for info in found
    ]
    total = (f"{len(found):,} artifacts", "", f"{sum(info.size_bytes for info in found):,}")
    rows = [COLUMNS, *rows, (*total, "", "", "")]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def facts(artifact: Artifact) -> Iterator[str]:
    """Give a line for each thing known of artifact."""
    call = artifact.call
    yield f"ref:       {artifact.ref}"
    yield f"call:      {printable(call.name)}"
    yield f"arguments: {printable(call.arguments.decode('utf-8', 'replace'))}"
    if call.focus:
        yield f"focus:     {printable(call.focus)}"
    yield f"result:    {len(artifact.result):,} bytes, {artifact.outcome}"
    yield f"kept:      {moment(artifact.kept_at)}, until {moment(artifact.expires_at)}"
    for omission in artifact.omissions:
        what = f" ({printable(omission.what)})" if omission.what else ""
        yield f"shown:     {omission.shown:,} of {omission.total:,} {omission.unit}{what}"


def moment(at: float | None) -> str:
    """Write a time in seconds since the epoch to the minute, as UTC."""
    if at is None:
        return "erased"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def printable(text: str) -> str:
    """Return text without the characters by which it could drive a terminal."""
    return "".join(
        character if character in "\n\t" or character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
