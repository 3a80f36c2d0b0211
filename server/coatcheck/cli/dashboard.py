"""coatcheck dashboard: the web page of savings, for the person at this machine."""

import secrets
import socket
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from coatcheck.cli.home import Sources

if TYPE_CHECKING:
    from coatcheck.cli.page_source import HomeSource

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
    source = source_of(ctx.ensure_object(Sources))
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
            serve(source, listener, once)


def source_of(sources: Sources) -> "HomeSource":
    """Return what the page shows."""
    from coatcheck.cli.page_source import HomeSource

    return HomeSource(sources, found_wrong)


def found_wrong() -> Sequence[tuple[str, str, str]]:
    """Return what doctor finds here."""
    from coatcheck.cli.doctor import findings

    return [(item.what, item.seen, item.fix) for item in findings(None, ())]


def serve(source: "HomeSource", listener: socket.socket, once: str) -> None:
    """Serve the page on a socket until we are told to stop."""
    import uvicorn

    from coatcheck.tokens import Tokens
    from coatcheck.web.guard import LOCAL_NAMES
    from coatcheck.web.page.app import application

    tokens = Tokens(source.sources.home / "tokens.json")
    config = uvicorn.Config(
        application(source, LOCAL_NAMES, once, tokens.principal_of),
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=END_SECONDS,
    )
    uvicorn.Server(config).run([listener])
