"""The view of one call: what it cost, what was decided, its artifact beside the view."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coatcheck.amounts import count, dollars, milliseconds, moment, percents
from coatcheck.figures import CallReport, Figures, Recorded, percent
from coatcheck.ruletext import literal
from coatcheck.types import Omission
from coatcheck.web.page.calls import COLUMNS, name_of, row
from coatcheck.web.page.html import Child, Html, link_to, tag, together
from coatcheck.web.page.layout import Column, badge, document, facts, number, table

MOST_ARGUMENT_CHARACTERS = 2_000
PAGE_LINES = 400
LINE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Opened:
    """An artifact as it is shown: its text by lines, and which of them the view shows.

    trouble says why there is none.
    """

    trouble: str = ""
    arguments: str = ""
    lines: Sequence[str] = ()
    is_shown: Sequence[bool] = ()
    view: str = ""
    omissions: Sequence[Omission] = ()
    size_bytes: int = 0
    kept: str = ""


def render(report: CallReport, opened: Opened | None, page: int = 1) -> Html:
    """Return the page of a call; opened is None when nothing was kept of it."""
    call = report.call
    return document(
        f"{name_of(call)} at {moment(call.at)}",
        "/calls",
        tag("h1", name_of(call)),
        about(call),
        tag("h2", "What it came to"),
        costs(report.figures),
        decided(call),
        around(report) if len(report.around) > 1 else None,
        side_by_side(call, opened, page) if opened else None,
    )


def about(call: Recorded) -> Html:
    """Return who called what, when, and how it went."""
    tool = name_of(call)
    how = call.outcome if call.kind == "call" else f"{call.kind} {call.verb}".strip()
    who = " ".join(filter(None, (call.client, call.client_version))) or "unknown"
    pairs: list[tuple[str, Child]] = [
        ("When", moment(call.at)),
        ("How", [badge(how), " error" if call.is_error else ""]),
        ("Client", who),
        ("Session", tag("a", call.session[:12], href=link_to("/calls", session=call.session))),
        ("Bytes", f"{count(call.original_bytes)} → {count(call.view_bytes)}"),
        ("Upstream took", f"{milliseconds(call.upstream_us)} ms"),
        ("coatcheck added", f"{milliseconds(call.added_us)} ms"),
        ("Ref", tag("code", call.ref) if call.ref else "nothing was kept"),
        (
            "Tool",
            [
                tag("a", "its calls", href=link_to("/calls", tool=literal(tool))),
                ", ",
                tag("a", "try other settings", href=link_to("/workbench", tool=tool)),
            ],
        ),
    ]
    return facts(pairs)


def costs(figures: Figures) -> Html:
    """Return the sum that gives the net tokens, on both bases."""
    columns = (
        Column("base", "against", is_text=True), Column("was", "would have cost", unit="tokens"),
        Column("view", "view", unit="tokens"), Column("fetched", "fetched", unit="tokens"),
        Column("net", "net", unit="tokens"), Column("percent", "net", unit="%"),
    )  # fmt: skip
    bases = (
        ("the client", figures.counterfactual_tokens, figures.net_counterfactual_tokens),
        ("the original", figures.original_tokens, figures.net_original_tokens),
    )
    rows = [
        (
            name,
            number(was),
            number(figures.view_tokens),
            number(figures.fetched_tokens),
            number(net, sign=True),
            percents(percent(net, was)),
        )
        for name, was, net in bases
    ]
    return table("Tokens of this artifact over all its calls and fetches", columns, rows)


def decided(call: Recorded) -> Html | None:
    """Return why less was done than planned, and with which numbers the model was asked or not."""
    if not (call.reason or call.decision or call.summary_micro_usd):
        return None
    pairs: list[tuple[str, Child]] = []
    if call.reason:
        pairs.append(("A simpler step was taken", call.reason))
    if call.decision:
        pairs.append(("The model's cost was weighed", tag("code", call.decision)))
    if call.summary_micro_usd:
        took = milliseconds(call.summary_us)
        pairs.append(("It cost", f"{dollars(call.summary_micro_usd * 1000)} in {took} ms"))
    return tag("section", tag("h2", "Decisions"), facts(pairs))


def around(report: CallReport) -> Html:
    """Return all calls and fetches of the same artifact."""
    fetches = sum(entry.kind == "fetch" for entry in report.around)
    title = f"Calls and fetches of this artifact ({count(fetches)} fetched)"
    return tag("section", tag("h2", title), table("Oldest first", COLUMNS, map(row, report.around)))


def side_by_side(call: Recorded, opened: Opened, page: int) -> Html:
    """Return the original beside what was sent in its place."""
    if opened.trouble:
        return tag("section", tag("h2", "Artifact"), tag("p", opened.trouble, class_="note"))
    pages = max(1, -(-len(opened.lines) // PAGE_LINES))
    page = min(max(1, page), pages)
    first = (page - 1) * PAGE_LINES
    hidden = sum(not shown for shown in opened.is_shown)
    legend = tag(
        "p",
        f"{count(len(opened.lines))} lines, {count(hidden)} of them ",
        tag("mark", "marked"),
        ": nothing in the view speaks of them. Compared by the words of a line, so a common word"
        " may count as shown.",
        class_="note",
    )
    original = tag(
        "div",
        tag("h3", f"Original ({count(opened.size_bytes)} bytes)"),
        code_box("Original", marked(opened, first, first + PAGE_LINES)),
        paging(call, page, pages),
    )
    view = tag(
        "div",
        tag("h3", f"View ({count(len(opened.view))} characters)"),
        code_box("View", opened.view),
    )
    return tag(
        "section",
        tag("h2", "Original and view"),
        tag("p", "Called with ", tag("code", opened.arguments[:MOST_ARGUMENT_CHARACTERS])),
        omitted(opened.omissions),
        legend,
        tag("div", original, view, class_="beside"),
        tag("p", opened.kept, class_="note"),
    )


def omitted(omissions: Sequence[Omission]) -> Html | None:
    """Return what the view says it leaves out."""
    left = [item for item in omissions if item.shown < item.total]
    if not left:
        return tag("p", "The view leaves out nothing.")
    items = [
        tag(
            "li",
            f"{count(item.total - item.shown)} of {count(item.total)} {item.unit} {item.what}",
        )
        for item in left
    ]
    return tag("div", tag("p", "Announced as left out:"), tag("ul", items))


def code_box(name: str, *children: Child) -> Html:
    """Return text as it is, in a box that scrolls and that the keyboard reaches."""
    return tag("pre", tag("code", *children), tabindex=0, role="region", aria_label=name)


def marked(opened: Opened, first: int, last: int) -> Html:
    """Return lines of the original, runs of those not in the view marked."""
    return together(*_runs(opened, first, min(last, len(opened.lines))))


def _runs(opened: Opened, first: int, last: int) -> Iterator[Child]:
    at = first
    while at < last:
        end = at + 1
        while end < last and opened.is_shown[end] == opened.is_shown[at]:
            end += 1
        text = "\n".join(map(shortened, opened.lines[at:end])) + "\n"
        yield text if opened.is_shown[at] else tag("mark", text)
        at = end


def shortened(line: str) -> str:
    """Return a line, cut when it is very long."""
    if len(line) <= LINE_CHARACTERS:
        return line
    return f"{line[:LINE_CHARACTERS]}… ({count(len(line))} characters)"


def paging(call: Recorded, page: int, pages: int) -> Html | None:
    """Return the links to the other pages of the original."""
    if pages == 1:
        return None
    links = [
        tag("a", words, href=link_to(f"/calls/{call.id}", page=to))
        for words, to in (("Earlier lines", page - 1), ("Later lines", page + 1))
        if 1 <= to <= pages
    ]
    said = f"Page {count(page)} of {count(pages)} "
    return tag("p", said, [part for link in links for part in (link, " ")])
