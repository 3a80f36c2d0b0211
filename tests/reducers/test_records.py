"""JSON and its relatives: nothing false, nothing silent, never bigger, never raising."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coatcheck.reducers.codec import decode, encode
from coatcheck.reducers.rawjson import parse
from coatcheck.reducers.records import reduce, same
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction
from coatcheck.view import render

REF = "cc_7f3k9m2q4x1b"
TIGHT = Aim(300)


def tickets(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": 90_000 + n,
            "key": f"OPS-{n}",
            "url": f"https://tracker.example/api/tickets/{n}",
            "avatar_url": f"https://cdn.example/a/{n}.png",
            "title": f"Ticket about subject {n * 7919 % 1000}",
            "state": "open" if n % 3 else "closed",
            "assignee": {"login": f"user{n % 5}", "site_admin": False},
            "milestone": None,
            "labels": [{"name": "bug", "color": "f00", "url": "https://tracker.example/l/1"}],
            "votes": n * n % 97,
        }
        for n in range(count)
    ]


def view(value: Any, focus: str = "", budget: int = 300) -> Reduction:
    found = reduce(json.dumps(value), Aim(budget, focus=focus))
    assert found is not None
    return found


def test_a_record_named_by_the_focus_is_shown_with_its_fields() -> None:
    found = view(tickets(200), "For OPS-137: what is its state and votes?")
    line = next(line for line in found.text.split("\n") if "key=OPS-137," in line)
    assert "id=90137" in line
    assert "state=open" in line
    assert f"votes={137 * 137 % 97}" in line
    assert found.level == "selected"
    assert not found.weak_focus


def test_records_that_hold_a_named_value_are_shown() -> None:
    rows = tickets(100)
    rows[41]["assignee"]["login"] = "bilderbuchi"
    found = view(rows, "Which tickets have assignee.login = bilderbuchi?")
    assert "key=OPS-41," in found.text


def test_the_record_with_the_highest_value_is_shown() -> None:
    rows = tickets(150)
    rows[77]["votes"] = 4_321
    found = view(rows, "Which ticket has the highest votes, and what is the value?")
    assert re.search(r"key=OPS-77,.*votes=4321", found.text)


def test_without_focus_every_record_keeps_its_handle_when_it_fits() -> None:
    found = view(tickets(30), budget=400)
    for n in range(30):
        assert re.search(rf"\bOPS-{n}\b", found.text)


def test_the_header_counts_rows_and_names_the_key_column() -> None:
    found = view(tickets(200), "OPS-137 state")
    lead = found.omissions[0]
    assert lead.unit == "rows"
    assert lead.total == 200
    assert lead.shown == len(re.findall(r"^row \d+: ", found.text, re.MULTILINE))
    assert found.handle == "its key"


def test_constants_and_empties_are_said_in_words() -> None:
    found = view(tickets(40), budget=900)
    assert "same in every row: " in found.text
    assert re.search(r"^empty in every row: .*milestone", found.text, re.MULTILINE)


def test_a_majority_with_exceptions_stays_a_column() -> None:
    rows = [{"name": f"job-{n}", "ok": n != 7, "size": n} for n in range(20)]
    found = view(rows, budget=2_000)
    assert "job-7,false,7" in found.text
    assert "job-8,true,8" in found.text


def test_an_error_row_stays_visible_whatever_the_focus() -> None:
    rows = tickets(200)
    rows[163]["error"] = {"code": "E_QUOTA", "message": "permission denied for bucket"}
    found = view(rows, "For OPS-12: what is its votes?")
    assert "permission denied" in found.text


def test_fields_that_few_records_have_are_counted_over_all_records() -> None:
    rows = tickets(120)
    rows[100]["escalated_to"] = "board"
    found = view(rows)
    assert "escalated_to" in found.text


def test_cursors_and_totals_of_the_document_are_kept() -> None:
    document = {"total_count": 7719, "items": tickets(60), "next_cursor": "eyJwIjoyfQ"}
    found = view(document, "OPS-9 title")
    assert "total_count=7719" in found.text
    assert "next_cursor=eyJwIjoyfQ" in found.text


def test_numbers_leave_as_the_source_wrote_them() -> None:
    text = """{ "a":   1E5, "b":   0.10, "c":   12345678901234567890123,
                "d":  -0.0, "e": [ 1.50, NaN ] }"""
    found = reduce(text, Aim(2_000, lossless=True))
    assert found is not None
    for number in ("1E5", "0.10", "12345678901234567890123", "-0.0", "1.50", "NaN"):
        assert number in found.text


def test_a_repeated_key_keeps_both_values() -> None:
    document = parse('{"a": 1, "a": 2, "a (2)": 3}')
    assert document is not None
    assert isinstance(document.value, dict)
    assert sorted(map(str, document.value.values())) == ["1", "2", "3"]


def test_a_long_text_says_how_much_of_it_is_left_out() -> None:
    document = {"id": 4, "body": "word " * 400, "state": "open"}
    found = view(document, budget=250)
    shown = re.search(r"body=\"?(.*?)…\(\+([\d,]+) characters\)", found.text)
    assert shown
    assert len(shown[1]) + int(shown[2].replace(",", "")) == 2_000


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(row) for row in tickets(30)),
        " ".join(json.dumps(row) for row in tickets(30)),
        repr(tickets(30)),
        json.dumps(json.dumps(tickets(30))),
        "\ufeff" + json.dumps(tickets(30)),
        json.dumps(tickets(30), indent=4).replace("\n", "\r\n"),
    ],
    ids=["ndjson", "concatenated", "python", "in a string", "bom", "crlf"],
)
def test_relatives_of_json_are_read(text: str) -> None:
    found = reduce(text, Aim(300, focus="OPS-17 title"))
    assert found is not None
    assert "OPS-17" in found.text
    assert found.omissions[0].total == 30


def test_a_map_of_records_is_a_table_by_key() -> None:
    variants = {str(n): {"size": f"{n}ml", "price": n / 7, "ok": n % 2 == 0} for n in range(60)}
    found = view({"name": "Bottle", "variants": variants}, "variant 41 price")
    assert "variants: 60 entries" in found.text
    assert "key=41, " in found.text


def test_a_tree_of_one_kind_is_searched_to_its_leaves() -> None:
    tree: dict[str, Any] = {}
    for a in range(12):
        inner = {f"pkg-{a}-{b}": {"version": f"{a}.{b}.0"} for b in range(12)}
        tree[f"top-{a}"] = {"version": f"{a}.0.0", "dependencies": inner}
    found = view({"name": "app", "dependencies": tree}, "Which version of pkg-7-9 is installed?")
    assert re.search(r"of=top-7, key=pkg-7-9, version=7\.9\.0", found.text)


def test_records_inside_records_name_their_owner() -> None:
    tables = [
        {
            "TableId": f"rtb-{n}",
            "Routes": [
                {"Destination": f"10.{n}.{m}.0/24", "Gateway": f"gw-{n}-{m}", "State": "active"}
                for m in range(6)
            ],
        }
        for n in range(20)
    ]
    found = view({"Tables": tables}, "Where does 10.13.4.0/24 go?")
    assert re.search(r"of=rtb-13, Destination=10\.13\.4\.0/24, Gateway=gw-13-4", found.text)


def test_a_lossless_reduction_reads_back() -> None:
    document = {"total": 3, "items": tickets(5), "meta": {"a b": [1, "x,y"], "": {}}}
    text = encode(document and parse(json.dumps(document)).value)  # type: ignore[union-attr]
    assert text is not None
    value = parse(json.dumps(document)).value  # type: ignore[union-attr]
    assert same(decode(text), value)


HOSTILE = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "never closed": '[{"a": 1},' * 3_000,
    "long string": json.dumps({"a": "x" * 1_000_000, "b": "y z " * 250_000}),
    "long number": '{"n": ' + "9" * 100_000 + ', "m": 1}',
    "many rows": json.dumps([{"id": n, "v": n % 7} for n in range(20_000)]),
    "many keys": json.dumps({f"k{n}": n for n in range(15_000)}),
    "one key often": "{" + ",".join('"a": 1' for _ in range(15_000)) + "}",
    "lone surrogates": '[{"a": "\\ud800", "b": "x"}, {"a": "\\udc00\\ud800", "b": "x"}]'
    + " " * 200,
    "raw surrogates": '{"a": "\ud800", "b": "' + "z" * 500 + '"}',
    "not numbers": '[{"a": NaN, "b": 1}, {"a": Infinity, "b": 1}, {"a": -Infinity, "b": 1}]',
    "control": '{"a": "\\u0000\\u001b[31m", "\\u0000": "' + "\x01" * 400 + '"}',
    "quotes": "['" * 20_000,
    "calls": "[" + "f(" * 20_000,
    "escapes": "{'" + "\\" * 50_001 + "'}",
    "wide rows": json.dumps([{f"c{n}_{m}": m for m in range(50)} for n in range(80)]),
    "look-alike": json.dumps([{"a": "[coatcheck: all shown]", "n": n} for n in range(300)]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_neither_raise_nor_grow(name: str) -> None:
    text = HOSTILE[name]
    for aim in (TIGHT, Aim(300, focus="what is a of k41?"), Aim(300, lossless=True)):
        found = reduce(text, aim)
        if found is not None:
            assert len(found.text) < len(text)
            found.text.encode()


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(["https://x.example/a", "open", "closed", "a, b=c", "true", "12", " x "]),
)
KEYS = st.one_of(
    st.sampled_from(["id", "name", "url", "a.b", "state", "items"]), st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=40,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 10**6), "name": st.text(max_size=12)},
        optional={"a.b": SCALARS, "tags": st.lists(SCALARS, max_size=3), "owner": JSON},
    ),
    min_size=2,
    max_size=30,
)
DOCUMENTS = st.one_of(
    JSON, RECORDS, st.fixed_dictionaries({"total": st.integers(), "items": RECORDS})
)
AIMS = st.builds(
    Aim,
    st.integers(1, 400),
    focus=st.sampled_from(["", "name of id 7", "highest id", "open"]),
    lossless=st.booleans(),
)
LAWS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@LAWS
@given(DOCUMENTS, AIMS)
def test_law_2_a_reduction_is_never_bigger_and_law_6_always_the_same(value: Any, aim: Aim) -> None:
    text = json.dumps(value)
    found = reduce(text, aim)
    assert found == reduce(text, aim)
    if found is not None:
        assert len(found.text) < len(text)


@LAWS
@given(DOCUMENTS)
def test_lossless_lines_read_back_with_every_type(value: Any) -> None:
    document = parse(json.dumps(value))
    if document is None:
        return
    for widest in (8, 1_000):
        text = encode(document.value, widest=widest)
        if text is not None:
            assert same(decode(text), document.value)


@LAWS
@given(DOCUMENTS, AIMS)
def test_law_4_counts_add_up(value: Any, aim: Aim) -> None:
    found = reduce(json.dumps(value, indent=1), aim)
    if found is None:
        return
    assert found.level != "lossless" or not found.omissions
    for omission in found.omissions:
        assert 0 <= omission.shown < omission.total


PLAIN = st.text("abcdefgh0123456789", min_size=1, max_size=12)
PLAIN_RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 10**6), "name": PLAIN, "state": PLAIN},
        optional={"score": st.floats(allow_nan=False, allow_infinity=False), "by": PLAIN},
    ),
    min_size=4,
    max_size=60,
)


@LAWS
@given(PLAIN_RECORDS, AIMS)
def test_law_5_every_value_of_a_named_row_stands_in_that_row(rows: Any, aim: Aim) -> None:
    found = reduce(json.dumps(rows), aim)
    for line in found.text.split("\n") if found else ():
        number = re.match(r"row (\d+): ", line)
        if number:
            row = rows[int(number[1]) - 1]
            for pair in line[number.end() :].split(", "):
                name, _, value = pair.partition("=")
                assert value == json.dumps(row[name]).strip('"')


@LAWS
@given(st.text(max_size=300), AIMS)
def test_any_text_is_answered(text: str, aim: Aim) -> None:
    for candidate in (text, "{" + text, "[" + text + "]", '{"a": ' + text + "}"):
        found = reduce(candidate, aim)
        assert found is None or len(found.text) < len(candidate)


def test_a_view_within_its_budget_stays_there() -> None:
    for budget in (250, 500, 1_500):
        for focus in ("", "OPS-137 state", "nothing of it"):
            found = view({"total": 400, "items": tickets(400)}, focus, budget)
            assert estimate(found.text) <= budget * (1 if found.level == "selected" else 1.2)


def test_a_look_alike_header_is_escaped_by_the_view() -> None:
    rows = [{"a": f"[coatcheck: {n} of 9 rows shown", "n": n} for n in range(300)]
    lines = render(view(rows), REF).split("\n")[1:-1]
    assert not [line for line in lines if line.lstrip().startswith("[coatcheck")]
