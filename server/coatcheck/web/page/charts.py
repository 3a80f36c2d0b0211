"""Draw charts as inline SVG, each with its numbers beside it as text."""

from collections.abc import Sequence

from coatcheck.amounts import count
from coatcheck.web.page.html import Html, tag
from coatcheck.web.page.layout import Column, number, table

WIDTH, HEIGHT = 720, 140
GAP = 0.22


def columns(title: str, unit: str, values: Sequence[tuple[str, int]]) -> Html:
    """Return a column per value, those below zero under the line; names stand in the table."""
    most = max((value for _, value in values), default=0)
    least = min((value for _, value in values), default=0)
    top, bottom = max(most, 0), min(least, 0)
    scale = HEIGHT / ((top - bottom) or 1)
    zero, step = top * scale, WIDTH / max(1, len(values))
    bars = [
        tag(
            "rect",
            x=f"{i * step + step * GAP / 2:.1f}",
            y=f"{zero - max(value, 0) * scale:.1f}",
            width=f"{step * (1 - GAP):.1f}",
            height=f"{max(abs(value) * scale, 1 if value else 0):.1f}",
            class_="bar" if value >= 0 else "bar below",
        )
        for i, (_, value) in enumerate(values)
    ]
    line = tag("line", x1=0, x2=WIDTH, y1=f"{zero:.1f}", y2=f"{zero:.1f}", class_="zero")
    drawing = tag(
        "svg",
        tag("title", f"{title}: {said(values, unit)}"),
        bars,
        line,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        class_="columns",
    )
    ends = [tag("span", name) for name, _ in (values[0], values[-1])] if values else []
    scale_words = tag("p", f"most in a day {count(most)} {unit}", class_="scale")
    return tag(
        "figure",
        tag("figcaption", title),
        scale_words,
        drawing,
        tag("div", ends, class_="ends", aria_hidden="true"),
        as_table(title, unit, values),
    )


def said(values: Sequence[tuple[str, int]], unit: str) -> str:
    """Say a series in one sentence."""
    if not values:
        return "nothing to show"
    best = max(values, key=lambda pair: pair[1])
    whole = sum(value for _, value in values)
    return f"{count(whole)} {unit} in {len(values)} days; the most, {count(best[1])}, on {best[0]}"


def as_table(title: str, unit: str, values: Sequence[tuple[str, int]]) -> Html:
    """Return the numbers of a series, folded away."""
    heads = (Column("name", "day", is_text=True), Column("value", unit))
    rows = [(name, number(value, sign=True)) for name, value in values]
    return tag("details", tag("summary", "The numbers"), table(title, heads, rows))


def share_bar(part: int, whole: int) -> Html:
    """Return a bar for a part of a whole; the numbers stand beside it."""
    width = 100 * min(max(part, 0), whole) / whole if whole else 0
    inner = tag("rect", x=0, y=0, width=f"{width:.2f}", height=8, class_="bar")
    back = tag("rect", x=0, y=0, width=100, height=8, class_="rest")
    return tag(
        "svg",
        back,
        inner,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_="share",
    )
