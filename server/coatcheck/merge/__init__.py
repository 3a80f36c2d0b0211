"""Be one MCP server to an agent in front of many upstreams."""

from coatcheck.merge.connection import Merge
from coatcheck.merge.member import Source
from coatcheck.merge.owners import Owners

__all__ = ["Merge", "Owners", "Source"]
