"""One server with every feature that may pass, in either era, over each transport.

eras.py handshake|modern|vetoed [--http | --sse]

handshake and modern know only that; vetoed is modern too, but its first request settles for good
what it takes the client for. Over HTTP and SSE the port is written to stdout.
"""

import os
import socket
import sys
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import mcp_types as types
import uvicorn
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.runner import modern_on_request, serve_loop
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

warnings.simplefilter("ignore")
MODERN = "2026-07-28"
URI = "test://watched"
VERSION_HEADER = b"mcp-protocol-version"
ANSWER = {"type": "object", "properties": {"answer": {"type": "string"}}}
QUESTION = types.ElicitRequestFormParams(message="which?", requested_schema=ANSWER)
PROMPT = types.CreateMessageRequestParams(
    messages=[types.SamplingMessage(role="user", content=types.TextContent(text="say"))],
    max_tokens=9,
)
BUS = InMemorySubscriptionBus()
STATE = {"cancelled": 0}

Result = types.CallToolResult | types.InputRequiredResult


def said(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)])


def is_modern(ctx: Any) -> bool:
    return bool(ctx.protocol_version == MODERN)


async def progress(ctx: Any, arguments: dict[str, Any]) -> Result:
    for step in range(1, int(arguments["steps"]) + 1):
        await ctx.session.report_progress(step, total=float(arguments["steps"]))
    return said("done")


async def wait(ctx: Any, _arguments: dict[str, Any]) -> Result:
    await ctx.session.report_progress(1)
    try:
        await anyio.sleep_forever()
    finally:
        STATE["cancelled"] += 1
    raise AssertionError


async def required(ctx: Any, params: Any, request: Any) -> Any:
    """Return the answer to request, or the result that asks for it."""
    if not is_modern(ctx):
        kind = types.ElicitResult if "elicit" in request.method else types.CreateMessageResult
        if request.method == "roots/list":
            return await ctx.session.list_roots()
        return await ctx.session.send_request(request, kind)
    if params.input_responses:
        assert params.request_state == "state 1"
        return params.input_responses["q"]
    return types.InputRequiredResult(input_requests={"q": request}, request_state="state 1")


async def elicit(ctx: Any, params: Any) -> Result:
    found = await required(ctx, params, types.ElicitRequest(params=QUESTION))
    if isinstance(found, types.InputRequiredResult):
        return found
    return said(f"{found.action} {found.content}")


async def link(ctx: Any, params: Any) -> Result:
    asked = types.ElicitRequestURLParams(
        message="open", url="https://a.example/", elicitation_id="e1"
    )
    found = await required(ctx, params, types.ElicitRequest(params=asked))
    return found if isinstance(found, types.InputRequiredResult) else said(str(found.action))


async def sample(ctx: Any, params: Any) -> Result:
    found = await required(ctx, params, types.CreateMessageRequest(params=PROMPT))
    return found if isinstance(found, types.InputRequiredResult) else said(found.content.text)


async def roots(ctx: Any, params: Any) -> Result:
    found = await required(ctx, params, types.ListRootsRequest())
    if isinstance(found, types.InputRequiredResult):
        return found
    return said(" ".join(str(root.uri) for root in found.roots))


async def stubborn(ctx: Any, params: Any) -> Result:
    """Ask for input again and again."""
    asked = types.ElicitRequest(params=QUESTION)
    return types.InputRequiredResult(input_requests={"q": asked})


async def add(ctx: Any, _arguments: dict[str, Any]) -> Result:
    TOOLS.append(f"added_{len(TOOLS)}")
    if is_modern(ctx):
        await BUS.publish(ToolsListChanged())
    else:
        await ctx.session.send_tool_list_changed()
    return said(TOOLS[-1])


async def touch(ctx: Any, _arguments: dict[str, Any]) -> Result:
    if is_modern(ctx):
        await BUS.publish(ResourceUpdated(uri=URI))
    else:
        await ctx.session.send_resource_updated(URI)
    return said("touched")


async def fail(_ctx: Any, _arguments: dict[str, Any]) -> Result:
    raise MCPError(-32055, "no such thing", {"n": 1})


async def wrong(_ctx: Any, _arguments: dict[str, Any]) -> Result:
    return types.CallToolResult(content=[types.TextContent(text="wrong")], is_error=True)


