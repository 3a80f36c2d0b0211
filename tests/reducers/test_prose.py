"""Outlines and passages of prose, markdown, changelogs and search hits."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers.outline import Document
from coatcheck.reducers.prose import reduce
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Reduction

NOUNS = ["harbour", "engine", "valley", "teacher", "bridge", "garden", "market", "river"]
PLACE = re.compile(r"@(\d+)(?:-(\d+))?:")


def sentence(source: random.Random) -> str:
    words = [source.choice(NOUNS) for _ in range(12)]
    return f"The {' '.join(words)} was seen by {source.randrange(2000)} people."


def article(seed: int, sections: int = 12) -> str:
    """Return a made-up article with headings, paragraphs, lists and code."""
    source = random.Random(seed)
    out = ["# Handbook", "", sentence(source), ""]
    for number in range(sections):
        out += [f"## Part {number}: the {source.choice(NOUNS)}", ""]
        out += [" ".join(sentence(source) for _ in range(5)), ""]
        out += [f"* {sentence(source)}" for _ in range(3)]
        out += ["", "Run it like this:", "", "```", f"run --part {number}", "```", ""]
    return "\n".join(out)


def reduced(text: str, focus: str = "", budget: int = 300) -> Reduction:
    reduction = reduce(text, Aim(budget, focus=focus))
    assert reduction is not None
    return reduction


def passages(reduction: Reduction) -> list[tuple[int, int, str]]:
    """Return first line, last line and text of each passage shown."""
    out: list[tuple[int, int, list[str]]] = []
    for line in reduction.text.split("\n"):
        if match := PLACE.fullmatch(line):
            out.append((int(match[1]), int(match[2] or match[1]), []))
        elif out:
            out[-1][2].append(line)
    return [(first, last, "\n".join(lines)) for first, last, lines in out]


def test_what_the_focus_asks_for_is_shown_word_for_word() -> None:
    text = article(1).replace(
        "## Part 7", "The lighthouse keeper of Skagen earned 412 crowns a year.\n\n## Part 7"
    )
    reduction = reduced(text, "How much did the lighthouse keeper earn?")
    assert "The lighthouse keeper of Skagen earned 412 crowns a year." in reduction.text
    assert estimate(reduction.text) < 150
    assert not reduction.weak_focus


def test_a_section_named_by_the_focus_is_shown_whole_with_its_parts() -> None:
    text = "\n".join(
        f"## [{n}.0.0](https://x.example/{n}) (2024-01-{n:02})\n\n### Features\n\n* add thing {n}\n"
        f"\n### Fixes\n\n* mend thing {n}\n* mend other {n}\n"
        for n in range(30, 0, -1)
    )
    shown = reduced(text, "What changed in version 12.0.0?").text
    assert all(f"{word} {12}" in shown for word in ("add thing", "mend thing", "mend other"))
    assert "thing 13" not in shown


def test_patch_releases_of_a_lower_level_are_releases_of_their_own() -> None:
    text = "\n".join(
        f"{'##' if n % 3 == 0 else '###'} {n}.0 (2024)\n\n* change number {n}\n"
        for n in range(60, 0, -1)
    )
    shown = reduced(text, "changes of 30.0").text
    assert "change number 30" in shown
    assert "change number 29" not in shown


def test_a_line_that_announces_code_comes_with_the_code() -> None:
    text = article(2).replace(
        "## Part 5", "To restart the beacon:\n\n```\nsystemctl kick lamp\n```\n\n## Part 5"
    )
    assert "systemctl kick lamp" in reduced(text, "restart the beacon").text


def test_without_a_focus_headings_and_beginnings_are_shown() -> None:
    text = article(3)
    reduction = reduced(text, budget=500)
    assert reduction.text.startswith("outline, 13 of 13 headings")
    assert text.split("\n")[2] in reduction.text
    assert all(f"Part {n}:" in reduction.text for n in range(12))
    assert not reduction.weak_focus


def test_a_focus_that_nothing_matches_is_said_to_be_weak() -> None:
    reduction = reduced(article(4), "quarterly zirconium dividends")
    assert reduction.weak_focus
    assert "outline" in reduction.text


def test_every_shown_hit_has_its_title() -> None:
    hits = "\n\n".join(
        f"[{n}] Title of {n}\nURL: https://x.example/{n}\nText {n} tells of {NOUNS[n % 8]}s."
        for n in range(1, 60)
    ).replace("Text 33 tells", "Text 33, about an albatross, tells")
    filler = "More words that nobody asked for. " * 12
    hits = hits.replace("Text 33", f"{filler}\n\n{filler}Text 33")
    shown = reduced(hits, "albatross").text
    assert "More words" not in shown
    assert "[33] Title of 33" in shown
    assert "https://x.example/33" in shown


def test_a_text_within_the_budget_is_left_alone() -> None:
    assert reduce("short.", Aim(300)) is None
    assert reduce(article(1), Aim(300, lossless=True)) is None


def test_a_repeated_paragraph_is_shown_once() -> None:
    text = article(5) + "\n\nThe siren sounds at noon.\n" * 20
    assert reduced(text, "when does the siren sound").text.count("siren sounds") == 1


@pytest.mark.parametrize("focus", ["", "harbour of part 3", "zirconium"])
@pytest.mark.parametrize("seed", range(5))
def test_law_5_every_passage_stands_in_the_source_at_its_lines(seed: int, focus: str) -> None:
    text = article(seed)
    lines = text.split("\n")
    found = passages(reduced(text, focus))
    assert found
    assert [first for first, _, _ in found] == sorted(first for first, _, _ in found)
    for first, last, shown in found:
        assert shown.strip("…") in "\n".join(lines[first - 1 : last])


@pytest.mark.parametrize("focus", ["", "harbour of part 3"])
def test_law_4_what_is_omitted_is_counted(focus: str) -> None:
    text = article(6)
    reduction = reduced(text, focus)
    lead = reduction.omissions[0]
    assert lead.unit == "lines"
    assert lead.total == len(text.split("\n"))
    assert lead.shown == len(
        {n for first, last, _ in passages(reduction) for n in range(first, last + 1)}
    )


markdown = st.lists(
    st.sampled_from(
        ["# A", "## B c", "para. And more. " * 9, "- item", "```", "", "Title", "=====", "x:"]
    )
    | st.text(max_size=90),
    max_size=60,
).map("\n".join)


@settings(deadline=None, max_examples=150)
@given(markdown, st.sampled_from(["", "item b", "more para", "\x00"]), st.integers(20, 200))
def test_law_10_any_text_is_cut_to_the_budget(text: str, focus: str, budget: int) -> None:
    reduction = reduce(text, Aim(budget, focus=focus))
    if reduction is not None:
        assert estimate(reduction.text) <= budget * 1.2 + 10
        assert reduction == reduce(text, Aim(budget, focus=focus))
        assert 0 <= reduction.omissions[0].shown <= reduction.omissions[0].total


@settings(deadline=None, max_examples=150)
@given(markdown)
def test_units_follow_each_other_and_leave_out_nothing_but_space(text: str) -> None:
    document = Document(text)
    places = [0, *(p for u in document.units for p in (u.start, u.end)), len(text)]
    assert places == sorted(places)
    between = [text[a:b] for a, b in zip(places[::2], places[1::2], strict=True)]
    assert not "".join(between).strip().strip("\"')]")


def test_what_stands_below_a_title_that_the_focus_finds_is_shown_with_it() -> None:
    questions = [f"**Q: Can I export to format {n}?**\n\nYes, on plan {n % 4}." for n in range(80)]
    questions[41] = "**Q: How do I delete my account?**\n\nOpen Settings and choose Erase."
    found = reduce("# FAQ\n\n" + "\n\n".join(questions), Aim(300, focus="delete the user account"))
    assert found is not None
    assert "choose Erase" in found.text


def test_an_outline_leaves_out_the_lowest_titles_first_when_there_is_one_at_the_top() -> None:
    parts = [
        f"## ADR-{n:03}: Topic {n}\n\n### Context\n\nSome words.\n\n### Decision\n\nOther words."
        for n in range(40)
    ]
    found = reduce("# Decisions\n\n" + "\n\n".join(parts), Aim(500))
    assert found is not None
    assert sum(f"ADR-{n:03}" in found.text for n in range(40)) >= 12


def test_titles_in_bold_are_found_with_windows_line_ends() -> None:
    parts = [f"**Q: What about topic {n}?**\n\nRead page {n * 3} of the manual." for n in range(90)]
    text = ("# FAQ\n\n" + "\n\n".join(parts)).replace("\n", "\r\n")
    found = reduce(text, Aim(300, focus="What about topic 41?"))
    assert found is not None
    assert "page 123 of" in found.text
