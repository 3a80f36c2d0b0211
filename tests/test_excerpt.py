"""Cut what a fetch asks for out of an artifact's text."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import excerpt
from coatcheck.types import ExcerptError


@given(st.text(), st.integers(1, 7))
def test_the_pages_joined_are_the_text(text: str, size: int) -> None:
    first, pages = excerpt.cut(text, 1, size=size)
    rest = [excerpt.cut(text, page, size=size)[0] for page in range(2, pages + 1)]
    assert "".join([first, *rest]) == text


@pytest.mark.parametrize("page", [0, 3])
def test_a_page_that_does_not_exist_is_refused_with_the_pages_there_are(page: int) -> None:
    with pytest.raises(ExcerptError, match="1 to 2"):
        excerpt.cut("abcd", page, size=2)


@given(st.lists(st.text(alphabet="ab \r", max_size=5), min_size=1))
def test_all_lines_are_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert excerpt.slice_lines(text, 1, None) == (text, len(lines), len(lines))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", (3, 3, "")),
        ("3-5", (3, 5, "")),
        (" 3 - 5 ", (3, 5, "")),
        ("3-", (3, None, "")),
        ("@3-5:", (3, 5, "lines")),
        ("line 3", (3, 3, "lines")),
        ("row 3:", (3, 3, "records")),
        ("Entries 3-5", (3, 5, "records")),
    ],
)
def test_a_range_is_read(value: str, expected: tuple[int, int | None, str]) -> None:
    assert excerpt.parse_range(value) == expected


@pytest.mark.parametrize("value", ["", "x", "0", "5-3", "1,2"])
def test_a_wrong_range_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ExcerptError, match="120-180"):
        excerpt.parse_range(value)


def test_grep_shows_matches_with_their_neighbours_and_places() -> None:
    text = "\n".join(f"line {n}" for n in range(1, 21))
    assert excerpt.grep(text, "line 9$", context=1) == ("@8-10:\nline 8\nline 9\nline 10", 1)


def test_grep_joins_passages_that_touch() -> None:
    text = "\n".join("abcdefgh")
    assert excerpt.grep(text, "b|e", context=1) == ("@1-6:\na\nb\nc\nd\ne\nf", 2)


def test_grep_ignores_case_unless_a_capital_is_given() -> None:
    assert excerpt.grep("Foo\nfoo", "foo")[1] == 2
    assert excerpt.grep("Foo\nfoo", "Foo")[1] == 1


def test_a_pattern_that_is_no_regex_is_searched_as_words() -> None:
    assert excerpt.grep("call f(x\nother", "f(x")[1] == 1


def test_a_wrong_pattern_is_refused_with_its_place_and_an_example_that_fits() -> None:
    text = "a line\nof harbour towns"
    with pytest.raises(ExcerptError) as caught:
        excerpt.grep(text, "(one")
    assert re.search(r"is no regex \(.*\d\) and stands", str(caught.value))
    assert str(caught.value).endswith('stands nowhere as words; for example grep="harbour"')
    assert excerpt.grep(text, "harbour")[1] == 1
    assert excerpt.example_for("") == "word"


def test_a_pattern_that_would_never_end_is_stopped() -> None:
    with pytest.raises(ExcerptError, match="took over"):
        excerpt.grep("a" * 5_000 + "!", "(a|aa|a?)+$")


def test_json_on_one_long_line_is_laid_out_with_every_value_as_written() -> None:
    raw = '{"a":[1E5,0.10,12345678901234567890123,"x,{}\\u00e9"],"e":{},"f":[],"pad":"%s"}' % (
        "p" * 3_000
    )
    laid, anew = excerpt.lined(raw)
    assert anew
    assert "1E5" in laid and "0.10" in laid and "12345678901234567890123" in laid
    assert json.loads(laid) == json.loads(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_laying_out_is_indenting_by_one(value: object) -> None:
    raw = json.dumps(value)
    assert excerpt.indent(raw) == json.dumps(value, indent=1)


def test_text_of_short_lines_is_addressed_as_it_is() -> None:
    assert excerpt.lined('{"a":1}') == ('{"a":1}', False)
    assert excerpt.lined("x" * 3_000) == ("x" * 3_000, False)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), st.integers(3_000, 40_000))
def test_no_page_costs_more_bytes_than_its_client_shows(piece: str, most_bytes: int) -> None:
    text = piece * 9_000
    size = excerpt.page_chars(text, most_bytes)
    _, pages = excerpt.cut(text, 1, size=size)
    parts = [excerpt.cut(text, page, size=size)[0] for page in range(1, pages + 1)]
    assert "".join(parts) == text
    assert text.isascii() or max(len(part.encode()) for part in parts) <= most_bytes


def test_pages_of_ascii_have_one_size_for_all_clients() -> None:
    assert excerpt.page_chars("a" * 50_000, 12_000) == excerpt.PAGE_CHARS
    assert excerpt.page_chars("ä" * 50_000, 0) == excerpt.PAGE_CHARS
