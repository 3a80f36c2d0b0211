"""The web page of savings: one module per view, joined by the routes."""
