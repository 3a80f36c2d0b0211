"""Remember, per config file, the text before it was first wrapped and what was written since."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path


def note(folder: Path, path: Path, before: str, after: str) -> None:
    """Remember that the text of path goes from before to after; called before it is written.

    What was noted first stays the original as long as nobody else changes the file.
    """
    original = earlier(folder, path, before)
    kept = before if original is None else original
    if kept == after:
        forget(folder, path)
        return
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    target = _file(folder, path)
    new = target.with_suffix(".new")
    record = {"file": str(path), "after": _digest(after), "original": kept}
    new.touch(0o600)
    with new.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(target)


def earlier(folder: Path, path: Path, now: str) -> str | None:
    """Return the original text of path if its text is still the one that was written."""
    try:
        record = json.loads(_file(folder, path).read_bytes())
        return str(record["original"]) if record["after"] == _digest(now) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def files(folder: Path) -> list[Path]:
    """Return the config files that something is remembered of."""
    found = []
    for record in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found.append(Path(json.loads(record.read_bytes())["file"]))
    return found


def forget(folder: Path, path: Path) -> None:
    """Remove what is remembered of path."""
    _file(folder, path).unlink(missing_ok=True)


def _file(folder: Path, path: Path) -> Path:
    return folder / f"{_digest(str(path))[:24]}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
