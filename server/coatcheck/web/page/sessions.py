"""The view of sessions: who was connected, for how long, and what it came to."""

from collections.abc import Sequence

from coatcheck.amounts import percents
from coatcheck.figures import SessionReport, percent
from coatcheck.view import number as unit_number
from coatcheck.web.page.html import Child, Html, link_to, tag
from coatcheck.web.page.layout import Column, document, number, spans, table, when

COLUMNS = (
    Column("began", "began (UTC)", is_text=True), Column("client", "client", is_text=True),
    Column("session", "session", is_text=True), Column("lasted", "lasted"),
    Column("turns", "turns"), Column("calls", "calls"), Column("shortened", "shortened"),
    Column("net", "net", unit="tokens"), Column("percent", "net", unit="%"),
    Column("fetched", "fetched", unit="tokens"), Column("arm", "held out?", is_text=True),
)  # fmt: skip


def render(found: Sequence[SessionReport], since: str) -> Html:
    """Return the page of the sessions of a window."""
    title = f"{unit_number(len(found), 'sessions')}, newest first"
    return document(
        "Sessions",
        "/sessions",
        tag("h1", "Sessions"),
        spans("/sessions", since),
        table(title, COLUMNS, map(row, found))
        if found
        else tag("p", "No sessions in this window."),
        tag(
            "p",
            "A turn is a request that called a tool after the last one was answered: a lower bound"
            " of the agent's requests.",
            class_="note",
        ),
    )


def row(found: SessionReport) -> Sequence[Child]:
    """Return the cells of one session."""
    figures = found.figures
    net = figures.net_counterfactual_tokens
    calls = link_to("/calls", session=found.session)
    return (
        tag("a", when(found.began_at), href=calls),
        found.client or "unknown",
        tag("code", found.session[:12]),
        lasted(found.last_at - found.began_at),
        number(figures.turns),
        number(figures.calls),
        number(figures.shortened),
        number(net, sign=True),
        percents(percent(net, figures.counterfactual_tokens)),
        number(figures.fetched_tokens),
        found.arm,
    )


def lasted(seconds: float) -> str:
    """Return a span of time as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
