"""Build the way to an upstream that is a URL."""

import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coatcheck import __version__
from coatcheck.cli.place import Place
from coatcheck.config import Upstream, resolve
from coatcheck.types import ConfigError

if TYPE_CHECKING:
    from asyncio import TaskGroup

    from coatcheck_adapters.upstreams.channel import Endpoint
    from coatcheck_adapters.upstreams.logins import Logins
    from coatcheck_adapters.upstreams.url import UrlUpstream


def url_upstream(settings: Upstream, endpoint: "Endpoint", tasks: "TaskGroup") -> "UrlUpstream":
    """Return the upstream at an endpoint; nothing is sent yet."""
    from coatcheck_adapters.upstreams.url import UrlUpstream  # imports an HTTP client

    agent = f"coatcheck/{__version__}"
    return UrlUpstream(endpoint, tasks, transport=settings.transport, agent=agent)


def endpoint_of(
    at: Place,
    settings: Upstream,
    more: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> "Endpoint":
    """Return where an upstream is, with its headers from the environment, or its login.

    more are further headers; `${NAME}` in them is resolved too. Raises: ConfigError.
    """
    from coatcheck_adapters.upstreams.channel import Endpoint
    from coatcheck_adapters.upstreams.tokens import Tokens

    name, url = settings.name, checked(settings.url, f"the url of upstream {settings.name!r}")
    headers = headers_of(at, settings, more, environ)
    if any(key.lower() == "authorization" for key in headers):
        text = "does not accept the Authorization header (HTTP 401); renew its variable"
        return Endpoint(name, url, headers, login=text)
    command = f"coatcheck login {login_words(at, settings)}"
    text = f"wants a login (HTTP 401); run `{command}` in a terminal, then call again"
    return Endpoint(name, url, headers, Tokens(logins_of(at), name, url), text)


def headers_of(
    at: Place,
    settings: Upstream,
    more: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the headers of an upstream with what the environment holds. Raises: ConfigError."""
    where = f"{at.config.path or 'run'}: upstreams.{settings.name}.headers"
    headers = resolve(settings.headers, environ, where)
    headers |= resolve(more or {}, environ, "run: a header")
    for key, value in headers.items():
        if not (key.isascii() and value.isascii() and (key + value).isprintable()):
            raise ConfigError(
                f"{where}: {key} holds a character that no header may; correct its variable"
            )
    return headers


def logins_of(at: Place) -> "Logins":
    """Return the logins kept at a place."""
    from coatcheck_adapters.upstreams.logins import Logins

    return Logins(at.home / "logins")


def login_words(at: Place, settings: Upstream) -> str:
    """Return what follows `coatcheck login`."""
    known = at.config.upstreams.get(settings.name)
    more = "" if known and known.url == settings.url else f" --url {shlex.quote(settings.url)}"
    return settings.name + more


def checked(url: str, where: str) -> str:
    """Return url if it can be one of a server. Raises: ConfigError."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or any(letter.isspace() for letter in url):
        raise ConfigError(f"{where} is not an address of a server; write it as https://host/path")
    return url
