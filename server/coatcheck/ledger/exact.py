"""Put exact token counts into the ledger, from the artifacts that are still kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.ledger import schema
from coatcheck.types import LedgerError, StoreError

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

# Returns the tokens of a text and the half width of that count (0 when nothing was sampled).
Count = Callable[[str], tuple[int, int]]
# Returns the text of the original and the view of its newest call, None when the artifact is gone.
OpenTexts = Callable[[str], tuple[str, str] | None]

MOST_ROWS = 500
MOST_BYTES = 20_000_000

# Newest first: that is what people look at. `is_newest` tells the rows whose view is the kept one:
# the last shortened call of the ref, and those that got the same view.
UNTRIED = f"""SELECT id, ref, original_bytes, view_bytes,
        (view_bytes, view_tokens) = (
            SELECT view_bytes, view_tokens FROM entries AS last
            WHERE last.ref = entries.ref AND last.ref <> ''
                AND kind = 'call' AND outcome <> 'passed'
            ORDER BY at DESC, id DESC LIMIT 1) AS is_newest
    FROM entries WHERE {schema.COUNTABLE} ORDER BY id DESC LIMIT ?"""  # noqa: S608 (constants)

MARK = """UPDATE entries SET original_tokens_exact = ?, original_half_width = ?,
        view_tokens_exact = ?, view_half_width = ?, count_state = ?
    WHERE id = ?"""


def fill_exact(
    home: Path,
    count: Count,
    open_texts: OpenTexts,
    *,
    max_rows: int = MOST_ROWS,
    max_bytes: int = MOST_BYTES,
) -> int:
    """Count originals and views exactly where both are still kept; return the rows that changed.

    A row gets both counts or none, so that its saving never mixes two ways of counting. Rows whose
    artifact or view is gone are not tried again. Stops after max_rows rows, or once originals of
    max_bytes were counted. Passed results are left alone: they save nothing.
    Raises: FileNotFoundError, LedgerError.
    """
    import sqlite3

    if not (home / schema.FILE).exists():
        raise FileNotFoundError(home / schema.FILE)
    try:
        db = schema.open_writing(home)
    except (OSError, sqlite3.Error) as exc:
        raise LedgerError(f"{home / schema.FILE} cannot be written: {exc}") from exc
    try:
        db.row_factory = sqlite3.Row
        found = _counted(db.execute(UNTRIED, (max_rows,)).fetchall(), count, open_texts, max_bytes)
        return _write(db, found)
    except sqlite3.Error as exc:
        raise LedgerError(f"{home / schema.FILE} cannot be written: {exc}") from exc
    finally:
        db.close()


def _counted(
    rows: "list[Row]", count: Count, open_texts: OpenTexts, max_bytes: int
) -> list[tuple[int | None, ...]]:
    """Return the parameters of MARK for each row, as far as the store and max_bytes reach."""
    found: list[tuple[int | None, ...]] = []
    known: dict[str, tuple[int, int, int, int] | None] = {}
    for row in rows:
        ref = row["ref"]
        if ref not in known:
            if max_bytes <= 0:
                break
            try:
                texts = open_texts(ref)
            except StoreError:
                break  # the store may be well again next time
            known[ref] = None if texts is None else (*count(texts[0]), *count(texts[1]))
            max_bytes -= row["original_bytes"] if texts else 0
        counts = known[ref] if row["is_newest"] else None
        state = schema.COUNTED if counts else schema.UNCOUNTABLE
        found.append((*(counts or (None, None, None, None)), state, row["id"]))
    return found


def _write(db: "Connection", found: list[tuple[int | None, ...]]) -> int:
    """Mark the rows that nobody marked meanwhile, and rebook them."""
    changed = 0
    with schema.transaction(db):
        schema.check_version(db)
        for *values, row_id in found:
            still = f"SELECT 1 FROM entries WHERE id = ? AND {schema.COUNTABLE}"  # noqa: S608 (constants)
            if row_id is None or db.execute(still, (row_id,)).fetchone() is None:
                continue
            schema.book(db, row_id, row_id, -1)
            db.execute(MARK, (*values, row_id))
            schema.book(db, row_id, row_id, 1)
            changed += 1
    return changed
