"""Read XML into the lines of a tree, without resolving anything it refers to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_RECORD = 240  # characters of leaves that are written on the line of the element around them
MAX_TEXT = 600  # characters of one text that are shown
MARKUP = re.compile(
    r"<(?:(?P<close>/?)(?P<name>[A-Za-z_][\w:.-]*)"
    r"(?P<rest>(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>"
    r"|(?P<data>!\[CDATA\[)|(?P<comment>!--)|[!?][^<>]*+>)"
)
SPACE = re.compile(r"\s+")
START = re.compile(r"\s*(?:<\?xml\b|<!DOCTYPE\s+(?!html)|<[A-Za-z_][\w:.-]*[\s>/])")
NAMESPACE = re.compile(r"\s+(?:xmlns(?::[\w.-]+)?|xsi:schemaLocation)=(?:\"[^\"]*\"|'[^']*')")


@dataclass(slots=True)
class Tag:
    """One element while it is read; place is where its line will stand, leaves are as written."""

    name: str
    label: str
    place: int
    text: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    children: int = 0
    said_after: int = 0

    def say(self, piece: str) -> None:
        """Take a piece of text, with a mark where elements stand between it and the one before."""
        if self.text and self.said_after != self.children:
            self.text.append(" […] ")
        self.text.append(piece)
        self.said_after = self.children


def is_xml(text: str) -> bool:
    """Tell whether text looks like XML, from its beginning."""
    sample = text[:4_000].removeprefix("\ufeff")
    return START.match(sample) is not None and len(MARKUP.findall(sample)) >= 6


def parts(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and rest of the markup of text: open, close, empty, or text as name."""
    at = 0
    while (found := MARKUP.search(text, at)) is not None:
        if found.start() > at:
            yield "text", text[at : found.start()], ""
        at = found.end()
        if found["data"] or found["comment"]:
            end = text.find("]]>" if found["data"] else "-->", at)
            end = len(text) if end < 0 else end
            if found["data"]:
                yield "text", text[at:end], ""
            at = end + 3
        elif found["name"]:
            empty = found["rest"].endswith("/")
            kind = "close" if found["close"] else "empty" if empty else "open"
            yield kind, found["name"], found["rest"].rstrip("/")
    if at < len(text):
        yield "text", text[at:], ""


def tree_lines(text: str) -> list[tuple[int, str]]:
    """Return depth and line of every element: its name, attributes and text.

    Leaves beside each other stand on the line of the element around them when they are short.
    Closing tags, comments and name-space declarations are left out.
    """
    lines: list[tuple[int, str]] = []
    stack = [Tag("", "", 0)]
    for kind, name, rest in parts(text):
        if kind == "text":
            if not name.isspace():
                stack[-1].say(name)
            elif stack[-1].text:  # or what a comment parts would stand together
                stack[-1].text.append(" ")
        elif kind == "close":
            end(stack, name, lines)
        else:
            stack[-1].children += 1
            stack.append(Tag(name, f"{name}{attributes(rest)}", len(lines)))
            lines.append((len(stack) - 2, ""))
            if kind == "empty":
                end(stack, name, lines)
    while len(stack) > 1:
        end(stack, stack[-1].name, lines)
    return lines


def attributes(rest: str) -> str:
    """Return the attributes as written, without declarations of name spaces."""
    kept = SPACE.sub(" ", NAMESPACE.sub("", rest)).strip()
    return f" {kept}" if kept else ""


def end(stack: list[Tag], name: str, lines: list[tuple[int, str]]) -> None:
    """End the innermost element when it bears name; an end that fits nothing is ignored."""
    if len(stack) < 2 or stack[-1].name != name:
        return
    tag = stack.pop()
    said = SPACE.sub(" ", "".join(tag.text)).strip()
    if len(said) > MAX_TEXT:
        said = f"{said[:MAX_TEXT]} [… {len(said) - MAX_TEXT} characters]"
    record = ", ".join(tag.leaves)
    if not tag.children:
        stack[-1].leaves.append(f"{tag.label}={said}" if said else tag.label)
    elif len(tag.leaves) == tag.children and len(record) <= MAX_RECORD and not said:
        del lines[tag.place + 1 :]
        said = record
    colon = ":" if said or tag.children else ""
    lines[tag.place] = (len(stack) - 1, f"{tag.label}{colon} {said}".rstrip())
