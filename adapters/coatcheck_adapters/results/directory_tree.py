"""Read directory trees in JSON: directory_tree of server-filesystem and its like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coatcheck.reducers.codec import cell
from coatcheck.reducers.lines import is_weak_match, matching
from coatcheck.reducers.rawjson import Value, dumps, parse
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

HEAD = "folder: its files, a space between them"
# What the entries that the focus names may take, and what the folders listed whole may take.
SOUGHT_SHARE, LISTED_SHARE = 0.4, 0.8
MOST_FOLDERS = 20_000
ENTRY = {"name", "type", "children"}


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder: its path, "" for the root, and the names of the files directly in it."""

    path: str
    files: Sequence[str]

    def listed(self) -> str:
        """Return one line with every file."""
        return f"{self.path or '.'}: {' '.join(map(_word, self.files)) or '(no files)'}"

    def counted(self) -> str:
        """Return one line without the files."""
        return f"{self.path or '.'}: {len(self.files):,} files, not shown"


class DirectoryTree:
    """Folders with their files, one line each, instead of an object per entry.

    before: [{"name": "cli", "type": "directory", "children": [
              {"name": "run.py", "type": "file"}, {"name": "text.py", "type": "file"}]}]
    after:  cli: run.py text.py
    """

    name = "directory-tree"

    def matches(self, upstream: str, tool: str) -> bool:
        """Match the tools that answer with a tree."""
        return tool == "directory_tree"

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Return all folders with their files, else what the focus names and what fits."""
        document = parse(text)
        folders = list(folders_of(document.value)) if document else []
        if not any(folder.files for folder in folders) or len(folders) > MOST_FOLDERS:
            return None
        whole = "\n".join([HEAD, *(folder.listed() for folder in folders)])
        if aim.lossless or estimate(whole) <= aim.budget_tokens:
            return Reduction(whole, "tree", "lossless")
        return selected(folders, aim)


def _word(name: str) -> str:
    """Return a name as it is, in quotes where a space could mislead."""
    return dumps(name) if " " in name else cell(name)


def folders_of(value: Value, path: str = "") -> Iterator[Folder]:
    """Yield the folders of a list of entries, parents first; nothing where it is another shape."""
    if not isinstance(value, list) or not all(map(_is_entry, value)):
        return
    inside = [entry for entry in value if "children" in entry]
    yield Folder(path, [_named(entry) for entry in value if "children" not in entry])
    for entry in inside:
        yield from folders_of(entry["children"], f"{path}/{entry['name']}".lstrip("/"))


def _is_entry(value: Value) -> bool:
    if not isinstance(value, dict) or not {"name", "type"} <= value.keys() <= ENTRY:
        return False
    return value["type"] in ("file", "directory") and type(value["name"]) is str


def _named(entry: dict[str, Value]) -> str:
    """Return the name of an entry without children: a file, or a folder not looked into."""
    return f"{entry['name']}/" if entry["type"] == "directory" else str(entry["name"])


def selected(folders: Sequence[Folder], aim: Aim) -> Reduction | None:
    """Return the files that the focus names, then folders level by level; others are counted.

    None where not even the first folder fits.
    """
    paths = [f"{folder.path}/{name}".lstrip("/") for folder in folders for name in folder.files]
    found = matching(paths, aim.focus)
    sought = _within([paths[i] for i in found], SOUGHT_SHARE * aim.budget_tokens)
    levels = sorted(folders, key=lambda folder: folder.path.count("/") + bool(folder.path))
    listed = _within([f.listed() for f in levels], LISTED_SHARE * aim.budget_tokens, sought)
    if not listed:
        return None
    rest = levels[len(listed) :]
    counted = _within([f.counted() for f in rest], aim.budget_tokens, [*sought, *listed])
    shown = sum(len(folder.files) for folder in levels[: len(listed)])
    others = {f"{folder.path}/{name}".lstrip("/") for folder in rest for name in folder.files}
    shown += sum(path in others for path in sought)
    omissions = [Omission("files", shown, len(paths))]
    if len(listed) + len(counted) < len(folders):
        omissions.append(Omission("folders", len(listed) + len(counted), len(folders)))
    about = [f"for the focus: {' '.join(map(_word, sought))}"] if sought else []
    body = "\n".join([*about, HEAD, *listed, *counted])
    weak = is_weak_match(paths, found, aim.focus)
    return Reduction(body, "tree", "selected", omissions, "its name", weak)


def _within(lines: Sequence[str], budget: float, before: Sequence[str] = ()) -> list[str]:
    """Return the first of lines that budget holds after what stands before them."""
    left = budget - sum(map(estimate, before))
    taken = []
    for line in lines:
        left -= estimate(line) + 1
        if left < 0:
            break
        taken.append(line)
    return taken
