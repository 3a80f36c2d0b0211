"""Tables in text: read as they come, reduced like records, every row counted."""

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers.tables import parse, reduce
from coatcheck.sizing import estimate
from coatcheck.types import Aim

CITIES = [(f"city{n}", "FR" if n % 4 else "DE", n * 37 % 501, f"{n}.50") for n in range(120)]


def as_csv(delimiter: str = ",") -> str:
    lines = ["name,country,people,height".replace(",", delimiter)]
    lines += [delimiter.join(map(str, row)) for row in CITIES]
    return "\n".join(lines) + "\n"


def as_psql() -> str:
    lines = [" name    | country | people | height ", "---------+---------+--------+--------"]
    lines += [f" {n:<7} | {c:<7} | {p:>6} | {h:>6} " for n, c, p, h in CITIES]
    return "\n".join([*lines, "(120 rows)", ""])


def as_markdown() -> str:
    lines = ["| name | country | people | height |", "|---|:--|---|--:|"]
    return "\n".join([*lines, *(f"| {n} | {c} | {p} | {h} |" for n, c, p, h in CITIES)])


def as_mysql() -> str:
    rule = "+---------+---------+--------+--------+"
    lines = [rule, "| name    | country | people | height |", rule]
    lines += [f"| {n:<7} | {c:<7} | {p:>6} | {h:>6} |" for n, c, p, h in CITIES]
    return "\n".join([*lines, rule, "120 rows in set (0.00 sec)"])


def as_columns() -> str:
    lines = [f"{'NAME':<10} {'COUNTRY':<9} {'PEOPLE':>7}  HEIGHT"]
    return "\n".join([*lines, *(f"{n:<10} {c:<9} {p:>7}  {h}" for n, c, p, h in CITIES)])


