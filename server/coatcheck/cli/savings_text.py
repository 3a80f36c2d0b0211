"""A report of savings as plain text: headline, table, bars, quality, advice, definitions."""

import csv
import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from coatcheck.amounts import dollars, milliseconds, moment, percents
from coatcheck.cli.text import fitted, plain, table
from coatcheck.view import number

if TYPE_CHECKING:
    from coatcheck.figures import Figures, Money, Overview, Quality, Rates, Savings
    from coatcheck.ledger.causal import Comparison
    from coatcheck.ledger.money import Transcribed

HEAD = (
    ("", "calls", "shortened", "original", "client", "view", "fetched", "own",
     "net", "net", "client net", "client net", "back", "p50", "p95", "errors"),
    ("", "", "", "tokens", "tokens", "tokens", "tokens", "tokens",
     "tokens", "%", "tokens", "%", "%", "ms", "ms", ""),
)  # fmt: skip
# What a narrow terminal goes without, first things first; a pipe and --json always have all.
LEFT_OUT_FIRST = (13, 14, 2, 12, 11, 10, 15, 4, 7)
BAR_CHARS = 40
EIGHTHS = " ▏▎▍▌▋▊▉█"
COMPARED = {"cost_usd": "cost, $", "turns": "turns", "seconds": "seconds"}
TOKENIZER_ERROR = (
    "o200k_base. Estimates are off by 2.6 % (median) and 7.4 % (of nine in ten) over recorded tool"
    " results, and by 0.4 % on average; counts of kept artifacts are exact up to 524,288"
    " characters, and sampled above, with the half width given."
)


def said(report: "Savings", found: "Overview", width: int = 0) -> str:
    """Return the whole report; width cuts the table to a terminal's columns (0: no cut)."""
    lines = tabulated(report)
    if width:
        lines = fitted(lines, LEFT_OUT_FIRST, width)
    parts = [headline(report, found), table(lines), "\n".join(notes(found))]
    return "\n\n".join(parts)


def tabulated(report: "Savings") -> list[Sequence[str]]:
    """Return the lines of the table, two of them its head, the last one the totals."""
    lines: list[Sequence[str]] = [(report.by, *HEAD[0][1:]), HEAD[1]]
    lines += [cells(plain(line.name), line.figures) for line in report.rows]
    lines.append(cells("total", report.totals))
    return lines


def headline(report: "Savings", found: "Overview") -> str:
    """Return the report in one paragraph."""
    from coatcheck.figures import percent

    total = report.totals
    since = "" if report.window.since is None else f" since {moment(report.window.since)}"
    original = percent(total.net_original_tokens, total.original_tokens)
    client = percent(total.net_counterfactual_tokens, total.counterfactual_tokens)
    return (
        f"{number(total.calls, 'calls')}{since}, {total.shortened:,} shortened:"
        f" {total.original_tokens:,} tokens became {total.view_tokens:,};"
        f" {total.fetched_tokens:,} fetched back, {total.own_tokens:,} for own definitions.\n"
        f"Net saving {total.net_original_tokens:,} tokens ({percents(original)} % of the"
        f" originals), or {total.net_counterfactual_tokens:,} ({percents(client)} %)"
        " against what the clients would have shown.\n" + priced(total, found.money, found.rates)
    )


def priced(total: "Figures", amount: "Money", rates: "Rates") -> str:
    """Return the dollars against what the clients would have shown, a line for each part."""
    parts = (
        (amount.written_nano_usd, "for net tokens that were not written to its cache, once"),
        (
            amount.read_nano_usd,
            f"for {total.carried_counterfactual_tokens:,} net tokens that"
            f" {number(total.turns, 'turns')} did not read from it again",
        ),
        (-amount.summary_nano_usd, "for the summarizer"),
    )
    wide = max(len(dollars(nano_usd)) for nano_usd, _ in parts)
    lines = [f"  {dollars(nano_usd).rjust(wide)}  {what}" for nano_usd, what in parts]
    head = f"Against that, at the prices of {rates.model} ({rates.date}): "
    return "\n".join([f"{head}{dollars(amount.net_nano_usd)} saved, net.", *lines])


def transcribed(found: "Transcribed", wanted: int) -> str:
    """Say what the agent's own transcripts know of how often results were read again."""
    if not found.calls:
        return "No transcript on this machine knows one of these calls."
    amount = found.money
    return (
        f"Transcripts know {found.calls:,} of {number(wanted, 'calls')}: not written"
        f" {dollars(amount.written_nano_usd)}, not read again {dollars(amount.read_nano_usd)}"
        " (fetches, definitions and summarizer apart)."
    )


def cells(name: str, figures: "Figures") -> tuple[str, ...]:
    """Return one row of the table, in the order of HEAD."""
    from coatcheck.figures import percent

    nets = (
        (figures.net_original_tokens, figures.original_tokens),
        (figures.net_counterfactual_tokens, figures.counterfactual_tokens),
    )
    counts = (
        figures.calls,
        figures.shortened,
        figures.original_tokens,
        figures.counterfactual_tokens,
        figures.view_tokens,
        figures.fetched_tokens,
        figures.own_tokens,
    )
    return (
        name,
        *(f"{count:,}" for count in counts),
        *(cell for net, base in nets for cell in (f"{net:,}", percents(percent(net, base)))),
        percents(percent(figures.came_back, figures.shortened)),
        milliseconds(figures.added_p50_us),
        milliseconds(figures.added_p95_us),
        f"{figures.errors:,}",
    )


