"""coatcheck uninstall: take coatcheck out of every client's settings before it is removed."""

import sys
from pathlib import Path

import click

from coatcheck import journal
from coatcheck.cli import launcher
from coatcheck.cli.configs import Choice, find, project_of
from coatcheck.cli.home import home
from coatcheck.cli.wrap import UNWRAP, YES, Answers, carry_out
from coatcheck_adapters.clients import DIALECTS


@click.command()
@YES
def uninstall(yes: bool) -> None:
    """Unwrap every server of every client. Then say how to remove the rest.

    Example: coatcheck uninstall
    """
    known = (project_of(file, DIALECTS) for file in journal.files(home() / "wrap"))
    projects = [project for project in dict.fromkeys(known) if project is not None]
    choice = Choice(tracked=True, unverified=True, projects=projects)
    done = carry_out(UNWRAP, choice, Answers(yes=yes))
    left = _still_wrapped(choice)
    for path in left:
        click.echo(f"{path}: still wrapped; mend what is said above and try again", err=True)
    if left or not done:
        sys.exit(1)
    launcher.path(home()).unlink(missing_ok=True)
    click.echo(
        "Now remove the package as you installed it, for example: pip uninstall coatcheck\n"
        f"Artifacts and the ledger are in {home()}; remove that folder too if you like."
    )


def _still_wrapped(choice: Choice) -> list[Path]:
    return [file.path for file in find(DIALECTS, choice) if file.holds("wrapped")]
