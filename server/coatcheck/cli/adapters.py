"""coatcheck adapters: which adapters read the results of a tool, in order."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from coatcheck.cli.config import FLAG
from coatcheck.cli.parts import registry
from coatcheck.cli.place import Place, place
from coatcheck.cli.text import plain
from coatcheck.registry import CONFIG, Placed, Ruled
from coatcheck.types import Rule

FIELDS = ("keep_fields", "drop_fields", "key", "reducer")


@click.command()
@click.argument("tool", required=False, default="")
@FLAG
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def adapters(tool: str, flag: Path | None, as_json: bool) -> None:
    """List what reads the results of TOOL. The first is used.

    TOOL is given as UPSTREAM.TOOL; without it all are listed, in the order in which they are asked.

    Example: coatcheck adapters github.list_issues
    """
    at = place(flag)
    rows = list(_applying(at, tool) if tool else _all(at))
    if as_json:
        click.echo(json.dumps([dict(zip(("name", "from", "does"), r, strict=True)) for r in rows]))
        return
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    for number, (name, source, about) in enumerate(rows, 1):
        line = f"{number:>3}  {name.ljust(widths[0])}  {source.ljust(widths[1])}  {about}"
        click.echo(plain(line))


def _applying(at: Place, tool: str) -> Iterator[Sequence[str]]:
    """Yield name, source and what it does of each adapter that matches a tool."""
    for placed in registry(at).applying(tool):
        if isinstance(placed.adapter, Ruled):
            found = placed.adapter.rule
            yield "rule", CONFIG, _said({name: getattr(found, name) for name in FIELDS})
        else:
            yield _row(placed)


def _all(at: Place) -> Iterator[Sequence[str]]:
    """Yield the rules of the settings as they are written, then every adapter."""
    tables: list[tuple[str, Mapping[str, Any]]] = [
        *((f'tools."{name}"', table) for name, table in at.config.tool_rules),
        *((f"upstreams.{name}", table) for name, table in at.config.upstream_rules.items()),
        ("defaults", {name: getattr(at.config.defaults, name) for name in FIELDS}),
    ]
    for name, table in tables:
        if said := _said(table):
            yield name, CONFIG, said
    yield from map(_row, registry(at).known())


def _said(table: Mapping[str, Any]) -> str:
    """Write the keys of table that an adapter is made of, where they differ from the default."""
    usual = Rule()
    given = {name: table[name] for name in FIELDS if name in table}
    told = {name: value for name, value in given.items() if value != getattr(usual, name)}
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in told.items())


def _row(placed: Placed) -> Sequence[str]:
    return placed.adapter.name, placed.source, placed.about()
