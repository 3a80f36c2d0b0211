"""Recommend which model reads which tool's results, and write it into the settings."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck import config, rewrite
from coatcheck.cli.text import plain
from coatcheck.cli.tiers import RULES, Figures
from coatcheck.notations.toml import quote
from coatcheck.types import ConfigError, Route, SummarizerSettings

if TYPE_CHECKING:
    from coatcheck.cli.place import Place

# Fewer results that a model was asked about say nothing of a tool.
LEAST_ASKED = 3
FIRST_ROUTE = re.compile(
    r"(?m)(?:^[ \t]*#[^\n]*\n)*^[ \t]*\[\[[ \t]*summarizer[ \t]*\.[ \t]*routes"
)
# What a route names for results that no model shall read.
NO_MODEL = "none"


def recommended(figures: Iterable[Figures]) -> list[Route]:
    """Return the route of each tool of which enough is known: the cheapest tier that keeps enough.

    Enough is what the rules alone keep. The cost is that of model and agent together.
    """
    by_tool: dict[str, list[Figures]] = {}
    for one in figures:
        by_tool.setdefault(one.tool, []).append(one)
    routes = []
    for tool, tiers in sorted(by_tool.items()):
        rules = next(one for one in tiers if one.tier == RULES)
        known = [one for one in tiers if one.total_usd is not None and _is_enough(one)]
        good = [one for one in known if (one.kept or 0) >= (rules.kept or 0)]
        if known:
            best = min([rules, *good], key=lambda one: one.total_usd or 0.0)
            routes.append(Route(NO_MODEL if best.tier == RULES else best.tier, tool=tool))
    return routes


def _is_enough(one: Figures) -> bool:
    return one.tier != RULES and one.asked >= LEAST_ASKED


def news(routes: Sequence[Route], settings: SummarizerSettings) -> list[Route]:
    """Return of routes those that settings do not already come to."""
    return [route for route in routes if _now(route.tool, settings) != route.model]


def _now(tool: str, settings: SummarizerSettings) -> str:
    """Return the model that reads tool's results of any kind and size, "" when that depends."""
    from fnmatch import fnmatchcase

    for route in settings.routes:
        if fnmatchcase(tool, route.tool):
            depends = route.kind or route.least_tokens or route.most_tokens
            return "" if depends else route.model
    return settings.model


def edited(text: str, routes: Sequence[Route], path: Path) -> str:
    """Return the settings in text with routes before all others, every other byte as it was.

    Raises: ConfigError when text is written in a way that does not allow it.
    """
    tables = "".join(
        f"[[summarizer.routes]]\ntool = {quote(route.tool)}\nmodel = {quote(route.model)}\n\n"
        for route in routes
    )
    found = FIRST_ROUTE.search(text)
    if found:
        changed = text[: found.start()] + tables + text[found.start() :]
    else:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        changed = text + gap + tables.rstrip("\n") + "\n"
    _check(text, changed, routes, path)
    return changed


def _check(before: str, after: str, routes: Sequence[Route], path: Path) -> None:
    """Raise ConfigError unless after says what before says, and routes first."""
    old = config.parse(tomllib.loads(before), path)
    try:
        new = config.parse(tomllib.loads(after), path)
    except (tomllib.TOMLDecodeError, ConfigError):
        new = None
    wanted = replace(old.summarizer, routes=(*routes, *old.summarizer.routes))
    if new != replace(old, summarizer=wanted):
        raise ConfigError(f"{path}: routes are not written as [[summarizer.routes]]; add them")


def difference(path: Path, before: str, after: str) -> str:
    """Return the change as a unified diff without context, which might hold secrets."""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=0
    )
    return "".join(plain(line) + "\n" for line in lines)


def write(path: Path, before: str, after: str) -> bool:
    """Put after in the place of before; False if the file holds something else by now."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(0o600, exist_ok=False)
    elif hindrance := rewrite.obstacle(path):
        raise ConfigError(f"{path} cannot be written: {hindrance}")
    files = rewrite.OsFiles()
    return rewrite.replace(path, before.encode(), after.encode(), files)


def settings_file(at: "Place", home: Path) -> Path:
    """Return the file that the settings came from, or would come from."""
    return at.config.path or home / "config.toml"


def as_json(routes: Iterable[Route]) -> list[Mapping[str, str]]:
    """Return routes as JSON objects."""
    return [{"tool": route.tool, "model": route.model} for route in routes]
