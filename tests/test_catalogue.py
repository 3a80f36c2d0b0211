"""Change a tools/list result: our tool last, no outputSchema where results are shortened."""

import json

from coatcheck import catalogue
from coatcheck.counting import TokenCounter
from coatcheck.types import Rule

TOOLS = [
    {
        "name": "a",
        "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}},
        "outputSchema": {"type": "object"},
        "x-vendor": 1.0,
    },
    {"name": "b", "outputSchema": {"x": 1}, "inputSchema": {"type": "object"}},
    {"name": "c", "inputSchema": {"type": "object", "properties": {}}},
]
LIST = json.dumps({"tools": TOOLS, "x-top": 1}).encode()


def changed(rule: Rule, result: bytes = LIST, **more: bool) -> list[dict[str, object]]:
    listing = catalogue.change(
        result, lambda _: rule, shortened=(), last_page=more.get("last_page", True)
    )
    tools: list[dict[str, object]] = json.loads(listing.result or result)["tools"]
    return tools


def test_our_tool_stands_last_and_output_schemas_are_gone() -> None:
    tools = changed(Rule())
    assert [t["name"] for t in tools] == ["a", "b", "c", "fetch_artifact"]
    assert not any("outputSchema" in t for t in tools)


def test_every_other_byte_stays_as_received() -> None:
    raw = b'{"tools":[ {"name":"a","n":1E5,"inputSchema":{"type" : "object"}} ] , "z":0.10}'
    listing = catalogue.change(raw, lambda _: Rule(), shortened=(), last_page=True)
    assert listing.result
    tool = catalogue.fetch_tool(always_load=False)
    assert listing.result.replace(b"," + tool, b"") == raw


def test_with_every_tool_off_nothing_changes() -> None:
    listing = catalogue.change(LIST, lambda _: Rule(mode="off"), shortened=(), last_page=True)
    assert listing.result is None


def test_schema_mode_keeps_the_output_schema() -> None:
    assert "outputSchema" in changed(Rule(mode="schema"))[0]


def test_our_tool_is_not_on_a_page_that_is_not_the_last() -> None:
    assert [t["name"] for t in changed(Rule(), last_page=False)] == ["a", "b", "c"]


def test_focus_is_offered_always_or_where_results_were_shortened_before() -> None:
    def offered(rule: Rule, shortened: tuple[str, ...] = ()) -> frozenset[str]:
        return catalogue.change(
            LIST, lambda _: rule, shortened=shortened, last_page=True
        ).with_focus

    assert offered(Rule(focus="always")) == {"a", "b", "c"}
    assert offered(Rule(focus="learned")) == frozenset()
    assert offered(Rule(focus="learned"), ("b",)) == {"b"}
    assert offered(Rule(focus="never"), ("b",)) == frozenset()


def test_an_offered_focus_joins_the_properties_of_the_tool() -> None:
    a, b, c, _ = changed(Rule(focus="always"))
    for tool in (a, b, c):
        schema = tool["inputSchema"]
        assert isinstance(schema, dict)
        assert "_focus" in schema["properties"]
    assert isinstance(a["inputSchema"], dict) and "q" in a["inputSchema"]["properties"]


def test_an_empty_list_gets_nothing_from_us() -> None:
    assert catalogue.change(b'{"tools":[]}', lambda _: Rule(), shortened=(), last_page=True) == (
        catalogue.Listing(None, frozenset(), frozenset(), "")
    )


def test_our_definition_costs_at_most_190_tokens() -> None:
    definition = json.dumps(catalogue.FETCH_TOOL, separators=(",", ":"), ensure_ascii=False)
    assert TokenCounter().count(definition).tokens <= 190


def test_always_load_is_asked_for_only_where_results_were_shortened_before() -> None:
    assert b"alwaysLoad" in catalogue.fetch_tool(always_load=True)
    assert b"alwaysLoad" not in catalogue.fetch_tool(always_load=False)
