"""JSON and its relatives: nothing false, nothing silent, never bigger, never raising."""

import json
import re
from typing import Any

import pytest

from coatcheck.reducers.codec import decode, encode
from coatcheck.reducers.rawjson import parse
from coatcheck.reducers.records import reduce, same
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction
from coatcheck.view import render

REF = "cc_7f3k9m2q4x1b"


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


def test_a_constant_that_the_focus_names_is_said_whatever_it_holds() -> None:
    extra = {f"setting_{n}_name": f"value {n}" for n in range(30)}
    rows = [{**row, **extra, "api_url": "https://tracker.example/api"} for row in tickets(60)]
    found = view(rows, "For OPS-7: what are setting_29_name and api_url?", 600)
    assert "setting_29_name=value 29" in found.text
    assert "api_url=https://tracker.example/api" in found.text


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


def pods(count: int) -> dict[str, Any]:
    return {
        "kind": "PodList",
        "items": [
            {
                "metadata": {"name": f"api-{n}", "uid": f"{n:032x}", "labels": {"app": "api"}},
                "status": {
                    "phase": "Failed" if n == 9 else "Running",
                    "conditions": [
                        {"type": "Ready", "status": str(n != 9), "lastProbeTime": None},
                        {"type": "PodScheduled", "status": "True", "lastProbeTime": None},
                    ],
                    "containerStatuses": [
                        {
                            "name": "main-container-of-the-pod",
                            "image": "registry.example/team/api:1.2.3",
                            "state": {"waiting": {"reason": "CrashLoopBackOff"}} if n == 9 else {},
                        }
                    ],
                },
            }
            for n in range(count)
        ],
    }


def test_a_question_for_what_fails_shows_the_failing_record_and_what_is_inside_it() -> None:
    found = view(pods(40), "which pods are not healthy and why?", 500)
    assert re.search(r"metadata\.name=api-9\b.*status\.phase=Failed", found.text)
    assert re.search(r"of=api-9, .*reason=CrashLoopBackOff", found.text)
    assert "of=api-8" not in found.text


def test_the_latest_record_is_the_one_with_the_last_time() -> None:
    rows = [{"tag": f"v{n}", "published_at": f"2026-{n:02d}-01T00:00:00Z"} for n in range(1, 13)]
    rows = [{**row, "notes": f"words of {row['tag']} " * 20} for row in rows[6:] + rows[:6]]
    found = view(rows, "what is the latest release?", 250)
    assert re.search(r"^row 6: .*tag=v12, .*published_at=2026-12-01", found.text, re.MULTILINE)


def test_as_many_records_are_shown_as_the_focus_asks_for() -> None:
    rows: list[dict[str, Any]] = [
        {"name": f"pod-{n}", "memory": f"{n * 37 % 211}Mi", "node": n % 3} for n in range(80)
    ]
    found = view(rows, "Which two pods use the most memory?", 250)
    ranked = sorted(rows, key=lambda row: -int(row["memory"][:-2]))
    for row in ranked[:2]:
        assert f"name={row['name']}, memory={row['memory']}" in found.text
    assert f"name={ranked[2]['name']}" not in found.text


def test_many_equal_matches_stand_under_their_columns() -> None:
    rows = tickets(120)
    for n in range(0, 120, 10):
        rows[n]["state"] = "escalated"
    found = view(rows, "Which tickets have state = escalated?", 400)
    assert re.search(r"^row,.*state", found.text, re.MULTILINE)
    for n in range(0, 120, 10):
        assert re.search(rf"^{n + 1},.*escalated", found.text, re.MULTILINE)


def test_a_link_that_a_column_makes_is_said_once_with_its_first_row() -> None:
    rows = [
        {"full_name": f"team/app{n}", "html_url": f"https://code.example/team/app{n}", "stars": n}
        for n in range(90)
    ]
    found = view(rows, budget=800)
    built = "built from the row: html_url = https://code.example/{full_name}"
    assert f"{built} (first row: https://code.example/team/app0)" in found.text
    assert found.text.count("https://") == 2


def test_pagination_deep_in_a_document_is_kept() -> None:
    page = {"hasNextPage": True, "endCursor": "Y3Vyc29yOnYyOpHOAAE"}
    edges = [{"cursor": f"c{n}", "node": {"number": n, "title": f"t {n}"}} for n in range(90)]
    document = {"data": {"repo": {"issues": {"totalCount": 812, "pageInfo": page, "edges": edges}}}}
    found = view(document, "issue 42 title")
    for kept in ("totalCount=812", "hasNextPage=true", "endCursor=Y3Vyc29yOnYyOpHOAAE"):
        assert kept in found.text


