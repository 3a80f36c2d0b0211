"""Answer a fetch: any part of a kept artifact as one page of text."""

import json
import re

import pytest
from fakes import MemoryArtifacts
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.fetch import fetch
from coatcheck.types import Artifact, Call

CALL = Call("up", "read")
LONG = "\n".join(f"line {n}" for n in range(1, 3_001))
NEXT = re.compile(r"next: fetch_artifact\((.*)\)\]\n")


def keeping(text: str, *others: dict[str, object]) -> tuple[MemoryArtifacts, str]:
    kept = MemoryArtifacts()
    result = json.dumps({"content": [{"type": "text", "text": text}, *others]}).encode()
    ref = kept.ref_for("result", result)
    kept.put(Artifact(ref, result, CALL))
    return kept, ref


@given(st.text(min_size=1).map(lambda piece: piece * 3_000))
def test_plain_pages_joined_are_the_text(text: str) -> None:
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
        ({"ref": "REF", "lines": "9-1"}, "120-180"),
        ({"ref": "REF", "rows": 1}, "use ref, grep, lines or page"),
    ],
)
def test_a_wrong_call_is_answered_with_what_to_do(arguments: dict[str, object], said: str) -> None:
    kept, ref = keeping("text")
    arguments = {k: ref if v == "REF" else v for k, v in arguments.items()}
    answer = fetch(kept, arguments)
    assert answer.is_error and answer.text.startswith("Error: ") and said in answer.text
    assert json.loads(answer.result())["isError"] is True


def test_numbers_given_as_text_are_understood() -> None:
    kept, ref = keeping(LONG)
    assert fetch(kept, {"ref": ref, "page": "2", "grep": None}).text.startswith(
        "[coatcheck: page 2 of"
    )
