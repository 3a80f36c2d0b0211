"""Tell what kind of content a text is, by a bounded look at it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import orjson

from coatcheck.types import Aim, Kind

SAMPLE_LINES = 200
SAMPLE_CHARACTERS = 64_000
SAMPLE_WIDTH = 200
WIDTH = 1_000
PARSED_BYTES = 8_000_000
LEAD_CHARACTERS = 200
LEAST_AFTER_LEAD = 4
LINEWISE = frozenset({"code", "builds", "listing", "logs"})
BOM = "\ufeff"

JSON_START = re.compile(r"[\[{]\s*(?:[\[{]\s*)*(?:[\"'\]}]|-?\d|true|false|null)")
JSON_LINE = re.compile(r"\s*(?:\"[^\"]*\"\s*:|[{}\[\]]+,?\s*$)")
PYTHON_START = re.compile(
    r"[\[{(]\s*(?:[\[{(]\s*)*(?:'[^'\n]*'\s*:|u?'|datetime\.|Decimal\(|None\b)"
)
REFERENCE = re.compile(r"\s*- .*\[ref=\w+\]")
DIFF_FILE = re.compile(r"diff --(?:git|cc|combined) \S|Index: \S|--- \S|\+\+\+ \S")
DIFF_HUNK = re.compile(r"@@+ -\d+(?:,\d+)? .*\+\d+(?:,\d+)? @@+")
HTML_START = re.compile(
    r"(?is)\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b"
)
XML_START = re.compile(r"\s*(?:<\?xml\b|<[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>)")
TAG = re.compile(r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>")
HTML_TAG = re.compile(
    r"(?i)</?(?:div|span|p|a|li|ul|td|tr|table|script|style|br|img|h[1-6]|meta|link)\b"
)
NUMBERED = re.compile(r" *(\d{1,7})(?:\t|→| ?\| ?)")
RULE = re.compile(r"\s*[|+]?[\s:]*-{2,}[-\s:|+]*$")
BOXED = re.compile(r"\s*[|│┃].*[|│┃]\s*$|.*\S\s\|\s.*|\s*[+┌├└┏┡─━][-+=─━┬┼┴┳╇]+")
GREP = re.compile(
    r"(?:[A-Za-z]:)?[^\s:()|]*[./\\][^\s:()|]*[A-Za-z_]\d?(?::\d+:|-\d+-)|[\w-]*[A-Za-z]\d?:\d+:|--$"
)
BARE_GREP = re.compile(r"(?:\./)?([\w@.+-]+/[^\s:]*\w):(?!//|\s*$)")
DIAGNOSTIC = re.compile(
    r"\s*\S+(?::\d+(?::\d+)?:|\(\d+(?:,\d+)?\):?) "
    r"(?:(?:fatal )?(?:error|warning|note|info)\b|[A-Z]{1,4}\d{2,5}\b|.*[\[(][\w@/-]+[\])]$)"
    r"|\s+\d+:\d+\s+(?:error|warning)\b|.*\[(?:[a-z]+-[a-z-]+|\w+/\w+)\]$"
)
ARROW = re.compile(r"\s*--> \S.*:\d+:\d+\s*$")
RUNNER = re.compile(
    r"=+ .*\b(?:test session starts|passed|failed|FAILURES|ERRORS|summary info)\b.*=+"
    r"|\S+::\S+ (?:PASSED|FAILED|SKIPPED|ERROR|XFAIL)|\S+\.py [.FEsxX]+(?:\s|$)|[.FEsxX]{8,}\s*\["
    r"|\s*[✓✔✗✕✖\u00d7\u276f↓] |\s*(?:Test Suites|Test Files|Tests):? +\d+|Ran \d+ tests? in "
    r"|=== RUN |\s*(?:PASS|FAIL|not ok|ok|--- FAIL|--- PASS)[: ]|\s*\d+ (?:passing|failing)|E   \w"
    r"|npm (?:ERR!|WARN|warn|error) |\s*Compiling \S+ v?\d|\*{5,} Module "
    r"|(?:Get|Setting up|Unpacking|Selecting|Preparing|Inst|Conf|Hit)[: ]\S|Step \d+/\d+ |#\d+ \["
)
LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRIT(?:ICAL)?|SEVERE)"
LOG_LINE = re.compile(
    rf".{{0,60}}?\d\d:\d\d:\d\d|.{{0,30}}?\d{{4}}-\d\d-\d\d[T_ ]\d\d|\d{{6}} \d{{6}} "
    rf"|.{{0,60}}?(?:^|[\s\[<(|]){LEVEL}[\]>):|,\s]|.{{0,40}}?\[\d\d?/\w{{3}}/\d{{4}}:"
    rf"|(?:\* )?[0-9a-f]{{7,12}} \S|(?:Author|Date|Merge): |.?\{{\"(?:level|time|ts)"
    rf"|\s+at \S+\(|Traceback \(|\s+File \"|\[?\s*\d+\.\d{{6}}\]"
)
COMMIT = re.compile(r"commit [0-9a-f]{7,40}\b")
YAML_LINE = re.compile(
    r"\s*(?:- )*(?:[\w./-]+|\"[^\"]+\"|'[^']+'):(?: .*)?$|\s*- \S|---$|\s*#|\s+[\w./-]+$"
)
KEYED = re.compile(
    r"\s*(?:- )*(?:[\w./-]+|\"[^\"]+\"|[A-Z][\w./-]*(?: [\w./()-]+){1,3}(?=:(?:  |$))):(?:\s.*)?$"
)
BRANCH = re.compile(r"[\s│|]*(?:[├└`|][─-]{2}|\+--|\[(?:FILE|DIR)\]) ?\S")
PATH = re.compile(r"(?:\S+\s+)*?(?:[A-Za-z]:\\|\.{0,2}/|[\w@.+=-]+/)\S*$|[\w@.+=-]+\.\w{1,8}$")
CODE_LINE = re.compile(
    r"\s*(?:(?:async )?def |class |import |from \S+ import|return\b|raise |elif |except\b|@\w"
    r"|(?:export |default |async )*function\b|const |let |var |public |private |protected |static "
    r"|package |use |(?:pub )?fn |impl\b|struct |enum |interface |func |#include|#define"
    r"|namespace |using |void |template|[}\])]+[;,)]*\s*$|//|/\*|\*/|#!)"
    r"|.*[;{}]\s*$|\s*(?:if|for|while|with|try|else|switch)\b.*[:{]\s*$|\s*[\w.]+(?:\[.*\])? [+-]?="
    r" |\s*[\w.]+\(.*\)[;,]?\s*$"
)
STARRED = re.compile(r"\s*/?\*(?:[\s*/]|$)")
SENTENCE = re.compile(r".{40,}[.!?]\S{0,2}\s*$|.{10,}[。！？]\s*$")  # noqa: RUF001 (marks of Chinese)
DASHES = re.compile(r"\s*-{3,}(?:\s+-{2,})+\s*$")
FENCE = re.compile(r"\s*(?:```|~~~)")
DEFINITION = re.compile(
    r"\s*(?:(?:async )?def \w+\(|class \w+[(:{ ]|(?:export )?(?:async )?function \w+\("
    r"|import [\w{*]|from \S+ import |#include [<\"]|(?:pub )?fn \w+|func [\w(]"
    r"|package \w+;?$|using \w[\w.]*;"
    r"|(?i:create (?:or replace )?(?:unique )?(?:table|view|index|function|trigger) [\w\"`.]))"
)
MARKUP = re.compile(r"#{1,6} \S|[=~-]{3,}\s*$|\s*(?:```|~~~)")
HEADING = re.compile(r"#{1,6} \S|[=~-]{3,}\s*$|\s*[*+-] \S|\s*\d+[.)] \S|\s*(?:```|~~~)|\s*> ")
DELIMITERS = ",\t;|"
CODE_EXTENSIONS = frozenset(
    re.findall(
        r"\w+",
        "py pyi js jsx ts tsx mjs cjs go rs java kt c h cc cpp hpp cs rb php swift scala sh bash"
        " lua pl r sql vue svelte css scss zig ex exs clj hs ml dart",
    )
)


def detect(text: str, aim: Aim) -> Kind:
    """Return the kind of text; the text decides, a path among the arguments helps out."""
    start = text[:SAMPLE_CHARACTERS].removeprefix(BOM).replace("\r\n", "\n")
    lines = [line for line in start.split("\n")[:SAMPLE_LINES] if line.strip()]
    if not lines:
        return "prose"
    for kind, is_kind in CHECKS:
        if is_kind(text, lines):
            return kind
    if len(lines) > LEAST_AFTER_LEAD and len(lines[0]) < LEAD_CHARACTERS:
        # "Contents of a.py:" and the like stand before what kind of text it is.
        for kind, is_kind in CHECKS:
            if kind in LINEWISE and is_kind(text, lines[1:]):
                return kind
    return hinted(aim)


def hinted(aim: Aim) -> Kind:
    """Return code when an argument is the path of a source file, else prose."""
    paths = [value for value in aim.arguments.values() if isinstance(value, str)]
    endings = {PurePosixPath(path[-300:]).suffix.lstrip(".").lower() for path in paths}
    return "code" if endings & CODE_EXTENSIONS else "prose"


def share(lines: Sequence[str], pattern: re.Pattern[str]) -> float:
    """Return the share of lines that pattern matches from their start."""
    return sum(pattern.match(line[:SAMPLE_WIDTH]) is not None for line in lines) / len(lines)


def is_records(text: str, lines: Sequence[str]) -> bool:
    """Tell JSON, JSON lines, JSON in a string and Python literals of records."""
    start = text[:2000].removeprefix(BOM).lstrip()
    if start[:1] == '"':
        inner = parsed(text)
        return isinstance(inner, str) and inner.lstrip()[:1] in ("{", "[") and is_json(inner)
    if not JSON_START.match(start) and not PYTHON_START.match(start):
        return False
    return (
        is_json(text)
        or (len(lines) > 1 and all(is_json(line) for line in lines[:5]))
        or PYTHON_START.match(start) is not None
        or re.match(r'[\[{]\s*(?:[\[{]\s*)*"[^"\n]*"\s*:', start) is not None
    )


def is_json(text: str) -> bool:
    """Tell whether text is a JSON object or array."""
    return isinstance(parsed(text), dict | list)


def parsed(text: str) -> object:
    """Return the parsed JSON of text, None when it is none or too big to try."""
    if len(text) > PARSED_BYTES:
        return None
    try:
        return orjson.loads(text.removeprefix(BOM).encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return None


def is_snapshot(_text: str, lines: Sequence[str]) -> bool:
    """Tell an accessibility snapshot: list items with refs."""
    return sum(REFERENCE.match(line[:2000]) is not None for line in lines) >= max(
        3, len(lines) // 4
    )


def is_diff(_text: str, lines: Sequence[str]) -> bool:
    """Tell a unified or combined diff, also after a commit message or without its beginning."""
    first = next((i for i, x in enumerate(lines) if DIFF_FILE.match(x) or DIFF_HUNK.match(x)), -1)
    if first < 0 or any(FENCE.match(line) for line in lines[:first]):
        return False  # a document may show a diff
    if any(line.startswith("diff --") for line in lines):
        return True
    if not any(DIFF_HUNK.match(line) for line in lines):
        return False
    signed = sum(line[0] in "+-@ \\" for line in lines)
    return any(DIFF_FILE.match(line) for line in lines) or signed >= 0.9 * len(lines)


def is_html(text: str, lines: Sequence[str]) -> bool:
    """Tell HTML, a page or a fragment."""
    if HTML_START.match(text[:4000].removeprefix(BOM)):
        return True
    if is_declared_xml(text):
        return False
    sample = "\n".join(lines)
    return len(HTML_TAG.findall(sample)) > max(5, len(lines) // 2, len(sample) // 400)


def is_declared_xml(text: str) -> bool:
    """Tell a text that declares itself XML, is no XHTML and has at least a few tags."""
    start = text[:4000].removeprefix(BOM).lstrip()
    declared = re.match(r"(?i)<(?:\?xml|!doctype (?!html))", start) is not None
    return declared and "<html" not in start and start.count("<") > 3


def is_xml(text: str, lines: Sequence[str]) -> bool:
    """Tell XML, which starts with a tag and has tags all over."""
    if is_declared_xml(text):
        return True
    if not XML_START.match(text[:4000].removeprefix(BOM)):
        return False
    return len(TAG.findall("\n".join(lines))) >= max(3, len(lines) // 2)


def is_numbered(_text: str, lines: Sequence[str]) -> bool:
    """Tell a file printed with line numbers, which mostly rise by one."""
    numbers = [int(match[1]) for line in lines if (match := NUMBERED.match(line))]
    if len(numbers) < max(2, 0.9 * len(lines)) or not NUMBERED.match(lines[0]):
        return False
    steps = sum(two == one + 1 for one, two in pairwise(numbers))
    return steps >= 0.8 * (len(numbers) - 1)


def is_build(_text: str, lines: Sequence[str]) -> bool:
    """Tell the output of tests, compilers, linters and package managers."""
    sure = sum(RUNNER.match(line[:WIDTH]) is not None for line in lines)
    arrows = sum(ARROW.match(line[:WIDTH]) is not None for line in lines)
    return (
        sure >= max(2, len(lines) // 12)
        or arrows >= max(3, len(lines) // 40)
        or share(lines, DIAGNOSTIC) >= 0.4
    )


def is_listing(_text: str, lines: Sequence[str]) -> bool:
    """Tell search matches with file and line, lists of paths and drawn trees."""
    if len(lines) < 3:
        return False
    if share(lines, GREP) >= 0.7 or share(lines, BRANCH) >= 0.7 or share(lines, PATH) >= 0.8:
        return True
    paths = [found[1] for line in lines if (found := BARE_GREP.match(line))]
    return len(paths) >= 0.9 * len(lines) and 3 * len(set(paths)) <= 2 * len(paths)


def is_table(_text: str, lines: Sequence[str]) -> bool:
    """Tell delimited, drawn and aligned tables."""
    return len(lines) >= 3 and (is_drawn(lines) or is_delimited(lines) or is_aligned(lines))


def is_drawn(lines: Sequence[str]) -> bool:
    """Tell tables with a rule below the column line, as psql and markdown write them."""
    ruled = any(RULE.match(line[:WIDTH]) and ("|" in line or "+" in line) for line in lines[:4])
    return ruled and share(lines, BOXED) >= 0.8


def is_delimited(lines: Sequence[str]) -> bool:
    """Tell CSV and TSV: nearly all lines have as many delimiters as the first."""
    for mark in DELIMITERS:
        counts = Counter(line.count(mark) for line in lines)
        usual, often = counts.most_common(1)[0]
        expected = lines[0].count(mark)
        if mark in ";|" and any(char.isdigit() for char in lines[0]):
            continue  # a log, not a table with a line of names
        enough = usual >= (1 if mark == "\t" else 2) and abs(usual - expected) <= 1
        if mark == "," and usual == expected == 1:
            enough = often >= 0.95 * len(lines) and ", " not in lines[0] and len(lines) > 5
        if expected and enough and often >= 0.6 * len(lines) and not is_sentence(lines[0]):
            return True
    return False


def is_sentence(line: str) -> bool:
    """Tell whether line reads as prose: mark, space and small letter, or a full stop."""
    return len(re.findall(r"[,;] [a-z]", line)) > 1 or line.rstrip().endswith((".", ":"))


def is_aligned(lines: Sequence[str]) -> bool:
    """Tell tables whose columns stand apart by two spaces or more under a line of names."""
    if DASHES.match(lines[1]):
        return True
    if is_worded(lines):
        return True
    names = re.findall(r"\S+(?: \S+)*", re.sub(r"\s{2,}", "\n", lines[0].strip()))
    if len(names) < 3 and not (len(names) == 2 and lines[0].isupper()):
        return False
    starts = [m.start() for m in re.finditer(r"(?:^|(?<=\s\s))\S", lines[0])]
    rows = lines[1:]
    kept = sum(
        sum(at == 0 or row[at - 1 : at].strip() == "" for at in starts) >= len(starts) - 1
        and len(re.split(r"\s{2,}", row.strip())) >= len(names) - 1
        for row in rows
    )
    return kept >= 0.7 * len(rows)


def is_worded(lines: Sequence[str]) -> bool:
    """Tell tables under a line of five or more words in capitals, as ps and top write them."""
    names = lines[0].split()
    if len(names) < 5 or not all(name.isupper() for name in names):
        return False
    return sum(len(line.split()) >= len(names) for line in lines) >= 0.95 * len(lines)


def is_log(_text: str, lines: Sequence[str]) -> bool:
    """Tell lines with a time or a level, histories of commits and traces."""
    return COMMIT.match(lines[0]) is not None or share(lines, LOG_LINE) >= 0.5


def is_repeated(_text: str, lines: Sequence[str]) -> bool:
    """Tell lines of which most say the same with other numbers, as a build or a plan prints."""
    if share(lines, MARKUP) >= 0.05 or re.match(r"#{1,6} \S", lines[0]):
        return False  # changelogs also say the same again and again
    ends = [line[-SAMPLE_WIDTH:] for line in lines]
    if share(lines, JSON_LINE) >= 0.5 or share(ends, SENTENCE) >= 0.5:
        return False  # so do JSON and contracts
    kinds = {re.sub(r"\d+", "0", line[:400]).strip() for line in lines}
    return len(lines) >= 30 and 3 <= len(kinds) <= 0.4 * len(lines)


def is_yaml(_text: str, lines: Sequence[str]) -> bool:
    """Tell YAML and other indented keys with values, as kubectl describe writes them."""
    keyed = share(lines, KEYED)
    if keyed < 0.5 or share(lines, JSON_LINE) >= 0.5:
        return False
    fitting, last = 0, 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if YAML_LINE.match(line) or KEYED.match(line):
            fitting, last = fitting + 1, indent
        elif indent > last:
            fitting += 1  # text that goes on below its key
    return fitting >= 0.9 * len(lines)


def is_code(_text: str, lines: Sequence[str]) -> bool:
    """Tell source code by its statements, or by a few definitions amid long comments."""
    if any(line.lstrip().startswith("/*") for line in lines):
        lines = [line for line in lines if not STARRED.match(line)] or lines
    if any(FENCE.match(line) for line in lines) or share(lines, HEADING) >= 0.15:
        return False
    if share(lines, JSON_LINE) >= 0.5:
        return False
    defines = sum(DEFINITION.match(line) is not None for line in lines)
    return share(lines, CODE_LINE) >= 0.35 or defines >= max(3, 0.04 * len(lines))


CHECKS: Sequence[tuple[Kind, Callable[[str, Sequence[str]], bool]]] = (
    ("records", is_records),
    ("snapshots", is_snapshot),
    ("diffs", is_diff),
    ("html", is_html),
    ("trees", is_xml),
    ("code", is_numbered),
    ("builds", is_build),
    ("listing", is_listing),
    ("tables", is_table),
    ("logs", is_log),
    ("trees", is_yaml),
    ("code", is_code),
    ("repeats", is_repeated),
)
