"""What counts as severe, how lines are cleaned, cut and numbered."""

import pytest

from coatcheck.reducers.lines import (
    claim,
    clean,
    ends,
    folded,
    passages,
    severity,
    shorten,
    split_lines,
)


@pytest.mark.parametrize(
    ("line", "grade"),
    [
        ("2024-01-01 10:00:00 ERROR db: connection lost", 3),
        ("level=error msg=boom", 3),
        ('{"level":50,"msg":"boom"}', 3),
        ("Traceback (most recent call last):", 3),
        ("ValueError: bad input", 3),
        ("src/main.c:7:1: error: expected ';'", 3),
        ("npm ERR! code ELIFECYCLE", 3),
        ("process exited with code 137", 3),
        ('10.0.0.1 - - "GET / HTTP/1.1" 503 12', 3),
        ("E0412 10:00:00.1 controller.go:7] sync", 3),
        ("kernel: Out of memory: Killed process 42", 3),
        ("--- FAIL: TestParse (0.01s)", 3),
        ("not ok 3 - parses", 3),
        ("[WARN] disk nearly full", 2),
        ("DeprecationWarning: use y", 2),
        ('10.0.0.1 - - "GET /x HTTP/1.1" 404 12', 2),
        ("W/ActivityManager(7): slow", 2),
        ("could not resolve host", 1),
        ("authentication failure for root", 1),
        ("Found 0 errors", 0),
        ("no warnings", 0),
        ("exit code 0", 0),
        ('10.0.0.1 - - "GET /x HTTP/1.1" 200 404', 0),
        ("terror and mirrors", 0),
        ("", 0),
    ],
)
def test_law_7_a_line_is_as_severe_as_it_says(line: str, grade: int) -> None:
    assert severity(line) == grade


def test_cleaning_keeps_the_number_of_lines() -> None:
    text = "a\r\n\x1b[1mb\x1b[0m\n10 %\r20 %\r100 %\n\x1b]0;title\x07c"
    assert clean(text).split("\n") == ["a", "b", "100 %", "c"]


def test_a_line_feed_at_the_end_begins_no_further_line() -> None:
    assert split_lines("a\nb\n") == ["a", "b"]
    assert split_lines("a\n\n") == ["a", ""]


def test_the_first_of_each_kind_comes_before_the_last_ones() -> None:
    assert ends([0, 1, 2, 3, 4], ["a", "b", "a", "a", "b"]) == [0, 1, 3, 4]


def test_passages_are_headed_by_their_numbers_and_notes() -> None:
    lines = ["a", "b", "c", "d", "e"]
    text = passages(lines, [0, 1, 3, 4], range(1, 6), {3: "first of 9 alike"})
    assert text == "@1-2:\na\nb\n@4-5 (@4: first of 9 alike):\nd\ne"


def test_claims_are_served_in_order_within_their_share() -> None:
    lines = ["word " * 20] * 10
    some = claim(lines, [([9, 8, 7], 0.3), ([0, 1, 2], 1.0)], 100)
    assert 9 in some
    assert 0 in some
    assert 7 not in some


def test_a_cut_says_how_much_is_gone_and_keeps_the_focus() -> None:
    line = "a" * 500 + " needle " + "b" * 500
    short, gone = shorten(line, 120, "needle")
    assert "needle" in short
    assert short.startswith("a" * 40)
    assert short.endswith("b" * 40)
    left = len(line) - gone
    assert sum(len(piece) for piece in short.split(" …")) < left + 80


def test_equal_lines_in_a_row_are_counted_without_loss() -> None:
    text = folded(["a", "a", "a", "b"])
    assert text is not None
    assert text.split("\n")[1:] == ["a (x3)", "b"]
    assert folded(["a (x3)", "b"]) is None
