"""The first view: what was saved, day by day, how results went out, what to change."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from coatcheck.amounts import count, dollars, milliseconds, moment, percents
from coatcheck.figures import Advice, Figures, Line, Overview, Quality, Savings, percent
from coatcheck.web.page import charts
from coatcheck.web.page.html import Child, Html, link_to, tag
from coatcheck.web.page.layout import Column, badge, document, facts, number, spans, table
from coatcheck.web.page.tools import to_tool

DAYS = 30
MOST_TOOLS = 8
LEVELS = {
    "passed": "handed on unchanged",
    "lossless": "written shorter, every value kept",
    "trimmed": "announced parts dropped",
    "selected": "what matters chosen by rule",
    "summarized": "chosen by the model, quoted word for word",
    "clipped": "head and tail",
    "(fetch)": "fetched back by the agent",
    "(definitions)": "our own tool definitions",
    "(summary)": "summaries that came late",
}


def render(found: Overview, levels: Savings, days: Savings, *, since: str, now: float) -> Html:
    """Return the page; days are those of the last 30, the rest is of the window."""
    nothing = not (found.totals.calls or found.totals.fetches or found.totals.definitions)
    return document(
        "Savings",
        "/",
        tag("h1", "Savings"),
        spans("/", since),
        none_yet(since) if nothing else headline(found),
        by_day(days, now),
        None if nothing else by_level(levels),
        None if nothing else best_tools(found),
        served(found),
        advice(found.advice),
    )


def none_yet(since: str) -> Html:
    """Say why there is nothing to show."""
    if since != "all":
        return tag("p", "No calls in this window. ", tag("a", "All time", href="/?since=all"))
    return tag(
        "p",
        "No calls in the ledger yet. See that an agent starts its server through coatcheck",
        " (coatcheck status), then call a tool; ",
        tag("a", "Health", href="/health"),
        " says what is wrong here.",
    )


def headline(found: Overview) -> Html:
    """Return the totals in large figures, and what they are made of."""
    total = found.totals
    client = percents(percent(total.net_counterfactual_tokens, total.counterfactual_tokens))
    original = percents(percent(total.net_original_tokens, total.original_tokens))
    tiles = (
        ("Net saving", total.net_counterfactual_tokens, "tokens",
         f"{client} % of what the clients would have shown"),
        ("Against the originals", total.net_original_tokens, "tokens", f"{original} % of them"),
    )  # fmt: skip
    boxes = [
        tag(
            "div",
            tag("dt", name),
            tag("dd", number(net, sign=True), " ", tag("small", unit)),
            tag("dd", more, class_="more"),
        )
        for name, net, unit, more in tiles
    ]
    return tag(
        "section",
        tag("dl", *boxes, worth(found), class_="tiles"),
        sums(found),
        aria_label="Totals",
    )


def worth(found: Overview) -> Html:
    """Return the dollars, and what they are made of."""
    money, rates = found.money, found.rates
    said = f"{rates.model}, {rates.date}"
    parts = (
        f"{dollars(money.written_nano_usd)} not written, {dollars(money.read_nano_usd)} not read"
        f" again, {dollars(money.summary_nano_usd)} paid to the summarizer"
    )
    return tag(
        "div",
        tag("dt", "Worth"),
        tag("dd", tag("data", dollars(money.net_nano_usd), value=money.net_nano_usd)),
        tag("dd", f"{parts}; prices of ", tag("span", said, class_="whole"), class_="more"),
    )


def sums(found: Overview) -> Html:
    """Return the sum behind the net number, as a line that can be checked."""
    total = found.totals
    parts: list[Child] = [
        tag("b", count(total.counterfactual_tokens)), " the clients would have shown, minus ",
        tag("b", count(total.view_tokens)), " in views, minus ",
        tag("b", count(total.fetched_tokens)), " fetched back, minus ",
        tag("b", count(total.own_tokens)), " own definitions.",
    ]  # fmt: skip
    calls = (
        f"{count(total.calls)} calls, {count(total.shortened)} of them shortened; tokens of"
        f" {count(total.counted)} of these are counted exactly."
    )
    since = found.window.since
    begin = "" if since is None else f" Since {moment(since)}."
    return tag("p", tag("span", parts, class_="sum"), " ", calls, begin, class_="note")


def by_day(days: Savings, now: float) -> Html:
    """Return the chart of the last 30 days, those without calls among them."""
    net = {line.name: line.figures.net_counterfactual_tokens for line in days.rows}
    today = datetime.fromtimestamp(now, UTC).date()
    names = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(DAYS - 1, -1, -1)]
    return tag(
        "section",
        tag("h2", f"The last {DAYS} days"),
        charts.columns(
            "Net tokens saved per day", "tokens", [(name, net.get(name, 0)) for name in names]
        ),
    )


def by_level(levels: Savings) -> Html:
    """Return how results went out, with what each way came to."""
    lines = {line.name: line.figures for line in levels.rows}
    names = [*(name for name in LEVELS if name in lines), *(lines.keys() - LEVELS.keys())]
    calls = max(levels.totals.calls, 1)
    columns = (
        Column("level", "outcome", is_text=True), Column("calls", "calls"),
        Column("share", "share", is_text=True),
        Column("original", "original", unit="tokens"), Column("view", "got", unit="tokens"),
        Column("net", "net", unit="tokens"), Column("meaning", "what it is", is_text=True),
    )  # fmt: skip
    rows = [level_row(name, lines[name], calls) for name in names]
    return tag("section", tag("h2", "How results went out"), table("By outcome", columns, rows))


def level_row(name: str, figures: Figures, calls: int) -> Sequence[Child]:
    """Return the row of one outcome."""
    got = figures.view_tokens + figures.fetched_tokens + figures.own_tokens
    entries = figures.calls or figures.fetches or figures.definitions
    return (
        badge(name.strip("()")),
        number(entries),
        charts.share_bar(figures.calls, calls) if figures.calls else None,
        number(figures.original_tokens),
        number(got),
        number(figures.net_counterfactual_tokens, sign=True),
        LEVELS.get(name, ""),
    )


def best_tools(found: Overview) -> Html:
    """Return the tools that saved most."""
    lines = sorted(
        (line for line in found.tools if not line.key["tool"].startswith("(")),
        key=lambda line: -line.figures.net_counterfactual_tokens,
    )[:MOST_TOOLS]
    whole = max(found.totals.net_counterfactual_tokens, 1)
    columns = (
        Column("tool", "tool", is_text=True), Column("calls", "calls"),
        Column("net", "net", unit="tokens"), Column("percent", "net", unit="%"),
        Column("share", "of all", is_text=True), Column("back", "came back", unit="%"),
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", "Tools that saved most"),
        table("Tools by net tokens", columns, [tool_row(line, whole) for line in lines]),
        tag("p", tag("a", "All tools", href="/tools")),
    )


def tool_row(line: Line, whole: int) -> Sequence[Child]:
    """Return the row of one tool."""
    figures = line.figures
    net = figures.net_counterfactual_tokens
    return (
        to_tool(line),
        number(figures.calls),
        number(net, sign=True),
        percents(percent(net, figures.counterfactual_tokens)),
        charts.share_bar(net, whole),
        percents(percent(figures.came_back, figures.shortened)),
    )


def served(found: Overview) -> Html | None:
    """Return how well the views served the agent."""
    quality = found.quality
    if not quality.shortened:
        return None
    pairs: list[tuple[str, Child]] = [
        ("Fetched from afterwards", share(quality.came_back)),
        ("Fetched whole", share(quality.got_whole)),
        ("Called again within 2 minutes", share(quality.again)),
        ("Refs that opened nothing", count(quality.expired)),
        ("Summaries with something not in the source", count(quality.guard_misses)),
        ("Added time, 95 % of the calls at most", f"{milliseconds(quality.added_p95_us)} ms"),
        ("Fetches by verb", by_verb(quality) or "none"),
    ]
    pairs += [("Simpler steps than planned", steps(found.totals.reasons))]
    return tag("section", tag("h2", "How well views served"), facts(pairs))


def share(value: float | None) -> str:
    """Return a share of the views in percent."""
    return f"{percents(None if value is None else 100 * value)} % of views"


def by_verb(quality: Quality) -> str:
    """Return the fetches by verb."""
    return ", ".join(f"{item.verb or '(none)'} {count(item.fetches)}" for item in quality.verbs)


def steps(reasons: Mapping[str, int]) -> str:
    """Return why less was done than planned, and how often."""
    return ", ".join(f"{why} {count(times)}" for why, times in reasons.items()) or "none"


def workbench(item: Advice) -> str:
    """Return the address where a piece of advice is tried on what is kept."""
    key, _, value = item.setting.partition(" = ")
    setting = {key: value.strip('"')} if key.isidentifier() else {}
    return link_to("/workbench", tool=f"{item.upstream}.{item.tool}", **setting)


def advice(found: Sequence[Advice]) -> Html | None:
    """Return what to change, each with a way to try it."""
    if not found:
        return None
    items = [
        tag(
            "li",
            tag("b", f"{item.upstream}.{item.tool}"),
            f" was {item.what}. Try ",
            tag("code", item.setting),
            ": ",
            tag(
                "a",
                "open it in the workbench",
                href=workbench(item),
            ),
            ".",
        )
        for item in found
    ]
    return tag("section", tag("h2", "Advice"), tag("ul", items, class_="advice"))
