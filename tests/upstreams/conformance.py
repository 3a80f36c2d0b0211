"""The server that the official conformance suite expects, on stdio or, with --http, over HTTP.

Its names and texts are those that the suite asks for; both eras. Over HTTP the port is written to
stdout.
"""

import hashlib
import hmac
import json
import socket
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
import uvicorn
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

warnings.simplefilter("ignore", MCPDeprecationWarning)

Context = ServerRequestContext[Any, Any]
Json = dict[str, Any]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8"
    "z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
KEY = b"of this fixture only"


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def resource(uri: str, kind: str, words: str) -> Json:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": words}}


IMAGE: Json = {"type": "image", "data": PNG, "mimeType": "image/png"}
CONTENTS: dict[str, list[Json]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
    "test_embedded_resource": [
        resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        resource(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ],
    "test_x_mcp_header": [text("the headers were right")],
    "json_schema_2020_12_tool": [text("the schema is what counts")],
}

# Elicitation, sampling and roots, as they are asked in either era.


def form(message: str, required: Sequence[str] = (), **properties: Json) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    params = {"message": message, "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def sample(words: str, tokens: int) -> Json:
    message = {"role": "user", "content": text(words)}
    params = {"messages": [message], "maxTokens": tokens}
    return {"method": "sampling/createMessage", "params": params}


STRING: Json = {"type": "string"}
NAME = form("What is your name?", ["name"], name=STRING)
ROOTS: Json = {"method": "roots/list", "params": {}}
CONFIRM = form("Please confirm", ["ok"], ok={"type": "boolean"})
THREE = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
ASKED: dict[str, Json] = {
    "test_elicitation": form(
        "",
        ["username", "email"],
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    ),
    "test_elicitation_sep1034_defaults": form(
        "Defaults of every kind",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        verified={"type": "boolean", "default": True},
    ),
    "test_elicitation_sep1330_enums": form(
        "Choices of every kind",
        untitledSingle={"type": "string", "enum": THREE},
        titledSingle={"type": "string", "oneOf": TITLED},
        legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
        untitledMulti={"type": "array", "items": {"type": "string", "enum": THREE}},
        titledMulti={"type": "array", "items": {"anyOf": TITLED}},
    ),
}
# What the server without sessions asks for, round by round.
ROUNDS: dict[str, list[dict[str, Json]]] = {
    "test_input_required_result_elicitation": [{"user_name": NAME}],
    "test_input_required_result_sampling": [
        {"capital_question": sample("What is the capital of France?", 100)}
    ],
    "test_input_required_result_list_roots": [{"client_roots": ROOTS}],
    "test_input_required_result_request_state": [{"confirm": CONFIRM}],
    "test_input_required_result_tampered_state": [{"confirm": CONFIRM}],
    "test_input_required_result_multiple_inputs": [
        {"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS}
    ],
    "test_input_required_result_multi_round": [
        {"step1": form("Step 1: What is your name?", ["name"], name=STRING)},
        {"step2": form("Step 2: What is your favorite color?", ["color"], color=STRING)},
    ],
    "test_input_required_result_capabilities": [
        {"name": NAME, "sampled": sample("Say hello", 20), "roots": ROOTS}
    ],
    "test_streaming_elicitation": [{"user_name": NAME}],
    "test_input_required_result_prompt": [
        {"user_context": form("What context?", ["context"], context=STRING)}
    ],
}
STATELESS = {
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_prompt",
}
SCHEMAS: dict[str, Json] = {
    "test_elicitation": {"message": STRING},
    "test_x_mcp_header": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
    },
    "test_sampling": {"prompt": STRING},
}
WIDE_SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": STRING, "city": STRING},
        }
    },
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

bus = InMemorySubscriptionBus()


async def list_tools(ctx: Context, params: Any) -> types.ListToolsResult:
    names = [*CONTENTS, *ASKED, *ROUNDS, *OTHERS, "test_error_handling"]
    tools = [
        {
            "name": name,
            "description": f"Tool {name} of the conformance suite",
            "inputSchema": WIDE_SCHEMA
            if name == "json_schema_2020_12_tool"
            else {"type": "object", "properties": SCHEMAS.get(name, {})},
        }
        for name in names
        if name != "test_input_required_result_prompt"
    ]
    return types.ListToolsResult.model_validate({"tools": tools, **HINTS})


