"""Build the one application: MCP, a sign of life, and the routes that are added."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from coatcheck.protocols import Connect
from coatcheck.types import HttpSettings
from coatcheck.web.endpoint import Endpoint
from coatcheck.web.guard import Guard, PrincipalOf
from coatcheck.web.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Served:
    """The application, and the sessions behind it."""

    app: Starlette
    sessions: Sessions


@asynccontextmanager
async def serving(
    connect: Connect,
    settings: HttpSettings,
    *,
    names: Collection[str],
    principal_of: PrincipalOf | None = None,
    routes: Sequence[BaseRoute] = (),
) -> AsyncIterator[Served]:
    """Give the application for as long as its connections may live.

    names are the hosts under which it may be asked; principal_of None asks for no token. routes
    come behind the same checks as everything else.
    """
    async with asyncio.TaskGroup() as tasks:
        sessions = Sessions(connect, tasks, settings)
        endpoint = Endpoint(sessions, settings)

        async def healthz(_: Request) -> JSONResponse:
            return JSONResponse({"status": "ok", "sessions": len(sessions)})

        own = [
            Route("/mcp", endpoint),
            Route("/mcp/", endpoint),  # both, or one would be answered with a redirect
            Route("/healthz", healthz),
        ]
        guard = Middleware(Guard, names=names, principal_of=principal_of)
        app = Starlette(routes=[*own, *routes], middleware=[guard])
        try:
            yield Served(app, sessions)
        finally:
            sessions.end()
