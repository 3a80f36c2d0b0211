"""What is known of the agent clients: what they do to a result, and what they lose of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from coatcheck.types import Rule

# Most bytes that one estimated token stands for in a view; prose comes near it.
BYTES_PER_TOKEN = 5


@dataclass(frozen=True, slots=True)
class Client:
    """One agent client's own limits and habits.

    A text of at most whole characters is shown whole, of a longer one only shown characters;
    errors are never cut when cuts_errors is false. Whatever its model, it shows safe_bytes of a
    text (0: unknown). shows_errors: the model learns that a result is an error. takes_any_json: a
    text that is a JSON array or a scalar is a result to it. reads_structured: it shows
    structuredContent where there is no text. scripting is a pattern of the models that call tools
    from scripts. It begins without a server that needs over start_seconds (0: it waits).
    Source: measured with real clients against a scripted model, 2026-11.
    """

    whole: int
    shown: int
    cuts_errors: bool = True
    safe_bytes: int = 0
    shows_errors: bool = True
    takes_any_json: bool = True
    reads_structured: bool = True
    scripting: str = ""
    start_seconds: float = 0.0

    @property
    def view_tokens(self) -> int:
        """Return how large a view may be to be shown whole, 0 if that is not known."""
        return self.safe_bytes // BYTES_PER_TOKEN


# By the name a client gives in clientInfo (the beginning counts, in lower case).
CLIENTS: Mapping[str, Client] = {
    "claude-code": Client(50_000, 2_000, safe_bytes=50_000),
    "codex": Client(
        48_000,
        48_000,
        safe_bytes=12_000,
        shows_errors=False,
        scripting=r"gpt-(?:[6-9]|\d\d)",
        start_seconds=2.0,
    ),
    "gemini-cli": Client(
        40_000,
        40_000,
        cuts_errors=False,
        safe_bytes=40_000,
        takes_any_json=False,
        reads_structured=False,
    ),
    "opencode": Client(51_200, 51_200, cuts_errors=False, safe_bytes=51_200),
    "github-copilot": Client(20_000, 845, safe_bytes=20_000),
    "copilot": Client(20_000, 845, safe_bytes=20_000),
    "qwen": Client(25_000, 25_000, cuts_errors=False, safe_bytes=20_000, reads_structured=False),
}
UNKNOWN = Client(1 << 62, 1 << 62)


def client_of(name: str) -> Client:
    """Return what is known of the client of this name."""
    lowered = name.lower()
    return next((known for prefix, known in CLIENTS.items() if lowered.startswith(prefix)), UNKNOWN)


def shown_chars(client: str, chars: int, *, is_error: bool = False) -> int:
    """Return how many of chars characters this client would have shown without us."""
    limits = client_of(client)
    cut = chars > limits.whole and (limits.cuts_errors or not is_error)
    return limits.shown if cut else chars


def is_scripted(client: Client, meta: Mapping[str, object]) -> bool:
    """Tell whether a call with this `_meta` comes from a script, which parses what it gets."""
    turn = meta.get("x-codex-turn-metadata") if client.scripting else None
    model = turn.get("model") if isinstance(turn, Mapping) else None
    return isinstance(model, str) and re.match(client.scripting, model) is not None


def fitted(rule: Rule, client: Client, *, is_scripted: bool) -> Rule:
    """Return rule with no view larger than this client shows whole, and the format decided."""
    most = client.view_tokens or rule.budget_tokens
    is_json = rule.format == "json" or (rule.format == "auto" and is_scripted)
    return replace(
        rule,
        budget_tokens=min(rule.budget_tokens, most),
        format="json" if is_json else "text",
    )
