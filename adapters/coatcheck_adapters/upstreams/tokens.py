"""Send the token of a login with every request, and renew it when its time is over."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from urllib.parse import quote

import httpx2

from coatcheck.types import UpstreamError
from coatcheck_adapters.upstreams.logins import Login, Logins
from coatcheck_adapters.upstreams.refusals import Refused

RENEW_SECONDS = 15.0
# A token is renewed so long before its end; but not in the second half of a short life.
EARLY_SECONDS = 30.0


class Tokens(httpx2.Auth):
    """The login at one upstream, read anew when it changes; without one requests go as they are.

    A login at another URL is not used.
    """

    def __init__(self, logins: Logins, name: str, url: str) -> None:
        self._logins = logins
        self._name = name
        self._url = url
        self._lock = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Give the request its token; after a 401 renew that and give it again, once."""
        login = self._login()
        if login is None:
            yield request
            return
        if login.expires_at and login.expires_at - EARLY_SECONDS < time.time():
            login = await self._renewed(login) or login
        request.headers["Authorization"] = f"Bearer {login.access_token}"
        response = yield request
        if response.status_code == 401:
            newer = await self._renewed(login)
            if newer is not None:
                request.headers["Authorization"] = f"Bearer {newer.access_token}"
                yield request

    def _login(self) -> Login | None:
        login = self._logins.get(self._name)
        return login if login is not None and login.url == self._url else None

    async def _renewed(self, stale: Login) -> Login | None:
        """Return a newer login than stale, None if there is none. Raises: Refused."""
        try:
            async with self._lock, self._logins.locked(self._name):
                login = self._login()
                if login is None or login.access_token != stale.access_token:
                    return login  # another task, or another process, was first
                if not (login.refresh_token and login.token_url):
                    return None
                return await self._renew(login)
        except (TimeoutError, OSError, httpx2.HTTPError, UpstreamError) as error:
            kind = type(error).__name__
            raise Refused(
                f"wants a newer token, which could not be had ({kind}); call again later"
            ) from None

    async def _renew(self, login: Login) -> Login | None:
        form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
        if login.resource:
            form["resource"] = login.resource
        response = await post_form(login.token_url, form, login)
        if response.status_code in (400, 401):  # it is over; do not ask again
            self._logins.put(self._name, replace(login, refresh_token=""))
            return None
        if response.status_code != 200:
            raise httpx2.HTTPError("refused")
        newer = renewed(login, response)
        self._logins.put(self._name, newer)
        return newer


def renewed(login: Login, response: httpx2.Response) -> Login:
    """Return login with the tokens of a response. Raises: HTTPError if it has none."""
    try:
        found = response.json()
        token, seconds = str(found["access_token"]), found.get("expires_in")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise httpx2.HTTPError("not a token") from None
    expires_at = time.time() + seconds if isinstance(seconds, int | float) else 0.0
    refresh_token = str(found.get("refresh_token") or login.refresh_token)
    return replace(login, access_token=token, refresh_token=refresh_token, expires_at=expires_at)


async def post_form(url: str, form: dict[str, str], login: Login) -> httpx2.Response:
    """Post a form to an authorization server, as the client of a login. Raises: HTTPError."""
    auth = None
    if login.method == "client_secret_basic" and login.client_secret:
        # Both are encoded first. Source: RFC 6749, 2.3.1.
        auth = httpx2.BasicAuth(quote(login.client_id, ""), quote(login.client_secret, ""))
    form = {**form, "client_id": login.client_id}
    if login.method == "client_secret_post" and login.client_secret:
        form["client_secret"] = login.client_secret
    headers = {"Accept": "application/json"}
    async with httpx2.AsyncClient(timeout=RENEW_SECONDS, auth=auth) as client:
        return await client.post(url, data=form, headers=headers)


async def revoke(login: Login) -> bool:
    """Tell the authorization server that a login is over; tell whether it was told."""
    if not login.revocation_url:
        return False
    token = login.refresh_token or login.access_token
    try:
        response = await post_form(login.revocation_url, {"token": token}, login)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False
    return response.status_code == 200
