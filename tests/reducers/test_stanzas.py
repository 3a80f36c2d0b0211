"""Records written as lines of key and value."""

from coatcheck.reducers import reduce
from coatcheck.reducers.stanzas import reduce as stanzas
from coatcheck.types import Aim

NAMES = [f"package{n}" for n in range(60)]
SHOWN = "\n\n".join(
    f"Package: {name}\nVersion: {n}.{n * 3}.1\nSection: {('web', 'vcs', 'libs')[n % 3]}\n"
    f"Description: the {name} tool\n It does {n * 7919 % 101} things\n .\n and more of them"
    for n, name in enumerate(NAMES)
)
RULED = (
    "".join(
        f"*************************** {n + 1}. row ***************************\n"
        f"     id: {n}\n  email: p{n}@mail.test\n  state: {'locked' if n == 31 else 'active'}\n"
        for n in range(60)
    )
    + "60 rows in set (0.01 sec)\n"
)


def test_every_record_is_named_without_a_focus() -> None:
    found = reduce(SHOWN, Aim(800))
    assert found is not None
    assert [name for name in NAMES if f"{name}," not in found.text] == []


def test_a_record_is_found_with_its_fields() -> None:
    found = reduce(SHOWN, Aim(300, focus="which version of package37 is there?"))
    assert found is not None
    assert "37.111.1" in found.text
    assert found.omissions[0].total == 60


def test_vertical_rows_of_a_database_are_records() -> None:
    found = reduce(RULED, Aim(300, focus="whose account is locked?"))
    assert found is not None
    assert "p31@mail.test" in found.text
    assert "60 rows in set" in found.text


def test_a_value_that_goes_on_keeps_its_lines() -> None:
    found = stanzas(SHOWN, Aim(300, focus="package3 description"))
    assert found is not None
    assert "It does" in found.text


def test_paragraphs_of_prose_are_no_records() -> None:
    text = "\n\n".join(f"Part {n}. It was late: nobody came.\nThen it rained." for n in range(60))
    assert stanzas(text, Aim(300)) is None


def test_a_lossless_aim_gets_nothing() -> None:
    assert stanzas(SHOWN, Aim(300, lossless=True)) is None


def test_a_line_before_and_one_behind_stay_around_the_records() -> None:
    found = stanzas(f"Found these:\n\n{SHOWN}\n\nThere are 7 more pages.\n", Aim(800))
    assert found is not None
    assert found.text.startswith("Found these:")
    assert found.text.endswith("There are 7 more pages.")
    assert "package59" in found.text
