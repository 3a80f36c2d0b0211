"""Read an HTML page into blocks of visible text, in one pass over its tags."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape

from coatcheck.reducers.wordlist import words

LOOKAHEAD = 20_000  # characters in which a tag must end for its quotes to be honoured
FORGIVEN = 200  # tags that break this before quotes are no longer looked at
MAX_DATA = 1_000_000  # characters of JSON in a page that are looked at
MAX_BOXES = 250_000  # elements past which a page is not read: none of 10 MB has as many
MAX_SPANNED = 12  # blocks after which a link that nobody closed is taken to have ended
MOSTLY = 0.7  # share of filled cells from which empty ones keep their place
MAX_ROW_CELL = 240  # a longer cell is layout, not data

OPENING = re.compile(r"<(?:(/?)([a-zA-Z][\w:-]*)|(!--)|[!?])")
QUOTED_END = re.compile(r"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""")
PLAIN_END = re.compile(r"[^<>]*+>")
ATTRIBUTE = re.compile(
    r"""([\w:@.-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""",
)
SPACE = re.compile(r"\s+")

INVISIBLE = words("script style noscript template svg math iframe object canvas video audio")
BLOCK = words(
    "address article aside blockquote body button center dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol option"
    " p pre section select summary table caption tbody td textarea tfoot th thead tr ul"
)
VOID = words("area base br col embed hr img input link meta param source track wbr")
BESIDE = words("a span small time label")
HEADINGS = words("h1 h2 h3 h4 h5 h6")
RAW_END = {name: re.compile(rf"</{name}\b[^<>]*>", re.IGNORECASE) for name in INVISIBLE}
BREAK = "\x1e"  # a line break of the page; white space like any other where it is not looked for
# An opening tag on the left ends these when one of them is still open above it.
ENDS = {
    "li": {"li", "p"},
    "dt": {"dt", "dd", "p"},
    "dd": {"dt", "dd", "p"},
    "tr": {"td", "th", "tr", "p"},
    "td": {"td", "th", "p"},
    "th": {"td", "th", "p"},
    "option": {"option"},
}
WANTED_META = {
    "description": "description",
    "og:description": "description",
    "og:title": "title",
    "og:url": "url",
}


@dataclass(frozen=True, slots=True)
class Box:
    """An open block element: parent is the index of the box around it, -1 for none."""

    tag: str
    parent: int
    hints: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A run of visible text between block borders; linked counts its characters inside links."""

    kind: str
    text: str
    box: int
    line: int
    linked: int = 0
    links: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Page:
    """What a page says: facts of its head, blocks in source order, boxes that hold them."""

    facts: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    data: list[str] = field(default_factory=list)


def collapse(text: str) -> str:
    """Return text with character references resolved and runs of white space made one space."""
    return SPACE.sub(" ", unescape(text) if "&" in text else text).strip()


def attributes(tag: str) -> dict[str, str]:
    """Return the attributes written in tag, the first of each name, names in lower case."""
    found: dict[str, str] = {}
    for name, double, single, bare in ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


def tags(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, name and inside of every tag: "/p" closes, "!" is nothing to be shown.

    An invisible element is one tag, its inside the attributes and its text, parted by ">".
    Time is linear in text: a tag is looked for only so far, after FORGIVEN tags with unbalanced
    quotes quotes are ignored, and an end that was missed once is not looked for again.
    """
    forgiven, at = 0, 0
    endless: set[str] = set()
    while (found := OPENING.search(text, at)) is not None:
        start, at = found.span()
        if found[3]:
            end = text.find("-->", at)
            at = len(text) if end < 0 else end + 3
            yield start, at, "!", ""
            continue
        close = QUOTED_END.match(text, at, at + LOOKAHEAD) if forgiven < FORGIVEN else None
        if close is None:
            forgiven += 1
            close = PLAIN_END.match(text, at)
        if close is None:
            continue
        at = close.end()
        name = (found[1] + found[2].lower()) if found[2] else "!"
        if name in INVISIBLE and name not in endless and text[at - 2] != "/":
            at = raw_end(text, at, name, endless)
        yield start, at, name, text[found.end() : at - 1]


def raw_end(text: str, at: int, name: str, endless: set[str]) -> int:
    """Return where the invisible element that began before at ends."""
    end = RAW_END[name].search(text, at)
    if end is not None:
        return end.end()
    endless.add(name)
    return len(text) if name in ("script", "style") else at


