"""Prune a structured result to a smaller one that its output schema still allows."""

import json

import jsonschema
import pytest
from fakes import ListLedger, MemoryArtifacts

from coatcheck import reducers
from coatcheck.desk import Desk
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Rule, Session

ITEM = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
SCHEMA = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "minItems": 3, "items": ITEM},
        "next": {"type": "string"},
    },
}
ROWS = [{"id": n, "name": f"the name of item {n}"} for n in range(2_000)]
VALUE = {"items": ROWS, "next": "c-77af", "page": {"tags": ["a", "b"]}}


def result_of(value: object) -> bytes:
    content = [{"type": "text", "text": json.dumps(value)}]
    return json.dumps({"content": content, "structuredContent": value}).encode()


def desk_with(schema: object, artifacts: MemoryArtifacts | None = None) -> Desk:
    kept = artifacts or MemoryArtifacts()
    pipeline = Pipeline(kept, reducers.reduce, clip.reduce)
    rule = Rule(mode="schema")
    desk = Desk("up", Session("s"), lambda _: rule, pipeline, ListLedger())
    tool = {"name": "list", "inputSchema": {"type": "object"}, "outputSchema": schema}
    desk.revise("tools/list", None, json.dumps({"tools": [tool]}).encode(), 0.0)
    return desk


def sent_of(desk: Desk, value: object) -> dict[str, object] | None:
    call, _ = desk.take({"name": "list"}, b'{"name":"list"}')
    sent = desk.revise("tools/call", call, result_of(value), 0.0)
    return None if sent is None else dict(json.loads(sent))


def test_a_pruned_result_is_valid_smaller_and_says_what_is_left_out() -> None:
    kept = MemoryArtifacts()
    sent = sent_of(desk_with(SCHEMA, kept), VALUE)
    assert sent is not None
    value = sent["structuredContent"]
    assert isinstance(value, dict)
    jsonschema.validate(value, SCHEMA)
    shown = value["items"]
    assert shown == ROWS[: len(shown)] and 3 <= len(shown) < 200
    (ref,) = kept.kept
    assert next(iter(value)) == "_coatcheck"
    assert f"items: {len(shown)} of 2,000 items shown" in value["_coatcheck"]
    assert f'fetch_artifact(ref="{ref}")' in value["_coatcheck"]
    assert value["next"] == "c-77af"
    content = sent["content"]
    assert isinstance(content, list) and json.loads(content[0]["text"]) == value
    assert kept.get(ref).result == result_of(VALUE)


@pytest.mark.parametrize(
    "schema",
    [
        {**SCHEMA, "additionalProperties": False},
        {**SCHEMA, "properties": {"items": {"type": "array", "minItems": 2_000}}},
        {"type": "object", "properties": {"items": {"type": "array", "maxItems": 1}}},
    ],
    ids=["no place for a notice", "no item may go", "never valid"],
)
def test_what_cannot_be_pruned_passes_as_received(schema: object) -> None:
    assert sent_of(desk_with(schema), VALUE) is None


def test_a_small_or_failed_result_passes() -> None:
    assert sent_of(desk_with(SCHEMA), {"items": ROWS[:3], "next": ""}) is None
    desk = desk_with(SCHEMA)
    call, _ = desk.take({"name": "list"}, b'{"name":"list"}')
    failed = result_of(VALUE)[:-1] + b',"isError":true}'
    assert desk.revise("tools/call", call, failed, 0.0) is None


def test_a_store_that_is_full_lets_the_result_pass() -> None:
    assert sent_of(desk_with(SCHEMA, MemoryArtifacts(full=True)), VALUE) is None
