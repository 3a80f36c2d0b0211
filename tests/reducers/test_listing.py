"""What reduced diagnostics, search matches and path lists say."""

import pytest

from coatcheck.reducers.findings import read
from coatcheck.reducers.listing import matches, reduce, shared_start
from coatcheck.types import Aim, Reduction

RUFF = "\n".join(
    [
        f"src/pkg/m{i % 6}.py:{i}:5: {'SIM105' if i in (77, 90) else 'E501'} words {i}"
        for i in range(200)
    ]
    + ["Found 200 errors."]
)


def reduced(text: str, aim: Aim) -> Reduction:
    reduction = reduce(text, aim)
    assert reduction is not None
    return reduction


@pytest.mark.parametrize(
    ("line", "path", "rule"),
    [
        ("a/b.py:1:2: F401 `x` unused", "a/b.py", "F401"),
        ("a/b.py:17: error: Missing annotation  [no-untyped-def]", "a/b.py", "no-untyped-def"),
        ("a/b.py:1:0: W0622: Redefining (redefined-builtin)", "a/b.py", "redefined-builtin"),
        ("a/b.ts(3,4): error TS2322: Type", "a/b.ts", "TS2322"),
        ("a/b.js:1:2: Never used. [Error/no-unused-vars]", "a/b.js", "no-unused-vars"),
        ("a/b.c:7:1: warning: unused [-Wunused-variable]", "a/b.c", "unused-variable"),
        (r"C:\src\a.cs(3,4): error CS0103: x", r"C:\src\a.cs", "CS0103"),
        ("a/b.py:12:    return x", "a/b.py", ""),
        ("a/b.py-13-    y = 1", "a/b.py", ""),
    ],
)
def test_a_finding_names_path_and_rule(line: str, path: str, rule: str) -> None:
    (found,) = read([line])
    assert (found.path, found.rule) == (path, rule)
    assert found.path + found.rest == line


@pytest.mark.parametrize(
    "line", ["17/06/09 20:10:40 INFO x", '1.2.3.4 - - [1/May/2024:10:00:00] "GET /"', "note: 7:7"]
)
def test_a_time_is_no_place_in_a_file(line: str) -> None:
    assert read([line]) == []


def test_findings_below_a_path_and_above_an_arrow_are_read() -> None:
    stylish = ["/src/a.js", "  3:1  error  'x' is unused  no-unused-vars", "", "/src/b.js"]
    assert [(f.path, f.rule) for f in read(stylish)] == [("/src/a.js", "no-unused-vars")]
    arrow = [
        "E722 Do not use bare `except`",
        "  --> src/a.py:4:1",
        "   |",
        " 4 | except:",
        "   | ^",
    ]
    assert [(f.path, f.rest) for f in read(arrow)] == [
        ("src/a.py", ":4:1 E722 Do not use bare `except`")
    ]


def test_rules_and_files_are_counted_and_the_summary_stays() -> None:
    view = reduced(RUFF, Aim(400)).text
    assert view.startswith(
        "computed: total = 200 findings in 6 files; by rule: E501 = 198, SIM105 = 2"
    )
    assert "src/pkg/: m0.py 34, m1.py 34" in view
    assert view.endswith("Found 200 errors.")


def test_a_rare_rule_is_shown_word_for_word() -> None:
    view = reduced(RUFF, Aim(400)).text
    assert "\n :77:5: SIM105 words 77\n" in view[view.index("\nsrc/pkg/m5.py\n") :]


def test_all_findings_of_the_rule_in_the_focus_are_shown() -> None:
    view = reduced(RUFF, Aim(400, focus="Where are the findings of SIM105?")).text
    assert ":77:5: SIM105" in view
    assert ":90:5: SIM105" in view


def test_matches_in_the_file_of_the_focus_come_first() -> None:
    text = "\n".join(f"lib/f{i % 9}.py:{i}: timeout = {i}" for i in range(200))
    view = reduced(text, Aim(500, focus="Where in lib/f4.py does timeout occur?")).text
    assert view.count("\nlib/f4.py\n") == 1
    assert all(f"\n :{i}: timeout = {i}\n" in view + "\n" for i in range(4, 200, 9))


def test_law_4_findings_shown_and_left_out_add_up() -> None:
    reduction = reduced(RUFF, Aim(300))
    lead = reduction.omissions[0]
    shown = sum(line.startswith(" :") for line in reduction.text.split("\n"))
    assert (lead.unit, lead.shown, lead.total) == ("findings", shown, 200)


def test_a_lossless_aim_writes_each_path_once() -> None:
    text = "\n".join(f"src/package/module{i // 50}.py:{i}: x = {i}" for i in range(200))
    reduction = reduced(text, Aim(300, lossless=True))
    rows = reduction.text.split("\n")
    assert len(rows) == 1 + 4 + 200
    assert rows[1:3] == ["src/package/module0.py", " :0: x = 0"]
    assert not reduction.omissions


def test_a_path_list_shows_every_folder_and_what_the_focus_names() -> None:
    paths = [f"/home/user/application/src/d{i // 40}/file{i}.ts" for i in range(400)]
    paths[333] = "/home/user/application/src/d8/payment-gateway.ts"
    reduction = reduced("\n".join(paths), Aim(300, focus="payment gateway"))
    assert "total = 400 paths in 10 folders" in reduction.text
    assert "every path below begins with /home/user/application/" in reduction.text
    row = next(r for r in reduction.text.split("\n") if r.startswith("src/d8/: "))
    assert "payment-gateway.ts" in row
    assert reduction.omissions[0].total == 400


def test_the_shared_start_leaves_a_folder() -> None:
    assert (
        shared_start(["/a/long/way/down/x/y.py", "/a/long/way/down/x/z.py"]) == "/a/long/way/down/"
    )
    assert shared_start(["a/b.py", "a/c.py"]) == ""


def test_listings_are_told_from_other_text() -> None:
    assert matches(RUFF)
    assert not matches("just some words here\n" * 20)
    assert reduce("just some words here\n" * 20, Aim(250)) is None


def test_a_drawn_tree_shows_its_levels_and_the_way_to_the_focus() -> None:
    lines = ["."]
    for folder in range(20):
        lines.append(f"├── folder{folder}")
        lines.append("│   ├── inner")
        lines += [f"│   │   ├── file{folder}_{i}.py" for i in range(20)]
    lines[300] = "│   │   ├── billing.py"
    reduction = reduced("\n".join(lines), Aim(300, focus="billing"))
    text = reduction.text
    assert "@301:\n│   │   ├── billing.py\n" in text
    assert "├── folder13\n│   ├── inner" in text
    assert all(f"├── folder{i}" in text for i in range(20))
    assert reduction.omissions[0].total == len(lines)


def test_matches_without_line_numbers_are_grouped_by_file() -> None:
    lines = [f"src/mod{n % 4}.py:    return self.close(reason={n})" for n in range(120)]
    found = reduce("\n".join(lines), Aim(300, focus="close with reason 77"))
    assert found is not None
    assert found.kind == "findings"
    assert "120 matches in 4 files" in found.text
    assert "self.close(reason=77)" in found.text
    assert found.text.count("src/mod1.py") <= 2