def read(text: str) -> Page | None:
    """Return the page that text holds, None past MAX_BOXES; never raises, whatever text is."""
    reader = Reader(text)
    at = 0
    for start, end, name, inside in tags(text):
        reader.text(text[at:start], at)
        at = end
        if name in INVISIBLE:
            reader.data(name, inside)
        elif name[0] == "/":
            reader.close(name[1:])
        elif name != "!":
            reader.open(name, inside)
            if len(reader.page.boxes) > MAX_BOXES:
                return None
    reader.text(text[at:], at)
    reader.flush()
    return reader.page


def filled(row: Sequence[str]) -> Sequence[str]:
    """Return the cells of a row, the empty ones too when most are filled: those are a table's."""
    some = [cell for cell in row if cell]
    return some if len(some) < MOSTLY * len(row) else row


class Reader:
    """Turns tags and text into blocks; the state of one pass."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.page = Page()
        self.stack: list[int] = []
        self.open_tags: Counter[str] = Counter()
        self.parts: list[str] = []
        self.linked = 0
        self.links: list[tuple[str, str]] = []
        self.href: str | None = None
        self.anchor, self.spanned = 0, 0
        self.rows: list[list[str] | None] = []
        self.row_links: list[tuple[str, str]] = []
        self.row_linked = 0
        self.seen, self.lines, self.began = 0, 1, 1
        self.just_closed = False

    def text(self, piece: str, at: int) -> None:
        """Take the text between two tags."""
        if not piece or (not self.parts and piece.isspace()):
            return
        if not self.parts:
            self.lines += self.source.count("\n", self.seen, at)
            self.seen, self.began = at, self.lines
        self.parts.append(piece)
        self.just_closed = False
        if self.href is not None:
            self.linked += len(piece.strip())

    def data(self, name: str, inside: str) -> None:
        """Take an invisible element; only data about the page is kept."""
        head, _, body = inside.partition(">")
        if name == "script" and "json" in head and len(body) <= MAX_DATA:
            self.page.data.append(body.rpartition("</")[0].strip())

    def open(self, name: str, inside: str) -> None:
        """Take an opening tag."""
        self.begin_inline(name)
        if name == "br":
            self.parts.append(BREAK)
        elif name == "a":
            self.begin_link(attributes(inside))
        elif name in ("meta", "link"):
            self.head(name, attributes(inside))
        elif name == "title" and not self.open_tags["body"]:
            self.flush()
            self.open_tags["title"] += 1
        elif name == "input":
            self.control(attributes(inside))
        elif name in BLOCK:
            self.open_block(name, inside)

    def begin_link(self, found: dict[str, str]) -> None:
        """Begin a link; the one to the next page is a fact about this one."""
        self.href = found.get("href", "")
        self.anchor, self.spanned = len(self.parts), 0
        if "next" in found.get("rel", "").split() and self.href:
            self.page.facts.setdefault("next page", self.href)

    def begin_inline(self, name: str) -> None:
        """Part an inline element from the one that just ended: style sheets do, but not in code."""
        self.open_tags["code"] += name == "code"
        is_code = self.open_tags["code"] or self.open_tags["pre"]
        if name in BESIDE and self.just_closed and self.parts and not is_code:
            self.parts.append(" ")

    def open_block(self, name: str, inside: str) -> None:
        """Begin a block element."""
        self.flush()
        ends = ENDS.get(name, {"p"})
        while self.stack and self.page.boxes[self.stack[-1]].tag in ends:
            self.pop()
        if name in VOID:
            return
        hints, hidden = "", False
        if inside:
            found = attributes(inside)
            hints = f"{found.get('class', '')} {found.get('id', '')} {found.get('role', '')}"
            style = found.get("style", "").replace(" ", "")
            hidden = "hidden" in found or "display:none" in style
            hidden = hidden or found.get("aria-hidden") == "true"
        self.page.boxes.append(Box(name, self.stack[-1] if self.stack else -1, hints, hidden))
        self.stack.append(len(self.page.boxes) - 1)
        self.open_tags[name] += 1
        if name == "table" and self.rows:
            self.unfold()
        elif name == "tr":
            self.rows.append([])
        elif name in ("td", "th") and self.rows and self.rows[-1] is not None:
            self.rows[-1].append("")

    def close(self, name: str) -> None:
        """Take a closing tag; one that nothing open answers to is ignored."""
        self.just_closed = name in BESIDE
        if name == "a":
            self.close_link()
        elif name == "code":
            self.open_tags["code"] = max(0, self.open_tags["code"] - 1)
        elif name == "title":
            self.title()
        elif name in BLOCK:
            self.flush()
            while self.open_tags[name] and self.pop() != name:
                pass

    def pop(self) -> str:
        """End the innermost block element and return its tag."""
        tag = self.page.boxes[self.stack[-1]].tag
        if tag == "tr" and self.rows:
            row = self.rows.pop()
            if row and any(row):
                self.links, self.linked = self.row_links, self.row_linked
                self.add("row", " | ".join(filled(row)))
            self.links, self.linked, self.row_links, self.row_linked = [], 0, [], 0
        self.stack.pop()
        self.open_tags[tag] -= 1
        return tag

    def close_link(self) -> None:
        """End a link: remember its label and where it leads."""
        if self.href is None:
            return
        self.note_link()
        self.href = None

    def note_link(self) -> None:
        """Remember the label that the open link has so far; later blocks of it only count."""
        label = "" if self.spanned else collapse("".join(self.parts[self.anchor :]))
        if label and self.href:
            self.links.append((label, self.href))
            self.spanned = 1

    def title(self) -> None:
        """End the title of the page."""
        if self.open_tags["title"]:
            self.page.facts.setdefault("title", collapse("".join(self.parts)))
            self.open_tags["title"] = 0
            self.parts.clear()

    def head(self, name: str, found: dict[str, str]) -> None:
        """Take a meta or link element."""
        if name == "link":
            rel = found.get("rel", "").lower().split()
            fact = "url" if "canonical" in rel else "next page" if "next" in rel else ""
            if fact and found.get("href"):
                self.page.facts[fact] = found["href"].strip()
            return
        key = WANTED_META.get((found.get("name") or found.get("property", "")).lower())
        if key and (content := collapse(found.get("content", ""))):
            self.page.facts.setdefault(key, content)

    def control(self, found: dict[str, str]) -> None:
        """Take an input field that a person could fill in."""
        kind = found.get("type", "text")
        if kind in ("hidden", "submit", "image", "button"):
            return
        label = found.get("aria-label") or found.get("placeholder") or ""
        name = found.get("name") or found.get("id") or ""
        if label or name:
            self.flush()
            self.add("field", collapse(f"[{kind} {name}] {label}"))

    def unfold(self) -> None:
        """Give the cells of the open row out as blocks: the table is layout, not data."""
        row, self.rows[-1] = self.rows[-1], None
        for cell in row or ():
            if cell:
                self.add("p", cell)

    def flush(self) -> None:
        """End the run of text that was being gathered."""
        if not self.parts:
            return
        kind = self.page.boxes[self.stack[-1]].tag if self.stack else "p"
        joined = "".join(self.parts)
        if self.href is not None:
            self.note_link()
            self.spanned += 1
        if kind == "pre":
            text = unescape(joined).replace(BREAK, "\n").strip("\n")
        elif BREAK in joined and kind not in HEADINGS:
            text = "\n".join(filter(None, map(collapse, joined.split(BREAK))))
        else:
            text = collapse(joined)
        if text:
            self.place(kind, text)
        self.parts, self.linked, self.links, self.anchor = [], 0, [], 0
        if self.spanned > MAX_SPANNED:
            self.href = None

    def place(self, kind: str, text: str) -> None:
        """Add text as a block, or to the cell of the table row it stands in."""
        row = self.rows[-1] if self.rows else None
        if row and kind not in HEADINGS and len(text) <= MAX_ROW_CELL:
            row[-1] = f"{row[-1]} {text}".strip()
            self.row_links += self.links
            self.row_linked += self.linked
            return
        if row is not None:
            self.unfold()
        self.add(kind, text)

    def add(self, kind: str, text: str) -> None:
        """Add a block at the place reached."""
        box = self.stack[-1] if self.stack else -1
        linked = min(self.linked, len(text))
        self.page.blocks.append(Block(kind, text, box, self.began, linked, tuple(self.links)))
