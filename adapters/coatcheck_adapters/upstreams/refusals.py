"""Say what was wrong with an exchange over HTTP, and what to do; never with a body or a secret."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_SCOPE = re.compile(r'insufficient_scope.*?\bscope="([\x20-\x21\x23-\x5b\x5d-\x7e]{1,400})"')
_STATUS = {
    400: "did not understand the request (HTTP 400); see that the url is that of an MCP endpoint",
    403: "refuses this (HTTP 403); see that your account, token and scopes allow it",
    404: "has nothing there (HTTP 404); correct the url",
    405: "does not take messages there (HTTP 405); correct the url",
    406: "does not answer in a form that MCP knows (HTTP 406); correct the url",
    408: "gave up waiting for the request (HTTP 408); call again if that is safe",
    413: "finds the request too large (HTTP 413); send less",
    421: "is not meant by that host name (HTTP 421); correct the url",
}


class Refused(Exception):
    """A request that got no answer; the text says where, what and what to do."""


class Broken(Refused):
    """A connection that failed before the answer was there."""


def place_of(url: str) -> str:
    """Return url without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def of_status(status: int, headers: Mapping[str, str]) -> str:
    """Say what a status other than 401 means."""
    if status == 429 or (status == 503 and "retry-after" in headers):
        wait = headers.get("retry-after", "")
        when = f"in {wait} s" if wait.isdigit() and len(wait) < 9 else "later"
        return f"gets too many requests (HTTP {status}); call again {when}"
    if 300 <= status < 400:
        to = headers.get("location", "")
        where = place_of(to) if to.startswith(("http://", "https://")) else "elsewhere"
        return f"redirects to {where} (HTTP {status}), which was not followed; correct the url"
    if status == 403 and (scope := _SCOPE.search(headers.get("www-authenticate", ""))):
        return f"asks for more (HTTP 403); log in again with --scope {scope[1]!r}"
    if status >= 500:
        return f"failed (HTTP {status}); the request was not repeated: call again if that is safe"
    return _STATUS.get(status, f"refused the request (HTTP {status})")


def of_kind(kind: str) -> str:
    """Say what an answer with a content type that is none of MCP's means."""
    shown = kind if kind and kind.isascii() and kind.isprintable() else "something"
    return f"answered with {shown[:60]} instead of MCP; correct the url"


def of_break(error: Exception, *, sent: bool) -> str:
    """Say what an error of the connection means."""
    if sent:
        return (
            f"ended the connection before it answered ({type(error).__name__}); the request was"
            " not repeated: call again if that is safe"
        )
    why = str(error) or type(error).__name__
    return (
        f"cannot be reached ({why}); nothing was sent. See that it runs and that the url is right"
    )
