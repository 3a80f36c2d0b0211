"""What the results of certain tools look like: one file per family of tools."""

from coatcheck.protocols import Adapter
from coatcheck_adapters.results.directory_tree import DirectoryTree
from coatcheck_adapters.results.github_issues import GitHubIssues
from coatcheck_adapters.results.github_repositories import GitHubRepositories

# The first that matches is used.
ADAPTERS: tuple[Adapter, ...] = (DirectoryTree(), GitHubIssues(), GitHubRepositories())
