"""Read repositories as the REST API of GitHub writes them."""

from fnmatch import fnmatchcase

from coatcheck.reducers.fields import Fields, reduce_by
from coatcheck.types import Aim, Reduction

TOOLS = ("*_repository", "*_repositories", "*_repo", "*_repos")
FIELDS = Fields(
    drop=(
        "url",
        "[!h]*_url",
        "hooks_url",
        "owner.html_url",
        "owner.id",
        "owner.type",
        "organization",
        "node_id",
        "gravatar_id",
        "site_admin",
        "user_view_type",
        "has_*",
        "allow_*",
        "*merge_commit_*",
        "*squash_*",
        "delete_branch_on_merge",
        "temp_clone_token",
        "web_commit_signoff_required",
        "watchers",
        "watchers_count",
        "forks",
        "open_issues",
        "network_count",
        "disabled",
        "score",
    ),
    key="full_name",
)


class GitHubRepositories:
    """Repositories without addresses for programs, merge settings and counts told twice.

    before: {"id": 1, "node_id": "R_kg…", "full_name": "ann/tool", "keys_url": "https://…",
             "forks_url": "https://…", "stargazers_count": 42, "watchers": 42, …}
    after:  id=1, full_name=ann/tool, description=…, stargazers_count=42, topics=[…], …
    """

    name = "github-repositories"

    def matches(self, upstream: str, tool: str) -> bool:
        """Match the tools that list, search or get repositories."""
        return any(fnmatchcase(tool, pattern) for pattern in TOOLS)

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Leave fields out where text is of the REST API."""
        return reduce_by(FIELDS, text, aim) if '"node_id"' in text else None
