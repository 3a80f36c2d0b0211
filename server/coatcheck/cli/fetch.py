"""coatcheck fetch: any part of a kept artifact, exactly as the tool would return it."""

import sys
from functools import partial
from pathlib import Path

import click

from coatcheck.artifacts import StoredArtifacts
from coatcheck.body import block as block_of
from coatcheck.cli.parts import artifacts, summarizer
from coatcheck.cli.place import place
from coatcheck.cli.summarizer import book, noted
from coatcheck.cli.text import as_bytes, write
from coatcheck.fetch import addressed, excerpt_of, parse, with_note
from coatcheck.fetch import fetch as answer
from coatcheck.types import Call, Session


@click.command()
@click.argument("ref", required=False)
@click.option("--grep", help="Words or a regular expression.")
@click.option("--lines", help='"120-180" as numbered in the view; "@5-9": lines of the text.')
@click.option("--query", help="JMESPath over JSON, NDJSON, YAML, CSV and other tables.")
@click.option("--find", help="A question; its best passages. Without REF: over all that is kept.")
@click.option("--ask", help="A question, answered by a model; without one: --find.")
@click.option("--page", type=click.IntRange(min=1), help="Which page of the answer.")
@click.option("--block", type=click.IntRange(min=1), help="A content block, byte for byte.")
@click.option("--out", type=click.Path(path_type=Path), help="Write all of it to this file.")
def fetch(
    ref: str | None, *, page: int | None, block: int | None, out: Path | None, **verbs: str | None
) -> None:
    """Print a part of an artifact. Without REF list what is kept.

    Example: coatcheck fetch cc_7f3k9m2q4x1b --grep "timeout"
    """
    at = place()
    kept = artifacts(at)
    asked = {"ref": ref, **verbs, "page": page}
    if block is None and out is None:
        reads = summarizer(at, None, Session("")) if verbs.get("ask") else None
        given = {key: value for key, value in asked.items() if value is not None}
        found = answer(kept, given, reads.ask if reads else None)
        fetched = with_note(found, partial(noted, at.home))
        if fetched.summary.micro_usd:
            book(at, Call(fetched.upstream, fetched.tool), fetched.summary)
        if fetched.is_error:
            raise click.ClickException(fetched.text.removeprefix("Error: "))
        write(fetched.text)
        return
    if not ref:
        raise click.UsageError("--out and --block need a REF; `coatcheck fetch` lists them.")
    data, kind = whole(kept, ref, verbs, block)
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    click.echo(f"{out.write_bytes(data):,} bytes of {kind} written to {out}", err=True)


def whole(
    kept: StoredArtifacts, ref: str, verbs: dict[str, str | None], block: int | None
) -> tuple[bytes, str]:
    """Return all that is asked of an artifact, unpaged, and its MIME type.

    Raises: UnknownRef, ExcerptError, StoreError.
    """
    artifact = kept.get(parse({"ref": ref}).ref)
    if block is not None:
        return block_of(artifact.result, block)
    wanted = parse({"ref": ref, **verbs})
    text, _ = excerpt_of(addressed(artifact, wanted), wanted, artifact.omissions)
    return as_bytes(text), "text/plain"
