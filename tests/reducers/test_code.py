"""What becomes of source code."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers import code
from coatcheck.reducers.symbols import source_of, symbols
from coatcheck.sizing import estimate
from coatcheck.types import Aim
from coatcheck.view import render

METHOD = '''
    def method_{i}(self, first: int, second_{i}: str = "x") -> int:
        """Do thing number {i}."""
        total = first
        for _ in range({i}):
            total += len(second_{i})
        if total > 100:
            raise OverflowError("too much in {i}")
        return total
'''
MODULE = (
    "import os\nfrom collections import Counter\n\nLIMIT = 5\n\n\nclass Counted:\n"
    + "".join(METHOD.format(i=i) for i in range(30))
    + "\n\ndef alone(path: str) -> bool:\n    return os.path.exists(path)\n"
)


def view_of(text: str, *, focus: str = "", budget: int = 900) -> str:
    reduction = code.reduce(text, Aim(budget, focus=focus))
    assert reduction is not None
    return reduction.text


def test_the_outline_names_every_symbol_with_its_lines() -> None:
    view = view_of(MODULE)
    assert re.search(r"^7-2\d\d:class Counted:$", view, re.MULTILINE)
    assert all(f"method_{i}" in view for i in range(30))
    assert "total += len" not in view
    assert "[2 imports, lines 1-2: os collections]" in view


def test_the_body_that_the_focus_names_is_shown_word_for_word() -> None:
    view = view_of(MODULE, focus="What does `Counted.method_7` raise?")
    assert METHOD.format(i=7).strip("\n") in view
    assert 'raise OverflowError("too much in 8")' not in view


def test_numbers_before_the_lines_are_understood_and_kept() -> None:
    numbered = "\n".join(f"{i:6}\t{line}" for i, line in enumerate(MODULE.split("\n"), 301))
    view = view_of(numbered, focus="method_3()")
    assert "[line 1 of this text is line 301 of the file]" in view
    assert "\t    def method_3(self" in view


def test_a_body_too_long_keeps_its_signature_and_what_leaves_it() -> None:
    body = "".join(f"    value_{i} = compute(value_{i}, {i})\n" for i in range(300))
    text = f"def big(one, two):\n{body}    raise KeyError(one)\n    return value_299\n"
    view = view_of(text, focus="what does `big()` raise", budget=300)
    assert "def big(one, two):" in view
    assert "    raise KeyError(one)" in view
    assert "    return value_299" in view


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("func (s *Server) Serve(l net.Listener) error {\n\treturn nil\n}\n", ["Serve"]),
        ("type Handler interface {\n\tServe()\n}\n", ["Handler"]),
        ("pub(crate) async fn load<T>(p: &Path) -> T {\n    x\n}\n", ["load"]),
        ("impl<T> Display for Point<T> {\n    fn fmt(&self) {\n    }\n}\n", ["Display", "fmt"]),
        ("export default class App {\n  async run(a: string) {\n  }\n}\n", ["App", "run"]),
        ("export const add = (a: number, b: number) => a + b;\n", ["add"]),
        ("public final class A {\n  private static int f(int a) {\n  }\n}\n", ["A", "f"]),
        ("int main(int argc, char **argv)\n{\n  return 0;\n}\n", ["main"]),
        ("CREATE TABLE IF NOT EXISTS shop.orders (\n  id int\n);\n", ["shop.orders"]),
        ("def self.call(x)\n  x\nend\n", ["self.call"]),
        ("@cache\ndef f(\n    a,\n) -> int:\n    return 1\n", ["f"]),
    ],
)
def test_definitions_of_many_languages_are_found(text: str, names: list[str]) -> None:
    found = symbols(text.split("\n"))
    assert [symbol.name for symbol in found] == names
    assert found[0].start == 0
    assert found[0].end == len(text.rstrip("\n").split("\n")) - 1


def test_what_looks_like_a_definition_inside_a_long_string_is_none() -> None:
    assert [s.name for s in symbols(['x = """', "def no():", '"""', "def yes():"])] == [
        "x",
        "yes",
    ]


def test_plain_sentences_are_no_code() -> None:
    assert code.reduce("This is a text.\nIt defines nothing.\n" * 50, Aim(300)) is None


def test_lines_are_not_taken_for_numbered_when_numbers_do_not_follow() -> None:
    assert not source_of("3\ta\n3\tb\n9\tc\n").numbered


@pytest.mark.parametrize(
    "text",
    [
        "def f((((\n" * 3_000,
        "\n".join(" " * i + "def f():" for i in range(600)),
        '"""\n' * 20_000,
        "a b " * 30_000 + "(x {\n",
        "foo(bar) {\n" * 10_000,
        "public static final " * 10_000,
    ],
    ids=["parens", "deep", "quotes", "words", "calls", "modifiers"],
)
def test_law_10_hostile_code_ends(text: str) -> None:
    found = code.reduce(text, Aim(400, focus="foo"))
    assert found is None or estimate(found.text) < estimate(text)


def test_law_10_code_of_endless_lines_is_left_to_simpler_means() -> None:
    assert code.reduce("def f():\n  pass\n" * 60_000, Aim(400)) is None


PIECES = (
    *("def f(a):\n", "class A:\n", "    return 1\n", "  }\n", "func g() {\n", "\n", '"""', "/*"),
    *("@x\n", "import os\n", "x = 1\n", "[lines 1-2]\n", "end\n", "\t", "(", "{", "     1\t"),
)
sources = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=60).map("".join)


@given(sources, st.sampled_from(["", "`f`", "return A"]))
@settings(max_examples=200, deadline=None)
def test_law_4_5_and_6_lines_shown_are_the_source_s_and_counted(text: str, focus: str) -> None:
    aim = Aim(250, focus=focus)
    reduction = code.reduce(text, aim)
    assert reduction == code.reduce(text, aim)
    if reduction is None:
        return
    lead = reduction.omissions[0]
    assert 0 <= lead.shown <= lead.total == text.count("\n") + 1
    for line in reduction.text.split("\n"):
        bare = re.sub(r"^\d+-\d+:", "", line)
        assert line.startswith("[") or line in text or bare in text


@given(st.integers(200, 900), st.sampled_from(["", "`method_4`", "counts of things"]))
@settings(max_examples=40, deadline=None)
def test_law_2_an_outline_is_never_bigger_and_keeps_to_its_budget(budget: int, focus: str) -> None:
    reduction = code.reduce(MODULE, Aim(budget, focus=focus))
    assert reduction is not None
    assert estimate(reduction.text) <= budget * 1.1
    assert len(render(reduction, "cc_000000000000")) < len(MODULE)


def test_functions_held_by_a_prototype_are_defined() -> None:
    text = "\n".join(
        f"Reply.prototype.{name} = function (value) {{\n  this.x = value\n  return {n}\n}}\n"
        for n, name in enumerate([f"method{n}" for n in range(60)] + ["redirect"])
    )
    found = code.reduce(text, Aim(300, focus="what does redirect return?"))
    assert found is not None
    assert "return 60" in found.text
