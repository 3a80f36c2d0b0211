"""The view of health: what coatcheck doctor says of this installation."""

from collections.abc import Sequence

from coatcheck.web.page.html import Child, Html, tag
from coatcheck.web.page.layout import Column, badge, document, table

COLUMNS = (
    Column("state", "state", is_text=True), Column("what", "what", is_text=True),
    Column("seen", "seen", is_text=True), Column("fix", "what to do", is_text=True),
)  # fmt: skip


def render(found: Sequence[tuple[str, str, str]]) -> Html:
    """Return the page of what was looked at, what was seen and how to mend it."""
    wrong = sum(1 for _, _, fix in found if fix)
    said = "All is well." if not wrong else f"{wrong} of {len(found)} need attention."
    return document(
        "Health",
        "/health",
        tag("h1", "Health"),
        tag("p", said),
        table("What coatcheck doctor sees", COLUMNS, map(row, found)),
        tag(
            "p",
            "For programs: ",
            tag("a", "/metrics", href="/metrics"),
            " (Prometheus), ",
            tag("a", "/savings.json", href="/savings.json"),
            " (the numbers of this page).",
            class_="note",
        ),
    )


def row(finding: tuple[str, str, str]) -> Sequence[Child]:
    """Return the cells of one finding."""
    what, seen, fix = finding
    return badge("wrong" if fix else "ok"), what, seen, fix
