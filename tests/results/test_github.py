"""Issues and repositories of GitHub's REST API."""

import json

import pytest
from recorded import recording, reduced, saved_over_generic, view

from coatcheck.protocols import Adapter
from coatcheck.types import Aim
from coatcheck_adapters.results.github_issues import GitHubIssues
from coatcheck_adapters.results.github_repositories import GitHubRepositories

ISSUES, REPOSITORIES = GitHubIssues(), GitHubRepositories()


@pytest.mark.parametrize(
    ("adapter", "name"),
    [
        (ISSUES, "github_issues"),
        (ISSUES, "github_search_issues"),
        (REPOSITORIES, "github_repository"),
    ],
)
def test_it_needs_a_tenth_less_than_the_generic_way(adapter: Adapter, name: str) -> None:
    assert saved_over_generic(adapter, recording(name)) >= 0.1


@pytest.mark.parametrize("name", ["github_issues", "github_search_issues"])
def test_what_matters_of_every_issue_is_in_the_view(name: str) -> None:
    parsed = json.loads(recording(name))
    shown = view(ISSUES.reduce, recording(name))
    for issue in parsed["items"] if isinstance(parsed, dict) else parsed:
        said = [issue["title"], issue["html_url"], issue["user"]["login"], issue["state"]]
        said += [issue["created_at"], issue["updated_at"], str(issue["number"])]
        said += [json.dumps(issue["body"], ensure_ascii=False)[1:-1]] if issue["body"] else []
        assert all(value in shown for value in said)
    assert 'grep="<its number>"' in shown


def test_what_matters_of_a_repository_is_in_the_view() -> None:
    repository = json.loads(recording("github_repository"))
    shown = view(REPOSITORIES.reduce, recording("github_repository"))
    for key in ("full_name", "html_url", "default_branch", "visibility", "pushed_at"):
        assert f"{key}={repository[key]}" in shown


def test_the_fields_left_out_are_named_and_counted() -> None:
    found = reduced(ISSUES.reduce, recording("github_issues"))
    assert found.text.startswith("108 fields left out by rule: reactions, ")
    assert [(o.unit, o.shown, o.total) for o in found.omissions] == [("fields", 54, 162)]
    assert "avatar_url" not in found.text and "api.github.com" not in found.text


def test_a_field_that_the_focus_names_stays() -> None:
    shown = view(ISSUES.reduce, recording("github_issues"), "the labels url of each issue")
    assert "issues/10/labels" in shown


def test_answers_that_are_not_of_the_rest_api_are_left_to_the_generic_way() -> None:
    text = json.dumps([{"number": 1, "title": "a", "url": "b"}] * 50)
    assert ISSUES.reduce(text, Aim(500)) is None
    assert REPOSITORIES.reduce(text, Aim(500)) is None


def test_it_matches_by_the_name_of_the_tool() -> None:
    assert ISSUES.matches("gh", "list_issues") and ISSUES.matches("gh", "get_pull_request")
    assert not ISSUES.matches("gh", "list_commits")
    assert REPOSITORIES.matches("gh", "search_repositories")
    assert not REPOSITORIES.matches("gh", "list_issues")
