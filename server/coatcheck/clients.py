"""What is known of the agent clients: how much of a result each would show by itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """One agent client's own limits.

    A text of at most whole characters is shown whole, of a longer one only shown characters;
    errors are never cut when cuts_errors is false.
    Source: measured with real clients against a scripted model, 2026-11.
    """

    whole: int
    shown: int
    cuts_errors: bool = True


# By the name a client gives in clientInfo (the beginning counts, in lower case).
CLIENTS: Mapping[str, Client] = {
    "claude-code": Client(50_000, 2_000),
    "codex": Client(48_000, 48_000),
    "gemini-cli": Client(40_000, 40_000, cuts_errors=False),
    "opencode": Client(51_200, 51_200, cuts_errors=False),
    "github-copilot": Client(20_000, 845),
    "copilot": Client(20_000, 845),
    "qwen": Client(25_000, 25_000, cuts_errors=False),
}


def shown_chars(client: str, chars: int, *, is_error: bool = False) -> int:
    """Return how many of chars characters this client would have shown without us."""
    name = client.lower()
    for prefix, limits in CLIENTS.items():
        if name.startswith(prefix):
            cut = chars > limits.whole and (limits.cuts_errors or not is_error)
            return limits.shown if cut else chars
    return chars
