"""Answer a JMESPath query over structured text; what it costs is counted, never timed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import values
from coatcheck.query import example_for, query
from coatcheck.types import ExcerptError

ITEMS = [
    {"id": i, "name": f"n{i}", "state": "open" if i % 2 else "closed", "size": i * 1.5}
    for i in range(31)
]
TEXT = json.dumps({"total": 31, "items": ITEMS})


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("total", "31"),
        ("items[?name=='n3'].id", "[\n3\n]"),
        ("items[?size>`43`].{n: name}", '[\n{"n":"n29"},\n{"n":"n30"}\n]'),
        ("max_by(items, &size).name", "n30"),
        ("length(items[?state=='open'])", "15"),
        ("sort_by(items, &size)[0].name", "n0"),
        ("items[0]", '{\n"id": 0,\n"name": "n0",\n"state": "closed",\n"size": 0.0\n}'),
    ],
)
def test_a_query_is_answered(expression: str, answer: str) -> None:
    assert query(TEXT, expression).text == answer


def test_an_answer_says_how_many_of_how_many() -> None:
    assert query(TEXT, "items[?state=='open']").what == "15 items (items holds 31)"


def test_numbers_stay_as_the_source_wrote_them() -> None:
    raw = '{"a":[{"v":1E5},{"v":0.10},{"v":12345678901234567890123}]}'
    assert query(raw, "a[?v<`10`].v").text == "[\n0.10\n]"
    assert query(raw, "to_string(a[0])").text == '{"v":1E5}'
    assert query(raw, "sort_by(a, &v)[2].v").text == "12345678901234567890123"
    assert query(raw, "max(a[].v)").text == "12345678901234567890123"


def test_a_table_is_queried_like_json() -> None:
    table = "id,name,price\n" + "\n".join(f"{i},n{i},{i}.50" for i in range(9))
    assert query(table, "[?price>`7.6`].price").text == "[\n8.50\n]"


def test_a_wrong_query_is_answered_with_its_place_and_an_example_that_fits() -> None:
    with pytest.raises(ExcerptError) as caught:
        query(TEXT, "items[?name=='n3'")
    assert "at its end" in str(caught.value)
    assert "items[?name=='n0']" in str(caught.value)
    with pytest.raises(ExcerptError, match=r"character 7 \(at \"# 1"):
        query(TEXT, "items # 1")


def test_an_unknown_function_and_a_wrong_argument_are_answered_with_an_example() -> None:
    for expression in ("nothing(items)", "sum(items)", "items[::0]"):
        with pytest.raises(ExcerptError, match="for example query="):
            query(TEXT, expression)


def test_a_query_that_finds_nothing_says_so_with_an_example() -> None:
    found = query(TEXT, "rows")
    assert found.text == "null" and "for example" in found.what


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, dict | list))
)
def test_every_example_is_a_query_that_works(value: object) -> None:
    query(json.dumps(value), example_for(value))


def test_every_example_finds_something_in_records() -> None:
    assert json.loads(query(TEXT, example_for(json.loads(TEXT))).text) == [["n0", "closed", 0]]


@pytest.mark.parametrize(
    "bomb",
    [
        "|".join(["[@,@]"] * 18),
        "|".join(["[@,@]"] * 18) + "|to_string(@)",
        "[@,@][]|" * 30 + "@",
        "|".join(["{a:@,b:@}"] * 30),
        "|".join(["[@,@]"] * 20) + "|contains(@, @)",
        "items[].to_string(@)|" + "[@,@][]|" * 6 + "join(to_string(@), @)",
    ],
)
def test_a_bomb_is_stopped_by_counting(bomb: str) -> None:
    with pytest.raises(ExcerptError, match=r"steps|1,000,000"):
        query(TEXT, bomb)


def aliases(letter: str) -> str:
    lines = [f"{letter}0: &{letter}0 [x,x,x,x,x,x,x,x,x]"]
    for i in range(9):
        inner = ",".join([f"*{letter}{i}"] * 9)
        lines.append(f"{letter}{i + 1}: &{letter}{i + 1} [{inner}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("expression", ["@", "a9", "a9 == b9", "[a9, a9]", "a9[][][][][][][][]"])
def test_a_bomb_of_yaml_aliases_is_stopped_by_counting(expression: str) -> None:
    with pytest.raises(ExcerptError, match=r"steps|1,000,000"):
        query(aliases("a") + aliases("b"), expression)


@pytest.mark.parametrize("expression", ["(" * 1_900, "!" * 1_900, "x" * 2_001])
def test_a_monstrous_query_is_refused(expression: str) -> None:
    with pytest.raises(ExcerptError):
        query(TEXT, expression)


def test_text_without_structure_is_refused_with_what_to_use() -> None:
    with pytest.raises(ExcerptError, match="grep"):
        query("It was late.", "a")


def test_the_main_list_may_lie_deep() -> None:
    deep = json.dumps({"data": {"search results": [{"id": 1}, {"id": 2}]}})
    assert example_for(values.read(deep)[0]) == 'data."search results"[0:3].[id]'