HINTS = {"ttlMs": 0, "cacheScope": "public"}


async def call_tool(
    ctx: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    name, arguments = params.name, params.arguments or {}
    if name in CONTENTS:
        return said(*CONTENTS[name])
    if name in ROUNDS:
        responses = params.input_responses
        wanted = next_round(ctx, name, responses, params.request_state)
        return wanted or said(text(f"state-ok, Hello {dumped(responses)}"))
    if name in ASKED:
        return said(text(await asked(ctx, name, arguments)))
    if name == "test_error_handling":
        words = "This tool intentionally returns an error for testing"
        return types.CallToolResult.model_validate({"content": [text(words)], "isError": True})
    if name not in OTHERS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {name}")
    return said(text(await OTHERS[name](ctx, arguments)))


def said(*content: Json) -> types.CallToolResult:
    return types.CallToolResult.model_validate({"content": list(content)})


def dumped(responses: Mapping[str, Any] | None) -> str:
    return json.dumps(responses, default=lambda model: model.model_dump(mode="json"))


def next_round(
    ctx: Context, name: str, responses: Mapping[str, Any] | None, state: str | None
) -> types.InputRequiredResult | None:
    """Return what is still to be asked, None if all is answered."""
    done = opened(state)
    rounds = ROUNDS[name]
    if responses is not None and rounds[done].keys() <= responses.keys():
        done += 1
    if name == "test_input_required_result_capabilities" and responses is not None:
        return None
    if done == len(rounds):
        return None
    able = ctx.session.client_capabilities or types.ClientCapabilities()
    capable = {
        "elicitation/create": able.elicitation,
        "sampling/createMessage": able.sampling,
        "roots/list": able.roots,
    }
    wanted = {
        key: request
        for key, request in rounds[done].items()
        if name != "test_input_required_result_capabilities"
        or capable[request["method"]] is not None
    }
    table: Json = {"resultType": "input_required", "inputRequests": wanted}
    if name not in STATELESS:
        table["requestState"] = sealed(done)
    return types.InputRequiredResult.model_validate(table)


def sealed(done: int) -> str:
    return f"{done}." + hmac.new(KEY, b"%d" % done, hashlib.sha256).hexdigest()


def opened(state: str | None) -> int:
    if state is None:
        return 0
    number = state.partition(".")[0]
    if not number.isdigit() or not hmac.compare_digest(sealed(int(number)), state):
        raise MCPError(types.INVALID_PARAMS, "the requestState is not one of ours")
    return int(number)


async def asked(ctx: Context, name: str, arguments: Json) -> str:
    params = ASKED[name]["params"]
    message = arguments.get("message", params["message"])
    result = await ctx.session.elicit_form(message, params["requestedSchema"], ctx.request_id)
    content = json.dumps(result.content)
    if name == "test_elicitation":
        return f"User response: action={result.action}, content={content}"
    return f"Elicitation completed: action={result.action}, content={content}"


async def log(ctx: Context, arguments: Json) -> str:
    for words in ("execution started", "processing data", "execution completed"):
        await ctx.session.send_log_message("info", f"Tool {words}", None, ctx.request_id)
        await anyio.sleep(0.05)
    return "logged"


async def progress(ctx: Context, arguments: Json) -> str:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return "done"


async def sampled(ctx: Context, arguments: Json) -> str:
    content = types.TextContent(type="text", text=arguments["prompt"])
    message = types.SamplingMessage(role="user", content=content)
    answer = await ctx.session.create_message(
        [message], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {answer.content}"


async def missing(ctx: Context, arguments: Json) -> str:
    able = ctx.session.client_capabilities
    if able is None or able.sampling is None:
        data: Json = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", data)
    return "sampling is there"


async def reconnect(ctx: Context, arguments: Json) -> str:
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
        await anyio.sleep(0.1)
    return "came back"


async def change_tools(ctx: Context, arguments: Json) -> str:
    await bus.publish(ToolsListChanged())
    return "changed"


async def change_prompts(ctx: Context, arguments: Json) -> str:
    await bus.publish(PromptsListChanged())
    return "changed"


OTHERS: dict[str, Callable[[Context, Json], Awaitable[str]]] = {
    "test_tool_with_logging": log,
    "test_logging_tool": log,
    "test_tool_with_progress": progress,
    "test_sampling": sampled,
    "test_missing_capability": missing,
    "test_reconnection": reconnect,
    "test_trigger_tool_change": change_tools,
    "test_trigger_prompt_change": change_prompts,
}

# Resources and prompts

RESOURCES = {
    "test://static-text": ("text/plain", "This is the content of the static text resource."),
    "test://static-binary": ("image/png", PNG),
    "test://watched-resource": ("text/plain", "This one is watched."),
}
PROMPTS: dict[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


async def list_resources(ctx: Context, params: Any) -> types.ListResourcesResult:
    resources = [
        {"uri": uri, "name": uri.partition("://")[2], "description": uri, "mimeType": kind}
        for uri, (kind, _) in RESOURCES.items()
    ]
    return types.ListResourcesResult.model_validate({"resources": resources, **HINTS})


async def list_templates(ctx: Context, params: Any) -> types.ListResourceTemplatesResult:
    template = {
        "uriTemplate": "test://template/{id}/data",
        "name": "template",
        "description": "A resource with a parameter",
        "mimeType": "application/json",
    }
    return types.ListResourceTemplatesResult.model_validate(
        {"resourceTemplates": [template], **HINTS}
    )


async def read_resource(
    ctx: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = str(params.uri)
    content: Json = {"uri": uri}
    if uri.startswith("test://template/") and uri.endswith("/data"):
        number = uri.split("/")[3]
        table = {"id": number, "templateTest": True, "data": f"Data for ID: {number}"}
        content |= {"mimeType": "application/json", "text": json.dumps(table)}
    elif uri in RESOURCES:
        kind, body = RESOURCES[uri]
        content |= {"mimeType": kind, "blob" if kind == "image/png" else "text": body}
    else:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return types.ReadResourceResult.model_validate({"contents": [content], **HINTS})


async def nothing(ctx: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def list_prompts(ctx: Context, params: Any) -> types.ListPromptsResult:
    prompts = [
        {
            "name": name,
            "description": f"Prompt {name} of the conformance suite",
            "arguments": [
                {"name": argument, "description": argument, "required": True} for argument in wanted
            ],
        }
        for name, wanted in PROMPTS.items()
    ]
    return types.ListPromptsResult.model_validate({"prompts": prompts, **HINTS})


async def get_prompt(
    ctx: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    name, given = params.name, params.arguments or {}
    contents = {
        "test_simple_prompt": [text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            resource(
                given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."
            ),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [IMAGE, text("Please analyze the image above.")],
        "test_input_required_result_prompt": [text(dumped(params.input_responses))],
    }
    if name not in contents:
        raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {name}")
    if name in ROUNDS and (wanted := next_round(ctx, name, params.input_responses, None)):
        return wanted
    messages = [{"role": "user", "content": content} for content in contents[name]]
    return types.GetPromptResult.model_validate({"messages": messages})


async def complete(ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    completion = {"values": ["testing", "tested"], "total": 2, "hasMore": False}
    return types.CompleteResult.model_validate({"completion": completion})


class Events(EventStore):
    """Every event, for as long as the process lives."""

    def __init__(self) -> None:
        self.events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str:
        after = int(last_event_id)
        stream_id = self.events[after - 1][0]
        for number, (its_id, message) in enumerate(self.events[after:], after + 1):
            if its_id == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id


server: Server[Any] = Server(
    "conformance-fixture",
    version="1.0.0",
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    on_list_resources=list_resources,
    on_list_resource_templates=list_templates,
    on_read_resource=read_resource,
    on_subscribe_resource=nothing,
    on_unsubscribe_resource=nothing,
    on_subscriptions_listen=ListenHandler(bus),
    on_list_prompts=list_prompts,
    on_get_prompt=get_prompt,
    on_completion=complete,
    on_set_logging_level=nothing,
)


async def over_stdio() -> None:
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def over_http() -> None:
    app = server.streamable_http_app(event_store=Events(), retry_interval=200)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)  # noqa: T201 # who started us reads it
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    anyio.run(over_http if sys.argv[1:] == ["--http"] else over_stdio)
