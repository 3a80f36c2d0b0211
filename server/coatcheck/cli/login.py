"""coatcheck login, logout: get and give up the tokens of an upstream that asks for a login."""

import asyncio
import os
import re
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path

import click

from coatcheck.cli.place import place
from coatcheck.cli.reach import checked, headers_of, logins_of
from coatcheck.config import Upstream
from coatcheck.types import ConfigError

CONFIG = click.option(
    "--config", "flag", type=click.Path(path_type=Path), help="Use these settings instead."
)


@click.command()
@click.argument("name")
@click.option(
    "--url", default="", help="Where it is; default: where the settings, or the last login, say."
)
@click.option("--scope", default="", help="Ask for these scopes, separated by spaces.")
@click.option("--client-id", default="", help="The client that is registered for you there.")
@click.option("--client-secret-env", default="", help="The variable that holds its secret.")
@click.option("--port", default=0, help="Come back to this port of 127.0.0.1; default: any.")
@click.option("--browser/--no-browser", default=True, help="Open a browser, or only say where to.")
@click.option("--seconds", default=300.0, show_default=True, help="How long to wait for you.")
@CONFIG
def login(
    name: str,
    url: str,
    scope: str,
    client_id: str,
    client_secret_env: str,
    port: int,
    browser: bool,
    seconds: float,
    flag: Path | None,
) -> None:
    """Log in at the upstream NAME, so that coatcheck can reach it.

    Example: coatcheck login docs --url https://docs.example/mcp
    """
    from coatcheck_adapters.upstreams.oauth import Client, log_in

    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ConfigError(f"{name!r} is no name; use letters, digits, dots, - and _")
    at = place(flag)
    settings, kept = at.config.upstreams.get(name) or Upstream(name), logins_of(at).get(name)
    settings = replace(settings, url=url or settings.url or (kept.url if kept else ""))
    if not settings.url:
        raise ConfigError(f"upstreams.{name}.url is not set; give --url URL")
    checked(settings.url, f"the url of upstream {name!r}")

    async def show(address: str) -> None:
        click.echo(
            f"Open this address and agree, if no browser does it for you:\n{address}", err=True
        )
        if browser:
            await asyncio.to_thread(webbrowser.open, address)

    headers = headers_of(at, settings)
    client = Client(client_id, _secret(client_secret_env), port)
    got = asyncio.run(
        log_in(settings.url, show, scope=scope, headers=headers, client=client, seconds=seconds)
    )
    logins_of(at).put(name, got)
    click.echo(f"logged in at {name}; what runs already uses it with the next call")


def _secret(variable: str) -> str:
    if variable and variable not in os.environ:
        raise ConfigError(f"--client-secret-env names {variable}, which is not set; export it")
    return os.environ[variable] if variable else ""


@click.command()
@click.argument("name")
@CONFIG
def logout(name: str, flag: Path | None) -> None:
    """Forget the login at NAME, and tell its server.

    Example: coatcheck logout docs
    """
    from coatcheck_adapters.upstreams.tokens import revoke

    logins = logins_of(place(flag))
    got = logins.get(name)
    if not logins.drop(name):
        click.echo(f"there is no login at {name}; nothing to forget", err=True)
        sys.exit(1)
    told = got is not None and asyncio.run(revoke(got))
    click.echo(f"logged out of {name}{', which was told so' if told else ''}")
