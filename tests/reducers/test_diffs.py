"""What a reduced diff says."""

from coatcheck.reducers.diffs import matches, reduce
from coatcheck.reducers.patches import read
from coatcheck.types import Aim, Reduction

HUNK = """@@ -{at},4 +{at},4 @@ def f{at}(x):
     a = 1
-    b = {at}
+    b = {at} + 1
     return a
"""


def a_file(path: str, hunks: int, head: str = "") -> str:
    body = "".join(HUNK.format(at=10 * i + 1) for i in range(hunks))
    return f"diff --git a/{path} b/{path}\n{head}--- a/{path}\n+++ b/{path}\n{body}"


def reduced(text: str, aim: Aim) -> Reduction:
    reduction = reduce(text, aim)
    assert reduction is not None
    return reduction


def test_every_file_is_named_with_its_counts() -> None:
    text = "".join(a_file(f"src/m{i}.py", i + 1) for i in range(12))
    view = reduced(text, Aim(500)).text
    assert view.startswith("computed: 12 files, 78 hunks, +78 -78 lines")
    assert all(f"src/m{i}.py +{i + 1} -{i + 1}" in view for i in range(12))


def test_law_4_changed_lines_and_context_are_counted() -> None:
    reduction = reduced("".join(a_file(f"src/m{i}.py", 30) for i in range(4)), Aim(400))
    changed, context = reduction.omissions
    assert (changed.unit, changed.total) == ("changed lines", 240)
    assert (context.unit, context.total) == ("lines of context", 240)
    signs = [line for line in reduction.text.split("\n") if line.startswith(("+  ", "-  "))]
    assert changed.shown == len(signs)


def test_a_lock_file_is_one_line() -> None:
    text = a_file("uv.lock", 40) + a_file("src/a.py", 2)
    view = reduced(text, Aim(600)).text
    assert "uv.lock +40 -40 (generated)" in view
    assert "-    b = 11\n" in view
    assert view.count("+    b = 1 + 1") == 1


def test_the_file_the_focus_names_comes_first() -> None:
    text = "".join(a_file(f"src/m{i}.py", 20) for i in range(9))
    view = reduced(text, Aim(400, focus="What changed in src/m7.py?")).text
    first = text.index("diff --git a/src/m7.py")
    number = text[:first].count("\n") + 1
    assert f"@{number + 3}" in view


def test_new_and_dropped_definitions_are_named() -> None:
    text = (
        "diff --git a/a.py b/a.py\n@@ -1,3 +1,4 @@ class Reader:\n-def old(x):\n-    pass\n"
        "+def new(x):\n+    pass\n+class Writer:\n"
    )
    view = reduced(text, Aim(400)).text
    assert "a.py +3 -2; defines new, class Writer; drops old; in Reader @1" in view


def test_signs_and_indentation_are_exact() -> None:
    text = "diff --git a/a b/a\n@@ -1,2 +1,2 @@\n-\tx  = 1 \n+    x = 1\n \n"
    view = reduced(text, Aim(300)).text
    assert "@2-4:\n@@ -1,2 +1,2 @@\n-\tx  = 1 \n+    x = 1" in view


def test_a_cut_hunk_and_a_removed_line_of_dashes_are_read() -> None:
    lines = ["--- a/x.sql", "+++ b/x.sql", "@@ -1,9 +1,9 @@", "--- comment", "+++ more", "-y"]
    lines += ["diff --git a/z b/z", "@@ -1 +1 @@", "-a", "+b"]
    patches = read(lines)
    assert [p.path for p in patches] == ["x.sql", "z"]
    assert patches[0].counts() == (1, 2)


def test_a_combined_diff_is_read() -> None:
    lines = ["diff --cc a.py", "@@@ -1,2 -1,2 +1,3 @@@ def f():", "  x", "++y", "- z", " -w"]
    patch = read(lines)[0]
    assert patch.counts() == (1, 2)


def test_states_of_files_are_said() -> None:
    text = (
        a_file("a.py", 1, "new file mode 100644\n")
        + "diff --git a/b.png b/b.png\nBinary files a/b.png and b/b.png differ\n"
        + "diff --git a/c.py b/d.py\nrename from c.py\nrename to d.py\n"
    )
    view = reduced(text, Aim(400)).text
    assert "a.py +1 -1 (new)" in view
    assert "b.png +0 -0 (binary)" in view
    assert "d.py +0 -0 (renamed from c.py)" in view


def test_diffs_are_told_from_other_text() -> None:
    assert matches(a_file("a.py", 1))
    assert not matches("--- a line\n+++ another\n" * 9)
    assert reduce("no diff at all\n" * 99, Aim(250)) is None


def test_law_4_every_file_of_a_diff_is_named_where_their_lines_do_not_fit() -> None:
    text = "\n".join(
        f"diff --git a/db/{n:03}.sql b/db/{n:03}.sql\nnew file mode 100644\n--- /dev/null\n"
        f"+++ b/db/{n:03}.sql\n@@ -0,0 +1,2 @@\n+ALTER TABLE t{n} ADD c{n} text;\n+-- done"
        for n in range(60)
    )
    found = reduce(text, Aim(500))
    assert found is not None
    assert [n for n in range(60) if f"{n:03}.sql" not in found.text] == []


def test_the_file_of_a_change_that_the_focus_finds_is_named() -> None:
    text = "\n".join(
        f"diff --git a/db/{n:03}.sql b/db/{n:03}.sql\n--- a/db/{n:03}.sql\n"
        f"+++ b/db/{n:03}.sql\n@@ -0,0 +1,2 @@\n+ALTER TABLE t{n} ADD c{n}"
        f" {'jsonb' if n == 171 else 'text'};\n+-- done"
        for n in range(200)
    )
    found = reduce(text, Aim(400, focus="which migration adds a jsonb column?"))
    assert found is not None
    assert "db/171.sql" in found.text
    assert "jsonb" in found.text


def test_law_10_a_file_of_very_many_hunks_is_read_once() -> None:
    hunks = "".join(f"@@ -{n},1 +{n},1 @@\n-a{n}\n+b{n}\n" for n in range(20_000))
    found = reduce(f"diff --git a/x b/x\n--- a/x\n+++ b/x\n{hunks}", Aim(500))
    assert found is not None
    assert "20,000 hunks" in found.text
