"""Read lines that point into files: diagnostics of compilers and linters, matches of a search."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coatcheck.reducers.templates import stamp_end

PLACE = re.compile(
    r"(?P<path>(?:[A-Za-z]:[\\/])?[^\s:()\"'<>|][^:()\"'<>|]{0,300}?)"
    r"(?P<rest>:\d+(?::\d+)?(?=:|-|\s*$)|\(\d+(?:,\d+)?\)(?=:|\s*$)|-\d+-)"
)
# A search that was told to leave line numbers out: the path repeats, its text follows at once.
BARE = re.compile(r"(?P<path>[^\s:()\"'<>|]{1,300}):(?!//|\s*$)")
BARE_SHARE = 0.8
EXTENSION = re.compile(r"\.[A-Za-z]\w{0,7}$")
ARROW = re.compile(r"\s*--> (?P<path>\S.{0,300}?):(?P<rest>\d+:\d+)\s*$")
FRAME = re.compile(
    r"\s++(?:\d++\s++)?[-+|=]|\d++\s++[-+|=]|\s++[~^]+\s*+$|\s*+(?:help|note): |\s*+\.\.\.$"
)
BELOW = re.compile(r"\s+\d+[:-]\d+\s+\S|\d+[:-]")
PATH = re.compile(
    r"(?:[A-Za-z]:[\\/]|\.{0,2}/)?[\w.@+~=\-\[\] ]*(?:[\\/][\w.@+~=\-\[\] ]+)+[\\/]?$"
    r"|[\w.+-]+\.\w{1,8}$"
)
CODE = re.compile(r"\b(?:error |warning )?(?P<code>[A-Z]{1,8}-?\d{2,6})\b")
NAMED = re.compile(
    r"[\[(](?:(?:Error|Warning|Info)/)?(?P<rule>@?[a-z][\w/.-]*(?:[-/][\w.-]+)*)[\])]\s*$"
    r"|\s{2,}(?P<last>@?[a-z][a-z0-9]*(?:[-/][a-z0-9@-]+)*)$|\[-W(?P<flag>[\w=+-]+)\]\s*$"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line about one place of one file; rest is the line without the path before it."""

    at: int
    path: str
    rest: str
    rule: str


def read(lines: Sequence[str]) -> list[Finding]:
    """Return the findings in order, also those below a line with only their path.

    A place that stands below what is found, "--> path:1:1", is joined with the line above it.
    """
    out: list[Finding] = []
    below, title = "", ""
    bare = bare_paths(lines)
    for index, line in enumerate(lines):
        line = line[:2000]
        if arrow := ARROW.match(line):
            rest = f":{arrow['rest']} {title}"
            out.append(Finding(index, arrow["path"], rest, rule_of(title)))
            continue
        title = "" if FRAME.match(line) else line.strip() or title
        found = None if stamp_end(line) else PLACE.match(line)
        if found and looks_like_path(found["path"], found["rest"]):
            rest = line[found.start("rest") :]
            out.append(Finding(index, found["path"], rest, rule_of(rest)))
            below = ""
        elif bare and (plain := BARE.match(line)) and plain["path"] in bare:
            out.append(Finding(index, plain["path"], line[plain.end("path") :], ""))
        elif below and BELOW.match(line):
            out.append(Finding(index, below, line.strip(), rule_of(line)))
        elif line.strip():
            heading = line.rstrip().removesuffix(":")
            below = heading if PATH.match(heading) and not heading[:1].isspace() else ""
    return out


def bare_paths(lines: Sequence[str]) -> set[str]:
    """Return the paths before a colon alone, where nearly all lines begin with one of a few."""
    found = [match["path"] for line in lines if (match := BARE.match(line[:400]))]
    paths = {path for path in found if looks_like_path(path, ":")}
    own = sum(path in paths for path in found)
    enough = own >= BARE_SHARE * max(1, sum(1 for line in lines if line.strip()))
    return paths if enough and 3 * len(paths) <= 2 * own else set()


def is_frame(line: str) -> bool:
    """Tell whether line shows the code of a finding, or is empty."""
    return not line.strip() or FRAME.match(line[:400]) is not None


def looks_like_path(text: str, rest: str) -> bool:
    """Tell whether text, with rest behind it, can be the path of a file: extension or folder."""
    if (rest.startswith("-") or " " in text) and not EXTENSION.search(text):
        return False
    name = re.split(r"[\\/]", text)[-1]
    return "  " not in text and ("." in name.strip(".") or "/" in text or "\\" in text)


def rule_of(rest: str) -> str:
    """Return the name or the code of the rule that a finding names, "" if none."""
    named = NAMED.search(rest[-120:])
    if named:
        return str(named["rule"] or named["last"] or named["flag"])
    code = CODE.search(rest[:80])
    return code["code"] if code else ""
