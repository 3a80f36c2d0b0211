"""What the reduced output of test runners says."""

import pytest

from coatcheck.reducers.builds import matches, reduce
from coatcheck.types import Aim

AIM = Aim(400)

PYTEST = "\n".join(
    [
        f"tests/test_a.py::test_{i} {'FAILED' if i in (3, 4) else 'PASSED'} [ {i}%]"
        for i in range(60)
    ]
    + ["=== FAILURES ===", "____ test_3 ____", "", "    def test_3():", ">       assert f() == 4"]
    + ["E       AssertionError: assert 3 == 4", "", "tests/test_a.py:9: AssertionError"]
    + ["____ test_4 ____", "E       KeyError: 'total'", "=== 2 failed, 58 passed in 1.2s ==="]
)
JEST = "\n".join(
    [f" ✓ src/w{i}.test.ts (2 tests) 5ms\n   ✓ renders 2ms\n   ✓ closes 3ms" for i in range(20)]
    + [" ✗ src/bad.test.ts (2 tests) 9ms", "   ✓ opens 2ms", "   ✗ sends mail 7ms"]
    + ['     → expected: "sent"', "       received: undefined", " Tests  1 failed | 41 passed (42)"]
)
GO = "\n".join(
    [f"=== RUN   Test{i}\n--- PASS: Test{i} (0.00s)" for i in range(60)]
    + ["=== RUN   TestX", "    x_test.go:88: got 17, want 18", "--- FAIL: TestX (0.02s)"]
    + ["FAIL", "exit status 1", "FAIL\tex.com/x\t0.3s"]
)
CARGO = "\n".join(
    [f"test m::case_{i} ... {'FAILED' if i == 7 else 'ok'}" for i in range(60)]
    + ["---- m::case_7 stdout ----", "thread 'm::case_7' panicked at src/m.rs:7:5:"]
    + ["assertion `left == right` failed: sums", "  left: 1", " right: 2"]
    + ["test result: FAILED. 59 passed; 1 failed; 0 ignored"]
)
UNITTEST = "\n".join(
    [f"test_{i} (pkg.T) ... {'ERROR' if i == 5 else 'ok'}" for i in range(60)]
    + ["ERROR: test_5 (pkg.T)", "ValueError: no", "Ran 60 tests in 0.1s", "FAILED (errors=1)"]
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PYTEST, ["58 passed, 2 failed: test_3, test_4", "assert 3 == 4", "KeyError: 'total'"]),
        (PYTEST, ["=== 2 failed, 58 passed in 1.2s ==="]),
        (JEST, ["src/bad.test.ts: 1 passed, 1 failed: sends mail", '→ expected: "sent"']),
        (JEST, ["Tests  1 failed | 41 passed (42)", "✗ sends mail 7ms"]),
        (GO, ["60 passed, 1 failed: TestX", "x_test.go:88: got 17, want 18", "exit status 1"]),
        (CARGO, ["59 passed, 1 failed: m::case_7", "left: 1", "right: 2", "test result: FAILED."]),
        (UNITTEST, ["pkg.T: 59 passed, 1 failed: test_5", "ValueError: no", "Ran 60 tests"]),
    ],
)
def test_law_7_failing_tests_their_reasons_and_totals_stay(text: str, told: list[str]) -> None:
    reduction = reduce(text, AIM)
    assert reduction is not None
    assert [part for part in told if part not in reduction.text] == []
    assert matches(text)


@pytest.mark.parametrize("text", [PYTEST, JEST, GO, CARGO, UNITTEST])
def test_passing_tests_are_counted_not_listed(text: str) -> None:
    reduction = reduce(text, AIM)
    assert reduction is not None
    assert "case_30" not in reduction.text
    assert "test_30" not in reduction.text
    assert "Test30" not in reduction.text
    assert "w9.test.ts" not in reduction.text


def test_a_test_told_twice_counts_once() -> None:
    text = PYTEST + "\nFAILED tests/test_a.py::test_3 - AssertionError: assert 3 == 4"
    reduction = reduce(text, AIM)
    assert reduction is not None
    assert "passed = 58, failed = 2" in reduction.text


def test_equal_reasons_are_shown_once_with_their_number() -> None:
    lines = [f"tests/t.py::test_{i} FAILED" for i in range(30)]
    for i in range(30):
        lines += [
            f"____ test_{i} ____",
            "E       OSError: no such device",
            "",
            f"tests/t.py:{i}: x",
        ]
    reduction = reduce("\n".join(lines), AIM)
    assert reduction is not None
    assert "(first of 30 alike)" in reduction.text
    assert reduction.text.count("OSError: no such device") == 1


def test_rows_of_marks_count_per_file() -> None:
    text = "\n".join(f"tests/test_{i}.py ....s.. [ {i}%]" for i in range(20)) + "\n== 120 passed =="
    reduction = reduce(text, AIM)
    assert reduction is not None
    assert "passed = 120, failed = 0, other = 20" in reduction.text


def test_text_without_any_test_is_left_to_others() -> None:
    assert reduce("a plain line\n" * 50, AIM) is None
    assert not matches("a plain line\n" * 50)
