"""Find the passages or records of a text that answer a question, best first."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import find

PROSE = "\n\n".join(
    f"Paragraph {n} is about {'the harbour' if n == 77 else 'nothing much'}. It goes on a little."
    for n in range(300)
)
RECORDS = json.dumps(
    [{"id": i, "name": f"person {i}", "city": "Oslo" if i == 40 else "Rome"} for i in range(300)],
    indent=1,
)


@settings(deadline=None)
@given(st.text(alphabet="ab \n-{}.", max_size=3_000))
def test_units_are_the_text_in_order_but_for_blank_ones(text: str) -> None:
    units = find.units(text)
    gaps, at = [], 0
    for unit in units:
        assert at <= unit.start < unit.end <= len(text)
        gaps.append(text[at : unit.start])
        at = unit.end
    assert not "".join([*gaps, text[at:]]).strip()
    assert all(unit.end - unit.start <= find.UNIT_CHARACTERS for unit in units)


@pytest.mark.parametrize(("text", "question"), [(PROSE, "harbour"), (RECORDS, "who is in Oslo?")])
def test_the_best_passage_comes_first_with_its_place(text: str, question: str) -> None:
    best = find.find(text, question)[0][0]
    assert question.rstrip("?").rpartition(" ")[2] in best.text
    lines = text.split("\n")[best.first - 1 : best.last]
    assert best.text in "\n".join(lines)


def test_a_record_comes_whole() -> None:
    best = find.find(RECORDS, "Oslo")[0][0]
    assert '"id": 40' in best.text and '"name": "person 40"' in best.text


@settings(deadline=None)
@given(st.lists(st.sampled_from(["red", "green", "blue", "x" * 700]), max_size=60))
def test_every_passage_stands_in_the_text_where_it_says(words: list[str]) -> None:
    text = "\n".join(words)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for passage in find.find(text, "red x")[0]:
        at = starts[passage.first - 1] + passage.offset
        assert text[at : at + len(passage.text)] == passage.text


def test_a_title_brings_what_stands_below_it() -> None:
    text = "\n\n".join(
        f"## {n}.0.0\n\n* changed part {n} of it\n* and more of it" for n in range(99)
    )
    assert "changed part 42" in find.find(text, "What changed in 42.0.0?")[0][0].text


def test_a_question_about_trouble_finds_it_in_other_words() -> None:
    pods = "\n".join(
        f"api-{i}   {'CrashLoopBackOff' if i == 50 else 'Running'}   {i}d" for i in range(99)
    )
    assert (
        "api-50" in find.find("NAME   STATUS   AGE\n" + pods, "Which are not healthy?")[0][1].text
    )


def test_the_names_of_the_columns_lead_the_rows() -> None:
    table = "id,name,city\n" + "\n".join(f"{i},n{i},c{i}" for i in range(99))
    first, second = find.find(table, "n77")[0][:2]
    assert first.text.startswith("id,name,city") and "77,n77,c77" in second.text


def test_a_long_line_is_cut_and_its_piece_says_where_it_begins() -> None:
    text = "word " * 4_000 + "harbour" + " word" * 4_000
    best = find.find(text, "harbour")[0][0]
    assert "harbour" in best.text and "(from character " in best.placed()


def test_a_very_long_text_is_searched_too() -> None:
    text = "\n".join(f"line {n} of nothing much to tell" for n in range(200_000)) + "\nthe harbour"
    passages, total = find.find(text, "harbour")
    assert total == 200_001
    assert "the harbour" in passages[0].text and passages[0].last == 200_001


def test_nothing_is_found_where_nothing_is() -> None:
    assert find.find(PROSE, "zeppelin")[0] == []
    assert find.missing(PROSE, "zeppelin harbour") == ["zeppelin"]


def test_nested_text_without_end_takes_steps_in_proportion() -> None:
    nested = "\n".join(" " * min(n, 900) + "{" for n in range(20_000))
    assert len(find.units(nested)) > 1_000
