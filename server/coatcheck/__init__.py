"""coatcheck: smaller tool results for agents, the whole artifact one call away."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coatcheck.agents import wrap_servers

__version__ = "0.1.0"
__all__ = ["__version__", "wrap_servers"]


def __getattr__(name: str) -> object:
    """Import what a program asks for; no start of a server needs it."""
    if name == "wrap_servers":
        from coatcheck.agents import wrap_servers

        return wrap_servers
    raise AttributeError(f"coatcheck has no {name}")
