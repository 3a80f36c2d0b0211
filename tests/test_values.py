"""Read structured text as values that compare as numbers, write them as the source wrote them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import values
from coatcheck.types import ExcerptError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_what_is_read_is_written_as_it_was(value: object) -> None:
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    read, form = values.read(raw)
    assert form == "json"
    assert values.dumps(read) == raw


@pytest.mark.parametrize("number", ["1E5", "0.10", "-0", "1" * 30, "9" * 5_000, "1e999", "NaN"])
def test_a_number_keeps_the_text_of_the_source(number: str) -> None:
    assert values.dumps(values.read(f"[{number}]")[0]) == f"[{number}]"


def test_numbers_compare_as_numbers() -> None:
    read, _ = values.read('[0.10, 1E5, "7"]')
    assert read == [0.1, 100_000.0, "7"]


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ('{"a":1}\n{"a":2}\n', "ndjson", [{"a": 1}, {"a": 2}]),
        ('"{\\"a\\": [1]}"', "json", {"a": [1]}),
        ("{'a': [None, True]}", "json", {"a": [None, True]}),
        ("a: 1\nb:\n- no\n- ~\n", "yaml", {"a": 1, "b": ["no", None]}),
        ("a: 1\n---\na: 0010\n", "yaml", [{"a": 1}, {"a": "0010"}]),
        (
            "id,name\n1,x\n2,y\n3,z\n",
            "table",
            [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}, {"id": 3, "name": "z"}],
        ),
        (
            "| id | n |\n|----|---|\n| 1 | a |\n| 2 | b |\n| 3 | c |\n",
            "table",
            [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"}],
        ),
        ("It was late.", "", None),
        ("", "", None),
        ("[1, 2", "", None),
    ],
)
def test_each_structured_text_is_read(text: str, form: str, value: object) -> None:
    assert values.read(text) == (value, form)


def test_an_answer_has_one_member_a_line_and_a_text_comes_bare() -> None:
    assert values.laid_out([{"a": 1}, 2]) == '[\n{"a":1},\n2\n]'
    assert values.laid_out({"a": [1], "b": "x"}) == '{\n"a": [1],\n"b": "x"\n}'
    assert values.laid_out("two\nlines") == "two\nlines"
    assert values.laid_out([]) == "[]"


@settings(deadline=None)
@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_an_answer_is_json(value: object) -> None:
    assert json.loads(values.laid_out(value)) == value


def test_an_answer_over_a_million_characters_is_refused() -> None:
    with pytest.raises(ExcerptError, match="1,000,000"):
        values.laid_out(["x" * 600_000] * 2)
