from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.focus import MOST_CHARACTERS, derive


@pytest.mark.parametrize(
    ("arguments", "focus"),
    [
        ({"query": "crashing pods"}, "crashing pods"),
        ({"search_query": "deadlock"}, "deadlock"),
        ({"libraryName": "requests", "topic": "retries"}, "requests retries"),
        ({"element": "Submit button", "ref": "e12"}, "Submit button"),
        ({"pattern": r"def\s+parse_(args|file)\b"}, "def parse_ args file"),
        ({"input": "why does login fail"}, "why does login fail"),
        ({"filter": {"title": "timeouts"}, "keywords": ["dns", "proxy"]}, "timeouts dns proxy"),
        ({"sql": "select * from users where city = 'New York'"}, "New York"),
        ({"query": "SELECT a FROM t WHERE name LIKE '%smith%'"}, "smith"),
        ({"pattern": r"retry\.after\b"}, "retry.after"),
        ({"url": "https://example.org/docs/dns#known-issues"}, "known issues"),
    ],
)
def test_the_words_that_ask_for_something_are_the_focus(
    arguments: dict[str, Any], focus: str
) -> None:
    assert derive(arguments) == focus


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"url": "https://example.org/docs/dns"},
        {"path": "/home/me/project/src/main.py"},
        {"name": "src/main.py"},
        {"id": "3f2a9c1e"},
        {"name": "0b7c2f64-11aa-4c6e-9a55-0f8a7b6c5d4e"},
        {"name": "PROJ-1234"},
        {"title": "2024-01-02"},
        {"command": "kubectl get pods --all-namespaces"},
        {"sort": "created", "state": "open", "per_page": 30},
        {"content": "a long text that is written, not looked for"},
        {"owner": "git", "repo": "git", "recursive": True},
        {"note": "x y " * 500},
    ],
)
def test_ids_paths_commands_and_settings_are_no_focus(arguments: dict[str, Any]) -> None:
    assert derive(arguments) == ""


def test_questions_come_before_other_text() -> None:
    assert derive({"context": "in the billing service", "question": "who calls it"}) == (
        "who calls it in the billing service"
    )


def test_the_same_words_are_said_once() -> None:
    assert derive({"query": "slow query", "search": "slow  query"}) == "slow query"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["query", "name", "x", "path", "sql"]) | st.text(), json_values)
)
def test_any_arguments_give_a_bounded_focus(arguments: dict[str, Any]) -> None:
    focus = derive(arguments)
    assert len(focus) <= MOST_CHARACTERS
    assert focus == derive(arguments)
