"""The view of all tools: sorted by links, filtered by a form."""

from collections.abc import Callable, Mapping, Sequence

from coatcheck.amounts import count, milliseconds, percents
from coatcheck.figures import Figures, Line, Savings, percent
from coatcheck.ruletext import literal
from coatcheck.web.page.html import Child, Html, link_to, tag
from coatcheck.web.page.layout import (
    Column,
    boxed,
    breakable,
    cell,
    choice,
    document,
    field,
    number,
    sorted_heads,
    spans,
)

NO_SHARE = -1e9
# What a column is sorted by.
SORTS: Mapping[str, Callable[[Line], float | str]] = {
    "tool": lambda line: line.name.lower(),
    "calls": lambda line: line.figures.calls,
    "shortened": lambda line: line.figures.shortened,
    "original": lambda line: line.figures.original_tokens,
    "client": lambda line: line.figures.counterfactual_tokens,
    "view": lambda line: line.figures.view_tokens,
    "fetched": lambda line: line.figures.fetched_tokens,
    "net": lambda line: line.figures.net_counterfactual_tokens,
    "percent": lambda line: or_least(net_percent(line.figures)),
    "back": lambda line: or_least(percent(line.figures.came_back, line.figures.shortened)),
    "p95": lambda line: line.figures.added_p95_us,
    "errors": lambda line: line.figures.errors,
}
COLUMNS = (
    Column("tool", "tool", is_text=True), Column("calls", "calls"),
    Column("shortened", "shortened"), Column("original", "original", unit="tokens"),
    Column("client", "client", unit="tokens"), Column("view", "view", unit="tokens"),
    Column("fetched", "fetched", unit="tokens"), Column("net", "net", unit="tokens"),
    Column("percent", "net", unit="%"), Column("back", "came back", unit="%"),
    Column("p95", "p95", unit="ms"), Column("errors", "errors"),
)  # fmt: skip


def or_least(value: float | None) -> float:
    """Return value, or less than any when there is none."""
    return NO_SHARE if value is None else value


def net_percent(figures: Figures) -> float | None:
    """Return the net saving in percent of what the clients would have shown."""
    return percent(figures.net_counterfactual_tokens, figures.counterfactual_tokens)


def render(report: Savings, asked: Mapping[str, str], since: str) -> Html:
    """Return the page; asked may hold q, upstream, sort and dir."""
    sort = asked.get("sort", "net") if asked.get("sort", "net") in SORTS else "net"
    down = asked.get("dir", "desc") != "asc"
    upstreams = sorted({line.key["upstream"] for line in report.rows} - {""})
    lines = ordered([line for line in report.rows if is_meant(line, asked)], sort, down=down)
    kept = {"q": asked.get("q", ""), "upstream": asked.get("upstream", ""), "since": since}
    heads = sorted_heads(COLUMNS, "/tools", kept, sort, down=down)
    body = [table_row(line) for line in lines]
    is_all = len(lines) == len(report.rows)
    caption = f"{count(len(lines))} of {count(len(report.rows))} rows"
    foot = tag("tfoot", total_row(report.totals)) if is_all else None
    return document(
        "Tools",
        "/tools",
        tag("h1", "Tools"),
        spans("/tools", since, q=kept["q"], upstream=kept["upstream"]),
        filters(kept, upstreams),
        boxed(caption, tag("thead", heads), tag("tbody", body), foot, class_="wide"),
        tag(
            "p",
            "Net is what the client would have shown, minus the view, what was fetched back and"
            " our own definitions; it may be below zero. Came back: views after which the agent"
            " fetched something.",
            class_="note",
        ),
    )


def is_meant(line: Line, asked: Mapping[str, str]) -> bool:
    """Tell whether a line passes the filters."""
    upstream = asked.get("upstream", "")
    return asked.get("q", "").lower() in line.name.lower() and upstream in (
        "",
        line.key["upstream"],
    )


def ordered(lines: Sequence[Line], sort: str, *, down: bool) -> Sequence[Line]:
    """Return lines sorted by a column; those alike by their names."""
    by_name = sorted(lines, key=lambda line: line.name)
    key = SORTS[sort]
    return sorted(by_name, key=key, reverse=down)


def filters(kept: Mapping[str, str], upstreams: Sequence[str]) -> Html:
    """Return the form that narrows the table down."""
    options = [("", "all"), *((name, name) for name in upstreams)]
    return tag(
        "form",
        field("Tool holds", "q", kept["q"], type="search"),
        choice("Upstream", "upstream", options, kept["upstream"]),
        tag("input", type="hidden", name="since", value=kept["since"]),
        tag("button", "Filter"),
        method="get",
        action="/tools",
        class_="filters",
    )


def to_tool(line: Line) -> Html:
    """Return the name of a tool, leading to its calls; what is no tool is a name alone."""
    if line.key["tool"].startswith("("):
        return tag("span", breakable(line.name))
    return tag("a", breakable(line.name), href=link_to("/calls", tool=literal(line.name)))


def table_row(line: Line) -> Html:
    """Return the row of one tool."""
    head = tag("th", to_tool(line), scope="row")
    return tag("tr", head, numbers(line.figures))


def total_row(totals: Figures) -> Html:
    """Return the row of the totals."""
    return tag("tr", tag("th", "total", scope="row"), numbers(totals))


def numbers(figures: Figures) -> Html | list[Html]:
    """Return the cells of a row behind its name."""
    cells: Sequence[Child] = (
        number(figures.calls),
        number(figures.shortened),
        number(figures.original_tokens),
        number(figures.counterfactual_tokens),
        number(figures.view_tokens),
        number(figures.fetched_tokens),
        number(figures.net_counterfactual_tokens, sign=True),
        percents(net_percent(figures)),
        percents(percent(figures.came_back, figures.shortened)),
        milliseconds(figures.added_p95_us),
        number(figures.errors),
    )
    return [cell(column, child) for column, child in zip(COLUMNS[1:], cells, strict=True)]
