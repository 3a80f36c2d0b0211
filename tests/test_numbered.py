"""Find in a text the records that a view of it numbers."""

import csv
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import excerpt
from coatcheck.numbered import main_records, records
from coatcheck.reducers import reduce
from coatcheck.reducers.rawjson import loads, parse
from coatcheck.reducers.records import same
from coatcheck.types import Aim, Omission

RECORDS = [{"id": n, "name": f"näme {n}", "note": "some words, {and} [more]"} for n in range(300)]
NUMBERED = re.compile(r"^(?:row|entry) (\d+): .*?(\w+)=([^,\n]+)", re.MULTILINE)
FOCUS = "id 77, id 204"


def of(total: int, what: str = "", unit: str = "rows") -> list[Omission]:
    return [Omission(unit, 1, total, what)]


def pieces(text: str, omissions: list[Omission]) -> list[str]:
    found = records(text, omissions)
    return [text[first:last] for first, last in found.places] if found else []


def as_csv() -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(RECORDS[0])
    writer.writerows([r["id"], r["name"], f'{r["note"]} "quoted"'] for r in RECORDS)
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2, ensure_ascii=False),
        json.dumps({"meta": {"total": 300}, "found": {"items": RECORDS}}),
        "\ufeff" + "\r\n".join(map(json.dumps, RECORDS)),
        "Found 300 records:\n\n" + json.dumps(RECORDS, indent=1) + "\n\nThat is all.",
        repr(RECORDS),
        as_csv(),
        "id  | name | size\n----+------+-----\n"
        + "\n".join(f"{n:<3} | n{n:<3} | {n * 7 % 91}" for n in range(300))
        + "\n(300 rows)",
        "ID    NAME\n" + "\n".join(f"{n:<5} n{n}" for n in range(300)),
    ],
    ids=["json", "indented", "inner", "ndjson", "notes", "python", "csv", "psql", "aligned"],
)
def test_the_numbers_of_a_view_lead_to_the_records(text: str) -> None:
    view = reduce(text, Aim(300, focus=FOCUS))
    assert view is not None
    laid, _ = excerpt.lined(text)
    found = pieces(laid, list(view.omissions))
    shown = NUMBERED.findall(view.text)
    assert shown and len(found) == 300
    assert all(value in found[int(number) - 1] for number, _, value in shown)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(TREES, min_size=1, max_size=8), st.booleans(), st.integers(0, 3))
def test_every_piece_of_a_list_is_its_record(
    items: list[object], is_ascii: bool, indent: int
) -> None:
    text = json.dumps({"a": items}, ensure_ascii=is_ascii, indent=indent or None)
    found = pieces(text, of(len(items), "a"))
    assert len(found) == len(items)
    assert all(same(loads(p), loads(json.dumps(i))) for p, i in zip(found, items, strict=True))


def test_the_entries_of_a_map_come_with_their_keys() -> None:
    assert pieces('{"a": 1, "b": 2}', of(2, "", "entries")) == ['"a": 1', '"b": 2']
    text = json.dumps({"sizes": {"a.b": 1, "c": {"d": 2}}})
    assert pieces(text, of(2, "sizes", "entries")) == ['"a.b": 1', '"c": {"d": 2}']


def test_a_row_of_csv_may_have_several_lines() -> None:
    text = '\ufeffid,note\n1,"one\n\nand ""more""\n"\n\n2,two\r\n3,"three"\n'
    assert pieces(text, of(3)) == ['1,"one\n\nand ""more""\n"', "2,two", '3,"three"']


@pytest.mark.parametrize(
    ("text", "omissions"),
    [
        ("[1, 2, 3]", of(4)),
        ("[1, 2, 3]", of(3, unit="lines")),
        ("[1, 2, 3]", []),
        ('{"a": [1, 2]}', of(2, "b")),
        ('{"a": [{"b": [1]}, {"b": [2]}]}', of(2, "a[].b")),
        ('[{"a": [1, 2', of(2)),
        ("plain text", of(1)),
        ("", of(1)),
        ("""[{'a': '5" [disk'}, {'a': '6" disk]'}]""", of(3)),
        ("a,b\x0b\n1,2\n3,4\n5,6\n", of(3)),
    ],
)
def test_what_is_not_there_as_counted_is_not_found(text: str, omissions: list[Omission]) -> None:
    assert records(text, omissions) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (json.dumps(RECORDS), 300),
        (json.dumps({"a.b": RECORDS, "total": 300}), 300),
        ("\n".join(map(json.dumps, RECORDS)), 300),
        ("id,name\n1,a\n2,b\n3,c\n", 3),
        (json.dumps({"one": [1, 2], "other": [3, 4]}), 0),
        ('{"a": 1}', 0),
        ("plain text", 0),
        ("", 0),
    ],
)
def test_a_text_that_is_mostly_a_list_has_records_of_its_own(text: str, count: int) -> None:
    found = main_records(text)
    assert len(found.places if found else ()) == count


def test_the_records_of_a_python_literal_are_read_as_python() -> None:
    text = """[{'a': '5" [disk'}, {'a': 'b'}]"""
    assert parse(text) is not None
    assert pieces(text, of(2)) in ([], ["""{'a': '5" [disk'}""", "{'a': 'b'}"])
