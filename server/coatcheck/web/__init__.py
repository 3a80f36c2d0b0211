"""Serve MCP over HTTP, and what a person looks at beside it."""
