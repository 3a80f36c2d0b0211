"""coatcheck show REF: one artifact, what the agent got of it and what that came to."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from coatcheck.amounts import moment
from coatcheck.cli.home import Sources
from coatcheck.cli.log import json_of, line_of
from coatcheck.cli.summarizer import noted
from coatcheck.cli.text import plain, table
from coatcheck.types import Artifact, CoatcheckError, LedgerError

if TYPE_CHECKING:
    from sqlite3 import Row

    from coatcheck.figures import Figures
    from coatcheck.ledger.summaries import Fared

MOST_ARGUMENT_CHARS = 500


@click.command(name="show")
@click.argument("ref")
@click.option("--json", "as_json", is_flag=True, help="Raw integers, stable keys.")
@click.pass_context
def show(ctx: click.Context, ref: str, as_json: bool) -> None:
    """Show one artifact: its call, sizes, fetches and view.

    Example: coatcheck show cc_7f3k9m2q4x1b
    """
    sources = ctx.ensure_object(Sources)
    artifact, trouble = opened(sources, ref)
    try:
        rows, figures = booked(sources, ref)
        fared = summarized(sources, ref, rows)
    except LedgerError as exc:
        raise click.ClickException(str(exc)) from exc
    if artifact is None and not rows:
        raise click.ClickException(
            f"{ref} is neither in the store nor in the ledger; copy it from a view's first line."
        )
    if as_json:
        click.echo(as_object(ref, artifact, rows, figures, fared))
        return
    parts = [f"{ref}  {call_of(rows, artifact)}", costs(figures)]
    parts += [line_of(row) for row in rows]
    parts += [f"Summarizer, {of}: {found}" for of, found in fared.items()]
    parts += filter(None, [noted(sources.home, ref) if artifact else ""])
    parts.append(kept(artifact) if artifact else f"The artifact cannot be shown: {trouble}")
    click.echo("\n".join(plain(part) for part in parts))


def opened(sources: Sources, ref: str) -> tuple[Artifact | None, str]:
    """Return the artifact of ref, or None and the reason why it cannot be shown."""
    if sources.open_artifacts is None:
        return None, "no store was given."
    try:
        return sources.open_artifacts().peek(ref), ""
    except CoatcheckError as exc:
        return None, str(exc)


def booked(sources: Sources, ref: str) -> "tuple[list[Row], Figures]":
    """Return the calls and fetches of ref, oldest first, and what they came to."""
    from coatcheck.figures import Figures
    from coatcheck.ledger.reader import of_ref, reading
    from coatcheck.ledger.report import figures_of

    try:
        with reading(sources.home) as db:
            return of_ref(db, ref), figures_of(db, ref)
    except FileNotFoundError:
        return [], Figures()


def summarized(sources: Sources, ref: str, rows: "list[Row]") -> "dict[str, Fared]":
    """Return how the summarizer fared with this artifact and with its tool, if it had a say."""
    from coatcheck.ledger.reader import reading
    from coatcheck.ledger.summaries import by_tool

    if not any(row["decision"] for row in rows):
        return {}
    name = f"{rows[0]['upstream']}.{rows[0]['tool']}"
    with reading(sources.home) as db:
        found = {"this artifact": by_tool(db, ref=ref), f"all of {name}": by_tool(db, name=name)}
    return {of: next(iter(tools.values())) for of, tools in found.items() if tools}


def call_of(rows: "list[Row]", artifact: Artifact | None) -> str:
    """Say which call the artifact is the result of."""
    if artifact is not None:
        arguments = artifact.call.arguments.decode("utf-8", "replace")
        shown = arguments[:MOST_ARGUMENT_CHARS]
        more = f"... ({len(arguments):,} characters)" if shown != arguments else ""
        return f"{artifact.call.name} {shown}{more}"
    return f"{rows[0]['upstream']}.{rows[0]['tool']}"


def costs(figures: "Figures") -> str:
    """Return the table of what the artifact came to over all its calls and fetches."""
    head = ("", "original", "client", "view", "fetched", "net", "client net")
    tokens = (
        figures.original_tokens,
        figures.counterfactual_tokens,
        figures.view_tokens,
        figures.fetched_tokens,
        figures.net_original_tokens,
        figures.net_counterfactual_tokens,
    )
    return table((head, ("tokens", *(f"{count:,}" for count in tokens))))


def kept(artifact: Artifact) -> str:
    """Say what is kept: until when, what the view leaves out, and the view itself."""
    until = "for good" if artifact.expires_at is None else f"until {moment(artifact.expires_at)}"
    lines = [f"Kept {until}: {len(artifact.result):,} bytes."]
    lines += [
        f"Not shown: {item.total - item.shown:,} of {item.total:,} {item.unit} {item.what}".rstrip()
        for item in artifact.omissions
    ]
    if artifact.view:
        lines += [f"View ({artifact.outcome}, {len(artifact.view):,} characters):", artifact.view]
    return "\n".join(lines)


def as_object(
    ref: str,
    artifact: Artifact | None,
    rows: "list[Row]",
    figures: "Figures",
    fared: "dict[str, Fared]",
) -> str:
    """Return all of it as JSON text."""
    from coatcheck.ledger.report import flat

    return json.dumps(
        {
            "ref": ref,
            "totals": flat(figures),
            "entries": [json.loads(json_of(row)) for row in rows],
            "summarizer": {of: found.as_json() for of, found in fared.items()},
            "kept": artifact is not None,
            "outcome": artifact.outcome if artifact else None,
            "omissions": [asdict(item) for item in artifact.omissions] if artifact else [],
            "view": artifact.view if artifact else None,
        },
        indent=1,
    )
