"""Log in at an upstream that asks for it: a browser, and a listener on the loopback."""

import asyncio
import html
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx2

from coatcheck.types import UpstreamError
from coatcheck_adapters.upstreams.logins import Login
from coatcheck_adapters.upstreams.refusals import place_of

if TYPE_CHECKING:
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthToken

REQUEST_SECONDS = 30.0
CALLBACK = "/callback"
_HEADERS = {"Accept": "application/json, text/event-stream"}
_PAGE = """<!doctype html><meta charset="utf-8"><title>coatcheck</title><p>%s</p>"""


class Given:
    """What the authorization server has given so far, as the SDK stores it."""

    def __init__(self, client: "OAuthClientInformationFull | None") -> None:
        self.tokens: OAuthToken | None = None
        self.client = client

    async def get_tokens(self) -> "OAuthToken | None":
        """Return the tokens."""
        return self.tokens

    async def set_tokens(self, tokens: "OAuthToken") -> None:
        """Keep the tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> "OAuthClientInformationFull | None":
        """Return who we are to the server."""
        return self.client

    async def set_client_info(self, client_info: "OAuthClientInformationFull") -> None:
        """Keep who we are to the server."""
        self.client = client_info


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the authorization server: a registered client, or one that registers itself.

    port is that of the address it comes back to, 0 for any.
    """

    id: str = ""
    secret: str = field(default="", repr=False)
    port: int = 0


async def log_in(
    url: str,
    show: Callable[[str], Awaitable[None]],
    *,
    scope: str = "",
    headers: Mapping[str, str] | None = None,
    client: Client = Client(),
    seconds: float = 300.0,
) -> Login:
    """Log in at url; show gets the address where a person agrees, within so many seconds.

    Raises: UpstreamError, also when url does not ask for a login.
    """
    from mcp.client.auth import OAuthClientProvider, OAuthFlowError
    from mcp.shared.auth import OAuthClientMetadata

    logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL)  # it is raised as well
    async with _listening(client.port, seconds) as (callback, answered):
        given = Given(_registered(client, callback))
        metadata = OAuthClientMetadata.model_validate(
            {"client_name": "coatcheck", "redirect_uris": [callback], "scope": scope or None}
        )
        provider = OAuthClientProvider(
            url, metadata, given, redirect_handler=show, callback_handler=answered
        )
        try:
            status = await _knock(url, provider, headers or {})
        except OAuthFlowError as error:
            why = str(error).partition(": ")[0]  # what follows may quote an answer
            raise UpstreamError(_failed(url, f"failed ({why})")) from None
        except httpx2.HTTPError as error:
            raise UpstreamError(_failed(url, f"failed ({type(error).__name__})")) from None
    if given.tokens is None or given.client is None:
        raise UpstreamError(
            f"{place_of(url)} does not ask for a login (HTTP {status}); there is nothing to do"
        )
    return _login(url, provider, given.tokens, given.client)


def _registered(client: Client, callback: str) -> "OAuthClientInformationFull | None":
    from mcp.shared.auth import OAuthClientInformationFull

    if not client.id:
        return None
    return OAuthClientInformationFull.model_validate(
        {
            "client_id": client.id,
            "client_secret": client.secret,
            "redirect_uris": [callback],
            "token_endpoint_auth_method": "client_secret_post" if client.secret else "none",
        }
    )


def _failed(url: str, how: str) -> str:
    return f"the login at {place_of(url)} {how}; see that the url is right, and try again"


async def _knock(url: str, auth: "OAuthClientProvider", headers: Mapping[str, str]) -> int:
    """Ask for something, so that the server asks for a login; leave no session behind."""
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "coatcheck", "version": "1"},
    }
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    async with httpx2.AsyncClient(
        auth=auth, headers={**headers, **_HEADERS}, timeout=REQUEST_SECONDS
    ) as client:
        async with client.stream("POST", url, json=hello) as response:
            status, session = response.status_code, response.headers.get("mcp-session-id")
        if status in (404, 405):  # the older transport begins with a GET
            async with client.stream("GET", url) as response:
                status = response.status_code
        if session:
            with suppress(httpx2.HTTPError):
                await client.delete(url, headers={"Mcp-Session-Id": session})
    return status


def _login(
    url: str,
    provider: "OAuthClientProvider",
    tokens: "OAuthToken",
    client: "OAuthClientInformationFull",
) -> Login:
    context = provider.context
    known = context.oauth_metadata
    base = context.get_authorization_base_url(url)
    wants_resource = context.should_include_resource_param(context.protocol_version)
    return Login(
        url=url,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token or "",
        expires_at=time.time() + tokens.expires_in if tokens.expires_in else 0.0,
        scope=tokens.scope or "",
        token_url=str(known.token_endpoint) if known else f"{base}/token",
        revocation_url=str((known.revocation_endpoint if known else "") or ""),
        resource=context.get_resource_url() if wants_resource else "",
        client_id=client.client_id,
        client_secret=client.client_secret or "",
        method=client.token_endpoint_auth_method or "none",
    )


# The listener


@asynccontextmanager
async def _listening(
    port: int, seconds: float
) -> "AsyncIterator[tuple[str, Callable[[], Awaitable[AuthorizationCodeResult]]]]":
    """Give the address of a listener, and what waits for the person to come back to it."""
    came: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(REQUEST_SECONDS):
                await _respond(reader, writer, came)
        writer.close()

    async def answered() -> "AuthorizationCodeResult":
        return await _answer(came, seconds)

    try:
        server = await asyncio.start_server(talk, "127.0.0.1", port)
    except OSError as error:
        raise UpstreamError(f"port {port} cannot be used ({error.strerror}); free it") from None
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{CALLBACK}", answered
    finally:
        server.close()


async def _answer(
    came: "asyncio.Future[dict[str, str]]", seconds: float
) -> "AuthorizationCodeResult":
    from mcp.shared.auth import AuthorizationCodeResult

    try:
        async with asyncio.timeout(seconds):
            found = await came
    except TimeoutError:
        raise UpstreamError(
            f"nobody agreed within {seconds:g} s; run the command again and open the address"
        ) from None
    if "code" not in found:
        raise UpstreamError("the login was refused; run the command again and agree")
    return AuthorizationCodeResult(
        code=found["code"], state=found.get("state"), iss=found.get("iss")
    )


async def _respond(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    came: "asyncio.Future[dict[str, str]]",
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode("ascii").split(" ")
    parts = urlsplit(target)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    status, text = "404 Not Found", "There is nothing here."
    if method == "GET" and parts.path == CALLBACK and query.keys() & {"code", "error"}:
        status, text = "200 OK", "You can close this page and go back to the terminal."
        if not came.done():
            came.set_result(query)
    body = (_PAGE % html.escape(text)).encode()
    writer.write(
        f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\nReferrer-Policy: no-referrer\r\n\r\n".encode()
        + body
    )
    await writer.drain()
