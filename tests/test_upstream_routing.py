"""The headers that repeat what a message says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import (
    classify_inbound_request,
    decode_header_value,
    validate_mcp_param_headers,
)

from coatcheck import wire
from coatcheck_adapters.upstreams.routing import Routing, encoded, version_of

VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        "where": {
            "type": "object",
            "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}},
        },
        "free": {"type": "string"},
    },
}


def message(method: str, **params: Any) -> wire.Message:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    return wire.read(json.dumps(body).encode())


def learned(schema: object) -> Routing:
    routing = Routing()
    tools = [{"name": "deploy", "inputSchema": schema}, {"name": 5}, "nonsense"]
    routing.learn(json.dumps({"result": {"tools": tools}}).encode())
    return routing


ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "region": st.text() | st.none(),
        "count": st.integers() | st.floats(allow_nan=False) | st.none(),
        "dry": st.booleans() | st.none(),
        "where": st.fixed_dictionaries({"zone": st.text()}) | st.text(),
        "free": st.text(),
    },
)


@given(ARGUMENTS)
def test_a_server_of_the_sdk_accepts_the_headers_of_any_arguments(
    arguments: dict[str, Any],
) -> None:
    called = message("tools/call", name="deploy", arguments=arguments)
    headers = learned(SCHEMA).headers(called, VERSION)
    lower = {key.lower(): value for key, value in headers.items()}
    body = json.loads(called.line)
    assert not hasattr(classify_inbound_request(body, headers=lower), "code")
    arrived = body["params"]["arguments"]
    assert validate_mcp_param_headers(SCHEMA, arrived, headers) is None


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", {"name": "a"}, "a"),
        ("prompts/get", {"name": "später"}, "=?base64?c3DDpHRlcg==?="),
        ("resources/read", {"uri": "file:///a b"}, "file:///a b"),
        ("tools/list", {"name": "a"}, None),
        ("tools/call", {"name": 5}, None),
    ],
)
def test_a_request_says_what_it_names(method: str, params: dict[str, Any], name: str) -> None:
    headers = Routing().headers(message(method, **params), VERSION)
    assert headers["Mcp-Method"] == method
    assert headers.get("Mcp-Name") == name


@given(st.text())
def test_any_text_survives_a_header(text: str) -> None:
    header = encoded(text)
    assert header.isascii()
    assert header.isprintable()
    assert header == header.strip()
    assert decode_header_value(header) == text


def test_a_schema_that_marks_nothing_useful_adds_no_header() -> None:
    odd = {"properties": {"a": {"x-mcp-header": "two words"}, "b": {"x-mcp-header": 5}, "c": True}}
    called = message("tools/call", name="deploy", arguments={"a": "x", "b": "y"})
    assert not [key for key in learned(odd).headers(called, VERSION) if "Param" in key]
    for answer in (b"{", b'{"x-mcp-header":1}', b'["x-mcp-header"]'):
        Routing().learn(answer)


def test_a_request_of_the_handshake_era_carries_no_version() -> None:
    assert version_of(message("tools/list")) == VERSION
    text = b'{"id":1,"method":"x","params":{"a":"io.modelcontextprotocol/protocolVersion"}}'
    assert version_of(wire.read(text)) == ""
