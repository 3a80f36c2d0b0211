"""The view of single calls and fetches, newest first, and the rows of its live tail."""

from collections.abc import Sequence

from coatcheck.amounts import milliseconds
from coatcheck.figures import Recorded
from coatcheck.web.page.html import Child, Html, link_to, tag
from coatcheck.web.page.layout import (
    Column,
    badge,
    breakable,
    cell,
    document,
    field,
    number,
    table,
    when,
)
from coatcheck.web.page.source import Wanted

COLUMNS = (
    Column("at", "time (UTC)", is_text=True), Column("tool", "tool", is_text=True),
    Column("how", "how", is_text=True), Column("client", "client would show", unit="tokens"),
    Column("got", "got", unit="tokens"), Column("net", "net", unit="tokens"),
    Column("added", "added", unit="ms"), Column("why", "notes", is_text=True),
)  # fmt: skip


MOST_CHARACTERS = 40


def render(found: Sequence[Recorded], wanted: Wanted) -> Html:
    """Return the page of the calls that are wanted."""
    return document(
        "Calls",
        "/calls",
        tag("h1", "Calls"),
        filters(wanted),
        tag("p", tag("a", "Follow as they happen", href=tail(wanted))),
        table("Calls and fetches, newest first", COLUMNS, map(row, found))
        if found
        else tag("p", "No calls that fit."),
        older(found, wanted),
    )


def filters(wanted: Wanted) -> Html:
    """Return the form that narrows the calls down."""
    return tag(
        "form",
        field("Tool (may hold * and ?)", "tool", wanted.tool, type="search"),
        field("Session", "session", wanted.session, type="search"),
        tag("button", "Filter"),
        method="get",
        action="/calls",
        class_="filters",
    )


def tail(wanted: Wanted) -> str:
    """Return the address of the live tail of the same calls."""
    return link_to("/calls/live", tool=wanted.tool, session=wanted.session)


def older(found: Sequence[Recorded], wanted: Wanted) -> Html | None:
    """Return the link to the calls before these, if there may be any."""
    if len(found) < wanted.limit:
        return None
    to = link_to("/calls", tool=wanted.tool, session=wanted.session, before=found[-1].id)
    return tag("p", tag("a", "Older", href=to, rel="next"))


def row(call: Recorded) -> Sequence[Child]:
    """Return the cells of one call or fetch."""
    is_call = call.kind == "call"
    return (
        tag("a", when(call.at), href=f"/calls/{call.id}"),
        breakable(name_of(call)),
        badge(call.outcome if is_call else f"{call.kind} {call.verb}".strip()),
        number(call.counterfactual_tokens) if is_call else None,
        number(got(call)),
        number(call.net_tokens, sign=True),
        milliseconds(call.added_us),
        notes(call),
    )


def got(call: Recorded) -> int:
    """Return the tokens that reached the agent."""
    passed = call.kind == "call" and call.outcome == "passed"
    return call.counterfactual_tokens if passed else call.view_tokens


def name_of(call: Recorded) -> str:
    """Return the tool of a call, with its upstream."""
    return ".".join(filter(None, (call.upstream, call.tool))) or "(no tool)"


def notes(call: Recorded) -> str:
    """Return what else is known of a call, in a few words."""
    found = [
        "error" if call.is_error else "",
        "fetched back" if call.came_back and call.kind == "call" else "",
        "called again" if call.again else "",
        place(call.part),
        call.reason,
    ]
    return "; ".join(filter(None, found))


def place(part: str) -> str:
    """Say which part of an artifact a fetch gave, in a few words."""
    kind, _, where = part.partition(":")
    numbers = where.replace(",", ", ")
    if len(numbers) > MOST_CHARACTERS:
        numbers = numbers[:MOST_CHARACTERS].rpartition(",")[0] + " …"
    unit = {"at": "lines ", "chars": "characters "}.get(kind, "")
    return unit + numbers if unit or not numbers[:1].isdigit() else f"lines {numbers}"


def live_row(call: Recorded) -> Html:
    """Return one line of the live tail."""
    cells = [cell(column, child) for column, child in zip(COLUMNS, row(call), strict=True)]
    return tag("tr", cells)
