"""coatcheck config: where the settings are, a file to begin with, and whether they are right."""

import os
from pathlib import Path

import click

from coatcheck import config
from coatcheck.cli.home import home

FLAG = click.option(
    "--config", "flag", type=click.Path(path_type=Path), help="Use this file instead."
)


@click.group(name="config")
def group() -> None:
    """Find, begin or check the settings.

    Example: coatcheck config init
    """


@group.command()
@FLAG
def path(flag: Path | None) -> None:
    """Print which file is used.

    Example: coatcheck config path
    """
    found = config.find(flag, os.environ, home())
    click.echo(found or f"{home() / 'config.toml'} (does not exist; defaults are used)")


@group.command()
@FLAG
def init(flag: Path | None) -> None:
    """Write a commented file with every setting at its default.

    Example: coatcheck config init
    """
    named = os.environ.get("COATCHECK_CONFIG")
    target = flag or (Path(named) if named else home() / "config.toml")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with target.open("x", encoding="utf-8") as file:
            file.write(config.example())
    except FileExistsError:
        raise click.ClickException(f"{target} exists; edit it, or move it away first") from None
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    click.echo(target)


@group.command()
@FLAG
def check(flag: Path | None) -> None:
    """Say whether the settings are right, and what to change if not.

    Example: coatcheck config check
    """
    found = config.find(flag, os.environ, home())
    settings = config.load(found, os.environ)
    for upstream in settings.upstreams.values():
        at = f"{found}: upstreams.{upstream.name}"
        config.resolve(upstream.env, os.environ, f"{at}.env")
        config.resolve(upstream.headers, os.environ, f"{at}.headers")
    count = len(settings.upstreams)
    click.echo(f"{found or 'defaults'}: right, {count} upstream{'' if count == 1 else 's'}")
