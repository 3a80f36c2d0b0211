"""The server of the conformance suite as one that knows only the revision of 2026-07-28, on stdio.

What its tools ask of the client becomes a result that lacks input; a tool is run again with it.
"""

from contextvars import ContextVar
from typing import Any

import anyio
from conformance import Context, call_tool, server
from mcp import types
from mcp.server.runner import modern_on_request
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher

GIVEN: ContextVar[types.InputResponses | None] = ContextVar("GIVEN")


class Lacking(BaseException):
    """A tool asks what is not known yet."""


async def send_request(_session: Any, request: Any, *_more: Any, **_options: Any) -> Any:
    given = GIVEN.get()
    if not given:
        raise Lacking(request)
    return given["asked"]


async def call(
    ctx: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    GIVEN.set(params.input_responses)
    try:
        return await call_tool(ctx, params)
    except Lacking as lacking:
        return types.InputRequiredResult(input_requests={"asked": lacking.args[0]})


async def ignore(_context: Any, _method: str, _params: Any) -> None:
    pass


async def main() -> None:
    async with stdio_server() as (incoming, outgoing):
        dispatcher: JSONRPCDispatcher[Any] = JSONRPCDispatcher(incoming, outgoing)
        await dispatcher.run(modern_on_request(server, {}), ignore)


ServerSession.send_request = send_request  # type: ignore[assignment, method-assign]  # as above
server.add_request_handler("tools/call", types.CallToolRequestParams, call)
anyio.run(main)
