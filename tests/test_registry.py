"""The adapter that reads the results of a tool."""

import json
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from coatcheck import config
from coatcheck.protocols import Adapter
from coatcheck.registry import Placed, Registry, installed
from coatcheck.types import Aim, Omission, Reduction, Rule

ROWS = json.dumps([{"id": n, "title": f"Title {n}", "junk": "x" * 40 + str(n)} for n in range(60)])


class Says:
    """Says its name and nothing else."""

    def __init__(self, name: str, tool: str) -> None:
        self.name, self.tool = name, tool

    def matches(self, upstream: str, tool: str) -> bool:
        return tool == self.tool

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        return Reduction(self.name, "said", "selected", [Omission("rows", 0, 60)])


class Silent(Says):
    """Matches and offers nothing."""

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        return None


class Broken(Says):
    """Matches and fails."""

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        raise ZeroDivisionError


class Unsure(Says):
    """Fails before it matches."""

    def matches(self, upstream: str, tool: str) -> bool:
        raise ZeroDivisionError


def registry(
    *built_in: Adapter, settings: str = "", third_party: Sequence[Placed] = ()
) -> Registry:
    import tomllib

    found = config.parse(tomllib.loads(settings))
    return Registry(found.rule, lambda: built_in, found.upstreams, lambda: third_party)


def names(found: Registry, tool: str) -> list[str]:
    return [placed.adapter.name for placed in found.applying(tool)]


def test_rules_come_before_third_party_before_built_in_before_generic() -> None:
    found = registry(
        Says("ours", "list"),
        settings='[tools."gh.list"]\nkey = "id"',
        third_party=[Placed(Says("theirs", "list"), "package")],
    )
    assert names(found, "gh.list") == ["rule", "theirs", "ours", "generic"]
    assert names(found, "gl.list") == ["theirs", "ours", "generic"]
    assert names(found, "gh.get") == ["generic"]


def test_the_first_that_matches_reduces() -> None:
    found = registry(Says("one", "list"), Says("two", "list"))
    reduction = found.reduce(ROWS, Aim(500, tool="gh.list"))
    assert reduction and reduction.text == "one"


@pytest.mark.parametrize("kind", [Silent, Broken, Unsure])
def test_an_adapter_that_fails_or_offers_nothing_gives_way_to_the_generic(
    kind: type[Says],
) -> None:
    aim = Aim(500, tool="gh.list")
    assert registry(kind("x", "list")).reduce(ROWS, aim) == registry().reduce(ROWS, aim)


def test_an_offer_that_is_not_smaller_is_not_taken() -> None:
    bigger = Says("long " * 5_000, "list")
    reduction = registry(bigger).reduce(ROWS, Aim(500, tool="gh.list"))
    assert reduction and "long long" not in reduction.text


def test_the_fields_that_the_settings_drop_are_not_shown_and_said_to_be_left_out() -> None:
    found = registry(settings='[tools."gh.*"]\ndrop_fields = ["junk"]\nkey = "id"')
    reduction = found.reduce(ROWS, Aim(900, tool="gh.list"))
    assert reduction and "xxxx" not in reduction.text
    assert reduction.text.startswith("60 fields left out by rule: junk\n")
    assert reduction.omissions[-1].unit == "fields"


def test_adapters_are_looked_up_at_the_first_result() -> None:
    asked: list[str] = []

    def theirs() -> Sequence[Placed]:
        asked.append("third-party")
        return ()

    found = Registry(lambda upstream, tool: Rule(), lambda: (), (), theirs)
    assert not asked
    found.reduce(ROWS, Aim(500, tool="gh.list"))
    found.reduce(ROWS, Aim(500, tool="gh.get"))
    assert asked == ["third-party"]


def test_the_halves_of_a_tool_name_may_hold_dots() -> None:
    seen: list[tuple[str, str]] = []

    def rule_of(upstream: str, tool: str) -> Rule:
        seen.append((upstream, tool))
        return Rule()

    found = Registry(rule_of, lambda: (), ("a", "a.b"), lambda: ())
    for name in ("a.c", "a.b.c", "z.b.c", "c"):
        found.applying(name)
    assert seen == [("a", "c"), ("a.b", "c"), ("z.b", "c"), ("", "c")]


def package(folder: Path, name: str, code: str) -> None:
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[coatcheck.adapters]\n{name} = {name}\n")


def test_an_installed_package_brings_adapters_and_a_broken_one_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(
        tmp_path,
        "acme_adapters",
        '''
class Acme:
    """Acme's orders."""
    name = "acme"
    def matches(self, upstream, tool): return upstream == "acme"
    def reduce(self, text, aim): return None
ADAPTERS = (Acme(),)
''',
    )
    package(tmp_path, "broken_adapters", "1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {e.name for e in entry_points(group="coatcheck.adapters")} >= {"acme_adapters"}
    found = [p for p in installed() if p.source in ("acme_adapters", "broken_adapters")]
    assert [(p.adapter.name, p.source, p.about()) for p in found] == [
        ("acme", "acme_adapters", "Acme's orders.")
    ]
