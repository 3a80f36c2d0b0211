"""Exact counts: filled in from what is still kept, bounded, and never half."""

from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import CALL, assert_sound, rows, written

from coatcheck.ledger import schema
from coatcheck.ledger.exact import fill_exact
from coatcheck.types import StoreError


def exact(home: Path) -> list[tuple[int | None, int | None, int]]:
    query = "SELECT original_tokens_exact, view_tokens_exact, count_state FROM entries ORDER BY id"
    return [tuple(row) for row in rows(home, query)]


def count(text: str) -> tuple[int, int]:
    return len(text), 1


def test_exact_counts_are_filled_in_for_shortened_calls_alone(tmp_path: Path) -> None:
    written(tmp_path, CALL, replace(CALL, outcome="passed"), replace(CALL, kind="fetch"))
    assert fill_exact(tmp_path, count, {CALL.ref: ("x" * 900, "y" * 90)}.get) == 1
    assert exact(tmp_path) == [(900, 90, schema.COUNTED), (None, None, 0), (None, None, 0)]
    assert fill_exact(tmp_path, count, {CALL.ref: ("x", "y")}.get) == 0


def test_the_counterfactual_follows_an_exact_count_in_proportion(tmp_path: Path) -> None:
    uncut = replace(CALL, counterfactual_tokens=1000, at=CALL.at + 1)
    written(tmp_path, CALL, uncut)
    fill_exact(tmp_path, count, {CALL.ref: ("x" * 500, "y" * 90)}.get)
    query = "SELECT original_tokens, counterfactual_tokens FROM booked ORDER BY id"
    assert [tuple(row) for row in rows(tmp_path, query)] == [(500, 400), (500, 500)]


def test_a_row_whose_artifact_is_gone_is_tried_once(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    asked: list[str] = []

    def gone(ref: str) -> None:
        asked.append(ref)

    for _ in range(2):
        fill_exact(tmp_path, count, gone)
    assert asked == [CALL.ref]
    assert exact(tmp_path) == [(None, None, schema.UNCOUNTABLE)]
    assert_sound(tmp_path)


def test_a_row_whose_view_was_replaced_gets_no_count_of_the_later_view(tmp_path: Path) -> None:
    newest_call = replace(CALL, at=CALL.at + 2)
    same_view = replace(CALL, at=CALL.at + 1, reason="other")
    other_view = replace(CALL, view_tokens=77)
    written(tmp_path, other_view, same_view, newest_call)
    fill_exact(tmp_path, count, {CALL.ref: ("x" * 900, "y" * 90)}.get)
    assert [state for _, _, state in exact(tmp_path)] == [
        schema.UNCOUNTABLE,
        schema.COUNTED,
        schema.COUNTED,
    ]


def test_counting_is_bounded_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    many = [replace(CALL, ref=f"cc_{i}") for i in range(7)]
    written(tmp_path, *many)

    def always(ref: str) -> tuple[str, str]:
        return "original", "view"

    assert fill_exact(tmp_path, count, always, max_rows=2) == 2
    assert fill_exact(tmp_path, count, always, max_bytes=2 * CALL.original_bytes - 1) == 2
    assert fill_exact(tmp_path, count, always) == 3
    assert fill_exact(tmp_path, count, always) == 0


def test_two_that_count_at_once_book_a_row_once(tmp_path: Path) -> None:
    written(tmp_path, CALL)
    changed: list[int] = []

    def count_meanwhile(ref: str) -> tuple[str, str]:
        changed.append(fill_exact(tmp_path, count, {CALL.ref: ("first", "view")}.get))
        return "the second", "view"

    assert fill_exact(tmp_path, count, count_meanwhile) == 0
    assert changed == [1]
    assert exact(tmp_path) == [(len("first"), len("view"), schema.COUNTED)]
    assert_sound(tmp_path)


def test_a_store_that_fails_leaves_rows_for_another_time(tmp_path: Path) -> None:
    written(tmp_path, CALL)

    def broken(ref: str) -> None:
        raise StoreError("the disk is full")

    assert fill_exact(tmp_path, count, broken) == 0
    assert exact(tmp_path) == [(None, None, schema.UNTRIED)]


def test_counting_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fill_exact(tmp_path, count, lambda ref: None)
    assert not list(tmp_path.iterdir())
