"""coatcheck completion: the script that lets a shell complete our commands."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_COATCHECK_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands and options.

    Example: coatcheck completion zsh > ~/.zfunc/_coatcheck
    """
    from click.shell_completion import get_completion_class

    found: type[ShellComplete] | None = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"click knows no completion for {shell}; update click")
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "coatcheck", VARIABLE).source())