def notes(found: "Overview") -> list[str]:
    """Return the remarks below the table."""
    total = found.totals
    width = total.half_width_tokens
    sampled = f", give or take {width:,} tokens" if width else ""
    rest = "" if total.counted == total.shortened else ", the others are estimated"
    lines = [
        f"Counted exactly: {total.counted:,} of {total.shortened:,} shortened calls{sampled}{rest}."
    ]
    if total.shortened:
        lines.append(served(found.quality))
    if total.reasons:
        steps = ", ".join(f"{plain(why)} {times:,}" for why, times in total.reasons.items())
        lines.append(f"Reasons for a simpler step than planned: {steps}.")
    lines += [
        f"Advice: {plain(item.upstream)}.{plain(item.tool)} was {item.what}: {item.setting}"
        f' under [tools."{plain(item.upstream)}.{plain(item.tool)}"].'
        for item in found.advice
    ]
    return [*lines, "What the words mean: coatcheck savings --explain"]


def served(quality: "Quality") -> str:
    """Say how well the views served, in one paragraph."""
    shares = (
        ("fetched from afterwards", quality.came_back),
        ("fetched whole", quality.got_whole),
        ("called again within 2 minutes", quality.again),
    )
    of_views = ", ".join(f"{100 * (share or 0):.1f} % {what}" for what, share in shares)
    by_verb = ", ".join(
        f"{plain(item.verb) or '(none)'} {item.fetches:,}" for item in quality.verbs
    )
    lines = [
        f"Of the views: {of_views}.",
        f"Refs that opened nothing: {quality.expired:,}. Summaries with something that is not in"
        f" the source: {quality.guard_misses:,}.",
        f"Added time: at most {milliseconds(quality.added_p95_us)} ms for 95 % of the calls.",
    ]
    return "\n".join([lines[0], *([f"Fetches by verb: {by_verb}."] if by_verb else []), *lines[1:]])


def explained(rates: "Rates") -> str:
    """Return what the words mean, of when the prices are and how far counts may be off."""
    from coatcheck.ledger.report import DEFINITIONS

    meanings = {
        **DEFINITIONS,
        "prices": f"{rates.model}, of {rates.date}: ${rates.cache_write:g} per million tokens to"
        f" write to the cache, ${rates.cache_read:g} to read from it; [summarizer] agent_model and"
        " prices in config.toml change them.",
        "error": TOKENIZER_ERROR,
    }
    return "\n".join(
        textwrap.fill(f"{word}: {meaning}", 96, subsequent_indent="  ")
        for word, meaning in meanings.items()
    )


def bars(report: "Savings", *, is_plain: bool) -> str:
    """Return a bar per row for its net tokens; a net below zero has a bar of minus signs."""
    nets = [(plain(line.name), line.figures.net_original_tokens) for line in report.rows]
    most = max((abs(net) for _, net in nets), default=0) or 1
    lines = [(name, f"{net:,}", bar(net / most, is_plain=is_plain)) for name, net in nets]
    wide = max((len(name) for name, _, _ in lines), default=0)
    tall = max((len(net) for _, net, _ in lines), default=0)
    head = f"{report.by.ljust(wide)}  {'net tokens (of the originals)'}"
    return "\n".join(
        [head, *(f"{n.ljust(wide)}  {net.rjust(tall)}  {b}".rstrip() for n, net, b in lines)]
    )


def bar(share: float, *, is_plain: bool) -> str:
    """Return a bar of at most BAR_CHARS characters for a share of -1 to 1."""
    eighths = round(abs(share) * BAR_CHARS * 8)
    if share < 0:
        return "-" * max(1, eighths // 8)
    if is_plain:
        return "#" * round(eighths / 8)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def as_csv(report: "Savings") -> str:
    """Return the rows of a report as CSV under a line of names; no totals, so that it sums."""
    from coatcheck.ledger.report import flat

    lines = [{"name": row.name, **row.key, **flat(row.figures)} for row in report.rows]
    names = [name for name in (lines[0] if lines else {}) if name != "reasons"]
    written = io.StringIO()
    writer = csv.DictWriter(written, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: plain(str(value)) for name, value in line.items()} for line in lines)
    return written.getvalue()


def compared(found: "Comparison") -> str:
    """Return a comparison with the sessions held out, or why there is none yet."""
    from coatcheck.ledger.causal import LEAST_SESSIONS

    held, shortened = found.held_out_sessions, found.shortened_sessions
    if not found.is_enough:
        return (
            f"Too little data: {number(held, 'sessions')} held out and {shortened:,} not; at least"
            f" {LEAST_SESSIONS} of each are needed.\nholdout = 0.1 under [ledger] in config.toml"
            " leaves one session in ten unshortened."
        )
    lines: list[Sequence[str]] = [
        ("mean of a session", "held out", "shortened", "difference", "from", "to", "%"),
        ("", f"{held:,} sessions", f"{shortened:,} sessions", "", "95 %", "95 %", ""),
    ]
    for item in found.differences:
        low, high = item.low or 0.0, item.high or 0.0
        values = (item.held_out, item.shortened, item.difference, low, high)
        share = 100 * item.difference / item.held_out if item.held_out else None
        name = COMPARED[item.measure]
        lines.append((name, *(f"{value:,.4f}" for value in values), percents(share)))
    return (
        table(lines) + "\n\nWhich sessions are held out is drawn by a keyed hash of the session. An"
        " interval that holds 0 shows\nno difference. Cost is what results, fetches and definitions"
        " cost the agent, at cache prices."
    )
