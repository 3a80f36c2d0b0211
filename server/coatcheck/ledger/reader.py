"""Read the ledger: one snapshot, small functions over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.ledger import schema
from coatcheck.types import LedgerError

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

SHORTENED = (
    "SELECT DISTINCT tool FROM rollup WHERE upstream = ? AND kind = 'call' AND outcome <> 'passed'"
)
OF_TOOL = "(:tool = '' OR tool GLOB :tool OR upstream || '.' || tool GLOB :tool)"


@contextmanager
def reading(home: Path) -> Iterator["Connection"]:
    """Give one snapshot of the ledger of home, whatever is written meanwhile; never makes the file.

    Raises: FileNotFoundError when nothing was ever written, LedgerError when it cannot be read.
    """
    path = home / schema.FILE
    if not path.exists():
        raise FileNotFoundError(path)
    import sqlite3

    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=schema.BUSY_SECONDS,
            isolation_level=None,
        )
    except sqlite3.Error as exc:
        raise LedgerError(f"{path} cannot be read: {exc}; see coatcheck doctor.") from exc
    try:
        db.row_factory = sqlite3.Row
        db.execute("BEGIN")
        if schema.version_of(db) == 0:  # made this moment, its tables are not yet
            raise FileNotFoundError(path)
        schema.check_version(db)
        yield db
    except sqlite3.Error as exc:
        raise LedgerError(f"{path} cannot be read: {exc}; see coatcheck doctor.") from exc
    finally:
        db.close()


def shortened_tools(home: Path, upstream: str) -> frozenset[str]:
    """Return the tools of upstream of which a result was ever shortened.

    Empty when the ledger is absent or cannot be read.
    """
    try:
        with reading(home) as db:
            return frozenset(row["tool"] for row in db.execute(SHORTENED, (upstream,)))
    except (OSError, LedgerError):
        return frozenset()


def newest(db: "Connection", count: int, tool: str = "") -> "list[Row]":
    """Return the last count calls and fetches, oldest first; tool may hold wildcards."""
    rows = db.execute(
        f"SELECT * FROM entries WHERE kind <> 'definitions' AND {OF_TOOL}"  # noqa: S608 (constant)
        " ORDER BY id DESC LIMIT :count",
        {"count": count, "tool": tool},
    ).fetchall()
    return rows[::-1]


def last_id(db: "Connection") -> int:
    """Return the number of the newest row, 0 when there is none."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0])


def later(db: "Connection", after_id: int, tool: str = "") -> "list[Row]":
    """Return the calls and fetches written after row after_id, oldest first."""
    return db.execute(
        f"SELECT * FROM entries WHERE id > :after AND kind <> 'definitions' AND {OF_TOOL}"  # noqa: S608 (constant)
        " ORDER BY id",
        {"after": after_id, "tool": tool},
    ).fetchall()


def of_ref(db: "Connection", ref: str) -> "list[Row]":
    """Return the calls and fetches of one artifact, oldest first."""
    return db.execute(
        "SELECT * FROM entries WHERE ref = ? AND ref <> '' ORDER BY at, id", (ref,)
    ).fetchall()
