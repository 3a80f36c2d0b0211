"""The door of the page: a token once, then a cookie; a refusal on every other path without one."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coatcheck.types import CoatcheckError
from coatcheck.web.page.html import tag
from coatcheck.web.page.layout import as_page, bare, field

logger = logging.getLogger(__name__)

ENTER = "/enter"
COOKIE = "coatcheck"
COOKIE_SECONDS = 30 * 86_400
MOST_BYTES = 10_000
# So many browsers may be let in at a time; the oldest goes.
MOST_COOKIES = 100
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

PrincipalOf = Callable[[str], str | None]


class Door:
    """Stands in front of the page.

    once is a token that lets one browser in; principal_of knows tokens that may be used again,
    but only to look. Cookies live in memory: they end with the process. What writes must carry the
    form's key, which only a page that was shown to this cookie holds; Guard has seen its Origin.
    """

    def __init__(self, app: ASGIApp, once: str = "", principal_of: PrincipalOf | None = None):
        self._app = app
        self._once = once
        self._principal_of = principal_of
        self._cookies: dict[str, bool] = {}  # digest -> whether it may write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer why not."""
        request = Request(scope, receive)
        if request.url.path == ENTER:
            response = await self._entered(request)
            await response(scope, receive, send)
            return
        cookie = self._cookie_of(request)
        if cookie is None and not self._is_bearer(request):
            await refusal("Open the link that coatcheck printed, or enter a token.")(
                scope, receive, send
            )
            return
        may_write = bool(cookie) and self._cookies[_digest(cookie or "")]
        scope["coatcheck.form"] = form_key(cookie or "") if may_write else ""
        if request.method in UNSAFE and not (may_write and request.headers.get("origin")):
            said = "A change must come from a form of this page, opened by the link."
            await refusal(said, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _entered(self, request: Request) -> Response:
        """Answer with a cookie for a token that is right, else with the form for one."""
        if request.method == "POST":
            token = (await form_of(request)).get("token", "")
        else:
            token = request.query_params.get("token", "")
        is_link = self._is_once(token)
        if not is_link and self._name_of(token) is None:
            said = "This token is not known, or was used before." if token else ""
            return asked(said, 401 if token else 200)
        cookie = secrets.token_urlsafe(32)
        self._cookies[_digest(cookie)] = is_link
        if len(self._cookies) > MOST_COOKIES:
            del self._cookies[next(iter(self._cookies))]
        # Not a redirect: the next request must be one of our own page, else the cookie stays back.
        response = as_page(bare("Welcome", tag("a", "Go on to the overview", href="/")))
        response.headers["refresh"] = "0; url=/"
        response.set_cookie(
            cookie_name(request),
            cookie,
            COOKIE_SECONDS,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _is_once(self, token: str) -> bool:
        """Tell whether this is the token for once, which is none from then on."""
        if not self._once or not hmac.compare_digest(token.encode(), self._once.encode()):
            return False
        self._once = ""
        return True

    def _name_of(self, token: str) -> str | None:
        try:
            return self._principal_of(token) if token and self._principal_of else None
        except CoatcheckError as error:  # a damaged file of tokens lets nobody in
            logger.warning("no token is known: %s", error)
            return None

    def _cookie_of(self, request: Request) -> str | None:
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(cookie_name(request))
        except CookieError:
            return None
        value = found.value if found else ""
        return value if value and _digest(value) in self._cookies else None

    def _is_bearer(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._name_of(token.strip()) is not None


def cookie_name(request: Request) -> str:
    """Return the name of the cookie: browsers share cookies among the ports of a host."""
    return f"{COOKIE}_{request.url.port or 80}"


def form_key(cookie: str) -> str:
    """Return what a form of the page must carry for this cookie."""
    return hashlib.sha256(b"form " + cookie.encode()).hexdigest() if cookie else ""


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that was sent, the last of each name; {} when it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100)
    return {name: values[-1] for name, values in fields.items()}


def refusal(said: str, status: int = 401) -> Response:
    """Return the answer to a request that is not let in."""
    return asked(said, status)


def asked(said: str, status: int = 200) -> Response:
    """Return the page that asks for a token."""
    form = tag(
        "form",
        field("Token (coatcheck token new NAME makes one)", "token", "", type="password"),
        tag("button", "Enter"),
        method="post",
        action=ENTER,
    )
    page = bare("Enter", tag("p", said) if said else None, form)
    response = as_page(page, status)
    if status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
