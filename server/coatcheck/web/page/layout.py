"""The frame of every page, and the pieces that several pages are made of."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from coatcheck.amounts import count, moment
from coatcheck.web.page.html import NO_ICON, Child, Html, link_to, tag, together

VIEWS = (
    ("/", "Overview"),
    ("/tools", "Tools"),
    ("/calls", "Calls"),
    ("/sessions", "Sessions"),
    ("/workbench", "Workbench"),
    ("/health", "Health"),
)
SPANS = (("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"), ("all", "all time"))

# Nothing runs, nothing comes from elsewhere, nobody frames it.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its key in `?sort=`, its words, and whether it holds text."""

    key: str
    words: str
    is_text: bool = False
    unit: str = ""


def document(title: str, path: str, *children: Child) -> Html:
    """Return a whole page; path is the view that it belongs to."""
    start, end = halves(title, path)
    return together(start, tag("main", *children, id="main", tabindex=-1), end)


def bare(title: str, *children: Child) -> Html:
    """Return a page for who is not let in: it asks for nothing more, and leads nowhere."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} - coatcheck"),
        tag("link", rel="icon", href=NO_ICON),
    )
    body = tag("body", tag("main", tag("h1", title), *children))
    return together(Html('<!doctype html><html lang="en">'), head, body, Html("</html>"))


def as_page(page: Html, status: int = 200) -> Response:
    """Return a page as the answer to a request."""
    data = page.encode("utf-8", "replace")
    return Response(data, status, HEADERS, "text/html; charset=utf-8")


def halves(title: str, path: str) -> tuple[Html, Html]:
    """Return what comes before and after the main part."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} - coatcheck"),
        tag("link", rel="stylesheet", href="/page.css"),
        tag("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
    )
    links = [
        tag("li", tag("a", words, href=to, aria_current="page" if to == path else None))
        for to, words in VIEWS
    ]
    header = tag(
        "header",
        tag("a", "Skip to the content", class_="skip", href="#main"),
        tag("a", tag("b", "coatcheck"), class_="brand", href="/"),
        tag("nav", tag("ul", links), aria_label="Views"),
    )
    foot = tag("footer", "Times are UTC. Tokens are o200k_base; net is never clamped.")
    return Html(f'<!doctype html><html lang="en">{head}<body>{header}'), Html(
        f"{foot}</body></html>"
    )


def spans(path: str, since: str, **query: str | None) -> Html:
    """Return the choice of a window, as links."""
    items = [
        tag(
            "li",
            tag(
                "a",
                words,
                href=link_to(path, **{**query, "since": span}),
                aria_current="true" if span == since else None,
            ),
        )
        for span, words in SPANS
    ]
    return tag("nav", tag("ul", items), class_="choice", aria_label="Window of time")


def number(value: int, *, sign: bool = False) -> Html:
    """Return a whole number that a program can read as well; sign colours a loss."""
    is_loss = sign and value < 0
    return tag("data", count(value), value=value, class_="loss" if is_loss else None)


def table(
    caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]], heads: Child = None
) -> Html:
    """Return a table that scrolls inside its own box; the first cell of a row is its head."""
    top = heads or tag("tr", map(head_of, columns))
    body = [
        tag("tr", [cell(c, child) for c, child in zip(columns, row, strict=True)]) for row in rows
    ]
    return boxed(caption, tag("thead", top), tag("tbody", body))


def cell(column: Column, child: Child) -> Html:
    """Return a cell of a column."""
    return tag("td", child, class_=kind_of(column))


def kind_of(column: Column) -> str:
    """Return the class of the cells of a column."""
    return "t" if column.is_text else "n"


def head_of(column: Column) -> Html:
    """Return the head of a column."""
    return tag("th", words_of(column), scope="col", class_=kind_of(column))


def words_of(column: Column) -> Child:
    """Return the words of a column, its unit set apart."""
    return [column.words, column.unit and [" ", tag("small", column.unit)]]


def boxed(caption: str, *parts: Child, class_: str | None = None) -> Html:
    """Return a table of parts in a box that scrolls and that the keyboard reaches."""
    inner = tag("table", tag("caption", caption), *parts, class_=class_)
    return tag("div", inner, class_="box", role="region", aria_label=caption, tabindex=0)


def sorted_heads(
    columns: Sequence[Column], path: str, query: Mapping[str, str], sort: str, *, down: bool
) -> Html:
    """Return the head of a table whose columns are sorted by their links."""
    cells = []
    for column in columns:
        is_this = column.key == sort
        other = "asc" if is_this and down else "desc"
        to = link_to(path, **{**query, "sort": column.key, "dir": other})
        state = ("descending" if down else "ascending") if is_this else None
        arrow = tag("span", " ↓" if down else " ↑", aria_hidden="true") if is_this else None
        cells.append(
            tag(
                "th",
                tag("a", words_of(column), arrow, href=to),
                scope="col",
                aria_sort=state,
                class_=kind_of(column),
            )
        )
    return tag("tr", cells)


def facts(pairs: Iterable[tuple[str, Child]]) -> Html:
    """Return terms with what they are."""
    return tag("dl", [tag("div", tag("dt", term), tag("dd", said)) for term, said in pairs])


def field(label: str, name: str, value: str, **more: str | int | None) -> Html:
    """Return a labelled field of a form."""
    return tag("label", tag("span", label), tag("input", name=name, value=value, **more))


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str) -> Html:
    """Return a labelled list of options, each a value with its words."""
    made = [tag("option", words, value=value, selected=value == chosen) for value, words in options]
    return tag("label", tag("span", label), tag("select", made, name=name))


def when(at: float) -> Html:
    """Return a time as UTC, to the second, that a program can read as well."""
    written = moment(at)
    return tag("time", written[:-1], datetime=written.replace(" ", "T"))


def breakable(name: str) -> Html:
    """Return a name that may be broken behind its dots and underscores."""
    parts = re.split(r"(?<=[._/-])", name)
    return together([[tag("wbr") if i else None, part] for i, part in enumerate(parts)])


def badge(words: str) -> Html:
    """Return how a result went out, marked by its kind."""
    known = words if words.isalpha() else "other"
    return tag("span", words, class_=f"badge {known}")
