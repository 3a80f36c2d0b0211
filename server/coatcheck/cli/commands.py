"""The table of commands, each imported when it is run."""

import os
import sys
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import click

from coatcheck import __version__
from coatcheck.cli.home import Sources
from coatcheck.cli.parts import artifacts
from coatcheck.cli.place import place
from coatcheck.cli.rates import rates
from coatcheck.counting import TokenCounter
from coatcheck.types import CoatcheckError, ConfigError

if TYPE_CHECKING:
    from coatcheck.figures import Rates

# Command -> module:object.
COMMANDS = {
    "demo": "coatcheck.cli.demo:demo",
    "run": "coatcheck.cli.commands:run",
    "serve": "coatcheck.cli.serve:serve",
    "login": "coatcheck.cli.login:login",
    "logout": "coatcheck.cli.login:logout",
    "wrap": "coatcheck.cli.wrap:wrap",
    "unwrap": "coatcheck.cli.wrap:unwrap",
    "status": "coatcheck.cli.wrap:status",
    "pause": "coatcheck.cli.pause:pause",
    "resume": "coatcheck.cli.pause:resume",
    "uninstall": "coatcheck.cli.uninstall:uninstall",
    "audit": "coatcheck.cli.audit:audit",
    "statusline": "coatcheck.cli.commands:statusline",
    "savings": "coatcheck.cli.savings:savings",
    "dashboard": "coatcheck.cli.dashboard:dashboard",
    "try": "coatcheck.cli.try_rule:try_rule",
    "show": "coatcheck.cli.show:show",
    "fetch": "coatcheck.cli.fetch:fetch",
    "artifacts": "coatcheck.cli.artifacts:group",
    "adapters": "coatcheck.cli.adapters:adapters",
    "compact": "coatcheck.cli.compact:compact",
    "batch": "coatcheck.cli.batch:batch",
    "eval": "coatcheck.cli.eval:evaluate",
    "config": "coatcheck.cli.config:group",
    "token": "coatcheck.cli.token:group",
    "doctor": "coatcheck.cli.doctor:doctor",
    "completion": "coatcheck.cli.completion:completion",
}

# The help lists the commands so; a person meets them in this order.
TOPICS = {
    "Look first": ("demo", "audit", "compact"),
    "Put it in front of your servers": (
        *("wrap", "unwrap", "status", "doctor", "run", "serve", "login", "logout", "token"),
    ),
    "See what it saves": ("savings", "statusline", "dashboard", "show"),
    "Get results back": ("fetch", "artifacts"),
    "Set it": ("config", "adapters", "try", "completion"),
    "Ask a model, if you agree": ("batch", "eval"),
    "Switch it off": ("pause", "resume", "uninstall"),
}


class Commands(click.Group):
    """A group whose commands are imported when they are run or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the help."""
        told = [name for names in TOPICS.values() for name in names if name in COMMANDS]
        return told + [name for name in COMMANDS if name not in told]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by topic."""
        width = max(map(len, COMMANDS))
        limit = formatter.width - 6 - width
        for topic, names in TOPICS.items():
            found = ((name, self.get_command(ctx, name)) for name in names)
            rows = [(name.ljust(width), c.get_short_help_str(limit)) for name, c in found if c]
            with formatter.section(topic):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that args begin with; name the nearest one if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command named cmd_name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="coatcheck")
def coatcheck() -> None:
    """Give agents smaller results of MCP servers, keep the whole, and say what that saves.

    Example: coatcheck demo
    """


@click.command()
def run() -> None:
    """Stand in front of one MCP server: run --name NAME -- COMMAND."""
    # Only listed here: main has run it by now.


@click.command()
@click.option("--all", "_", is_flag=True, help="Since the first call.")
def statusline(_: bool) -> None:
    """Print today's savings on one line, for a status bar.

    Example: coatcheck statusline
    """
    # Only listed here: main has run it by now.


def _sources() -> Sources:
    """Return what the reporting commands read from; nothing is opened before it is needed."""
    return Sources(open_artifacts=lambda: artifacts(place()), count=_count, rates=_rates)


def _rates() -> "Rates":
    try:
        return rates(place().config.summarizer)
    except ConfigError as error:
        click.echo(f"Usual prices are used: {error}", err=True)
        return rates()


def _count(text: str) -> tuple[int, int]:
    counted = _counter().count(text)
    return counted.tokens, counted.half_width


@cache
def _counter() -> TokenCounter:
    return TokenCounter()


def main(arguments: list[str]) -> int:
    """Run the command that arguments name; return 0 done, 1 failed, 2 wrong usage or config."""
    try:
        coatcheck.main(arguments, prog_name="coatcheck", standalone_mode=False, obj=_sources())
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CoatcheckError as error:
        click.echo(f"Error: {error}", err=True)
        return 2 if isinstance(error, ConfigError) else 1
    except BrokenPipeError:  # whoever reads our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        click.echo(f"Error: {said}; see that it is there and can be used", err=True)
        return 1
    return 0
