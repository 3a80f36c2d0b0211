"""Mixed texts: each part reduced as what it is."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers import split
from coatcheck.reducers.blocks import blocks
from coatcheck.sizing import estimate
from coatcheck.types import Aim

ROWS = [{"id": i, "name": f"user {i}", "state": "open" if i % 7 else "failed"} for i in range(150)]
LIST = json.dumps(ROWS, indent=2)
LOG = "\n".join(f"2024-01-02 10:{i // 60:02}:{i % 60:02} INFO request {i} ok" for i in range(90))
TABLE = "id,name,price\n" + "\n".join(f"{i},thing {i},{i}.5" for i in range(60))
PAGE = "<!DOCTYPE html>\n<html><body>" + "<p>Some words of a page.</p>\n" * 60 + "</body></html>"
MIXED = f"Found 150 users:\n\n{LIST}\n\nUse page=2 for more."


def solid(lines: list[str]) -> list[str]:
    return [line for line in lines if line.strip()]


def texts_of(text: str) -> list[str]:
    return [text[start:end] for start, end in blocks(text)]


def test_json_after_a_lead_in_is_a_block() -> None:
    assert texts_of(MIXED) == [LIST]


def test_json_values_one_after_the_other_are_one_block() -> None:
    lines = "\n".join(json.dumps(row) for row in ROWS)
    assert [block.strip() for block in texts_of(f"stdout:\n{lines}\nstderr:\n")] == [lines]


def test_data_in_a_fence_is_a_block_and_an_example_is_not() -> None:
    assert texts_of(f"Log:\n```\n{LOG}\n```\nend") == [LOG]
    assert texts_of("Do:\n```sh\n" + "make all\n" * 90 + "```\nend") == []


def test_pages_and_tables_between_prose_are_blocks() -> None:
    assert texts_of(f"Contents of x:\n{PAGE}") == [PAGE]
    assert texts_of(f"Prices.\n\n{TABLE}\n\nThat was it.") == [TABLE]


def test_a_document_with_short_examples_is_not_mixed() -> None:
    text = "Some words.\n\n```json\n{}\n```\n\n" * 50
    assert split.reduce(text, Aim(300)) is None


def test_lead_ins_stay_and_lines_count_in_the_whole_text() -> None:
    text = f"Intro of the log.\n\n```\n{LOG}\n```\n\nRead on with offset=90."
    reduction = split.reduce(text, Aim(250, focus="request 44"))
    assert reduction is not None
    assert "Intro of the log." in reduction.text
    assert "Read on with offset=90." in reduction.text
    assert "@47-49:\n2024-01-02 10:00:43 INFO request 43 ok" in reduction.text


def test_the_part_that_the_focus_speaks_of_gets_more_of_the_budget() -> None:
    other = LIST.replace("user", "bird")
    text = f"Users:\n\n{LIST}\n\nBirds:\n\n{other}\n"
    parts = split.cut(text)
    budgets = split.shared(parts, Aim(600, focus="bird 7"))
    assert budgets[3] > 2 * budgets[1]
    assert sum(budgets) <= 600


def test_law_4_the_lines_of_all_parts_are_summed_first() -> None:
    text = f"{MIXED}\n\n{TABLE}\n"
    reduction = split.reduce(text, Aim(500, focus="user 77"))
    assert reduction is not None
    lead, *inner = reduction.omissions
    assert (lead.unit, lead.total) == ("lines", text.count("\n") + 1)
    assert 0 < lead.shown < lead.total
    assert {omission.what.rpartition("of lines ")[2] for omission in inner} == {
        "3-754",
        "758-818",
    }


def test_where_one_part_is_cut_the_header_speaks_of_its_units() -> None:
    reduction = split.reduce(MIXED, Aim(400, focus="user 77"))
    assert reduction is not None
    lead = reduction.omissions[0]
    assert (lead.unit, lead.total) == ("rows", 150)
    assert reduction.handle == "its name"


def test_marks_that_the_source_holds_itself_are_not_renumbered() -> None:
    text = f"Intro.\n\n```\n{LOG}\n@7:\n{LOG}\n```\n"
    reduction = split.reduce(text, Aim(250, focus="request 44"))
    assert reduction is not None
    assert "lines below count from 1" in reduction.text


pieces = st.lists(
    st.sampled_from([LIST, LOG, TABLE, PAGE, "```", "[1] hit", "{", "prose. " * 40])
    | st.text(max_size=80),
    max_size=9,
).map("\n".join)


@settings(deadline=None, max_examples=100)
@given(pieces)
def test_law_1_parts_in_order_hold_everything_but_blank_lines(text: str) -> None:
    parts = split.cut(text)
    kept = [line for part in parts for line in part.text.split("\n")]
    assert solid(kept) == solid(text.split("\n"))
    lines = text.split("\n")
    for part in parts:
        assert part.text == "\n".join(lines[part.first - 1 : part.last])


@settings(deadline=None, max_examples=60)
@given(pieces, st.integers(50, 400), st.sampled_from(["", "user 12 request"]))
def test_law_6_the_same_text_is_split_the_same(text: str, budget: int, focus: str) -> None:
    aim = Aim(budget, focus=focus)
    reduction = split.reduce(text, aim)
    assert reduction == split.reduce(text, aim)
    if reduction and reduction.omissions:
        assert reduction.omissions[0].shown <= reduction.omissions[0].total
        assert estimate(reduction.text) < estimate(text) + 500


def test_records_behind_a_byte_order_mark_and_before_a_note_are_read() -> None:
    rows = [{"id": n, "name": f"name-{n}", "size": n * 7919 % 997} for n in range(90)]
    text = "\ufeff" + json.dumps(rows) + "\n\nDone. Ask for page 2 to see more.\n"
    found = split.reduce(text, Aim(400, focus="size of name-77"))
    assert found is not None
    assert f"name=name-77, size={77 * 7919 % 997}" in found.text
    assert "page 2" in found.text
