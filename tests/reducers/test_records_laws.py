"""JSON reducers against the laws: any value, any text, hostile ones."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coatcheck.reducers.codec import decode, encode
from coatcheck.reducers.rawjson import parse
from coatcheck.reducers.records import reduce, same
from coatcheck.types import Aim

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
    for aim in (Aim(300), Aim(300, focus="what is a of k41?"), Aim(300, lossless=True)):
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
