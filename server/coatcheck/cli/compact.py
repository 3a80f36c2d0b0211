"""coatcheck compact: the pipeline without MCP, for pipes and files."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import click

from coatcheck import spans
from coatcheck.cli.parts import artifacts, pipeline, summarizer
from coatcheck.cli.place import place
from coatcheck.cli.summarizer import book
from coatcheck.cli.text import write
from coatcheck.pipeline import Outgoing
from coatcheck.sizing import estimate
from coatcheck.types import Artifact, ArtifactInfo, Call, CoatcheckError, Session, UnknownRef

# How many items may wait for a process: enough to keep all busy, few enough
# that a long file streams.
WAITING = 64


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for, the same for every item."""

    tool: str = ""
    focus: str | None = None
    budget: int | None = None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class NotKept:
    """Artifacts that keep nothing; all have the same ref, and without one no view offers any."""

    ref: str = ""

    def ref_for(self, kind: str, data: bytes) -> str:
        """Return the ref."""
        return self.ref

    def put(self, artifact: Artifact) -> None:
        """Keep nothing, as was asked for."""

    def get(self, ref: str) -> Artifact:
        """Refuse: nothing is kept."""
        raise UnknownRef(f"{ref} was not kept (--no-keep)")

    def peek(self, ref: str) -> Artifact:
        """Refuse: nothing is kept."""
        return self.get(ref)

    def list(self, limit: int) -> list[ArtifactInfo]:
        """Return nothing."""
        return []

    def forget_session(self, session: str) -> None:
        """Have nothing to forget."""

    def has_view(self, ref: str, text: str) -> bool:
        """Know no view."""
        return False


@cache
def _joined(keep: bool) -> Any:
    """Return the pipeline and the settings of this process, built at its first item."""
    at = place()
    reads = summarizer(at, None, Session("compact"))
    return pipeline(at, artifacts(at) if keep else NotKept(), summarizer=reads), at


def compacted(item: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return what became of one item, in the shape of the --jsonl contract."""
    line, at = _joined(options.keep)
    tool = options.tool or str(item.get("tool") or "stdin")
    upstream, _, name = tool.rpartition(".")
    focus = item.get("focus") if options.focus is None else options.focus
    text = str(item["text"])
    call = Call(upstream, name, spans.dumps(item.get("arguments") or {}), str(focus or ""))
    rule = at.config.rule(upstream, name)
    if options.budget:
        rule = replace(rule, budget_tokens=options.budget)
    result = spans.dumps({"content": [{"type": "text", "text": text}]})
    outgoing: Outgoing = line.shorten(call, result, rule)
    if outgoing.summary.micro_usd:
        book(at, call, outgoing.summary)
    shown = outgoing.view or text
    return {
        "id": item.get("id"),
        "text": shown,
        "ref": outgoing.ref or None,
        "outcome": outgoing.outcome,
        "tokens_before": estimate(text),
        "tokens_after": estimate(shown),
        "omitted": [asdict(omission) for omission in outgoing.omissions],
    }


def _line(number: int, raw: str, options: Options) -> str:
    try:
        item = json.loads(raw)
    except ValueError as error:
        raise CoatcheckError(
            f"line {number} is not JSON ({error}); write one object a line"
        ) from None
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise CoatcheckError(f'line {number} has no "text"; write {{"id": …, "text": …}}')
    return json.dumps(compacted(item, options), ensure_ascii=True)


def compact_lines(lines: Iterable[str], options: Options) -> Iterator[str]:
    """Yield a line of JSON for each line of lines, in the same order, over all cores."""
    wanted = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        waiting: list[Any] = []
        for number, line in wanted:
            waiting.append(pool.submit(_line, number, line, options))
            if len(waiting) >= WAITING:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _read(path: Path | None) -> TextIO:
    """Open path, or standard input, so that what is kept of it is the same byte for byte."""
    file = sys.stdin.fileno() if path is None or str(path) == "-" else path
    return open(file, encoding="utf-8", errors="surrogateescape", newline="\n")  # noqa: PTH123 - a path or a number


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--tool", default="", help="Where the text comes from, as UPSTREAM.TOOL.")
@click.option("--focus", default=None, help="What you look for in it.")
@click.option("--no-focus", is_flag=True, help="Drop the focus that items bring.")
@click.option("--budget", type=click.IntRange(min=1), help="Most tokens of one view.")
@click.option("--no-keep", is_flag=True, help="Keep nothing; the rest cannot be fetched.")
@click.option("--jsonl", is_flag=True, help="Read and write one JSON object a line.")
def compact(
    file: Path | None,
    *,
    tool: str,
    focus: str | None,
    no_focus: bool,
    budget: int | None,
    no_keep: bool,
    jsonl: bool,
) -> None:
    """Shorten standard input or FILE to standard output.

    Example: kubectl get pods -o json | coatcheck compact --focus crashing

    With --jsonl each line is {"id", "tool", "text", "focus"?, "arguments"?} and becomes
    {"id", "text", "ref", "outcome", "tokens_before", "tokens_after", "omitted"}, in order;
    tokens are estimated.
    """
    options = Options(tool, "" if no_focus else focus, budget, not no_keep)
    with _read(file) as source:
        if jsonl:
            for line in compact_lines(source, options):
                click.echo(line)
            return
        made = compacted({"text": source.read()}, options)
    write(made["text"])
