"""What one session came to, kept in memory so that its last line needs no ledger."""

from dataclasses import dataclass

from coatcheck.types import Entry


@dataclass(frozen=True, slots=True)
class Tally:
    """Running sums of one session; tokens are estimates."""

    calls: int = 0
    shortened: int = 0
    original_tokens: int = 0
    view_tokens: int = 0
    fetched_tokens: int = 0

    def plus(self, entry: Entry) -> "Tally":
        """Return the tally with entry counted in, as the ledger books it."""
        if entry.kind in ("definitions", "summary"):
            return self
        if entry.kind == "fetch":
            return Tally(
                self.calls,
                self.shortened,
                self.original_tokens,
                self.view_tokens,
                self.fetched_tokens + entry.view_tokens,
            )
        passed = entry.outcome == "passed"
        return Tally(
            self.calls + 1,
            self.shortened + (not passed),
            self.original_tokens + entry.original_tokens,
            self.view_tokens + (entry.original_tokens if passed else entry.view_tokens),
            self.fetched_tokens,
        )


def session_line(tally: Tally, lost: int = 0) -> str:
    """Return the line for standard error when a session ends, "" if there was nothing to say."""
    if not tally.calls and not lost:
        return ""
    fetched = f", {tally.fetched_tokens:,} fetched back" if tally.fetched_tokens else ""
    missing = f" Entries not recorded: {lost:,}, see coatcheck doctor." if lost else ""
    return (
        f"coatcheck: {tally.calls:,} call{'' if tally.calls == 1 else 's'},"
        f" {tally.shortened:,} shortened, about {tally.original_tokens:,} ->"
        f" {tally.view_tokens:,} tokens{fetched}. Details: coatcheck savings.{missing}"
    )
