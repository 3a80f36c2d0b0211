"""Our tool is permitted where another tool of its server is, and nowhere else."""

import pytest

from coatcheck import permits
from coatcheck.dialect import Location
from coatcheck.nodes import NotParsed

RULES = Location("user", "~/s.json", ("permissions", "allow"), "jsonc")


def settings(*rules: str) -> str:
    written = ", ".join(f'"{rule}"' for rule in rules)
    return f'{{"permissions": {{"deny": [], // mine\n "allow": [{written}]}}, "x": 1}}'


@pytest.mark.parametrize(
    ("rules", "new"),
    [
        (["Bash(ls)", "mcp__a__list"], ["mcp__a__fetch_artifact"]),
        (["mcp__a__list", "mcp__b_c__get"], ["mcp__a__fetch_artifact", "mcp__b_c__fetch_artifact"]),
        (["mcp__a"], []),
        (["mcp__a__*", "mcp__a__list"], []),
        (["mcp__a__fetch_artifact", "mcp__a__list"], []),
        (["mcp__other__list", "Bash(ls)"], []),
        ([], []),
    ],
)
def test_our_tool_joins_the_tools_that_are_permitted_by_name(
    rules: list[str], new: list[str]
) -> None:
    text = settings(*rules)
    after = permits.added(text, RULES, ["a", "b c"])
    assert after == settings(*rules, *new)
    if new:
        assert permits.removed(after, RULES, ["a", "b c"]) == text


def test_a_list_with_nothing_else_becomes_empty() -> None:
    assert permits.removed(settings("mcp__a__fetch_artifact"), RULES, ["a"]) == settings()


@pytest.mark.parametrize("text", ["{}", '{"permissions": {"allow": "all"}}', "[]"])
def test_settings_without_rules_stay_as_they_are(text: str) -> None:
    assert permits.added(text, RULES, ["a"]) == text
    assert permits.removed(text, RULES, ["a"]) == text


def test_settings_that_do_not_parse_are_refused() -> None:
    with pytest.raises(NotParsed):
        permits.added("{", RULES, ["a"])
