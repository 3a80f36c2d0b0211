"""The record of what every call and fetch cost, kept in one SQLite file of the user's home."""

from coatcheck.ledger.reader import shortened_tools
from coatcheck.ledger.session import Tally, session_line
from coatcheck.ledger.writer import LedgerWriter

__all__ = ["LedgerWriter", "Tally", "session_line", "shortened_tools"]
