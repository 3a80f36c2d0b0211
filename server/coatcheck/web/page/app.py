"""Join the page with its checks to one application."""

from collections.abc import Collection

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from coatcheck.web.guard import Guard, PrincipalOf
from coatcheck.web.page.door import Door
from coatcheck.web.page.routes import NotThere, refused, routes
from coatcheck.web.page.source import Source


def application(
    source: Source, names: Collection[str], once: str, principal_of: PrincipalOf | None = None
) -> Starlette:
    """Return the page of source as an application of its own.

    names are the hosts under which it may be asked; once is a token for one browser, principal_of
    knows the tokens that may be used again.
    """
    return Starlette(
        routes=[Route("/healthz", healthz), *routes(source)],
        exception_handlers={404: not_there},
        middleware=[
            Middleware(Guard, names=names, principal_of=None),
            Middleware(Door, once=once, principal_of=principal_of),
        ],
    )


def beside(front: ASGIApp, page: ASGIApp, paths: Collection[str]) -> ASGIApp:
    """Return both as one: the paths of the front are its own, all others the page's."""

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] not in paths
        await (page if is_page else front)(scope, receive, send)

    return both


async def not_there(request: Request, _: Exception) -> Response:
    """Answer for a path that is none of ours."""
    return refused(NotThere(f"There is no page {request.url.path} here."))


async def healthz(_: Request) -> JSONResponse:
    """Give a sign of life."""
    return JSONResponse({"status": "ok"})