async def big(_ctx: Any, arguments: dict[str, Any]) -> Result:
    return said("0123456789abcde\n" * (int(arguments["bytes"]) // 16))


async def cancelled(_ctx: Any, _arguments: dict[str, Any]) -> Result:
    return said(str(STATE["cancelled"]))


async def log(ctx: Any, _arguments: dict[str, Any]) -> Result:
    await ctx.session.send_log_message("info", "logged", related_request_id=ctx.request_id)
    return said("said")


async def rows(_ctx: Any, _arguments: dict[str, Any]) -> Result:
    """Return what is no object, which only the modern era allows."""
    return types.CallToolResult(content=[], structured_content=[1, 2])


async def who(ctx: Any, _arguments: dict[str, Any]) -> Result:
    found, params = ctx.session.client_capabilities, ctx.session.client_params
    can = sorted(found.model_dump(exclude_none=True)) if found else []
    return said(" ".join([ctx.protocol_version, params.client_info.name if params else "-", *can]))


async def die(_ctx: Any, _arguments: dict[str, Any]) -> Result:
    os._exit(3)


async def echo(_ctx: Any, arguments: dict[str, Any]) -> Result:
    return said(str(arguments.get("text", "")))


ASKING: dict[str, Callable[[Any, Any], Awaitable[Result]]] = {
    "elicit": elicit,
    "link": link,
    "sample": sample,
    "roots": roots,
    "stubborn": stubborn,
}
DOING: dict[str, Callable[[Any, dict[str, Any]], Awaitable[Result]]] = {
    "add": add,
    "big": big,
    "cancelled": cancelled,
    "die": die,
    "echo": echo,
    "fail": fail,
    "log": log,
    "progress": progress,
    "rows": rows,
    "touch": touch,
    "wait": wait,
    "who": who,
    "wrong": wrong,
}
TOOLS = [*ASKING, *DOING]


async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> Result:
    if params.name in ASKING:
        return await ASKING[params.name](ctx, params)
    return await DOING[params.name](ctx, params.arguments or {})


def tool(name: str, *, rows: bool) -> types.Tool:
    schema = {"type": "array"} if rows else None
    return types.Tool(name=name, input_schema={"type": "object"}, output_schema=schema)


async def list_tools(ctx: Any, _params: Any) -> types.ListToolsResult:
    rows = is_modern(ctx)
    return types.ListToolsResult(tools=[tool(n, rows=rows and n == "rows") for n in TOOLS])


async def list_resources(_ctx: Any, _params: Any) -> types.ListResourcesResult:
    return types.ListResourcesResult(resources=[types.Resource(uri=URI, name="watched")])


async def read_resource(_ctx: Any, params: Any) -> types.ReadResourceResult:
    text = types.TextResourceContents(uri=params.uri, text="watched text")
    return types.ReadResourceResult(contents=[text])


async def list_prompts(_ctx: Any, _params: Any) -> types.ListPromptsResult:
    return types.ListPromptsResult(prompts=[types.Prompt(name="greet")])


async def get_prompt(_ctx: Any, _params: Any) -> types.GetPromptResult:
    words = types.TextContent(text="hello")
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=words)])


async def nothing(_ctx: Any, _params: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def veto(ctx: Any, call_next: Any) -> Any:
    if ctx.method == "initialize":
        raise MCPError(-32022, "no handshake", {"supported": [MODERN], "requested": "?"})
    return await call_next(ctx)


def server(era: str) -> Server[Any]:
    made: Server[Any] = Server(
        "eras",
        version="7",
        instructions="how to use it",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_subscribe_resource=nothing,
        on_unsubscribe_resource=nothing,
        on_set_logging_level=nothing,
        on_subscriptions_listen=ListenHandler(BUS),
    )
    if era == "vetoed":
        made.middleware.append(veto)
    return made


async def serve(made: Server[Any], era: str, read: Any, write: Any) -> None:
    """Serve one connection that is a pair of streams."""
    options = made.create_initialization_options(NotificationOptions(tools_changed=True))
    if era == "vetoed":
        await made.run(read, write, options)
    elif era == "handshake":
        await serve_loop(made, read, write, lifespan_state={}, init_options=options)
    else:
        dispatcher: JSONRPCDispatcher[Any] = JSONRPCDispatcher(read, write)
        await dispatcher.run(modern_on_request(made, {}), nobody)


async def nobody(_dctx: Any, _method: str, _params: Any) -> None:
    pass


class OneEra:
    """Answers what is of the other era as servers do that know only one."""

    def __init__(self, app: ASGIApp, era: str) -> None:
        self._app = app
        self._era = era

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            version = headers.get(VERSION_HEADER, b"").decode()
            if self._era == "handshake" and version == MODERN:
                text = f"Bad Request: Unsupported protocol version: {version}"
                error = {"jsonrpc": "2.0", "error": {"code": -32000, "message": text}, "id": None}
                await JSONResponse(error, 400)(scope, receive, send)
                return
            if self._era != "handshake" and version != MODERN:
                scope["headers"] = [*headers.items(), (VERSION_HEADER, MODERN.encode())]
        await self._app(scope, receive, send)


def sse_app(made: Server[Any], era: str) -> Starlette:
    transport = SseServerTransport("/messages/")

    async def connect(request: Request) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as pair:
            await serve(made, era, *pair)
        return Response()

    post = Mount("/messages/", app=transport.handle_post_message)
    return Starlette(routes=[Route("/sse", connect), post])


async def web(app: ASGIApp) -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve([bound])


async def main() -> None:
    era, *transport = sys.argv[1:]
    made = server(era)
    if transport == ["--http"]:
        await web(OneEra(made.streamable_http_app(), era))
    elif transport == ["--sse"]:
        await web(sse_app(made, era))
    else:
        async with stdio_server() as pair:
            await serve(made, era, *pair)


anyio.run(main)
