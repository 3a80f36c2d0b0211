"""Read unified and combined diffs line by line, tolerant of cut and malformed ones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

FILE = re.compile(r'diff --git "?a/(.+?)"? "?b/(.+?)"?$|diff --(?:cc|combined) (.+)$|Index: (.+)$')
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)|(@@@+) .*?\+(\d+)\S* @@@+ ?(.*)")
DEFINITION = re.compile(
    r"\s*(?:(?:export|default|pub(?:\(\w+\))?|public|private|protected|internal|static|final|abstract"
    r"|async|override|unsafe|extern|inline|virtual|sealed|data|open)\s+)*"
    r"((?:class|def|function\*?|fn|func|interface|struct|enum|trait|module|namespace|type|macro_rules!)"
    r"\s+(?:\([^)]{0,80}\)\s*)?[A-Za-z_$][\w$]*(?:(?:\.|::?)[\w$]+)*)"
)
FUNCTION_WORDS = ("def", "function", "function*", "fn", "func")
STATES = (
    ("new file mode", "new"),
    ("deleted file mode", "deleted"),
    ("rename from ", "renamed from"),
    ("copy from ", "copied from"),
    ("Binary files ", "binary"),
    ("GIT binary patch", "binary"),
)


@dataclass(slots=True)
class Hunk:
    """One hunk: where it stands in the text and in the new file, its heading, its changed lines."""

    at: int
    line: int
    heading: str
    added: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    context: list[int] = field(default_factory=list)

    def changed(self) -> list[int]:
        """Return the indices of the changed lines in order."""
        return sorted(self.added + self.removed)


@dataclass(slots=True)
class Patch:
    """What a diff does to one file."""

    path: str
    at: int
    state: str = ""
    hunks: list[Hunk] = field(default_factory=list)

    def counts(self) -> tuple[int, int]:
        """Return how many lines are added and how many removed."""
        return sum(len(h.added) for h in self.hunks), sum(len(h.removed) for h in self.hunks)


def read(lines: Sequence[str]) -> list[Patch]:
    """Return the files of a diff in order; lines of no file or hunk are in none."""
    patches: list[Patch] = []
    at = 0
    while at < len(lines):
        named = file_at(lines, at)
        if named:
            patches.append(Patch(named, at))
            at += 1
        elif patches and (found := HUNK.match(lines[at])):
            hunk, at = hunk_at(lines, at, found)
            patches[-1].hunks.append(hunk)
        else:
            if patches and not patches[-1].hunks:
                read_state(patches[-1], lines[at])
            at += 1
    return patches


def file_at(lines: Sequence[str], at: int) -> str:
    """Return the path of the file whose part begins at this line, "" if none does."""
    found = FILE.match(lines[at])
    if found:
        return next(part for part in (found[2], found[3], found[4]) if part)
    if not lines[at].startswith("--- ") or at + 1 >= len(lines):
        return ""
    if not lines[at + 1].startswith("+++ ") or follows_header(lines, at):
        return ""
    new, old = (lines[i][4:].split("\t")[0].strip() for i in (at + 1, at))
    path = old if new == "/dev/null" else new
    return path[2:] if path.startswith(("a/", "b/")) else path


def follows_header(lines: Sequence[str], at: int) -> bool:
    """Tell whether a "diff" or "Index" line stands a few lines above, with no hunk in between."""
    for line in lines[max(0, at - 8) : at][::-1]:
        if FILE.match(line):
            return True
        if line[:1] in " +-@":
            return False
    return False


def read_state(patch: Patch, line: str) -> None:
    """Note that the file is new, deleted, renamed or binary if this header line says so."""
    for start, state in STATES:
        if line.startswith(start):
            origin = f" {line[len(start) :]}" if state.endswith("from") else ""
            patch.state = state + origin


def hunk_at(lines: Sequence[str], at: int, found: re.Match[str]) -> tuple[Hunk, int]:
    """Return the hunk whose heading is at this line, and the index after it."""
    if found[5]:
        return combined_hunk_at(lines, at, found)
    old, new = (int(n if n is not None else 1) for n in (found[1], found[3]))
    hunk = Hunk(at, int(found[2]), found[4])
    for i in range(at + 1, len(lines)):
        sign = lines[i][:1]
        if (old <= 0 and new <= 0 and sign != "\\") or ends_hunk(lines[i]):
            return hunk, i
        (hunk.added if sign == "+" else hunk.removed if sign == "-" else hunk.context).append(i)
        old -= sign not in ("+", "\\")
        new -= sign not in ("-", "\\")
    return hunk, len(lines)


def combined_hunk_at(lines: Sequence[str], at: int, found: re.Match[str]) -> tuple[Hunk, int]:
    """Return the hunk of a merge whose heading is at this line, and the index after it."""
    columns = len(found[5]) - 1
    hunk = Hunk(at, int(found[6]), found[7])
    for i in range(at + 1, len(lines)):
        signs = lines[i][:columns]
        if ends_hunk(lines[i]) or signs.strip(" +-\\"):
            return hunk, i
        side = hunk.added if "+" in signs else hunk.removed if "-" in signs else hunk.context
        side.append(i)
    return hunk, len(lines)


def ends_hunk(line: str) -> bool:
    """Tell whether line begins another hunk or file."""
    return line.startswith(("@@ -", "@@@", "diff --"))


def definitions(lines: Sequence[str], indices: Sequence[int]) -> Iterator[str]:
    """Return what the changed lines at indices define, such as "read" or "class Reader"."""
    for index in indices:
        found = DEFINITION.match(lines[index][1:400])
        if found:
            yield found[1] if found[1].split()[0] not in FUNCTION_WORDS else bare(found[1])


def scopes(lines: Sequence[str], hunk: Hunk) -> list[str]:
    """Return the definition its heading names, then the nearest one above each change of a hunk.

    A change right above a definition, such as a decorator, stands in that one too.
    """
    changed = set(hunk.changed())
    name, out, told = defined(hunk.heading), [defined(hunk.heading)], True
    for index in sorted({*changed, *hunk.context}):
        found = defined(lines[index][1:400])
        if found and index not in changed:
            name, told = found, index - 1 in changed
            out += [name] if told else []
        elif index in changed and not told:
            out.append(name)
            told = True
    return [name for name in dict.fromkeys(out) if name]


def defined(line: str) -> str:
    """Return the name that a line of code defines, "" if none."""
    found = DEFINITION.match(line[:400])
    return bare(found[1]) if found else ""


def bare(definition: str) -> str:
    """Return the name out of a definition such as "def read"."""
    return definition.rsplit(None, 1)[-1]
