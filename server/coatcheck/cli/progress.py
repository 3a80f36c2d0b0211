"""Show how far a long work is: a bar on a terminal, else a line per change."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function to be told how many of total are done; all of it goes to standard error."""
    if not sys.stderr.isatty():
        yield _lines(what, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.update(task, completed=done)


def _lines(what: str, total: int) -> Callable[[int], None]:
    told = [-1]

    def tell(done: int) -> None:
        if done != told[0]:
            told[0] = done
            click.echo(f"{what}: {done:,} of {total:,} done", err=True)

    return tell
