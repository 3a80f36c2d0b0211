"""Make, list and revoke the tokens that let other machines in: `coatcheck token`."""

import json

import click

from coatcheck.amounts import moment
from coatcheck.cli.home import home
from coatcheck.cli.http import tokens_of
from coatcheck.cli.text import table


@click.group(name="token")
def group() -> None:
    """Make, list and revoke tokens of the HTTP server.

    Example: coatcheck token new laptop
    """


@group.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a token and show it, once.

    A client sends it as `Authorization: Bearer TOKEN`.

    Example: coatcheck token new laptop
    """
    token = tokens_of(home()).new(name)
    click.echo("Keep it; it is not shown again.", err=True)
    click.echo(token)


@group.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, times in seconds since 1970.")
def list_tokens(as_json: bool) -> None:
    """List the tokens by name.

    Example: coatcheck token list
    """
    tokens = tokens_of(home()).all()
    if as_json:
        rows = [{"name": name, "made_at": token.made_at} for name, token in tokens.items()]
        click.echo(json.dumps(rows, indent=1))
    elif tokens:
        lines = [(name, moment(token.made_at)) for name, token in tokens.items()]
        click.echo(table([("NAME", "MADE"), *lines]))
    else:
        click.echo("There are no tokens; `coatcheck token new NAME` makes one.", err=True)


@group.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a token; running servers know it at once.

    Example: coatcheck token revoke laptop
    """
    tokens_of(home()).revoke(name)
