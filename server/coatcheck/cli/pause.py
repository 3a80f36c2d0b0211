"""coatcheck pause and resume: let results pass unchanged for a while, in running servers too."""

import click

from coatcheck.cli.home import home, pause_file


@click.command()
def pause() -> None:
    """Let all results pass unchanged. Running servers need no restart.

    Example: coatcheck pause
    """
    file = pause_file(home())
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(0o600)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
    click.echo("Paused: results pass unchanged; `coatcheck resume` ends it.")


@click.command()
def resume() -> None:
    """Shorten results again after a pause.

    Example: coatcheck resume
    """
    pause_file(home()).unlink(missing_ok=True)
    click.echo("Resumed: results are shortened again.")
