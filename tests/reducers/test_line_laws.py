"""The laws that every reducer of line-structured text keeps, over generated texts."""

import re
from types import ModuleType

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from coatcheck.reducers import builds, clip, commits, diffs, listing, logs
from coatcheck.reducers.lines import clean, split_lines
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction
from coatcheck.view import render

MODULES = [clip, commits, diffs, listing, logs, builds]
BUDGET = 250
NO_SHRINK = (Phase.explicit, Phase.generate)  # a long text takes minutes to shrink
WORD = st.sampled_from(
    [
        "connect",
        "refused",
        "error",
        "WARN",
        "timeout",
        "user",
        "10.0.0.7",
        "/srv/a.py",
        "404",
        "a=7",
    ]
)
TAIL = st.lists(WORD, min_size=1, max_size=9).map(" ".join)
ODD = st.text(alphabet=st.characters(codec=None), max_size=60)
LOG_LINE = st.builds(
    lambda s, level, tail: f"2024-05-01 10:{s // 60:02}:{s % 60:02} {level} {tail}",
    st.integers(0, 3599),
    st.sampled_from(["INFO", "INFO", "DEBUG", "WARN", "ERROR"]),
    TAIL,
)
TEST_LINE = st.one_of(
    st.builds(
        lambda n, word: f"tests/test_{n % 3}.py::test_{n} {word}",
        st.integers(0, 99),
        st.sampled_from(["PASSED", "FAILED", "SKIPPED"]),
    ),
    st.builds(lambda n: f"E   AssertionError: assert {n} == 1", st.integers(0, 9)),
    TAIL,
)
FINDING = st.builds(
    lambda f, n, rule: f"src/pkg/{f}.py:{n}:1: {rule} {'some long words ' * 3}",
    st.sampled_from("abcdef"),
    st.integers(1, 500),
    st.sampled_from(["E501", "F401", "W605"]),
)
DIFF_LINE = st.one_of(
    st.sampled_from(["diff --git a/src/a.py b/src/a.py", "diff --git a/x.lock b/x.lock"]),
    st.sampled_from(
        ["--- a/src/a.py", "+++ b/src/a.py", "@@ -1,9 +1,9 @@ def f(x):", "@@ -7 +7 @@"]
    ),
    st.builds(lambda sign, tail: sign + tail, st.sampled_from("+- "), TAIL),
)
COMMIT = st.builds(
    lambda n, tail: (
        f"commit {n:040x}\nAuthor: A <a@b>\nDate:   2024-05-01\n\n    {tail}\n\n    more"
    ),
    st.integers(0, 2**80),
    TAIL,
)
TEXT = st.one_of(
    *(
        st.lists(st.one_of(line, line, line, line, ODD), min_size=40, max_size=160).map("\n".join)
        for line in (LOG_LINE, TEST_LINE, FINDING, DIFF_LINE, COMMIT)
    )
)
FOCUS = st.sampled_from(["", "connection refused", "src/pkg/a.py E501", "def f"])
GAP = re.compile(r" …\[\+[\d,]+ characters\]… ")


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
@settings(deadline=None, max_examples=40, phases=NO_SHRINK)
@given(text=TEXT, focus=FOCUS)
def test_laws_2_4_5_6_and_10_hold_for_any_lines(module: ModuleType, text: str, focus: str) -> None:
    aim = Aim(BUDGET, focus=focus)
    reduction = module.reduce(text, aim)
    assert reduction == module.reduce(text, aim)
    if reduction is None:
        return
    assert estimate(reduction.text) <= 1.2 * BUDGET
    for omission in reduction.omissions:
        assert 0 <= omission.shown < omission.total
    shown = passages_are_the_lines_they_name(reduction, text)
    lead = reduction.omissions[0] if reduction.omissions else None
    if lead and lead.unit == "lines":
        assert lead.total in (len(split_lines(text)), text.count("\n") + 1)
        assert shown <= lead.shown


def passages_are_the_lines_they_name(reduction: Reduction, text: str) -> int:
    """Check that each line of a passage is that line of the source; return how many there are."""
    lines = clean(text).split("\n")
    rows = reduction.text.split("\n")
    shown, at = 0, 0
    while at < len(rows):
        head = re.fullmatch(r"@(\d+)(?:-(\d+))?(?: \((?:@\d+: )?first of .*\))?:", rows[at])
        at += 1
        if not head:
            continue
        first, last = int(head[1]), int(head[2] or head[1])
        for number in range(first, last + 1):
            source = lines[number - 1]
            assert rows[at] == source or all(p in source for p in GAP.split(rows[at]))
            at += 1
            shown += 1
    return shown


@pytest.mark.parametrize("module", [logs, listing], ids=["logs", "listing"])
@settings(deadline=None, max_examples=40, phases=NO_SHRINK)
@given(text=TEXT)
def test_law_2_a_lossless_aim_leaves_nothing_out(module: ModuleType, text: str) -> None:
    reduction = module.reduce(text, Aim(BUDGET, lossless=True))
    if reduction is not None:
        assert reduction.level == "lossless"
        assert not reduction.omissions


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "x" * 2_000_000,
        "\n" * 300_000,
        "error " * 300_000,
        "\0\ud800" * 200_000,
        "\n".join(f"2024-01-01 00:00:00 step {i} done" for i in range(60_000)),
        "\n".join(
            f"ERROR {chr(97 + i % 26)}{i:x} unlike {'abcdefghij'[i % 10] * (i % 9)}"
            for i in range(30_000)
        ),
        "diff --git a/x b/x\n@@ -1 +1 @@\n" + "+" * 1_000_000,
        "@@ -1,99999999 +1,99999999 @@\n" * 20_000,
        "commit " + "a" * 40 + "\n" + "commit abcdef1\n" * 20_000,
        "a/b.py:1: " * 100_000,
        "a/b.py::c PASSED\n" * 20_000,
        "/" * 200_000 + "\n" + "a/" * 100_000,
        "Error: x\n" + "    at a.b (c.js:1:1)\n" * 30_000,
        (" " * 600 + "x\n") * 2_000,
    ],
    ids=lambda t: f"{len(t)} of {t[:6]!r}",
)
def test_law_10_hostile_text_neither_raises_nor_overflows(module: ModuleType, text: str) -> None:
    reduction = module.reduce(text, Aim(BUDGET, focus="step error b.py"))
    if reduction is not None:
        assert estimate(reduction.text) <= 1.2 * BUDGET
    assert module.matches(text) in (True, False)


@pytest.mark.parametrize("module", [logs, builds, diffs, listing, clip])
def test_law_2_a_rendered_view_is_smaller_than_a_text_above_the_floor(module: ModuleType) -> None:
    log = "\n".join(
        f"2024-01-01 00:{i // 60:02}:{i % 60:02} INFO step {i} done" for i in range(999)
    )
    tests = "\n".join(f"tests/test_a.py::test_{i} PASSED" for i in range(500))
    patch = "diff --git a/a.py b/a.py\n" + "".join(
        f"@@ -{i},3 +{i},3 @@ def f{i}():\n a = 1\n-b = 2\n+b = {i}\n c = 3\n" for i in range(200)
    )
    found = "\n".join(f"src/a{i % 7}.py:{i}:1: E501 line too long" for i in range(500))
    for text in (log, tests, patch, found):
        reduction = module.reduce(text, Aim(BUDGET))
        assert reduction is None or len(render(reduction, "cc_0123456789ab")) < len(text)
