"""What a reduced commit history says."""

from coatcheck.reducers.commits import matches, reduce
from coatcheck.types import Aim, Reduction


def history(count: int) -> str:
    return "\n".join(
        f"commit {i + 1:07x}{'0' * 33}\nAuthor: {'Ann' if i % 3 else 'Bob'} <a@b.example>\n"
        f"Date:   2024-05-{i % 28 + 1:02} 10:00:00 +0200\n\n    change part {i}\n\n"
        f"    Because it was needed.\n\n src/f{i}.py | 12 ++++++------\n"
        for i in range(count)
    )


def reduced(text: str, aim: Aim) -> Reduction:
    reduction = reduce(text, aim)
    assert reduction is not None
    return reduction


def test_each_commit_is_a_row_of_hash_day_subject_and_author() -> None:
    view = reduced(history(20), Aim(800)).text
    assert view.startswith("computed: total = 20 commits; from 2024-05-01 to 2024-05-20")
    assert "by Ann (13), Bob (7)" in view
    assert "\n0000010 2024-05-16 change part 15 (Bob)\n" in view


def test_a_smaller_budget_keeps_hash_and_subject_of_all() -> None:
    view = reduced(history(40), Aim(600)).text
    assert all(f"{i + 1:07x} change part {i}" in view for i in range(40))


def test_the_commit_of_the_focus_is_shown_in_full() -> None:
    text = history(300).replace("change part 222", "repair the login of guests")
    view = reduced(text, Aim(500, focus="Which commit repairs the guest login?")).text
    assert f"commit {223:07x}{'0' * 33}\nAuthor: Bob" in view
    assert "    repair the login of guests" in view


def test_law_4_commits_that_are_not_shown_are_counted() -> None:
    lead = reduced(history(500), Aim(400)).omissions[0]
    assert (lead.unit, lead.total) == ("commits", 500)
    assert 0 < lead.shown < 500


def test_hashes_are_cut_only_as_far_as_they_differ() -> None:
    text = "commit aaaaaaaaaa1\n\n    one\n\ncommit aaaaaaaaaa2\n\n    two\n"
    view = reduced(text, Aim(400)).text
    assert "aaaaaaaaaa1 one" in view
    assert "aaaaaaaaaa2 two" in view


def test_histories_are_told_from_other_text_and_patches_are_left() -> None:
    assert matches(history(3))
    assert not matches("commit to the plan\n" * 5)
    assert reduce(history(3) + "\ndiff --git a/x b/x\n", Aim(300)) is None
