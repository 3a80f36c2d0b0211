"""coatcheck fetch: any part of a kept artifact, exactly as the tool would return it."""

import sys
from pathlib import Path

import click

from coatcheck.cli.parts import artifacts
from coatcheck.cli.place import place
from coatcheck.fetch import fetch as answer
from coatcheck.fetch import text_of


@click.command()
@click.argument("ref", required=False)
@click.option("--page", type=click.IntRange(min=1), help="Which page of the answer.")
@click.option("--lines", help='Lines such as "120-180".')
@click.option("--grep", help="Words or a regular expression.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the whole text to this file.")
def fetch(
    ref: str | None, *, page: int | None, lines: str | None, grep: str | None, out: Path | None
) -> None:
    """Print a part of the artifact REF; without REF list what is kept.

    Example: coatcheck fetch cc_7f3k9m2q4x1b --grep "timeout"
    """
    kept = artifacts(place())
    if out is not None:
        if not ref:
            raise click.UsageError("--out needs a REF; `coatcheck fetch` lists them.")
        text, _ = text_of(kept.get(ref))
        written = out.write_bytes(text.encode("utf-8", "surrogateescape"))
        click.echo(f"{written:,} bytes written to {out}", err=True)
        return
    asked = {"ref": ref, "page": page, "lines": lines, "grep": grep}
    fetched = answer(kept, {key: value for key, value in asked.items() if value is not None})
    click.echo(fetched.text, err=fetched.is_error)
    if fetched.is_error:
        sys.exit(1)
