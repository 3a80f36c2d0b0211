"""Which lines of an artifact a view shows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.reducers import reduce
from coatcheck.traces import covered, laid_out, shown_lines
from coatcheck.types import Aim
from coatcheck.view import render

words = st.text(st.sampled_from("ab1 _-.,{}\n"), max_size=80)


@given(words)
def test_a_text_shows_itself(text: str) -> None:
    assert all(shown_lines(text, text))
    assert covered(text, text) == 1.0


@given(words, words)
def test_there_is_an_answer_for_each_line(text: str, view: str) -> None:
    assert len(shown_lines(text, view)) == text.count("\n") + 1
    assert 0.0 <= covered(text, view) <= 1.0


def test_lines_without_words_go_with_their_neighbours() -> None:
    assert shown_lines("one\n{\ntwo\n{\nthree\n}", "one") == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_of_a_long_list_the_rows_in_the_view_are_shown_and_the_others_not() -> None:
    rows = [{"id": 1000 + n, "name": f"name{n}", "state": "open"} for n in range(300)]
    text = laid_out(json.dumps(rows))
    reduction = reduce(text, Aim(300, "name77"))
    assert reduction is not None and reduction.omissions
    view = render(reduction, "cc_000000000001")
    found = dict(zip(text.split("\n"), shown_lines(text, view, reduction.omissions), strict=True))
    assert found['  "name": "name77",']
    assert not found['  "name": "name154",']
    assert sum(found.values()) < len(found) / 2


def test_our_own_lines_are_no_trace() -> None:
    view = '[coatcheck: 1 of 2 lines shown: fetch_artifact(ref="cc_1")]\nx\n[end of 1 line]'
    assert shown_lines("lines\nx", view) == [False, True]


def test_only_json_is_laid_out_anew() -> None:
    assert laid_out('{"a":[1,2]}').count("\n") > 2
    assert laid_out("[broken") == "[broken" and laid_out("plain {}") == "plain {}"
