"""Answer a fetch: any part of a kept artifact as one page of text."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import MemoryArtifacts
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.cli.parts import open_artifacts
from coatcheck.excerpt import PAGE_CHARS
from coatcheck.fetch import excerpt_of, fetch, parse
from coatcheck.types import Artifact, Call, Omission

CALL = Call("up", "read")
LONG = "\n".join(f"line {n}" for n in range(1, 3_001))
NEXT = re.compile(r"next: fetch_artifact\((.*)\)\]\n")


def keeping(text: str, *others: dict[str, object]) -> tuple[MemoryArtifacts, str]:
    kept = MemoryArtifacts()
    result = json.dumps({"content": [{"type": "text", "text": text}, *others]}).encode()
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, CALL))
    return kept, ref


@settings(deadline=None)
@given(st.text(min_size=1))
def test_plain_pages_joined_are_the_text(repeated: str) -> None:
    text = repeated * 3_000
    kept, ref = keeping(text)
    pages, page = [], 1
    while True:
        answer = fetch(kept, {"ref": ref, "page": page}).text
        notice, _, piece = answer.partition("\n")
        pages.append(piece)
        if f'next: fetch_artifact(ref="{ref}", page={page + 1})]' not in notice:
            break
        page += 1
    assert "".join(pages) == text


def test_a_page_has_at_most_eight_thousand_characters_after_its_notice() -> None:
    kept, ref = keeping(LONG)
    assert len(fetch(kept, {"ref": ref}).text.partition("\n")[2]) == 8_000


def test_grep_gives_the_matching_lines_and_says_of_how_many() -> None:
    kept, ref = keeping(LONG)
    answer = fetch(kept, {"ref": ref, "grep": "line 2999"})
    assert answer.text == (
        "[coatcheck: page 1 of 1, 1 of 3,000 lines match]\n"
        "@2997-3000:\nline 2997\nline 2998\nline 2999\nline 3000"
    )
    assert answer.verb == "grep"


def test_grep_without_a_match_says_what_to_try() -> None:
    kept, ref = keeping(LONG)
    assert "no line of 3,000 matches" in fetch(kept, {"ref": ref, "grep": "absent"}).text


def test_a_grep_over_many_lines_is_paged_and_names_the_next_call() -> None:
    kept, ref = keeping(LONG)
    answer = fetch(kept, {"ref": ref, "grep": "line"}).text
    assert f'next: fetch_artifact(ref="{ref}", grep="line", page=2)]' in answer


def test_lines_gives_exactly_the_lines() -> None:
    kept, ref = keeping(LONG)
    answer = fetch(kept, {"ref": ref, "lines": "10-11"}).text
    assert answer == "[coatcheck: page 1 of 1, lines 10-11 of 3,000]\nline 10\nline 11"


def numbering(text: str, total: int) -> tuple[MemoryArtifacts, str]:
    kept, ref = keeping(text)
    kept.put(replace(kept.get(ref), omissions=[Omission("rows", 1, total)]))
    return kept, ref


def test_lines_gives_the_rows_that_the_view_numbers() -> None:
    table = "id,name\n" + "\n".join(f"{n},name {n}" for n in range(1, 41))
    kept, ref = numbering(table, 40)
    answer = fetch(kept, {"ref": ref, "lines": "2-3"})
    notice = "[coatcheck: page 1 of 1, rows 2-3 of 40 under id,name]"
    assert answer.text == f"{notice}\n2,name 2\n3,name 3"
    assert fetch(kept, {"ref": ref, "lines": "row 2:"}).text.endswith("\n2,name 2")
    assert fetch(kept, {"ref": ref, "lines": "@2-3:"}).text == (
        "[coatcheck: page 1 of 1, lines 2-3 of 41]\n1,name 1\n2,name 2"
    )


def test_the_rows_of_json_on_one_line_are_pieces_of_its_laid_out_form() -> None:
    rows = [{"id": n, "text": "words " * 20} for n in range(1, 101)]
    kept, ref = numbering(json.dumps(rows), 100)
    pages = [fetch(kept, {"ref": ref, "lines": "20-90", "page": p}).text for p in (1, 2)]
    notice = "[coatcheck: page 2 of 2, rows 20-90 of 100, JSON laid out one member a line]"
    assert pages[1].startswith(f"{notice}\n") and "next: " in pages[0].partition("\n")[0]
    whole = "".join(page.partition("\n")[2] for page in pages)
    assert whole in json.dumps(rows, indent=1)
    assert json.loads(f"[{whole}]") == rows[19:90]


def test_a_row_that_is_not_there_is_answered_with_how_many_and_how_to_get_lines() -> None:
    kept, ref = numbering(json.dumps([{"id": n} for n in range(9)], indent=1), 9)
    assert fetch(kept, {"ref": ref, "lines": "12-15"}).text == (
        'Error: there is no row 12: this has 9 rows; for lines of the text write lines="@12-15"'
    )


def test_rows_of_a_view_that_numbers_none_are_refused() -> None:
    kept, ref = keeping(LONG)
    answer = fetch(kept, {"ref": ref, "lines": "rows 5-6"})
    assert answer.is_error and "no list of rows" in answer.text


def test_a_view_that_counts_fields_leads_to_lines_and_says_how_to_get_rows() -> None:
    rows = [{"id": n, "name": f"name {n}"} for n in range(1, 31)]
    kept, ref = keeping(json.dumps({"total": 30, "items": rows}, indent=1))
    kept.put(replace(kept.get(ref), omissions=[Omission("fields", 31, 61)]))
    answer = fetch(kept, {"ref": ref, "lines": "2-3"})
    assert answer.text == (
        '[coatcheck: page 1 of 1, lines 2-3 of 125; if rows are meant: lines="rows 2-3"]\n'
        ' "total": 30,\n "items": ['
    )
    notice, _, found = fetch(kept, {"ref": ref, "lines": "rows 2-3"}).text.partition("\n")
    assert notice == "[coatcheck: page 1 of 1, rows 2-3 of 30 in items]"
    assert json.loads(f"[{found}]") == rows[1:3]


def test_where_the_view_numbers_rows_a_grep_says_how_to_see_around() -> None:
    kept, ref = numbering(json.dumps([{"id": n} for n in range(30)], indent=1), 30)
    notice, _, _ = fetch(kept, {"ref": ref, "grep": '"id": 20'}).text.partition("\n")
    assert 'more around the first: lines="@' in notice
    around = notice.partition('lines="')[2].partition('"')[0]
    assert '"id": 20' in fetch(kept, {"ref": ref, "lines": around}).text


def test_the_lines_of_an_answer_to_a_query_are_its_lines() -> None:
    kept, ref = numbering(json.dumps([{"id": n} for n in range(30)]), 30)
    answer = fetch(kept, {"ref": ref, "query": "[].id", "lines": "2-3"})
    assert answer.text.partition("\n")[2] == "0,\n1,"


def test_without_a_ref_what_is_kept_is_listed_newest_first() -> None:
    kept, first = keeping("one")
    second = Artifact("cc_" + "9" * 12, b'{"content":[]}', CALL)
    kept.put(second)
    lines = fetch(kept, {}).text.split("\n")[1:]
    assert [line.split()[0] for line in lines] == [second.ref, first]


def test_an_image_is_handed_out_with_the_first_page() -> None:
    kept, ref = keeping("text", {"type": "image", "data": "AAAA", "mimeType": "image/png"})
    sent = json.loads(fetch(kept, {"ref": ref}).result())
    assert [block["type"] for block in sent["content"]] == ["text", "image"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ref": "cc_000000000000"}, "unknown"),
        ({"ref": "REF", "page": 2}, "pages 1 to 1"),
        ({"ref": "REF", "page": "x"}, "no page number"),
        ({"ref": "REF", "page": "9" * 5_000}, "no page number"),
        ({"ref": "REF", "lines": "9-1"}, "120-180"),
        ({"ref": "REF", "lines": "9" * 5_000}, "120-180"),
        ({"ref": "REF", "rows": 1}, "is no parameter"),
    ],
)
def test_a_wrong_call_is_answered_with_what_to_do(arguments: dict[str, object], said: str) -> None:
    kept, ref = keeping("text")
    arguments = {k: ref if v == "REF" else v for k, v in arguments.items()}
    answer = fetch(kept, arguments)
    assert answer.is_error and answer.text.startswith("Error: ") and said in answer.text
    assert json.loads(answer.result())["isError"] is True


RECORDS = json.dumps([{"id": i, "name": f"person {i}", "at": "Rome"} for i in range(900)])


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "[].name"},
        {"query": "[].{n: name}", "grep": "person .*5"},
        {"query": "[*]", "lines": "100-800"},
        {"find": "person at Rome"},
        {"grep": "person"},
        {"lines": "5-900"},
        {},
    ],
)
def test_the_pages_of_every_verb_join_to_one_answer(asked: dict[str, object]) -> None:
    kept, ref = keeping(RECORDS)
    call: dict[str, object] = {"ref": ref, **asked}
    pieces = []
    while True:
        notice, _, piece = fetch(kept, call).text.partition("\n")
        pieces.append(piece)
        named = NEXT.search(notice + "\n")
        if named is None:
            break
        call = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\d+)', named[1]))
        call = {name: json.loads(str(value)) for name, value in call.items()}
    assert len(pieces) > 1 and all(len(piece) == 8_000 for piece in pieces[:-1])
    whole, _ = excerpt_of(RECORDS, parse({"ref": ref, **asked}))
    assert "".join(pieces) == whole


def test_a_query_comes_before_what_is_sought_in_its_answer() -> None:
    kept, ref = keeping(RECORDS)
    answer = fetch(kept, {"ref": ref, "query": "[?id>`890`].name", "grep": "895"}).text
    assert '@4-8:\n"person 893",\n' in answer


def test_a_query_says_how_many_of_how_many() -> None:
    kept, ref = keeping(RECORDS)
    answer = fetch(kept, {"ref": ref, "query": "[?id<`2`].id"})
    assert answer.text == "[coatcheck: page 1 of 1, 2 items (the list holds 900)]\n[\n0,\n1\n]"
    assert answer.verb == "query"


def test_a_question_is_answered_with_the_best_passage_first() -> None:
    kept, ref = keeping(LONG + "\nthe harbour of Oslo\n" + LONG)
    notice, _, answer = fetch(kept, {"ref": ref, "find": "Where is the harbour?"}).text.partition(
        "\n"
    )
    assert "passages of" in notice
    assert answer.startswith("@3000-3002:\nline 3000\nthe harbour of Oslo\nline 1")


def test_a_question_to_a_small_artifact_gets_all_of_it() -> None:
    kept, ref = keeping("one\ntwo")
    assert fetch(kept, {"ref": ref, "find": "x"}).text.endswith("]\none\ntwo")


def test_a_question_without_an_answer_names_the_words_and_a_next_call() -> None:
    kept, ref = keeping(LONG)
    text = fetch(kept, {"ref": ref, "find": "zeppelin"}).text
    assert "zeppelin" in text and f'fetch_artifact(ref="{ref}", page=1)' in text


def test_without_a_ref_a_question_goes_to_all_that_is_kept() -> None:
    kept, _ = keeping(LONG)
    harbour, ref = keeping(LONG + "\nthe harbour of Oslo")
    kept.put(harbour.get(ref))
    notice, _, answer = fetch(kept, {"find": "harbour"}).text.partition("\n")
    assert notice == "[coatcheck: page 1 of 1, 1 passages of 2 kept artifacts, best first]"
    assert answer == f"{ref} up.read @3000-3001:\nline 3000\nthe harbour of Oslo"


def test_a_ref_may_be_given_as_a_uri() -> None:
    kept, ref = keeping("text")
    assert fetch(kept, {"ref": f"coatcheck://artifact/{ref}"}).text.endswith("text")


def test_numbers_given_as_text_are_understood() -> None:
    kept, ref = keeping(LONG)
    assert fetch(kept, {"ref": ref, "page": "2", "grep": None}).text.startswith(
        "[coatcheck: page 2 of"
    )


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(ANY_TEXT, st.integers(1, 400), st.sampled_from(["", "\r\n", "\n", "\0", "\ud83d"]))
def test_ten_thousand_texts_come_back_exactly_page_by_page(
    piece: str, times: int, end: str
) -> None:
    text = (piece + "\r\n") * times + piece + end
    kept, ref = keeping(text)
    pages, page, total = [], 1, 1
    while page <= total:
        notice, _, part = fetch(kept, {"ref": ref, "page": page}).text.partition("\n")
        total = int(notice.split(" of ")[1].split(",")[0].replace(",", ""))
        pages.append(part)
        page += 1
    assert "".join(pages) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["x" * 50_000_000, "0123456789 a line of text\r\n" * 3_800_000],
    ids=["one line", "lines"],
)
def test_huge_artifacts_come_back_exactly_from_the_disk(text: str, tmp_path: Path) -> None:
    kept = open_artifacts(tmp_path, floor_bytes=0)
    result = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, CALL))
    pages = -(-len(text) // PAGE_CHARS)
    for page in (1, 2, pages // 2, pages):
        part = fetch(kept, {"ref": ref, "page": page}).text.partition("\n")[2]
        assert part == text[(page - 1) * PAGE_CHARS : page * PAGE_CHARS]
    assert kept.get(ref).result == result
