"""Serve over HTTP: the address, who may ask, the server process, its orderly end."""

import asyncio
import secrets
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.cli.place import Place
from coatcheck.cli.stderr import to_stderr
from coatcheck.cli.wrapped import stop_on_signals
from coatcheck.tokens import Tokens
from coatcheck.types import ConfigError, HttpSettings, UpstreamError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from coatcheck.protocols import Connect
    from coatcheck.web.guard import PrincipalOf

    # Makes the page for the names under which it may be asked, and a token for one browser.
    MakePage = Callable[[Collection[str], str], ASGIApp]

BACKLOG = 512
# What the front answers; all other paths are the page's.
PATHS = frozenset({"/mcp", "/mcp/", "/healthz"})
# A client that keeps its connection longer than we do loses the request it sends meanwhile.
KEEP_ALIVE_SECONDS = 75
# More are answered 503 before anything of them is read.
MOST_CONNECTIONS = 4096


def tokens_of(home: Path) -> Tokens:
    """Return the tokens that are known at a place."""
    return Tokens(home / "tokens.json")


def address(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT or PORT; a port alone is of this machine.

    Raises: ConfigError.
    """
    host, colon, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535 or (colon and not host):
        raise ConfigError(f"--http {text} is no address; write 127.0.0.1:8399 or [::1]:8399")
    return host.strip("[]") or "127.0.0.1", int(port)


def check(host: str, at: Place) -> None:
    """Refuse an address that others can reach while no token would let them in.

    Raises: ConfigError.
    """
    if not _is_open(host, at.config.http) or tokens_of(at.home).all():
        return
    raise ConfigError(
        f"{host} can be reached from other machines, and there is no token to let them in;"
        " make one with `coatcheck token new NAME`, or serve 127.0.0.1"
    )


def serve_http(
    connect: "Connect", host: str, port: int, at: Place, page: "MakePage | None" = None
) -> None:
    """Be a server at host and port until we are told to stop, with the page beside MCP if given.

    Raises: ConfigError when the address is not of this machine alone and there is no token;
    UpstreamError when it cannot be had.
    """
    check(host, at)
    settings = at.config.http
    principal_of = tokens_of(at.home).principal_of if _is_open(host, settings) else None
    to_stderr()
    with _listening(host, port) as listener:
        asyncio.run(_serve(connect, settings, listener, host, principal_of, page))


def _is_open(host: str, settings: HttpSettings) -> bool:
    """Tell whether others than this machine can ask, also through a proxy in front of it."""
    from coatcheck.web.guard import is_local

    return not all(map(is_local, [host, *settings.hosts]))


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its protocol asyncio knows that it must not wait for more to send; else 40 ms go by.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            text = f"cannot serve at {host}:{port}: {error.strerror or error}; take another address"
            raise UpstreamError(text) from None
        yield listener


async def _serve(
    connect: "Connect",
    settings: HttpSettings,
    listener: socket.socket,
    host: str,
    principal_of: "PrincipalOf | None",
    page: "MakePage | None",
) -> None:
    import uvicorn

    from coatcheck.web.app import serving
    from coatcheck.web.guard import names_of
    from coatcheck.web.page.app import beside

    names, once = names_of(host, settings.hosts), secrets.token_urlsafe(32)
    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    async with (
        serving(connect, settings, names=names, principal_of=principal_of) as served,
        asyncio.TaskGroup() as tasks,
    ):
        config = uvicorn.Config(
            beside(served.app, page(names, once), PATHS) if page else served.app,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )
        server = uvicorn.Server(config)
        # Ours end it in order.
        server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
        running = tasks.create_task(server.serve([listener]))
        running.add_done_callback(lambda _: stop.set())
        _announce(host, listener.getsockname()[1], once if page else "")
        await stop.wait()
        served.sessions.stop()
        server.should_exit = True
        await running


def _announce(host: str, port: int, once: str) -> None:
    """Say on stderr where MCP is and, with a token that works once, where the page is."""
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(f"coatcheck: MCP at {base}/mcp", file=sys.stderr, flush=True)
    if once:
        link = f"{base}/enter?token={once}"
        print(f"coatcheck: savings at {link} (works once)", file=sys.stderr, flush=True)
