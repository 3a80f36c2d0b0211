"""coatcheck try: what another rule would have made of a tool's last results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from coatcheck.amounts import moment
from coatcheck.cli import rules
from coatcheck.cli.parts import artifacts
from coatcheck.cli.place import place
from coatcheck.cli.text import plain, table
from coatcheck.replay import TRIED_MODES, Replayed, rule_with
from coatcheck.settings import KINDS
from coatcheck.types import ConfigError

HEAD = (
    ("kept (UTC)", "original", "then", "now", "net", "net", "fetches", "fetches", "fetches", "now"),
    ("", "tokens", "tokens", "tokens", "then", "now", "spared", "needed", "not known", ""),
)
LAST = 20


@click.command(name="try")
@click.argument("tool")
@click.option("--budget", type=click.IntRange(min=1), help="Ceiling of one view, in tokens.")
@click.option("--floor", type=click.IntRange(min=1), help="Results up to it are never touched.")
@click.option("--drop", multiple=True, help="Fields never shown; may be repeated.")
@click.option("--keep", multiple=True, help="The only fields shown; may be repeated.")
@click.option("--mode", type=click.Choice(TRIED_MODES), help="Which steps may be taken.")
@click.option("--key", help="The field that identifies a record.")
@click.option("--reducer", type=click.Choice(KINDS), help="Take results for this kind.")
@click.option("--last", default=LAST, show_default=True, help="So many of the newest results.")
@click.option("--config", "flag", type=click.Path(path_type=Path), help="Use this file instead.")
@click.option("--json", "as_json", is_flag=True, help="Raw integers, stable keys.")
@click.option("--write", "writes", is_flag=True, help="Show the change of the settings, and ask.")
def try_rule(
    tool: str, *, last: int, flag: Path | None, as_json: bool, writes: bool, **given: object
) -> None:
    """Replay a tool's last results under other settings.

    Example: coatcheck try github.list_issues --budget 800 --drop "*_url"
    """
    at = place(flag)
    kept = artifacts(at)
    try:
        rule = rule_with(rules.rule_of(at, kept, tool), settings(given))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    found = rules.replayed(at, kept, tool, rule, last)
    if as_json:
        click.echo(json.dumps(as_object(tool, found), indent=1))
    elif found:
        click.echo(plain(as_text(found)))
    else:
        click.echo(f"Nothing of {plain(tool)} is kept; `coatcheck artifacts ls` shows what is.")
    if writes:
        ask(rules.change(at, tool, rule, kept.list(rules.MOST_LISTED)))


def settings(given: Mapping[str, object]) -> Mapping[str, str]:
    """Return the options that were given, by the names of their settings."""
    names = {"budget": "budget_tokens", "floor": "floor_tokens", "drop": "drop_fields"}
    names["keep"] = "keep_fields"
    return {
        names.get(name, name): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in given.items()
        if value not in (None, ())
    }


def as_text(found: Sequence[Replayed]) -> str:
    """Return a line per artifact, and their sum."""
    lines: list[Sequence[str]] = [*HEAD]
    lines += [
        (moment(one.kept_at)[:-1], *map(written, cells(one)), one.now_outcome) for one in found
    ]
    sums = [sum(column) for column in zip(*map(cells, found), strict=True)]
    lines.append(("total", *map(written, sums), ""))
    return (
        table(lines) + "\n\nTokens are estimates. A fetch is spared when the new view shows what it"
        " gave; not known: what it gave was not recorded. No model was asked."
    )


def cells(one: Replayed) -> tuple[int, ...]:
    """Return the numbers of one artifact, in the order of HEAD."""
    verdicts = [weighed.verdict for weighed in one.fetches]
    return (
        one.original_tokens,
        one.then_tokens,
        one.now_tokens,
        one.net_then_tokens,
        one.net_now_tokens,
        *(verdicts.count(verdict) for verdict in ("spared", "needed", "not known")),
    )


def written(value: int) -> str:
    """Return a number with thousands separators."""
    return f"{value:,}"


def as_object(tool: str, found: Sequence[Replayed]) -> dict[str, object]:
    """Return a trial as a JSON object."""
    names = ("net_then_tokens", "net_now_tokens")
    rows = [asdict(one) | {name: getattr(one, name) for name in names} for one in found]
    for row in rows:
        for fetch in row["fetches"]:
            del fetch["fetch"]["part"]
    return {"tool": tool, "rows": rows}


def ask(change: rules.Change) -> None:
    """Show a change of the settings, and write it when the user agrees. Raises: ConfigError."""
    if not change.diff:
        click.echo(f"{change.path} says so already.")
        return
    click.echo(change.diff)
    if click.confirm(f"Write this to {change.path}?", default=False):
        rules.write(change)
        click.echo(f"{change.path} is written; running servers take it when they start next.")
