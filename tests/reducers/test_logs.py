"""What a reduced log says."""

import re

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from coatcheck.reducers.logs import matches, reduce
from coatcheck.types import Aim, Reduction

AIM = Aim(600)


def reduced(lines: list[str], aim: Aim = AIM) -> Reduction:
    reduction = reduce("\n".join(lines), aim)
    assert reduction is not None
    return reduction


def quiet(count: int) -> list[str]:
    return [
        f"2024-01-01 10:{i // 60:02}:{i % 60:02} INFO step {i} took {i} ms" for i in range(count)
    ]


def test_totals_are_computed_over_all_lines() -> None:
    access = [
        f'10.0.0.{i % 9} - - [12/Mar/2026:10:00:{i % 60:02} +0000] "GET /p{i} HTTP/1.1" '
        f"{404 if i % 50 == 0 else 200} {i}"
        for i in range(500)
    ]
    first = reduced(access).text.split("\n")[0]
    assert first.startswith("computed")
    assert "total = 500 lines" in first
    assert "status 200 = 490, status 404 = 10" in first
    assert "from 12/Mar/2026:10:00:00 to 12/Mar/2026:10:00:19" in first


def test_levels_are_counted_as_the_source_spells_them() -> None:
    lines = [*quiet(200), "2024-01-01 11:00:00 ERROR db gone", "2024-01-01 11:00:01 WARN slow"]
    assert "INFO = 200, ERROR = 1, WARN = 1" in reduced(lines).text


def test_law_7_the_first_and_the_last_of_each_kind_of_error_are_shown() -> None:
    lines = quiet(300)
    for at in range(10, 300, 10):
        lines[at] = f"2024-01-01 10:00:{at % 60:02} ERROR order {at} failed"
    lines[155] = "2024-01-01 10:02:35 ERROR disk full"
    text = reduced(lines).text
    assert "@11 (first of 29 alike, last @291" in text
    assert lines[10] in text
    assert lines[290] in text
    assert f"@156:\n{lines[155]}\n" in text


@settings(deadline=None, max_examples=40, phases=(Phase.explicit, Phase.generate))
@given(st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_law_7_every_wording_of_an_error_is_there(kinds: set[str]) -> None:
    lines = quiet(200)
    for kind in sorted(kinds):
        for at in range(3):
            lines[ord(kind) * 7 % 180 + at * 5] = f"2024-01-01 ERROR {kind * 3} broke {at}"
    text = reduced(lines, Aim(900)).text
    written = {kind for kind in kinds if any(f"{kind * 3} broke" in line for line in lines)}
    assert all(f"ERROR {kind * 3} broke" in text for kind in written)


def test_a_stack_trace_is_shown_once_and_all_are_counted() -> None:
    trace = ["java.lang.IllegalStateException: lock lost"]
    trace += [f"\tat a.b.C.step{i}(C.java:{i})" for i in range(30)] + ["Caused by: x.Y: timed out"]
    lines = quiet(100)
    for at in (80, 50, 20):
        lines[at:at] = [f"2024-01-01 10:01:00 ERROR order {at} failed", *trace]
    text = reduced(lines).text
    assert "stack traces = 3 of 96 lines" in text
    assert text.count("lock lost") == 1
    assert text.count("Caused by: x.Y: timed out") == 1


def test_a_trace_below_a_harmless_line_is_shown_too() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 3, in f', "    g()"]
    lines = [*quiet(100), *trace, "KeyError: 'total'", *quiet(100)]
    text = reduced(lines).text
    assert "KeyError: 'total'" in text
    assert trace[1] in text


def test_lines_of_the_focus_stand_word_for_word_with_neighbours() -> None:
    lines = quiet(1000)
    lines[700] = "2024-01-01 10:11:40 INFO memory limit 96258 reached, was 95746"
    text = reduced(lines, Aim(600, focus="what was the memory limit?")).text
    assert "@700-702:\n" + "\n".join(lines[699:702]) in text


def test_patterns_say_how_many_lines_and_which_values() -> None:
    lines = [f"10:00:{i % 60:02} job {i} on {'east' if i % 3 else 'west'}1 done" for i in range(90)]
    text = reduced(lines).text
    assert re.search(
        r"\n90 @1: job \{0 … 89, 90 values\} on \{east1 \(60\), west1 \(30\)\} done", text
    )


def test_the_slowest_line_of_a_pattern_is_shown() -> None:
    lines = [f"10:00:{i % 60:02} call {i} took {i % 7}.5 seconds" for i in range(200)]
    lines[133] = "10:02:13 call 133 took 58.25 seconds"
    assert lines[133] in reduced(lines).text


def test_a_weak_focus_is_said() -> None:
    assert reduced(quiet(300), Aim(300, focus="zebra")).weak_focus


def test_a_lossless_aim_only_counts_equal_lines_in_a_row() -> None:
    text = "\n".join(["ping ok"] * 300 + ["pong"] * 200)
    reduction = reduce(text, Aim(250, lossless=True))
    assert reduction is not None
    assert reduction.text.split("\n")[1:] == ["ping ok (x300)", "pong (x200)"]
    assert not reduction.omissions


def test_logs_are_told_from_prose() -> None:
    assert matches("\n".join(quiet(20)))
    assert not matches("It was a quiet day.\nNothing happened at all.\n" * 10)


def test_a_status_class_in_the_focus_finds_its_lines() -> None:
    access = [
        f'10.0.0.9 - - "GET /p{i % 30} HTTP/1.1" {503 if i in (7, 90) else 200} 1'
        for i in range(300)
    ]
    reduction = reduced(access, Aim(400, focus="Which paths answered with 5xx?"))
    assert '"GET /p7 HTTP/1.1" 503' in reduction.text
    assert '"GET /p0 HTTP/1.1" 503' in reduction.text
    assert not reduction.weak_focus


def test_the_values_of_a_kind_of_error_are_told_with_it() -> None:
    lines = quiet(300)
    for at in range(0, 300, 30):
        lines[at] = f"2024-01-01 10:00:00 ERROR job {'nightly' if at % 60 else 'hourly'}-7 failed"
    assert "values {hourly-7 (5), nightly-7 (5)}" in reduced(lines).text


def test_trouble_in_rare_words_keeps_its_time() -> None:
    lines = quiet(300)
    lines[50] = "2024-01-01 10:00:50 INFO could not find the lease of node 7"
    assert f"@51:\n{lines[50]}\n" in reduced(lines).text


def test_the_inner_cause_of_a_trace_is_shown() -> None:
    frames = [f"   at Shop.Module{n}.Run() in /src/M{n}.cs:line {n}" for n in range(60)]
    inner = [f"   at Npgsql.Read{n}()" for n in range(40)]
    head = "Unhandled exception. System.InvalidOperationException: Sequence contains no elements"
    cause = " ---> System.TimeoutException: The operation has timed out after 30000 ms"
    found = reduce("\n".join([head, *frames, cause, *inner]), Aim(300))
    assert found is not None
    assert head in found.text
    assert cause.strip() in found.text
