"""How an entry stands to those before it: turns, what they read again, and who came back."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from ledgers import CALL, assert_sound, rows, written

from coatcheck.ledger.turns import Standing, Tokens, tokens_of
from coatcheck.types import Entry

# One second long, and each begins when the last has ended.
QUICK = replace(CALL, upstream_ms=900.0, added_ms=100.0, ref="")
SAVED = (900, 700, 100)  # original - view, counterfactual - view, view


def at(seconds: float, entry: Entry = QUICK, **more: object) -> Entry:
    return replace(entry, at=CALL.at + seconds, **more)  # type: ignore[arg-type]  # columns of an entry


def related(home: Path) -> list[tuple[int, ...]]:
    query = """SELECT turns, carried_original_tokens, carried_counterfactual_tokens,
        carried_seen_tokens FROM entries ORDER BY id"""
    return [tuple(row) for row in rows(home, query)]


def test_a_result_is_read_again_from_the_second_turn_after_its_own_on(tmp_path: Path) -> None:
    written(tmp_path, *(at(2 * number) for number in range(4)))
    assert related(tmp_path) == [
        (1, 0, 0, 0),
        (1, 0, 0, 0),  # this request wrote the first result to the cache
        (1, *SAVED),
        (1, *(2 * tokens for tokens in SAVED)),
    ]


def test_calls_made_at_once_are_one_turn(tmp_path: Path) -> None:
    written(tmp_path, at(0), at(0.2), at(0.9), at(2), at(2.1), at(4))
    assert [turns for turns, *_ in related(tmp_path)] == [1, 0, 0, 1, 0, 1]
    assert related(tmp_path)[-1] == (1, *(3 * tokens for tokens in SAVED))


def test_contexts_and_sessions_read_only_their_own_again(tmp_path: Path) -> None:
    written(
        tmp_path,
        at(0, context="a"),
        at(2, context="b"),
        at(4, context="a"),
        at(6, session="other", context="a"),
        at(8, context="b"),
        at(10, context="a"),
    )
    assert [row[1] for row in related(tmp_path)] == [0, 0, 0, 0, 0, 900]


def test_definitions_are_read_again_by_the_second_turn_of_every_context(tmp_path: Path) -> None:
    own = Entry("definitions", CALL.at - 9, session=CALL.session, view_tokens=130)
    many = [at(2 * number, context=name) for number, name in enumerate("abab")]
    written(tmp_path, own, *many)
    assert [row[1] for row in related(tmp_path)] == [0, 0, 0, -130, -130]


def test_a_session_goes_on_where_another_batch_ended(tmp_path: Path) -> None:
    for number in range(3):
        written(tmp_path, at(2 * number))
    assert related(tmp_path)[-1] == (1, *SAVED)


def test_what_was_fetched_or_passed_is_carried_as_it_was_seen(tmp_path: Path) -> None:
    fetch = replace(QUICK, kind="fetch", outcome="passed", view_tokens=30)
    cut = replace(QUICK, outcome="passed", original_tokens=900, counterfactual_tokens=50)
    argument = replace(fetch, verb="argument", view_tokens=0, upstream_ms=0.0, added_ms=0.0)
    late = replace(fetch, kind="summary")
    written(tmp_path, at(0, fetch), at(1, argument), at(2, cut), at(3, late), at(4), at(6))
    assert [row[0] for row in related(tmp_path)] == [1, 0, 1, 0, 1, 1]
    assert related(tmp_path)[4] == (1, -30, -30, 30)
    assert related(tmp_path)[5] == (1, -30, -30, 30 + 50)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 99)), max_size=30))
def test_what_is_carried_is_each_result_times_the_turns_that_read_it(
    many: list[tuple[float, int]],
) -> None:
    standing, clock, of_turn = Standing(0, 0), 0.0, []
    carried: Tokens = (0, 0, 0)
    for pause, tokens in many:
        clock += pause
        entry = at(clock, view_tokens=tokens, upstream_ms=1000.0, added_ms=0.0)
        _, *again = standing.carried(entry)
        carried = (carried[0] + again[0], carried[1] + again[1], carried[2] + again[2])
        of_turn.append((standing.turns, tokens_of(entry)))
    for base in range(3):
        last = standing.turns
        expected = sum(max(0, last - turn - 1) * tokens[base] for turn, tokens in of_turn)
        assert carried[base] == expected


def marks(home: Path) -> list[tuple[int, int, int]]:
    query = "SELECT again, came_back, got_whole FROM entries ORDER BY id"
    return [tuple(row) for row in rows(home, query)]


def test_the_same_call_within_two_minutes_of_its_view_is_one_made_again(tmp_path: Path) -> None:
    written(
        tmp_path,
        at(0),
        at(119),
        at(119 + 121),
        at(241, tool="other"),
        at(242, arguments_digest="cd"),
        at(243, session="other"),
        at(244, context="other"),
    )
    assert [again for again, _, _ in marks(tmp_path)] == [0, 1, 0, 0, 0, 0, 0]


def test_a_call_that_passed_was_not_made_again(tmp_path: Path) -> None:
    written(tmp_path, at(0, outcome="passed"), at(1), at(2, outcome="passed"))
    assert [again for again, _, _ in marks(tmp_path)] == [0, 0, 0]


def test_the_first_fetch_of_a_view_came_back_and_a_later_one_of_the_same_did_not(
    tmp_path: Path,
) -> None:
    fetch = replace(CALL, kind="fetch", verb="grep", outcome="passed", view_tokens=30)
    failed = replace(fetch, is_error=True)
    other = replace(fetch, ref="cc_2")
    written(tmp_path, CALL, failed, fetch, fetch, other, CALL, fetch)
    assert [back for _, back, _ in marks(tmp_path)] == [0, 0, 1, 0, 0, 0, 1]


def test_pages_that_add_up_to_the_artifact_got_it_whole_once(tmp_path: Path) -> None:
    page = replace(CALL, kind="fetch", verb="page", outcome="passed", view_tokens=450)
    written(tmp_path, CALL, page, page, page)
    assert [whole for _, _, whole in marks(tmp_path)] == [0, 0, 1, 0]
    whole = replace(page, verb="whole", ref="")
    written(tmp_path, whole)
    assert marks(tmp_path)[-1] == (0, 1, 1)
    assert_sound(tmp_path)
