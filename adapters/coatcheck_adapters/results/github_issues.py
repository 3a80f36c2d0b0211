"""Read issues and pull requests as the REST API of GitHub writes them."""

from fnmatch import fnmatchcase

from coatcheck.reducers.fields import Fields, reduce_by
from coatcheck.types import Aim, Reduction

TOOLS = ("*issue", "*issues", "*pull_request", "*pull_requests")
FIELDS = Fields(
    drop=(
        "url",
        "[!h]*_url",
        "user.html_url",
        "node_id",
        "user.id",
        "user.type",
        "user_view_type",
        "gravatar_id",
        "site_admin",
        "reactions",
        "active_lock_reason",
        "performed_via_github_app",
        "score",
        "_links",
    ),
    key="number",
)


class GitHubIssues:
    """Issues without the addresses and ids that only a program follows.

    before: [{"url": "https://api.github.com/…", "node_id": "MDU6…", "number": 10,
              "user": {"login": "ann", "avatar_url": "…", "followers_url": "…", …}, …}]
    after:  number=10, title=…, user.login=ann, state=open, labels=[…], html_url=…
    """

    name = "github-issues"

    def matches(self, upstream: str, tool: str) -> bool:
        """Match the tools that list, search or get issues and pull requests."""
        return any(fnmatchcase(tool, pattern) for pattern in TOOLS)

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Leave fields out where text is of the REST API."""
        return reduce_by(FIELDS, text, aim) if '"node_id"' in text else None
