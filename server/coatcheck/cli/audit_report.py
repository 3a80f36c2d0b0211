"""Write what an audit found: as text, as JSON, as one HTML file, as a receipt without names."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from coatcheck import __version__
from coatcheck.amounts import moment, percents
from coatcheck.audit import Audit, Rates, Saving, net
from coatcheck.cli.text import plain, table
from coatcheck.figures import percent
from coatcheck.view import number

MOST_TOOLS = 25


@dataclass(frozen=True, slots=True)
class Assumed:
    """What an audit takes for granted: prices as of a day, and how often views are not enough.

    rates are by model; agent_model stands in for models that have none.
    """

    prices_date: str
    rates: Mapping[str, Rates]
    agent_model: str
    refetch_rate: float

    def rates_of(self, model: str) -> Rates:
        """Return the rates of a model, else those of the agent model."""
        return self.rates.get(model) or self.rates[self.agent_model]


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report; the first row is its head. names: cells that name something."""

    title: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    has_names: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What is written, in whatever form."""

    headline: str
    sections: Sequence[Section]
    data: Mapping[str, object]


def report(audits: Sequence[Audit], cut: float | None, assumed: Assumed) -> Report:
    """Return the report of one audit, or of two that lie before and after a day."""
    if cut is None:
        audit = audits[0]
        sections = (_tokens(audit), _tools(audit), _saved(audit, assumed), _worst(audit))
        return Report(_headline(audit), sections, {**_data(audit), "assumed": _as_data(assumed)})
    before, after = audits
    data = {"cut_at": cut, "before": _data(before), "after": _data(after)}
    return Report(f"Before and after {moment(cut)}", (_compared(before, after),), data)


# Sections


def _headline(audit: Audit) -> str:
    shown = net(audit, audit.against_shown)
    first, last = moment(audit.first_at)[:10], moment(audit.last_at)[:10]
    total = audit.prompt_tokens
    return (
        f"{number(len(audit.sessions), 'sessions')} from {first} to {last}:"
        f" {number(audit.turns, 'requests')} to the model, {total:,} tokens sent,"
        f" ${audit.usd:,.2f}; {_share(audit.cache_read_tokens, total)} % of the tokens came from"
        " the prompt cache.\n"
        f"{_share(audit.mcp_carried_tokens, total)} % of them are results of MCP servers, which is"
        f" what coatcheck can reach; {_share(audit.builtin_carried_tokens, total)} % are results of"
        " built-in tools, which it cannot.\n"
        f"Of what was sent, coatcheck would have saved {shown.first_tokens + shown.again_tokens:,}"
        f" tokens and ${shown.usd:,.2f}, net of its own costs; below zero it would have cost more."
    )


def _tokens(audit: Audit) -> Section:
    total = audit.prompt_tokens
    system, builtin, mcp = audit.recorded_prefix
    parts = [
        ("prefix of the main agent (system prompt, tools)", audit.prefix_tokens),
        ("its conversation", audit.transcript_tokens),
        ("sub-agents", audit.sub_agent_tokens),
        ("total sent", total),
        ("  of it written to the prompt cache", audit.cache_write_tokens),
        ("  of it read from the prompt cache", audit.cache_read_tokens),
        ("  of it results of MCP servers *", audit.mcp_carried_tokens),
        ("  of it results of built-in tools *", audit.builtin_carried_tokens),
    ]
    rows = [("tokens sent", "tokens", "%", "a request")]
    rows += [(name, f"{n:,}", _share(n, total), f"{_each(n, audit.turns):,}") for name, n in parts]
    rows.append(
        ("answered", f"{audit.output_tokens:,}", "", f"{_each(audit.output_tokens, audit.turns):,}")
    )
    notes = ["* estimated, each result once for every request that carried it; the rest as billed."]
    if any(audit.recorded_prefix):
        notes.append(
            f"Recorded once a transcript, in all: system prompts {system:,} tokens, built-in tools"
            f" {builtin:,}, tools of MCP servers {mcp:,} (estimated)."
        )
    return Section("Where the tokens went", rows, notes)


def _tools(audit: Audit) -> Section:
    of_servers = {name: tool for name, tool in audit.tools.items() if name[0]}
    ranked = sorted(of_servers.items(), key=lambda one: (-one[1].carried_tokens, one[0]))
    head = ("tool", "calls", "shortened", "original", "shown", "view", "requests", "carried")
    rows = [head] + [
        (
            plain(f"{server}.{name}"),
            f"{tool.calls:,}",
            f"{tool.shortened:,}",
            f"{tool.original_tokens:,}",
            f"{tool.shown_tokens:,}",
            f"{tool.view_tokens:,}",
            f"{_each(tool.turns, tool.calls):,}",
            f"{tool.carried_tokens:,}",
        )
        for (server, name), tool in ranked[:MOST_TOOLS]
    ]
    notes = [
        "Tokens (estimated): original as the tool gave them, shown as the client let them through,",
        "view as coatcheck would send them, carried = shown times the requests that a result was"
        " part of",
        "(requests: the mean of these a result).",
    ]
    if len(ranked) > MOST_TOOLS:
        notes.append(f"{len(ranked) - MOST_TOOLS:,} more tools are in --json.")
    return Section("Results of MCP servers", rows, notes, has_names=True)


def _saved(audit: Audit, assumed: Assumed) -> Section:
    head = ("would have been saved", "first sent", "sent again", "dollars")
    bases = (
        ("what the client showed", audit.against_shown),
        ("the originals", audit.against_original),
    )
    rows: list[Sequence[str]] = [head]
    for name, basis in bases:
        rows.append(_saving(f"against {name}", basis))
        rows.append(_saving("  own tool", audit.own, "-"))
        rows.append(_saving("  fetched back", audit.fetched, "-"))
        rows.append(_saving("  net", net(audit, basis)))
    priced = sorted(set(audit.models) - set(assumed.rates))
    notes = [
        f"Fetched back is assumed: {100 * assumed.refetch_rate:.0f} % of the shortened results, a"
        " page of each and one request more.",
        f"Prices of {assumed.prices_date}: first sent as a cache write, sent again as cache reads.",
        "The first basis is what would have changed; some clients cut long results themselves, and",
        "what they cut away was lost to the agent, while coatcheck keeps it in reach.",
    ]
    if priced:
        names = ", ".join(plain(name) or "(unnamed)" for name in priced)
        notes.append(f"Priced like {assumed.agent_model}, for want of a price: {names}.")
    if audit.ours:
        notes.append(f"{audit.ours:,} results had come through coatcheck already and save nothing.")
    return Section("What coatcheck would have saved", rows, notes)


def _worst(audit: Audit) -> Section:
    head = ("result", "day", "original", "shown", "view", "requests", "carried")
    rows = [head] + [
        (
            plain(f"{stay.server}.{stay.tool}"),
            moment(stay.at)[:10],
            f"{stay.weight.original_tokens:,}",
            f"{stay.weight.shown_tokens:,}",
            f"{stay.weight.view_tokens:,}",
            f"{stay.turns:,}",
            f"{stay.weight.shown_tokens * stay.turns:,}",
        )
        for stay in audit.worst
    ]
    return Section("The dearest results", rows, has_names=True)


def _compared(before: Audit, after: Audit) -> Section:
    def line(name: str, of: "Iterable[str]") -> tuple[str, ...]:
        return (name, *of)

    both = (before, after)
    rows = [
        ("", "before", "after"),
        line("sessions", (f"{len(one.sessions):,}" for one in both)),
        line("requests", (f"{one.turns:,}" for one in both)),
        line("tokens sent a request", (f"{_each(one.prompt_tokens, one.turns):,}" for one in both)),
        line(
            "read from the cache, %",
            (_share(one.cache_read_tokens, one.prompt_tokens) for one in both),
        ),
        line("shown a result of MCP, tokens", (f"{_shown_each(one):,}" for one in both)),
        line(
            "results of MCP, % of tokens sent",
            (_share(one.mcp_carried_tokens, one.prompt_tokens) for one in both),
        ),
        line("dollars a session", (f"{one.usd / max(1, len(one.sessions)):,.2f}" for one in both)),
    ]
    notes = ["Other things changed on that day too: `coatcheck savings --causal` compares arms."]
    return Section("Before and after", rows, notes)


def _shown_each(audit: Audit) -> int:
    tools = [tool for (server, _), tool in audit.tools.items() if server]
    return _each(sum(tool.shown_tokens for tool in tools), sum(tool.calls for tool in tools))


def _saving(name: str, saving: Saving, sign: str = "") -> tuple[str, ...]:
    return (
        name,
        f"{sign}{saving.first_tokens:,}",
        f"{sign}{saving.again_tokens:,}",
        f"{sign}{saving.usd:,.2f}",
    )


def _share(part: int, whole: int) -> str:
    return percents(percent(part, whole))


def _each(total: int, count: int) -> int:
    return round(total / count) if count else 0


# Forms


def as_text(found: Report) -> str:
    """Return the report for a terminal."""
    parts = [
        "\n".join([table(section.rows), *section.notes])
        for section in found.sections
        if len(section.rows) > 1
    ]
    return "\n\n".join([found.headline, *parts])


def as_receipt(found: Report) -> str:
    """Return the report without any names of tools, files or models."""
    parts = [f"coatcheck {__version__}, audit", found.headline]
    parts += [table(section.rows) for section in found.sections if not section.has_names]
    return "\n\n".join(parts)


def as_json(found: Report) -> str:
    """Return the numbers of the report."""
    return json.dumps(found.data, indent=1)


STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #8884;white-space:pre}
th:first-child,td:first-child{text-align:left}
.lead{white-space:pre-line;font-size:1.1rem}
small{display:block;opacity:.85}
"""


