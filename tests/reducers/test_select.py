"""Relevance to a focus, and what a budget holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers.select import coverage, fill, is_weak, relevance, runs
from coatcheck.reducers.terms import fold, stem, terms

FILLER = [f"line {i} of something quite unrelated" for i in range(20)]


def best(units: list[str], focus: str) -> str:
    scores = relevance([*units, *FILLER], focus)
    top = max(range(len(scores)), key=lambda i: scores[i])
    assert scores[top] > 0
    return [*units, *FILLER][top]


@pytest.mark.parametrize(
    ("focus", "found", "other"),
    [
        ("relegated clubs", "the relegation of a club", "the region of a clue"),
        ("user id", "getUserById(3)", "abuser idiom"),
        ("iter_content", "def iter_content(self)", "def iter_lines(self)"),
        ("iter content", "def iter_content(self)", "def discontent(self)"),
        ("getUserById", "calls getUserById", "calls getUserByName"),
        ("version 0.4.0", "version 0.4.0 (May)", "version 10.4.0 and 0.4.01"),
        ("1.2", "needs 1.2 or later", "needs 1.2.3 or 0.1.2"),
        ("Jan 2, 2024", "at 2024-01-02T03:04:05Z", "at 2024-02-01T03:04:05Z"),
        ("2 January 2024", "on 02/Jan/2024:10:00", "on 03/Jan/2024:10:00"),
        ("2024-01-02", "on January 2, 2024", "on January 3, 2024"),
        ("1,234 requests", "total 1234", "total 12345"),
        ("1234 requests", "total 1,234", "total 11,234"),
        ('"exact phrase"', "the exact phrase here", "an exact but other phrase, exact phrases"),
        ("154", "id=154", "id=1544"),
        ("kubernetes.default", "nslookup kubernetes.default", "kubernetes or some default"),
        ("authentification", "authentication failed", "automatic faucet"),
        ("ÉCOLE", "une école", "une ecole"),
        ("東京の人口", "現在の東京都の人口は1400万人", "大阪の天気は晴れ"),
        ("oauth", "OAuthProvider", "authority"),
        ("what is it", "what is it", "nothing"),
    ],
)
def test_what_the_focus_means_scores_best(focus: str, found: str, other: str) -> None:
    assert best([other, found], focus) == found


def test_rare_words_weigh_more_than_common_ones() -> None:
    units = ["pod api", "pod web", "pod db", "node crash"]
    scores = relevance(units, "pod crash")
    assert scores[3] > max(scores[:3]) > 0


def test_units_without_a_word_of_the_focus_score_nothing() -> None:
    assert relevance(["alpha", "beta"], "gamma") == [0.0, 0.0]
    assert relevance(["alpha"], "") == [0.0]
    assert relevance([], "alpha") == []


def test_a_match_is_weak_when_the_best_unit_holds_hardly_anything() -> None:
    units = ["the invoice was paid", "weather is fine"]
    asked = "which kubernetes pods crash with invoice webhooks on production nodes"
    assert is_weak(units, relevance(units, asked), asked)
    assert is_weak(units, relevance(units, "zebra"), "zebra")
    assert not is_weak(units, relevance(units, "paid invoice"), "paid invoice")
    assert not is_weak(units, relevance(units, ""), "")


def test_coverage_is_the_share_of_the_focus() -> None:
    assert coverage(["red green", "red", "blue"], "red green") == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("word", "cut"),
    [
        ("relegated", "relegat"),
        ("stopped", "stop"),
        ("countries", "countr"),
        ("classes", "class"),
        ("access", "access"),
        ("user", "user"),
        ("W2378156", "W2378156"),
        ("école", "école"),
    ],
)
def test_a_stem_keeps_at_least_four_letters(word: str, cut: str) -> None:
    assert stem(word) == cut


def test_a_focus_gives_its_identifiers_before_its_words() -> None:
    found = [term.forms[0] for term in terms("trace parse_args in `run fast` near getUser")]
    assert found == ["run fast", "parse_args", "getuser", "trac", *found[4:]]
    assert {"near", "pars", "args", "user"} <= set(found)


@given(st.text())
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=30), st.text(max_size=60))
def test_law_6_relevance_is_total_and_deterministic(units: list[str], focus: str) -> None:
    scores = relevance(units, focus)
    assert len(scores) == len(units)
    assert all(score >= 0 for score in scores)
    assert scores == relevance(units, focus)


amounts = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 10)), max_size=40)


@given(amounts, st.integers(0, 300), st.lists(st.integers(0, 39), max_size=5))
def test_law_10_what_is_chosen_fits_the_budget_in_source_order(
    units: list[tuple[int, float]], budget: int, first: list[int]
) -> None:
    costs, values = [cost for cost, _ in units], [value for _, value in units]
    early = [i for i in first if i < len(units)]
    chosen = fill(costs, values, budget, first=early)
    assert chosen == sorted(set(chosen))
    assert sum(costs[i] for i in chosen) <= budget
    left = budget - sum(costs[i] for i in chosen)
    wanted = [i for i, value in enumerate(values) if (value > 0 or i in early)]
    assert all(costs[i] > left for i in wanted if i not in chosen)


def test_what_is_named_first_claims_the_budget_before_better_units() -> None:
    assert fill([5, 5, 5], [9.0, 1.0, 0.0], 10, first=[2]) == [0, 2]


def test_a_unit_that_does_not_fit_is_passed_over() -> None:
    assert fill([50, 5, 5], [9.0, 2.0, 1.0], 10) == [1, 2]


def test_runs_join_what_stands_together() -> None:
    assert list(runs([0, 1, 4, 6, 7])) == [(0, 1), (4, 4), (6, 7)]
    assert list(runs([])) == []


def test_a_number_at_the_end_of_a_name_is_a_word() -> None:
    units = [f"int tier{n}Price() {{ return base - {n * 3}; }}" for n in range(40)]
    scores = relevance(units, "the price of tier 17")
    assert max(range(40), key=lambda n: scores[n]) == 17


def test_a_number_inside_a_hash_is_no_word() -> None:
    assert relevance(["commit 9f17ab3", "commit 0c0ffee"], "number 17") == [0.0, 0.0]
