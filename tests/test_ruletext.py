"""The rule of one tool in the text of the settings, all else as it stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import config
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck.ruletext import literal, with_rule

BUDGET = {"budget_tokens": 800}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", '[tools."gh.list"]\nbudget_tokens = 800\n'),
        (
            "# mine\n[defaults]\nmode = 'trim'  # so\n",
            "# mine\n[defaults]\nmode = 'trim'  # so\n\n[tools.\"gh.list\"]\nbudget_tokens = 800\n",
        ),
        (
            '[defaults]\n\n# all of them\n[tools."gh.*"]\nkey = "id"\n',
            '[defaults]\n\n[tools."gh.list"]\nbudget_tokens = 800\n\n'
            '# all of them\n[tools."gh.*"]\nkey = "id"\n',
        ),
        (
            '[tools."gh.list"]  # the one\nkey = "id"\nbudget_tokens = 9 # was 8\n\n[store]\n',
            '[tools."gh.list"]  # the one\nbudget_tokens = 800 # was 8\n\n[store]\n',
        ),
        (
            '[tools."gh.list"]\n[store]\nquota = "1GiB"\n',
            '[tools."gh.list"]\nbudget_tokens = 800\n[store]\nquota = "1GiB"\n',
        ),
    ],
)
def test_only_the_table_of_the_tool_changes(text: str, after: str) -> None:
    assert with_rule(text, "gh.list", BUDGET) == after


def test_a_setting_is_added_below_those_that_stay() -> None:
    text = '[tools."a.b"]\nkey = "id"\n[ledger]\n'
    values = {"key": "id", "drop_fields": ("x", 'y"z'), "keep": 90, "egress": False}
    found = tomllib.loads(with_rule(text, "a.b", values))["tools"]["a.b"]
    assert found == {"key": "id", "drop_fields": ["x", 'y"z'], "keep": "90s", "egress": False}


@pytest.mark.parametrize("text", ["tools = { 'a.*' = { key = 'id' } }", "[tools\n", "x = "])
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises((NotEditable, NotParsed)):
        with_rule(text, "a.b", BUDGET)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30))
def test_any_name_means_itself_alone(name: str) -> None:
    text = with_rule('[tools."*"]\nkey = "id"\n', f"up.{name}", BUDGET)
    found = config.parse(tomllib.loads(text))
    assert found.rule("up", name).budget_tokens == 800
    assert found.rule("up", name + "x").key == "id"


def test_a_literal_name_has_no_wildcards() -> None:
    assert literal("a[b]*?") == "a[[]b][*][?]"
