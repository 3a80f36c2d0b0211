"""Derive what an agent is looking for from the call it makes."""

from collections.abc import Mapping


def derive(arguments: Mapping[str, object]) -> str:
    """Return the words of arguments that tell what is looked for, "" if there are none."""
    return " ".join(str(v) for v in arguments.values() if isinstance(v, str) and " " in v)
