"""Which part of an artifact a fetch gave, in numbers and back."""

import pytest
from fakes import MemoryArtifacts
from hypothesis import given as with_examples
from hypothesis import strategies as st

from coatcheck import given
from coatcheck.fetch import fetch
from coatcheck.replay import part_of
from coatcheck.spans import dumps
from coatcheck.types import Artifact, Call

LINES = [f"line {n}: word{n} {'x' * 40}" for n in range(1, 801)]
ROWS = [{"id": n, "name": f"name{n}", "note": "y" * 40} for n in range(400)]


def kept(text: str) -> MemoryArtifacts:
    artifacts = MemoryArtifacts()
    result = dumps({"content": [{"type": "text", "text": text}]})
    artifacts.put(Artifact("cc_000000000001", result, Call("up", "tool"), "a view"))
    return artifacts


def fetched(artifacts: MemoryArtifacts, **asked: object) -> tuple[str, str | None]:
    """Return what is booked of a fetch, and the text that this means."""
    answer = fetch(artifacts, {"ref": "cc_000000000001", **asked})
    return answer.part, part_of(artifacts.peek("cc_000000000001"), answer.part)


@pytest.mark.parametrize(
    ("asked", "part", "text"),
    [
        ({"grep": "word7[0-1]:?"}, "at:70-71,700-719", "\n".join(LINES[69:71] + LINES[699:719])),
        ({"lines": "12-14"}, "lines:12-14", "\n".join(LINES[11:14])),
        ({"page": 2}, "chars:8000-16000", "\n".join(LINES)[8000:16000]),
        ({"grep": "nowhere"}, "", None),
        ({"query": "[0]"}, "", None),
        ({"lines": "9999"}, "", None),
    ],
)
def test_a_fetch_is_booked_in_numbers_that_give_its_text_again(
    asked: dict[str, object], part: str, text: str | None
) -> None:
    assert fetched(kept("\n".join(LINES)), **asked) == (part, text)


def test_of_a_grep_the_lines_count_that_match_and_not_those_around() -> None:
    part, text = fetched(kept(dumps(ROWS).decode()), grep="name399")
    assert part.startswith("at:") and text is not None
    assert text.strip().strip(",") == '"name": "name399"'


def test_of_a_question_the_passages_count() -> None:
    part, text = fetched(kept("\n".join(LINES)), find="word123")
    assert part.startswith("at:") and text is not None and "word123 " in text


def test_very_many_pieces_are_not_booked() -> None:
    artifacts = kept("\n".join(f"{'odd' if n % 9 else 'even'}" for n in range(2000)))
    assert fetched(artifacts, grep="even") == ("", None)


@with_examples(st.sets(st.integers(1, 99), min_size=1))
def test_pieces_mean_the_lines_they_were_made_of(numbers: set[int]) -> None:
    page = "\n".join(f"@{number}:\ntext" for number in sorted(numbers))
    part = given.part_of_passages(page)
    text = "\n".join(str(number) for number in range(1, 100))
    found = given.lines_of(text, part.removeprefix("at:")).split("\n")
    assert found == [str(number) for number in sorted(numbers)]


@pytest.mark.parametrize("part", ["", "at:x", "chars:", "chars:1", "lines:x", "at:3-x", "what:1-2"])
def test_a_part_that_is_none_means_nothing(part: str) -> None:
    assert part_of(kept("text").peek("cc_000000000001"), part) is None
