"""coatcheck eval: what rules and models keep of your own results, at what price."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coatcheck.cli import routing
from coatcheck.cli.batching import Batches, within_caps
from coatcheck.cli.place import Place, place
from coatcheck.cli.progress import progress
from coatcheck.cli.summarizer import book, may_read
from coatcheck.cli.text import plain, table
from coatcheck.cli.tiers import RULES, Figures, Item, Tier, Trial, Tried, read_items, summed
from coatcheck.types import ConfigError, Route
from coatcheck.view import number

if TYPE_CHECKING:
    from coatcheck.summarize.pointer import Job

STRONGER = "claude-sonnet-5-5"
HEAD = (
    (
        "tier",
        "tool",
        "items",
        "asked",
        "original",
        "view",
        "kept",
        "model",
        "agent",
        "total",
        "p50",
    ),
    ("", "", "", "", "tokens", "tokens", "%", "USD", "USD", "USD", "s"),
)
NOT_ASKED = (
    "What a model would keep is not known: nothing was sent. {jobs} would be asked for about"
    " ${half:.4f} with --live, ${full:.4f} with --live --now (list prices of {date})."
)
MEANING = """\
kept: items of which every probe is in the view. model: list price of the answers (expected where
none is known), a batch costs half. agent: what {agent} pays to read the views through {turns}
turns, and the whole result too where a probe is lost. p50: half of the answers took at most this
(batches do not tell). Tokens are o200k_base."""


@click.command(name="eval")
@click.option(
    "--jsonl",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help='Items: {"id", "tool", "text", "focus"?, "arguments"?, "keep": [...]} a line.',
)
@click.option("--live", is_flag=True, help="Ask the models, by Message Batches.")
@click.option("--now", is_flag=True, help="With --live: ask at once, at full price.")
@click.option("--apply", is_flag=True, help="Show the recommended routes as a change of settings.")
@click.option("--yes", is_flag=True, help="With --apply: write it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def evaluate(file: Path, *, live: bool, now: bool, apply: bool, yes: bool, as_json: bool) -> None:
    """Measure what rules and models keep of your results.

    Example: coatcheck eval --jsonl items.jsonl --live

    Tiers are the rules alone, summarizer.model, and summarizer.stronger; of each tool the best one
    is recommended as a route. Without --live nothing is sent, and only answers that are already
    kept count. --live goes on where an earlier run was stopped.
    """
    at = place()
    if live and not may_read(at):
        raise ConfigError("no model may be asked; run `coatcheck config summarizer` first")
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        items = list(read_items(lines))
    tiers = [Tier(at, model) for model in _models(at)]
    try:
        figures, jobs = _tried(at, items, tiers)
        if live and any(job.kept is None for _, job in jobs):
            _ask(at, tiers, jobs, now=now)
            figures, jobs = _tried(at, items, tiers)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on with it") from None
    finally:
        for tier in tiers:
            tier.close()
    routes = routing.recommended(one for one in figures if one.tool)
    if as_json:
        click.echo(_as_json(figures, routes))
    else:
        _show(at, figures, [job for _, job in jobs], routes)
    if apply:
        _apply(at, routes, yes=yes)


def _models(at: Place) -> list[str]:
    settings = at.config.summarizer
    routed = (route.model for route in settings.routes if route.model != routing.NO_MODEL)
    return list(dict.fromkeys([settings.model, settings.stronger or STRONGER, *routed]))


def _tried(
    at: Place, items: Sequence[Item], tiers: Sequence[Tier]
) -> "tuple[list[Figures], list[tuple[Tier, Job]]]":
    """Return the figures of each tier, over all and by tool, and what models are asked."""
    from coatcheck.counting import TokenCounter
    from coatcheck.summarize.economics import prices

    counter = TokenCounter()
    trial = Trial(
        at, items, prices(at.config.summarizer.prices), lambda text: counter.count(text).tokens
    )
    tried: dict[str, list[Tried]] = {RULES: [], **{tier.model: [] for tier in tiers}}
    jobs = []
    with progress("items", len(items)) as tell:
        for done, item in enumerate(items, 1):
            tried[RULES].append(trial.rules(item))
            for tier in tiers:
                found, job = trial.model(item, tier)
                tried[tier.model].append(found)
                jobs += [(tier, job)] if job else []
            if done == len(items):
                tell(done)
    return list(_figures(tried)), jobs


def _figures(tried: Mapping[str, Sequence[Tried]]) -> Iterator[Figures]:
    for tier, found in tried.items():
        yield summed(tier, "", found)
    asked = {one.tool for found in tried.values() for one in found if one.is_asked}
    for tool in sorted(asked):
        for tier, found in tried.items():
            yield summed(tier, tool, [one for one in found if one.tool == tool])


def _ask(at: Place, tiers: Sequence[Tier], jobs: "list[tuple[Tier, Job]]", *, now: bool) -> None:
    """Have the jobs answered that have no answer yet, within the caps."""
    reads = tiers[0].reads
    if not now:
        batches = Batches(at, reads)
        sent = batches.send((job for _, job in jobs), {})
        if sent.left_out:
            _say_left_out(sent.left_out)
        read = batches.collect(wait=True)
        click.echo(f"{number(read.answers, 'answers')}, ${read.micro_usd / 1e6:.4f}", err=True)
        return
    wanted = {job.key: job for _, job in jobs if job.kept is None}
    taken = within_caps(at, wanted.values())
    if len(taken) < len(wanted):
        _say_left_out(len(wanted) - len(taken))
    with (
        ThreadPoolExecutor(at.config.summarizer.parallel) as pool,
        progress("answers", len(taken)) as tell,
    ):
        for done, why in enumerate(pool.map(lambda job: _asked_now(at, tiers[0], job), taken), 1):
            tell(done)
            if why:
                click.echo(f"no answer: {why}", err=True)


def _asked_now(at: Place, tier: Tier, job: "Job") -> str:
    """Keep and book the answer to one job; return why there is none."""
    from coatcheck.summarize.client import Unanswered, billed

    api, answers, prices = tier.reads.parts()
    seconds = at.config.summarizer.hard_seconds + 1
    try:
        reply = api.ask(job.request.body(job.model)).result(seconds)
    except (Unanswered, TimeoutError) as why:
        return f"summarizer {why}"
    answers.put(job.key, replace(reply, room=job.room))
    book(at, job.call, billed(reply, prices.of(job.model), "eval"))
    return ""


def _say_left_out(count: int) -> None:
    what = "summarizer.daily_usd or monthly_usd"
    click.echo(f"{number(count, 'requests')} left out for {what}", err=True)


def _as_json(figures: Sequence[Figures], routes: Sequence[Route]) -> str:
    return json.dumps(
        {
            "totals": [one.as_json() for one in figures if not one.tool],
            "tools": [one.as_json() for one in figures if one.tool],
            "routes": routing.as_json(routes),
        },
        indent=1,
    )


def _show(
    at: Place, figures: Sequence[Figures], jobs: "Sequence[Job]", routes: Sequence[Route]
) -> None:
    from coatcheck.cli.tiers import TURNS
    from coatcheck.summarize.economics import BATCH_SHARE, prices

    settings = at.config.summarizer
    lines = [*HEAD, *(_cells(one) for one in figures)]
    click.echo(table(lines, left=2) + "\n")
    unknown = [job for job in jobs if job.kept is None]
    if unknown:
        full = sum(job.expected_usd for job in unknown)
        known = {"full": full, "half": full * BATCH_SHARE, "date": prices(settings.prices).date}
        click.echo(NOT_ASKED.format(jobs=number(len(unknown), "requests"), **known) + "\n")
    click.echo(MEANING.format(agent=settings.agent_model, turns=TURNS) + "\n")
    if not routes:
        click.echo(
            "No route is recommended: of no tool at least"
            f" {routing.LEAST_ASKED} answers of one model are known."
        )
    for route in routes:
        same = "" if routing.news([route], settings) else "  (as it is)"
        click.echo(f"recommended: {plain(route.tool)} -> {route.model}{same}")


def _cells(one: Figures) -> tuple[str, ...]:
    kept = None if one.kept is None else 100 * one.kept / one.items
    return (
        one.tier,
        plain(one.tool) or "(all)",
        f"{one.items:,}",
        f"{one.asked:,}" if one.tier != RULES else "-",
        f"{one.original_tokens:,}",
        "-" if one.view_tokens is None else f"{one.view_tokens:,}",
        "-" if kept is None else f"{kept:.1f}",
        f"{one.model_usd:.4f}",
        "-" if one.agent_usd is None else f"{one.agent_usd:.4f}",
        "-" if one.total_usd is None else f"{one.total_usd:.4f}",
        "-" if one.median_seconds is None else f"{one.median_seconds:.1f}",
    )


def _apply(at: Place, routes: Sequence[Route], *, yes: bool) -> None:
    """Show what the routes change in the settings; write it only with consent."""
    wanted = routing.news(routes, at.config.summarizer)
    path = routing.settings_file(at, at.home)
    if not wanted:
        click.echo(f"{path}: nothing to change", err=True)
        return
    before = path.read_text("utf-8") if path.exists() else ""
    after = routing.edited(before, wanted, path)
    click.echo(routing.difference(path, before, after), nl=False, err=True)
    if not yes:
        click.echo("Not written; --yes writes it.", err=True)
    elif routing.write(path, before, after):
        click.echo(f"{path} written", err=True)
    else:
        raise click.ClickException(f"{path} was changed meanwhile; run it again")
