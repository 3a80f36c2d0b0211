"""The README, the docs and the help against what is really there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from coatcheck.cli.commands import coatcheck
from coatcheck.cli.run import parse
from coatcheck.config import Config

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
WORDS = re.compile(r"^(?:.*\| )?(?:[A-Z_]+=\S+ )*(?:\S*/)?coatcheck\b(.*)$")


def fences(page: Path, language: str) -> Iterator[str]:
    """Give the lines of a page's fences, those that a backslash ends joined with the next."""
    for fence in re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        yield from fence.replace("\\\n", "").splitlines()


def shown() -> list[str]:
    """Return the command lines of coatcheck that the pages show."""
    lines = [line for page in PAGES for line in fences(page, "sh")]
    inline = (re.findall(r"`([^`]*)`", page.read_text("utf-8")) for page in PAGES)
    lines += [" ".join(code.split()) for page in inline for code in page if "coatcheck" in code]
    found = {line for line in lines if (match := WORDS.match(line)) and match[1][:1] in ("", " ")}
    return sorted(found)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Give every command below group with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join([*path, name]), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


def understood(words: list[str]) -> None:
    """Parse words as the command line does, without running anything."""
    if words[:1] == ["run"]:
        if "COMMAND" not in words and words[1:] not in ([], ["--help"]):
            parse(words[1:] if words[-1] != "--" else [*words[1:], "server"])
        return
    command: click.Command = coatcheck
    context = click.Context(coatcheck)
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        if found is None:
            assert words[0].startswith("-"), f"no such command: {words}"
            break
        command, words = found, words[1:]
    if isinstance(command, click.Group) and not words:
        return
    if words and words[0] not in ("--help", "--version"):  # else only named
        command.make_context(command.name, ["1" if word == "N" else word for word in words])


@pytest.mark.parametrize("line", shown())
def test_every_command_line_of_the_pages_is_understood(line: str) -> None:
    match = WORDS.match(line)
    assert match is not None
    understood(shlex.split(match[1], comments=True))


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*found, id=found[0]) for found in commands(coatcheck)]
)
def test_the_help_of_every_command_has_an_example_that_is_understood(
    path: str, command: click.Command
) -> None:
    if path == "run":  # has a help of its own, see below
        return
    text = command.get_help(click.Context(command, info_name=path))
    example = re.search(r"Example: (?:.*\| )?coatcheck (.*(?:\n  \S.*)*)", text)
    assert example, text
    words = shlex.split(example[1].partition(" > ")[0])
    assert words[: len(path.split())] == path.split()
    understood(words)


def test_no_line_of_the_help_is_cut_short() -> None:
    for group in [coatcheck, *(c for _, c in commands(coatcheck) if isinstance(c, click.Group))]:
        listed = group.get_help(click.Context(group)).partition("Commands:")[2]
        assert not [line for line in listed.splitlines() if line.endswith("...")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_defaults_that_the_readme_names_are_the_defaults() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    rule, store = Config().defaults, Config().store
    assert isinstance(rule.keep, int)
    assert f"above the floor ({rule.floor_tokens} tokens)" in text
    assert f"Artifacts go after {rule.keep // 86_400} days" in text
    assert f"when they exceed {store.quota >> 30} GiB" in text
