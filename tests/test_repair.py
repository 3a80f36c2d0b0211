"""A result that passes is changed where its client would lose some of it, and nowhere else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.clients import CLIENTS, UNKNOWN
from coatcheck.repair import repaired, suspects

CODEX, GEMINI, QWEN = CLIENTS["codex"], CLIENTS["gemini-cli"], CLIENTS["qwen"]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def result(*texts: str, **more: object) -> bytes:
    blocks = [{"type": "text", "text": text} for text in texts]
    return json.dumps({"content": blocks, **more}).encode()


@given(values, st.booleans())
def test_gemini_gets_every_value_as_an_object(value: Any, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    raw = result(text, _meta={"a": 1})
    changed = repaired(raw, GEMINI)
    if isinstance(value, dict):
        assert changed is None
    else:
        assert changed is not None and suspects(raw, GEMINI)
        body = json.loads(changed)
        assert json.loads(body["content"][0]["text"]) == {"result": value}
        assert body["_meta"] == {"a": 1}
        assert repaired(changed, GEMINI) is None


@pytest.mark.parametrize("text", ["2026-01-01 12:00", "[not JSON", "true story", "", "12 monkeys"])
def test_a_text_that_is_no_json_stays(text: str) -> None:
    assert repaired(result(text), GEMINI) is None


@pytest.mark.parametrize("text", ["error: no", "Error reading x", "ERROR 7"])
def test_an_error_that_says_so_stays(text: str) -> None:
    assert repaired(result(text, isError=True), CODEX) is None


def test_what_only_structured_content_holds_becomes_the_text_too() -> None:
    for client in (GEMINI, QWEN):
        for blocks in ([], [{"type": "image", "data": "x", "mimeType": "image/png"}]):
            raw = json.dumps({"content": blocks, "structuredContent": {"a": [1]}}).encode()
            body = json.loads(repaired(raw, client) or b"")
            assert body["content"][0] == {"type": "text", "text": '{"a": [1]}'}
            assert body["content"][1:] == blocks
            assert body["structuredContent"] == {"a": [1]}
    bare = b'{"structuredContent":{"a":1}}'
    assert json.loads(repaired(bare, QWEN) or b"")["content"][0]["text"] == '{"a":1}'


@pytest.mark.parametrize("raw", [result("[1]"), result("x", isError=True), b"[]", b"{", b"1"])
def test_a_client_that_loses_nothing_gets_it_as_received(raw: bytes) -> None:
    assert repaired(raw, UNKNOWN) is None
    assert not suspects(raw, UNKNOWN)


@given(st.binary(max_size=60))
def test_nothing_odd_is_changed(raw: bytes) -> None:
    for client in CLIENTS.values():
        assert repaired(raw, client) is None
