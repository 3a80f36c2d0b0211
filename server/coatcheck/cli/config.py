"""coatcheck config: where the settings are, a file to begin with, and whether they are right."""

import os
import re
import tomllib
from pathlib import Path

import click

from coatcheck import config
from coatcheck.cli.home import home
from coatcheck.cli.reach import checked

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
        target.touch(0o600, exist_ok=False)  # a header or an env written here may be a secret
        target.write_text(config.example(), "utf-8")
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
        if upstream.url:
            checked(upstream.url, f"{at}.url")
    count = len(settings.upstreams)
    click.echo(f"{found or 'defaults'}: right, {count} upstream{'' if count == 1 else 's'}")


WHAT_LEAVES = """\
With your consent coatcheck sends results of tools that are still long after it has shortened them
to the Anthropic API ({model}), with the names of tool and upstream, the arguments of the call and
what the agent looks for. Values that look like secrets are masked first, results that report an
error are never sent, nor are those of upstreams with `egress = false`. Each request costs money,
at most {daily:g} USD a day and {monthly:g} USD a month; `coatcheck savings` shows what.
"""


@group.command()
@FLAG
@click.option("--yes/--no", "agreed", default=None, help="Agree or refuse without being asked.")
def summarizer(flag: Path | None, agreed: bool | None) -> None:
    """Say whether results may be read by a model, and what it means.

    Example: coatcheck config summarizer
    """
    from coatcheck.summarize.keys import has_key

    found = config.find(flag, os.environ, home())
    settings = config.load(found, os.environ).summarizer
    click.echo(
        WHAT_LEAVES.format(
            model=settings.model, daily=settings.daily_usd, monthly=settings.monthly_usd
        )
    )
    if agreed is None:
        agreed = click.confirm("May results be sent?", default=False)
    target = found or flag or home() / "config.toml"
    try:
        write_consent(target, agreed=agreed)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    click.echo(f"{target}: summarizer.consent = {str(agreed).lower()}")
    env, file, command = settings.key_env, settings.key_file, settings.key_command
    if agreed and not has_key(os.environ, env=env, file=file, command=command):
        click.echo(
            f"There is no key yet: export {env}, or set summarizer.key_file or"
            " summarizer.key_command (some clients do not pass the environment on)."
        )


def write_consent(target: Path, *, agreed: bool) -> None:
    """Write the answer into the settings at target, all else as it is. Raises: ConfigError."""
    text = target.read_text("utf-8") if target.exists() else ""
    line = f"consent = {str(agreed).lower()}"
    found = re.search(r"(?m)^\[summarizer\][^\n]*\n", text)
    if found is None:
        changed = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}"
        changed += f"{chr(10) if text else ''}[summarizer]\n{line}\n"
    else:
        rest = text[found.end() :]
        section = re.split(r"(?m)^\[", rest)[0]
        new, count = re.subn(r"(?m)^consent\s*=\s*\w+", line, section, count=1)
        changed = text[: found.end()] + (new if count else f"{line}\n{section}")
        changed += rest[len(section) :]
    written = config.parse(tomllib.loads(changed), target)
    if written.summarizer.consent is not agreed:
        raise click.ClickException(f"{target}: set summarizer.consent by hand")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.write_text(changed, "utf-8")
