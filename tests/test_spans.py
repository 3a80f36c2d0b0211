"""Find and cut the members of raw JSON without changing a byte of the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import spans

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=6)
ODD = rb' { "a" : 1E5 , "b":[1, {"x":"]}"} ,"c\"\u00e9"], "c":{"d":0.10}, "a":2 } '


def test_members_come_with_their_exact_bytes() -> None:
    found = [(m.key, ODD[m.start : m.end]) for m in spans.members(ODD)]
    assert found == [
        ("a", b"1E5"),
        ("b", rb'[1, {"x":"]}"} ,"c\"\u00e9"]'),
        ("c", b'{"d":0.10}'),
        ("a", b"2"),
    ]


def test_the_last_of_duplicate_members_is_meant() -> None:
    found = spans.member(ODD, "a")
    assert found and ODD[found.start : found.end] == b"2"


@given(OBJECTS, st.data())
def test_dropping_members_leaves_the_others_unchanged(
    value: dict[str, object], data: st.DataObject
) -> None:
    keys = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else set()
    for indent in (None, 1):
        raw = json.dumps(value, indent=indent).encode()
        left = spans.apply(raw, spans.without(raw, keys))
        assert json.loads(left) == {k: v for k, v in value.items() if k not in keys}


@given(st.lists(JSON))
def test_items_are_the_items_of_the_array(value: list[object]) -> None:
    raw = json.dumps(value).encode()
    assert [json.loads(raw[a:b]) for a, b in spans.items(raw)] == value


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"a":1', b'"{}"', b'{"a":[}'])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(spans.NotJson):
        spans.members(raw)


def test_lone_surrogates_survive_parsing_and_writing() -> None:
    raw = rb'{"a":"cut \ud83d here"}'
    assert spans.dumps(spans.loads(raw)) == raw
