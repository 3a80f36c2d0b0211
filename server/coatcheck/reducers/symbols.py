"""Find what source code of any common language defines, by indentation and the first words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coatcheck.reducers.wordlist import words

MAX_LINE = 500  # characters; nothing is defined in a longer line, it is generated or minified
MAX_HEAD = 40  # lines that a signature may take
NUMBERED = re.compile(r"\s*(\d{1,7})(?:\t|→|: ?|\| ?)(.*)", re.S)
NAME = r"[A-Za-z_$][\w$]*"
MODIFIER = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|async"
    r"|sealed|open|override|virtual|inline|data|unsafe|extern(?: \"C\")?|pub(?:\([^)]*\))?"
    r"|const(?=\s+(?:fn|unsafe|async|extern)\b)|partial|readonly|local|suspend|companion"
    r"|synchronized|native|friend|constexpr|noexcept)\s+)*+"
)
DEFINED = re.compile(
    rf"\s*{MODIFIER}(?:"
    rf"(?P<kind>def|class|function\*?|func|fn|fun|sub|interface|struct|enum|trait|record|protocol"
    rf"|object|module|mod|namespace|impl(?:<[^>]*>)?|union|type|message|service|rpc|macro_rules!"
    rf"|defmodule|defp|defmacro|extension|contract|resource|data|variable|procedure)"
    rf"(?:\s+(?:\([^)]*\)\s*)?)(?:class\s+|struct\s+)?[\"']?(?P<name>{NAME}(?:[.:]{{1,2}}{NAME})*)"
    rf"|(?:const|let|var|val)\s+(?P<arrow>{NAME})\b[^=]*=\s*(?:async\s*)?"
    rf"(?:function\b|\([^()]*\)[^=;]*=>|{NAME}\s*=>|\($)"
    rf"|(?P<held>{NAME}(?:\.{NAME})+)\s*=\s*(?:async\s*)?(?:function\b|\([^()]*\)\s*=>)"
    rf"|(?i:create\s+(?:or\s+replace\s+)?(?:(?:global|temp|temporary|unique|materialized)\s+)*"
    rf"(?:table|view|function|procedure|index|trigger|type|schema|sequence)"
    rf"\s+(?:if\s+not\s+exists\s+)?(?P<made>[\w.\"`\[\]]+)))"
)
VALUE = re.compile(
    rf"(?:{MODIFIER}(?:const|let|var|val|static|type|#define)\s+)?(?P<name>{NAME})"
    rf"(?:\s*:[^=\n]+)?\s*=(?!=)"
)
CALL_LIKE = re.compile(r"[\w$<>\[\],.?*&:@~\s]*?[\s*&.:~]?(?P<name>~?[A-Za-z_$][\w$]*)\s*\(")
NOT_NAMES = words(
    "if for while switch catch return else elif with match new await throw do try using lock"
    " foreach unless case loop raise assert print yield in not and or except super sizeof typeof"
)
SUITES = words("describe it test context suite")
IMPORT = re.compile(
    r"(?:(?:import\b[^'\"]*|\}\s*)from\s+['\"](?P<i>[^'\"]+)|from\s+(?P<a>[\w.]+)\s+import"
    r"|import\s+(?:static\s+)?(?P<b>[\w.*{\"'@/-]+)"
    r"|use\s+(?P<c>[\w:]+)|using\s+(?P<d>[\w.]+)|#\s*include\s+(?P<e>\S+)"
    r"|require(?:_relative)?\s*\(?\s*(?P<g>['\"][^'\"]+['\"]))"
)
COMMENT = re.compile(r"(?:#(?![!\[]|\s*(?:include|define|if|endif|else)\b)|//|--(?!-)|;;)")
CLOSERS = (")", "]", "}", "end", "{", "#endif", "*/", "where", "throws")
OPENS_BODY = (":", "{", "(", "[", ",", "->", "=>", "=", "where")


@dataclass(slots=True)
class Symbol:
    """One definition; lines count from 0, end is the last line of its body."""

    name: str
    kind: str
    start: int
    head: int
    end: int
    indent: int
    parent: int

    @property
    def size(self) -> int:
        """Number of lines it takes."""
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True)
class Source:
    """Source code without line numbers that a tool wrote before its lines.

    shift is what has to be added to a line of the text to get the number the tool wrote.
    """

    lines: Sequence[str]
    numbered: bool
    shift: int


def source_of(text: str) -> Source:
    """Return the lines of text, and whether each began with its number."""
    lines = text.split("\n")
    found = [NUMBERED.match(line) for line in lines[:60] if line.strip()]
    numbers = [int(match[1]) for match in found if match]
    steady = sum(b - a == 1 for a, b in pairwise(numbers))
    if len(numbers) < 3 or steady < 0.9 * (len(found) - 1):
        return Source(lines, numbered=False, shift=0)
    bare = [m[2] if (m := NUMBERED.match(line)) else line for line in lines]
    first = next(i for i, line in enumerate(lines) if NUMBERED.match(line))
    return Source(bare, numbered=True, shift=numbers[0] - first - 1)


def symbols(lines: Sequence[str]) -> list[Symbol]:
    """Return what lines define, in source order, each with the symbol around it."""
    found: list[Symbol] = []
    around: list[int] = []
    quoted = masked(lines)
    last = 0
    for number, line in enumerate(lines):
        bare = line.strip()
        if not bare or quoted[number] or COMMENT.match(bare):
            last = number if quoted[number] else last
            continue
        indent = width(line)
        close(found, around, indent, bare, last)
        last = number
        if len(line) > MAX_LINE:
            continue
        parent = around[-1] if around else -1
        symbol = defined(lines, number, indent, parent, found)
        if symbol is not None:
            symbol.start = decorated(lines, number, indent)
            found.append(symbol)
            around.append(len(found) - 1)
    for index in around:
        found[index].end = max(found[index].end, last)
    return found


def close(found: Sequence[Symbol], around: list[int], indent: int, bare: str, last: int) -> None:
    """End the open symbols that a line of this indent does not belong to."""
    while around and found[around[-1]].indent >= indent:
        symbol = found[around[-1]]
        if symbol.indent == indent and bare.startswith(CLOSERS):
            if not bare.endswith(OPENS_BODY):
                symbol.end = last + 1
                around.pop()
            return
        symbol.end = max(symbol.head, last)
        around.pop()


def width(line: str) -> int:
    """Return the width of the white space line begins with, a tab counting for four."""
    head = line[: len(line) - len(line.lstrip())]
    return len(head.expandtabs(4))


def masked(lines: Sequence[str]) -> list[bool]:
    """Return, per line, whether it stands inside a long string or comment that began before."""
    inside, flags = "", []
    for line in lines:
        flags.append(bool(inside))
        if inside:
            inside = "" if inside in line else inside
            continue
        bare = line.lstrip()
        for mark in ('"""', "'''"):
            if (
                mark in line
                and line.replace(f"'{mark}'", "").replace(f'"{mark}"', "").count(mark) % 2
            ):
                inside = mark
                break
        if bare.startswith("/*") and "*/" not in bare:
            inside = "*/"
    return flags


