"""How lines that say the same with other values are grouped."""

import pytest

from coatcheck.reducers.templates import grouped, named, pattern, stamp_end, varying


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("2024-05-01T10:00:00.123Z INFO x", "INFO x"),
        ("2024-05-01 10:00:00,123 - INFO - x", "INFO - x"),
        ("[Sun Dec 04 04:47:44 2005] [notice] x", "[notice] x"),
        ("Jun 14 15:16:01 host sshd: x", "host sshd: x"),
        ("17/06/09 20:10:40 INFO x", "INFO x"),
        ("20171223-22:15:29:606|Step|x", "Step|x"),
        ("081109 203615 148 INFO x", "148 INFO x"),
        ("10:00:00 x", "x"),
        ("1700000000.123 x", "x"),
        ("plain words", "plain words"),
        ("404 not found", "404 not found"),
    ],
)
def test_a_time_stamp_at_the_beginning_is_told_from_the_text(line: str, rest: str) -> None:
    assert line[stamp_end(line) :] == rest


def test_lines_that_differ_in_numbers_are_one_group() -> None:
    lines = [f"10:00:{i:02} took {i} ms from 10.0.0.{i}" for i in range(20)] + ["10:01:00 done"]
    groups = grouped(lines)
    assert [len(g.members) for g in groups] == [20, 1]


def test_a_word_counts_as_a_value_only_when_many_stand_in_its_place() -> None:
    users = ["ann", "bob", "cid", "dan", "eve", "fay"]
    opened = [f"session opened for {u} now" for u in users]
    groups = grouped([*opened, "switch on", "switch off"])
    assert [len(g.members) for g in groups] == [6, 1, 1]


def test_values_are_listed_with_counts_and_many_by_their_ends() -> None:
    lines = [f"GET /a status {200 if i % 4 else 500} len {i}" for i in range(40)]
    group = grouped(lines)[0]
    values = varying(lines, group)
    assert pattern(lines[0], values, 0) == "GET /a status * len *"
    assert pattern(lines[0], values, 1) == "GET /a status {200 (30), 500 (10)} len *"
    assert pattern(lines[0], values, 2).endswith("len {0 … 39, 40 values}")
    assert named(values, group.words) == "status {200 (30), 500 (10)}"


def test_law_4_every_line_that_is_not_blank_is_in_one_group() -> None:
    lines = ["", "a 1", " ", "b", "a 2", "((", "=="]
    members = sorted(i for group in grouped(lines) for i in group.members)
    assert members == [1, 3, 4, 5, 6]
