"""Let in who may come in: the Host, the Origin and the token of every request."""

import ipaddress
from collections.abc import Callable, Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from coatcheck.web.exchange import INVALID_REQUEST, error_body

# Whose token this is, None if it is nobody's.
PrincipalOf = Callable[[str], str | None]

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Among names: every address that is written in numbers.
ANY_ADDRESS = "*"


class Refusal(NamedTuple):
    """Why a request is not let in."""

    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """The one middleware in front of every route.

    A page that a person visits may not reach us under a name of its own (DNS rebinding), so only
    known names are answered; an Origin must be of the same names.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str], principal_of: PrincipalOf | None
    ) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._principal_of = principal_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer why not."""
        if scope["type"] != "http":
            return  # a web socket is closed by that
        headers = dict(scope["headers"])
        refusal = self._foreign(headers) or self._unknown(headers, scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        body = error_body(b"null", INVALID_REQUEST, refusal.message)
        length = (b"content-length", b"%d" % len(body))
        all_headers = [(b"content-type", b"application/json"), length, *refusal.headers]
        status = refusal.status
        await send({"type": "http.response.start", "status": status, "headers": all_headers})
        await send({"type": "http.response.body", "body": body})

    def _foreign(self, headers: dict[bytes, bytes]) -> Refusal | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_known(_name(f"//{host}")):
            text = "this Host is not served; name it in http.hosts of config.toml"
            return Refusal(421, text)
        origin = headers.get(b"origin")
        if origin is not None and not self._is_known(_name(origin.decode("latin-1"))):
            return Refusal(403, "this Origin is not served; name it in http.hosts of config.toml")
        return None

    def _is_known(self, name: str) -> bool:
        # An address is nobody's name, so no page can have been given it.
        return name in self._names or (ANY_ADDRESS in self._names and _is_address(name))

    def _unknown(self, headers: dict[bytes, bytes], scope: Scope) -> Refusal | None:
        if self._principal_of is None:
            return None
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        principal = self._principal_of(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            text = "a token is needed: Authorization: Bearer TOKEN; `coatcheck token new` makes one"
            return Refusal(401, text, ((b"www-authenticate", b"Bearer"),))
        scope["coatcheck.principal"] = principal
        return None


def _name(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is none
    except ValueError:
        return ""
    return (parts.hostname or "") if not parts.username else ""


def is_local(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def names_of(host: str, more: Collection[str]) -> frozenset[str]:
    """Return the names under which a server bound to host may be asked."""
    is_any = _is_address(host) and ipaddress.ip_address(host).is_unspecified
    own = ANY_ADDRESS if is_any else host.lower()
    return LOCAL_NAMES | {own} | {name.lower() for name in more}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