def test_an_error_document_keeps_code_and_message() -> None:
    details = [{"field": f"f{n}", "text": "value out of range " * 5} for n in range(40)]
    error = {"code": 422, "message": "Validation Failed", "status": "INVALID", "details": details}
    found = view({"error": error, "trace": {f"frame{n}": "x" * 60 for n in range(30)}})
    assert "code=422" in found.text
    assert "message=Validation Failed" in found.text


def test_a_focus_that_matches_nothing_falls_back_to_structure_and_says_so() -> None:
    found = view(tickets(30), "quarterly zebra migration", 400)
    assert found.weak_focus
    assert "OPS-29" in found.text


def test_a_lossless_reduction_reads_back() -> None:
    document = {"total": 3, "items": tickets(5), "meta": {"a b": [1, "x,y"], "": {}}}
    text = encode(document and parse(json.dumps(document)).value)  # type: ignore[union-attr]
    assert text is not None
    value = parse(json.dumps(document)).value  # type: ignore[union-attr]
    assert same(decode(text), value)


def test_a_view_within_its_budget_stays_there() -> None:
    for budget in (250, 500, 1_500):
        for focus in ("", "OPS-137 state", "nothing of it"):
            found = view({"total": 400, "items": tickets(400)}, focus, budget)
            assert estimate(found.text) <= budget * (1 if found.level == "selected" else 1.2)


def test_a_look_alike_header_is_escaped_by_the_view() -> None:
    rows = [{"a": f"[coatcheck: {n} of 9 rows shown", "n": n} for n in range(300)]
    lines = render(view(rows), REF).split("\n")[1:-1]
    assert not [line for line in lines if line.lstrip().startswith("[coatcheck")]


def log_lines(count: int, failures: dict[int, str]) -> str:
    lines = [
        {
            "time": f"2026-11-20T10:{n // 60:02}:{n % 60:02}Z",
            "level": "error" if n in failures else "info",
            "msg": failures.get(n, f"request handled /v1/{'ab'[n % 2]}"),
            "trace": f"{n * 7919:08x}",
        }
        for n in range(count)
    ]
    return "\n".join(map(json.dumps, lines))


def test_law_7_every_kind_of_error_row_is_shown_beside_what_the_focus_finds() -> None:
    failures = {
        60: "upstream timed out",
        121: "duplicate key in orders",
        199: "nil map write",
        305: "quota exceeded",
        377: "bad certificate",
        488: "disk full",
    }
    found = reduce(log_lines(500, failures), Aim(1500, focus="request handled /v1/a"))
    assert found is not None
    assert [message for message in failures.values() if message not in found.text] == []


def test_law_7_an_error_inside_a_record_is_shown_without_a_focus() -> None:
    found = view(pods(60), budget=900)
    assert "CrashLoopBackOff" in found.text


def test_a_row_is_named_by_its_code_rather_than_by_its_time() -> None:
    rows = [{"time": f"2026-11-20T10:00:{n % 60:02}.{n}Z", "code": f"AB-{n}"} for n in range(200)]
    assert view(rows, "code AB-77").handle == "its code"


def test_a_row_is_named_by_its_first_unique_text_rather_than_by_its_time() -> None:
    rows = [{"time": f"2026-11-20T10:00:{n % 60:02}.{n}Z", "bin": f"rack-{n}"} for n in range(200)]
    assert view(rows, "rack-77").handle == "its bin"


@pytest.mark.parametrize(
    ("column", "question"),
    [
        ("duration", "which one is the slowest?"),
        ("mem", "what needs the most memory?"),
        ("price", "the most expensive one"),
    ],
)
def test_a_column_is_found_by_the_word_people_say_for_it(column: str, question: str) -> None:
    rows = [{"name": f"job-{n}", column: 7919 * n % 1009, "other": n % 7} for n in range(300)]
    best = max(rows, key=lambda row: int(str(row[column])))
    assert f"name={best['name']}," in view(rows, question).text


def test_a_question_without_spaces_between_words_finds_its_row() -> None:
    rows = [{"番号": n, "説明": f"第{n}の都市。人口は{n * 7919}人。"} for n in range(60)]
    rows[33]["説明"] = "雪まつりで有名。冬季は氷点下になる。"
    assert "氷点下" in view(rows, "冬季の雪は?").text


def test_a_long_series_says_its_least_and_its_greatest() -> None:
    def series(n: int) -> list[list[object]]:
        return [[1_700_000_000 + 60 * k, str((k + n) * 7919 % 997)] for k in range(300)]

    found = view([{"pod": f"p{n}", "values": series(n)} for n in range(3)], "the peak of p1", 300)
    time, value = max(series(1), key=lambda pair: int(str(pair[1])))
    assert f'max [{time},"{value}"]' in found.text


def test_law_8_an_id_that_is_a_link_is_no_link_to_be_dropped() -> None:
    rows = [{"id": f"http://x.example/{n}", "note": f"word{n} " * 9} for n in range(40)]
    assert "http://x.example/17" in view(rows, "word17").text
