"""JSON that is mostly one long text."""

import json

from coatcheck.reducers import reduce
from coatcheck.reducers.unwrap import reduce as unwrap
from coatcheck.types import Aim

BODY = "\n\n".join(
    f"Part {n}. The {('seller', 'buyer', 'carrier')[n % 3]} keeps record {n * 7919} for a while."
    + (" The warranty ends after 26 months." if n == 37 else "")
    for n in range(90)
)
DOCUMENT = json.dumps({"id": "doc_991", "title": "Terms of sale", "body": BODY, "revision": 12})


def test_a_passage_inside_one_long_text_is_found() -> None:
    found = reduce(DOCUMENT, Aim(400, focus="how long is the warranty?"))
    assert found is not None
    assert "26 months" in found.text
    assert "id=doc_991" in found.text


def test_the_fields_around_a_long_text_are_kept_without_a_focus() -> None:
    found = reduce(DOCUMENT, Aim(400))
    assert found is not None
    assert "title=Terms of sale" in found.text
    assert "revision=12" in found.text
    assert found.omissions[0].what.endswith("of body")


def test_a_log_inside_json_is_reduced_as_a_log() -> None:
    lines = [f"2026-11-20 10:00:{n % 60:02} INFO served page {n}" for n in range(400)]
    lines[200] = "2026-11-20 10:03:20 ERROR disk full on /var"
    found = reduce(json.dumps({"stdout": "\n".join(lines), "exit_code": 1}), Aim(400))
    assert found is not None
    assert "disk full on /var" in found.text
    assert "exit_code=1" in found.text


def test_json_of_many_short_texts_is_left_to_others() -> None:
    assert (
        unwrap(json.dumps([{"id": n, "text": "word " * 20} for n in range(60)]), Aim(300)) is None
    )


def test_json_inside_a_text_is_left_to_others() -> None:
    inner = json.dumps([{"id": n, "name": f"n{n}"} for n in range(200)])
    assert unwrap(json.dumps({"payload": inner}), Aim(300)) is None


def test_a_lossless_aim_gets_nothing() -> None:
    assert unwrap(DOCUMENT, Aim(400, lossless=True)) is None
