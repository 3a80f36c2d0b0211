"""Named fields of records are kept or dropped before the generic way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.reducers.fields import Fields, prune, reduce_by
from coatcheck.reducers.rawjson import Value, dumps, loads
from coatcheck.types import Aim

ROW = {
    "id": 7,
    "title": "A title",
    "url": "https://api.example/7",
    "html_url": "https://example/7",
    "user": {"id": 3, "login": "ann", "avatar_url": "https://example/a.png"},
    "labels": [{"name": "bug", "color": "red"}],
}
DOCUMENT = {"total_count": 1, "next_cursor": "c2", "took": 5, "items": [ROW]}


def rest(fields: Fields, value: object = DOCUMENT, focus: str = "") -> object:
    return json.loads(dumps(prune(loads(json.dumps(value)), fields, focus).value))


def test_dropped_fields_are_found_by_their_last_keys_with_wildcards() -> None:
    (row,) = rest(Fields(drop=("[!h]*_url", "url", "user.id", "labels")))["items"]  # type: ignore[index]
    assert row == {
        "id": 7,
        "title": "A title",
        "html_url": "https://example/7",
        "user": {"login": "ann"},
    }


def test_a_wildcard_stays_within_one_key() -> None:
    assert rest(Fields(drop=("items*",)), {"items": {"a": 1}, "b": 2}) == {"b": 2}
    assert rest(Fields(drop=("i*a",)), {"items": {"a": 1}, "b": 2}) == {
        "items": {"a": 1},
        "b": 2,
    }


def test_of_kept_fields_only_these_stay_with_an_id_cursors_and_totals() -> None:
    assert rest(Fields(keep=("title", "user.login"))) == {
        "total_count": 1,
        "next_cursor": "c2",
        "items": [{"id": 7, "title": "A title", "user": {"id": 3, "login": "ann"}}],
    }


def test_a_kept_object_keeps_what_is_in_it_but_for_what_is_dropped() -> None:
    (row,) = rest(Fields(keep=("user",), drop=("avatar_url",), key="title"))["items"]  # type: ignore[index]
    assert row == {"title": "A title", "user": {"id": 3, "login": "ann"}}


def test_the_key_stays_whatever_the_rule_says() -> None:
    assert rest(Fields(drop=("*",), key="title"), [{"title": "x", "a": 1}]) == [{"title": "x"}]


def test_what_the_focus_names_stays() -> None:
    (row,) = rest(Fields(keep=("title",)), focus="show the avatar url")["items"]  # type: ignore[index]
    assert row["user"]["avatar_url"] == "https://example/a.png"


def test_records_that_lose_every_field_are_still_records() -> None:
    assert rest(Fields(drop=("a",)), [{"a": 1}, {"a": 2}]) == [{}, {}]


def test_what_is_left_out_is_said_in_the_first_line_and_counted_in() -> None:
    rows = [dict(ROW, id=n, title=f"Title {n}") for n in range(20)]
    found = reduce_by(Fields(drop=("*url", "labels", "user"), key="id"), json.dumps(rows), Aim(500))
    assert found
    assert found.level == "trimmed"
    first = found.text.split("\n")[0]
    assert first == "140 fields left out by rule: user, labels, html_url, url"
    assert [(o.unit, o.shown, o.total) for o in found.omissions] == [("fields", 40, 180)]
    assert found.handle == "its id"


def test_lossless_leaves_nothing_out() -> None:
    text = json.dumps([ROW] * 40)
    found = reduce_by(Fields(drop=("*",)), text, Aim(500, lossless=True))
    assert found and found.level == "lossless" and "avatar_url" in found.text


def test_a_text_that_is_no_json_is_reduced_by_what_it_looks_like() -> None:
    text = "\n".join(f"2024-01-02 10:00:00 INFO worker {n} began" for n in range(400))
    found = reduce_by(Fields(drop=("*",)), text, Aim(300))
    assert found and "left out by rule" not in found.text


def test_a_reducer_can_be_named() -> None:
    text = "\n".join(f"{n},name {n},{n}.5" for n in range(400))
    by_rule = reduce_by(Fields(reducer="clip"), text, Aim(300))
    assert by_rule and by_rule.level == "clipped"


def test_the_key_names_a_row_in_the_header() -> None:
    rows = [{"name": f"n{n}", "slot": f"s{n}", "note": "word " * 30 + str(n)} for n in range(90)]
    found = reduce_by(Fields(key="slot"), json.dumps(rows), Aim(300))
    assert found and found.handle == "its slot"


def test_numbers_keep_their_text() -> None:
    text = '[{"a": 1.10, "b": 12345678901234567890123, "c": 1}]'
    assert dumps(prune(loads(text), Fields(drop=("c",))).value) == (
        '[{"a":1.10,"b":12345678901234567890123}]'
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("abcde") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)
NAMES = st.lists(
    st.sampled_from(["a", "b", "a.b", "*", "c*", "?", "[!a]", "[", "", "."]), max_size=3
)


def leaves(value: Value) -> int:
    if isinstance(value, dict) and value:
        return sum(map(leaves, value.values()))
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return sum(map(leaves, value))
    return 1


def missing(value: Value, rest: Value) -> int:
    """Count what is in value and not in rest; all that is in rest must be in value."""
    if isinstance(value, dict):
        assert isinstance(rest, dict) and list(rest) == [key for key in value if key in rest]
        gone = sum(leaves(value[key]) for key in value.keys() - rest.keys())
        return gone + sum(missing(value[key], rest[key]) for key in rest)
    if isinstance(value, list):
        assert isinstance(rest, list)
        return sum(missing(a, b) for a, b in zip(value, rest, strict=True))
    assert value == rest
    return 0


@given(JSON, NAMES, NAMES, st.sampled_from(["", "a", "zz"]))
def test_whatever_the_rule_what_is_left_stands_in_the_source_and_the_rest_is_counted(
    value: object, keep: list[str], drop: list[str], key: str
) -> None:
    document = loads(json.dumps(value))
    pruned = prune(document, Fields(keep, drop, key))
    assert missing(document, pruned.value) == sum(pruned.gone.values())
    assert pruned.left + sum(pruned.gone.values()) == leaves(document)


@pytest.mark.parametrize("name", ["[", "]", "[]", "[!]", "a[b", "**", "(", "\\"])
def test_any_name_is_a_pattern(name: str) -> None:
    document = loads('{"a": 1}')
    pruned = prune(document, Fields(drop=(name,)))
    assert pruned.left + sum(pruned.gone.values()) == leaves(document)
