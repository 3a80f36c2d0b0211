"""What the results of certain tools look like: one file per family of tools."""
