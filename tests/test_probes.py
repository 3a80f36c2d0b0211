"""Whether a text shows a value."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.probes import Shown, words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"name": "caf\\u00e9 \\"x\\""}', 'café "x"'),
        ("<b>deep</b> <i>sea</i>", "deep sea"),
        ("a &amp; b", "a & b"),
        ("total 1,234 rows", "1234"),
        ("total 1234 rows", "1,234"),
        ("\x1b[31mERROR\x1b[0m disk", "error disk"),
        ('"path": "C:\\\\temp\\\\new"', "C:\\temp\\new"),
        ("id,name\n7,widget seven\n", "widget seven"),
        ('"at": "2017-08-01T06:51:33Z"', "2017-08-01 06:51"),
        ("commit e90b0ef41c5d", "e90b0ef"),
        ("\uff21\uff22\uff23 1", "abc 1"),
        ("an-id-of-many-letters-0123456789", "anidofmanyletters0123456789"),
    ],
)
def test_layout_does_not_matter(text: str, value: str) -> None:
    assert Shown(text).has(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("port 80801", "8080"),
        ("widget seventy", "widget seven"),
        ("seven widget", "widget seven"),
        ("anything", "!!!"),
        ("", "x"),
    ],
)
def test_a_part_of_a_word_is_not_the_value(text: str, value: str) -> None:
    assert not Shown(text).has(value)


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_stands_between_spaces_is_shown(before: str, after: str) -> None:
    value = "the value 42 of Ärger"
    plain = " ".join(words(before)), " ".join(words(after))
    assert Shown(f"{plain[0]} {value} {plain[1]}").has(value)


def test_every_probe_of_the_corpus_is_shown_by_its_own_text() -> None:
    folder = os.environ.get("COATCHECK_CORPUS")
    if not folder:
        pytest.skip("COATCHECK_CORPUS names no corpus")
    missed = total = 0
    for path in sorted(Path(folder).glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines()[::5]:
            item = json.loads(line)
            shown = Shown(item["text"])
            missed += sum(not shown.has(keep) for keep in item["keep"])
            total += len(item["keep"])
    assert missed <= 0.01 * total
