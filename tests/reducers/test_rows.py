"""Cells and rows as lines: readable, every cut announced."""

import pytest

from coatcheck.reducers.cells import cell
from coatcheck.reducers.columns import describe, handle_of
from coatcheck.reducers.measures import measure
from coatcheck.reducers.rawjson import Number
from coatcheck.reducers.rows import Plan, facts_of, table_lines
from coatcheck.reducers.shape import Section, sections_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (Number("1E5"), "1E5"),
        ("plain words", "plain words"),
        ("a, b", '"a, b"'),
        ('say "x"', '"say \\"x\\""'),
        ("two\nlines", '"two\\nlines"'),
        ("", '""'),
        ([Number("1"), "b"], "[1; b]"),
        ({"a": Number("0.10")}, '{"a":0.10}'),
    ],
)
def test_a_cell_is_written_as_its_source_wrote_it(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_cut_cell_says_how_many_characters_are_left_out() -> None:
    assert cell("word " * 100, 100) == "word " * 19 + "word…(+401 characters)"


def test_a_long_unbroken_text_is_cut_to_a_stub() -> None:
    assert cell("x" * 500) == "x" * 40 + "…(+460 characters)"


def test_a_cut_list_shows_its_last_value_and_counts_the_rest() -> None:
    values: list[object] = [Number(str(n)) for n in range(100)]
    assert cell(values, 20) == "[0; 1; 2; 3; 4; 5; … 99 (94 of 100 more)]"


def section(rows: list[dict[str, object]]) -> Section:
    return Section("", "rows", rows=list(rows), parents=[(0, -1)] * len(rows))


def test_the_handle_is_the_unique_column_that_sounds_like_a_name() -> None:
    rows: list[dict[str, object]] = [
        {"type": "vm", "size": Number(str(n)), "InstanceId": f"i-{n}", "note": "x"}
        for n in range(10)
    ]
    columns = describe(section(rows))
    assert handle_of(section(rows), columns) == "InstanceId"


def test_a_column_that_repeats_the_handle_is_said_once() -> None:
    document = {str(n): {"item_id": str(n), "price": Number(f"{n}.5")} for n in range(20)}
    [found] = sections_of(document)
    facts = facts_of(found)
    lines, _ = table_lines(facts, Plan(grid=facts.kept), [facts])
    assert "same in every row: item_id={key}" in lines
    assert lines[-1] == "19,19.5"


def test_keys_with_dots_keep_their_place() -> None:
    document = {"time": {"1.0.0": "a", "1.1.0": "b"}, "time.x": "c"}
    [found] = sections_of(document)
    assert found.rows == [{"time[1.0.0]": "a", "time[1.1.0]": "b", "[time.x]": "c"}]


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("9", "10"),
        ("-2", "1.5"),
        ("900Ki", "1Mi"),
        ("999 MB", "1 GB"),
        ("1,234", "20,000"),
        ("47m", "3h19m"),
        ("4d3h", "16d"),
        ("9%", "10%"),
        ("$9.50", "$10"),
        ("2026-01-31", "2026-02-01T00:00:00Z"),
        ("2026-02-01T09:59:59Z", "2026-02-01T10:00:00Z"),
    ],
)
def test_cells_compare_by_what_they_measure(small: str, large: str) -> None:
    low, high = measure(small), measure(large)
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "10 of 20", "x" * 100, "12 Monkeys", "nan"])
def test_other_texts_measure_nothing(text: str) -> None:
    assert measure(text) is None