def as_html(found: Report) -> str:
    """Return the report as one HTML file that needs no other."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">",
        f"<title>coatcheck audit</title><style>{STYLE}</style></head><body><main>",
        f'<h1>coatcheck audit</h1><p class="lead">{escape(found.headline)}</p>',
        *(_html(section) for section in found.sections),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _html(section: Section) -> str:
    head, *rows = section.rows
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    notes = "".join(f"<small>{escape(note)}</small>" for note in section.notes)
    return (
        f'<section><h2>{escape(section.title)}</h2><div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>{notes}</section>"
    )


# Numbers


def _data(audit: Audit) -> dict[str, object]:
    counts = (
        "first_at", "last_at", "turns", "input_tokens", "cache_write_tokens", "cache_read_tokens",
        "output_tokens", "prompt_tokens", "prefix_tokens", "transcript_tokens", "sub_agent_tokens",
        "mcp_carried_tokens", "builtin_carried_tokens", "ours", "usd",
    )  # fmt: skip
    names = ("calls", "shortened", "original_tokens", "shown_tokens", "view_tokens", "turns",
             "carried_tokens")  # fmt: skip
    tools = [
        {"server": server, "tool": tool, **{name: getattr(figures, name) for name in names}}
        for (server, tool), figures in sorted(audit.tools.items())
    ]
    savings = {
        "against_shown": audit.against_shown,
        "against_original": audit.against_original,
        "own": audit.own,
        "fetched": audit.fetched,
        "net_shown": net(audit, audit.against_shown),
        "net_original": net(audit, audit.against_original),
    }
    return {
        "sessions": len(audit.sessions),
        **{name: getattr(audit, name) for name in counts},
        "recorded_prefix_tokens": dict(
            zip(("system", "builtin_tools", "mcp_tools"), audit.recorded_prefix, strict=True)
        ),
        "models": audit.models,
        "tools": tools,
        "savings": {name: _saving_data(saving) for name, saving in savings.items()},
        "worst": [
            {
                "server": stay.server,
                "tool": stay.tool,
                "at": stay.at,
                "call_id": stay.id,
                "turns": stay.turns,
                "original_tokens": stay.weight.original_tokens,
                "shown_tokens": stay.weight.shown_tokens,
                "view_tokens": stay.weight.view_tokens,
            }
            for stay in audit.worst
        ],
    }


def _saving_data(saving: Saving) -> dict[str, float]:
    return {
        "first_tokens": saving.first_tokens,
        "again_tokens": saving.again_tokens,
        "usd": saving.usd,
    }


def _as_data(assumed: Assumed) -> dict[str, object]:
    return {
        "prices_date": assumed.prices_date,
        "agent_model": assumed.agent_model,
        "refetch_rate": assumed.refetch_rate,
    }