FORMS = {
    "csv": as_csv(),
    "tsv": as_csv("\t"),
    "semicolons": as_csv(";"),
    "psql": as_psql(),
    "markdown": as_markdown(),
    "mysql": as_mysql(),
    "columns": as_columns(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_with_all_its_rows(form: str) -> None:
    table = parse(FORMS[form])
    assert table is not None
    assert [name.lower() for name in table.columns] == ["name", "country", "people", "height"]
    assert [tuple(row) for row in table.rows] == [tuple(map(str, row)) for row in CITIES]


@pytest.mark.parametrize("form", FORMS)
def test_the_row_that_the_focus_names_is_shown_with_names(form: str) -> None:
    found = reduce(FORMS[form], Aim(250, focus="how many people live in city77?"))
    assert found is not None
    assert re.search(rf"^row 78: .*=city77, .*={77 * 37 % 501}\b", found.text, re.M)
    assert found.omissions[0].total == 120


@pytest.mark.parametrize("form", FORMS)
def test_the_highest_value_is_computed_and_its_row_shown(form: str) -> None:
    found = reduce(FORMS[form], Aim(250, focus="Which city has the highest people?"))
    assert found is not None
    best = max(CITIES, key=lambda row: row[2])
    assert re.search(rf"(?i)people: min 0 \(city0\), max {best[2]} \({best[0]}\)", found.text)
    assert re.search(rf"=({best[0]}), .*={best[2]}\b", found.text)


def test_without_focus_the_columns_are_profiled() -> None:
    found = reduce(as_csv(), Aim(300))
    assert found is not None
    assert "country: FR = 90, DE = 30" in found.text
    assert "computed over all 120 rows:" in found.text


def test_lines_around_a_table_are_kept() -> None:
    found = reduce(as_psql(), Aim(250, focus="city5"))
    assert found is not None
    assert found.text.endswith("(120 rows)")


def test_numbers_are_not_rewritten() -> None:
    text = "id,amount\n" + "\n".join(f"{n:05d},{n}.10" for n in range(400))
    found = reduce(text, Aim(250, focus="00042 amount"))
    assert found is not None
    assert "id=00042, amount=42.10" in found.text


def test_a_lossless_table_holds_every_cell() -> None:
    rows = [[f"r{n}", "same", 'say "hi", you', str(n)] for n in range(50)]
    out = io.StringIO()
    csv.writer(out).writerows([["a", "b", "c", "d"], *rows])
    found = reduce(out.getvalue(), Aim(100_000, lossless=True))
    assert found is not None
    assert not found.omissions
    assert "b=same" in found.text
    body = found.text.split("\n", 2)[2]
    assert list(csv.reader(io.StringIO(body)))[1:] == [[row[0], row[3]] for row in rows]


def test_ragged_rows_survive() -> None:
    lines = as_csv().splitlines()
    lines[50] += ",extra,cells"
    lines[60] = "city-short"
    found = reduce("\n".join(lines), Aim(300, focus="city49 extra and city-short"))
    assert found is not None
    assert "column 5=extra" in found.text
    assert "city-short" in found.text
    assert found.omissions[0].total == 120


NO_TABLES = [
    "",
    "one line",
    "Dear reader,\nthis is, as you see, prose.\nIt has commas, and lines,\nbut no table, at all.\n",
    "def f(a, b):\n    return a, b\n\ndef g(c, d):\n    return c, d\n\nprint(f(1, 2), g(3, 4))\n",
    "2026-01-01 10:00:00,123 INFO start\n2026-01-01 10:00:01,456 INFO go\n"
    "2026-01-01 10:00:02,789 WARN slow\n2026-01-01 10:00:03,001 INFO end\n",
    "# Title\n\nSome words.\n\n- one\n- two\n- three\n",
]


@pytest.mark.parametrize("text", NO_TABLES)
def test_other_texts_are_left_alone(text: str) -> None:
    assert reduce(text, Aim(10)) is None


HOSTILE = {
    "long cell": "a,b\n" + "\n".join(f'{n},"{"x" * 200_000}"' for n in range(5)),
    "open quote": 'a,b\n1,2\n3,4\n5,"' + "x,y\n" * 20_000,
    "many columns": ",".join(f"c{n}" for n in range(5_000)) + "\n" + ("1," * 4_999 + "1\n") * 5,
    "bars": "|" * 100_000 + "\n---|---\n" + "|" * 100_000 + "\n" * 5,
    "spaces": (" " * 50_000 + "A  B\n") * 20,
    "many rows": "a,b\n" + "\n".join(f"{n},{n % 3}" for n in range(20_000)),
    "nul": "a,b\n" + "\x00,1\n" * 300,
    "surrogate": "a,b\n" + "\ud800,1\n" * 300,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_neither_raise_nor_grow(name: str) -> None:
    text = HOSTILE[name]
    for aim in (Aim(300), Aim(300, focus="b of 7"), Aim(300, lossless=True)):
        found = reduce(text, aim)
        if found is not None:
            assert len(found.text) < len(text)
            found.text.encode()


CELLS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=10)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=3, max_size=30),
    st.sampled_from(["", "highest b", "a of c"]),
    st.integers(1, 300),
    st.booleans(),
)
def test_laws_2_4_and_6_hold_for_any_cells(
    rows: list[list[str]], focus: str, budget: int, lossless: bool
) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["a", "b", "c"], *rows])
    aim = Aim(budget, focus=focus, lossless=lossless)
    found = reduce(out.getvalue(), aim)
    assert found == reduce(out.getvalue(), aim)
    if found is not None:
        assert len(found.text) < len(out.getvalue())
        assert found.level != "lossless" or not found.omissions
        assert all(0 <= o.shown < o.total for o in found.omissions)


def test_a_view_stays_within_its_budget() -> None:
    for budget in (250, 600):
        for focus in ("", "city9 country", "FR"):
            found = reduce(as_csv(), Aim(budget, focus=focus))
            assert found is not None
            assert estimate(found.text) <= budget * (1 if found.level == "selected" else 1.2)


def test_two_names_that_stand_close_together_are_two_columns() -> None:
    lines = [f"root  {i:4} 0.{i} {i * 9:5} ?   S    /bin/worker --n {i}" for i in range(9)]
    table = parse("\n".join(["USER   PID %CPU   RSS TTY STAT COMMAND", *lines]))
    assert table is not None
    assert list(table.columns) == ["USER", "PID", "%CPU", "RSS", "TTY", "STAT", "COMMAND"]
    assert table.rows[3] == ["root", "3", "0.3", "27", "?", "S", "/bin/worker --n 3"]


def test_columns_over_a_line_of_dashes_are_a_table() -> None:
    lines = [f"name{i}      {i}.0" for i in range(9)]
    table = parse("\n".join(["Package    Version", "---------- -------", *lines]))
    assert table is not None
    assert list(table.columns) == ["Package", "Version"]
    assert list(table.rows[0]) == ["name0", "0.0"]
