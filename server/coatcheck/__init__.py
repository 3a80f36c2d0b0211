"""coatcheck: smaller tool results for agents, the whole artifact one call away."""

__version__ = "0.1.0"
