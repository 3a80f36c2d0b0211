"""Say how a result differs from an earlier one: by record, by line, by element."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.difference import difference, operations, patched, rebuilt
from coatcheck.reducers import rawjson
from coatcheck.reducers.records import same

VALUES = st.none() | st.booleans() | st.integers(0, 5) | st.text("ab", max_size=3)
RECORD = st.dictionaries(st.sampled_from(["id", "name", "a", "b"]), VALUES, max_size=4)
DOCUMENTS = st.recursive(
    VALUES | st.lists(RECORD, max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("xyz"), inner, max_size=4),
    max_leaves=12,
)


def parsed(value: object) -> Any:
    return rawjson.loads(json.dumps(value))


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_the_steps_lead_from_any_value_to_any_other(old: object, new: object) -> None:
    one, other = parsed(old), parsed(new)
    steps = list(operations((), one, other))
    assert same(rebuilt(one, steps), other)
    assert same(one, parsed(old))


RECORDS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "n": VALUES}),
    unique_by=lambda record: record["id"],
)


@settings(deadline=None)
@given(RECORDS, RECORDS)
def test_records_are_known_by_their_key(old: object, new: object) -> None:
    steps = list(operations((), parsed(old), parsed(new)))
    assert same(rebuilt(parsed(old), steps), parsed(new))


LINES = st.lists(st.sampled_from(["a", "b", "  c", "", "-x", "+y", "@@ -1,1 +1,1 @@"]), max_size=30)


@settings(deadline=None)
@given(LINES, LINES)
def test_the_hunks_lead_from_any_lines_to_any_others(old: list[str], new: list[str]) -> None:
    pad = [f"the same line {n}" for n in range(200)]
    found = difference("\n".join([*pad, *old]), "\n".join([*pad, *new]))
    if old == new:
        assert found is None
    else:
        assert found
        assert patched([*pad, *old], found.text) == [*pad, *new]


def repositories() -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "full_name": f"team/repository-{n}",
            "owner": {"login": f"person{n % 5}", "type": "User"},
            "description": f"What repository {n} is for, in a line of some words",
            "topics": ["one", "two"],
            "stars": 10 * n,
        }
        for n in range(31)
    ]


def test_two_changes_and_one_new_record_are_all_that_is_said() -> None:
    new = repositories()
    new[3]["stars"], new[20]["owner"]["login"] = 31, "someone"
    new.insert(5, {"id": 99, "full_name": "team/new", "stars": 0})
    whole = json.dumps(new)
    found = difference(json.dumps(repositories()), whole)
    assert found
    assert found.what == "2 changed, 1 new"
    assert found.text.split("\n") == [
        "[id=3].stars: 31 (was 30)",
        '[id=20].owner.login: "someone" (was "person0")',
        'new [5]: {"id":99,"full_name":"team/new","stars":0}',
    ]
    assert len(found.text) <= 0.05 * len(whole)


def big(n: int) -> dict[str, Any]:
    links = {f"part{i}_url": f"https://host.example/{n}/part{i}/{n * 7919}" for i in range(30)}
    return {**links, "node_id": f"N{n:04}", "title": f"What it is about, {n}", "size": n}


@pytest.mark.parametrize("count", [11, 15, 25])
def test_a_big_new_record_of_a_short_list_is_written_in_part(count: int) -> None:
    old = [big(n) for n in range(count)]
    new = [big(99), *old[:5], {**old[5], "size": 55}, {**old[6], "size": 66}, *old[7:]]
    whole = json.dumps(new)
    found = difference(json.dumps(old), whole)
    assert found and found.what == "2 changed, 1 new"
    line, *fields = found.text.partition("new ")[2].splitlines()
    assert re.fullmatch(r'\[0\] node_id="N0099", \d+ of 33 fields shown:', line)
    assert 'title="What it is about, 99"' in fields[0]
    assert len(found.text) <= 0.05 * len(whole)


def test_what_is_looked_for_in_a_big_new_record_is_written() -> None:
    old = [big(n) for n in range(15)]
    found = difference(json.dumps(old), json.dumps([*old, big(99)]), "part17_url")
    assert found and big(99)["part17_url"] in found.text


def test_records_without_a_key_are_compared_in_their_order() -> None:
    old = [{"day": f"day {n}", "count": n % 7, "note": "some words"} for n in range(200)]
    new = [{"day": "today", "count": 1}, *old[:50], {**old[50], "count": 99}, *old[51:150]]
    found = difference(json.dumps({"rows": old}), json.dumps({"rows": new}))
    assert found and found.what == "1 changed, 1 new, 50 gone"
    assert "rows[50].count: 99 (was 1)\nnew rows[0]: {" in found.text


@pytest.mark.parametrize("name", ["InstanceId", "full_name", "Arn", "DBInstanceIdentifier"])
def test_other_fields_that_name_records_are_keys_too(name: str) -> None:
    old = [{name: f"thing-{n}", "state": "up", "note": "some words " * 3} for n in range(40)]
    new = [{**record} for record in reversed(old)]
    new[3]["state"] = "down"
    found = difference(json.dumps(old), json.dumps(new))
    assert found and found.text.startswith(
        f'[{name}="thing-36"].state: "down" (was "up")\norder of'
    )


def test_records_that_go_or_move_are_named() -> None:
    new = repositories()[::-1][:-1]
    found = difference(json.dumps(repositories()), json.dumps(new))
    assert found
    assert found.text.startswith("gone: [id=0]\norder of the list by id: 30, 29, ")


def test_numbers_are_compared_and_said_as_written() -> None:
    pad = [{"id": n, "text": "some words to fill a line"} for n in range(20)]
    old = json.dumps({"v": "V", "pad": pad}).replace('"V"', "0.10")
    found = difference(old, old.replace("0.10", "1E5"))
    assert found and found.text == "v: 1E5 (was 0.10)"


def snapshot(*extra: str) -> str:
    rows = [f'  - listitem [ref=e{n}]:\n    - link "Product {n}" [ref=f{n}]' for n in range(150)]
    menu = ["- navigation [ref=n1]:", '  - button "Menu" [ref=n2]', *extra]
    return "\n".join([*menu, "- list [ref=l1]:", *rows])


def test_a_snapshot_after_a_click_says_what_came_and_where() -> None:
    opened = snapshot("  - menu [ref=n3]:", '    - link "Help" [ref=n4]')
    found = difference(snapshot(), opened)
    assert found
    assert found.what == "0 lines gone, 2 lines come"
    assert found.text.startswith("@@ -3,0 +3,2 @@ - navigation [ref=n1]:\n+  - menu [ref=n3]:")
    assert len(found.text) <= 0.05 * len(opened)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\n" * 50, "a\n" * 50),
        ("a\n" * 50, "b\n" * 50),
        ("x" * 9_000, "y" * 9_000),
        ('{"a": 1}', '{"a":1}'),
        ("\n".join(map(str, range(9_000))), "\n".join(map(str, range(9_000, 0, -1)))),
        ("a\n" * 2_500_000, "a\n" * 2_500_001),
    ],
)
def test_what_has_no_short_difference_has_none(old: str, new: str) -> None:
    assert difference(old, new) is None