def defined(
    lines: Sequence[str], number: int, indent: int, parent: int, found: Sequence[Symbol]
) -> Symbol | None:
    """Return the symbol that begins in line number, None when none does."""
    line = lines[number]
    match = DEFINED.match(line)
    if match:
        name = match["name"] or match["arrow"] or match["held"] or match["made"]
        kind = match["kind"] or "function"
    elif indent == 0 and (value := VALUE.match(line)):
        name, kind = value["name"], "value"
    elif name := called(lines, number, parent, found):
        kind = "function"
    else:
        return None
    head = head_end(lines, number) if kind != "value" else number
    return Symbol(name, kind, number, head, head, indent, parent)


def called(lines: Sequence[str], number: int, parent: int, found: Sequence[Symbol]) -> str:
    """Return the name of a function that is defined without a keyword, "" when none is."""
    line = lines[number].rstrip()
    if "(" not in line or line.lstrip().startswith(("#", "//", "*", "@", ".", "}", "-")):
        return ""
    head, _, rest = line.partition("(")
    if not opens(lines, number, is_typed=" " in head.strip()):
        return ""
    match = CALL_LIKE.fullmatch(head + "(")
    words = head.split()
    if match is None or not words or NOT_NAMES & set(words) or "=" in head:
        return ""
    if len(words) == 1 and ("=>" in rest or "function" in rest):
        return suite(words[0], rest)
    inside_function = parent >= 0 and found[parent].kind in ("function", "def", "fn", "func")
    return "" if inside_function and len(words) == 1 else match["name"]


def opens(lines: Sequence[str], number: int, *, is_typed: bool) -> bool:
    """Tell whether a body follows what line number begins.

    Only with a type before the name may the signature take several lines: calls do so too.
    """
    line = lines[number].rstrip()
    last = head_end(lines, number) if is_typed and line.endswith(("(", ",")) else number
    tail = lines[last].rstrip()
    following = lines[last + 1].strip() if last + 1 < len(lines) else ""
    if tail.endswith("{"):
        return True
    return tail.endswith(")") and (
        following == "{" or (following.endswith("{") and following.startswith(("throws", "where")))
    )


def suite(word: str, rest: str) -> str:
    """Return the title of a test or a suite of tests, "" for any other call."""
    title = re.match(r"\s*['\"`]([^'\"`]{1,80})", rest)
    return title[1] if title and word in SUITES else ""


def head_end(lines: Sequence[str], number: int) -> int:
    """Return the line in which the signature that begins in line number ends."""
    depth = 0
    for index in range(number, min(len(lines), number + MAX_HEAD)):
        line = lines[index][:MAX_LINE]
        depth += line.count("(") + line.count("[") - line.count(")") - line.count("]")
        if depth <= 0:
            return index
    return number


def decorated(lines: Sequence[str], number: int, indent: int) -> int:
    """Return the first of the decorator lines directly above line number."""
    first = number
    while first > 0 and number - first < MAX_HEAD:
        line = lines[first - 1]
        if not line.lstrip().startswith(("@", "#[")) or width(line) != indent:
            break
        first -= 1
    return first
