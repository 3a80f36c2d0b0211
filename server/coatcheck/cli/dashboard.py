"""coatcheck dashboard: the web page of savings, for the person at this machine."""

import secrets
import socket
import webbrowser
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coatcheck.cli.home import Sources
from coatcheck.cli.place import place

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from coatcheck.cli.http import MakePage

HOST = "127.0.0.1"
# Live tails are open for as long as somebody looks at them.
END_SECONDS = 1


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@click.pass_context
def dashboard(ctx: click.Context, port: int, opens: bool) -> None:
    """Serve the web page of savings to this machine.

    Example: coatcheck dashboard --open
    """
    from coatcheck.web.guard import LOCAL_NAMES

    once = secrets.token_urlsafe(32)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            raise click.ClickException(f"port {port}: {error.strerror}; take another") from None
        link = f"http://{HOST}:{listener.getsockname()[1]}/enter?token={once}"
        click.echo(f"Open this link, it works once: {link}")
        if opens:
            webbrowser.open(link)
        with suppress(KeyboardInterrupt):
            serve(page_of(ctx.ensure_object(Sources))(LOCAL_NAMES, once), listener)


def page_of(sources: Sources, flag: Path | None = None) -> "MakePage":
    """Return what makes the page; the settings at flag are read anew for each trial."""

    def make(names: Collection[str], once: str) -> "ASGIApp":
        from coatcheck.cli.http import tokens_of
        from coatcheck.cli.page_source import HomeSource
        from coatcheck.web.page.app import application

        source = HomeSource(sources, partial(found_wrong, flag), partial(place, flag))
        return application(source, names, once, tokens_of(sources.home).principal_of)

    return make


def found_wrong(flag: Path | None) -> Sequence[tuple[str, str, str]]:
    """Return what doctor finds at this home, without asking anybody else."""
    from coatcheck.cli.doctor import at_home

    return [(item.what, item.seen, item.fix) for item in at_home(flag)]


def serve(app: "ASGIApp", listener: socket.socket) -> None:
    """Serve the page on a socket until we are told to stop."""
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=END_SECONDS,
    )
    uvicorn.Server(config).run([listener])
