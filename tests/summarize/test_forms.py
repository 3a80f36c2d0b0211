"""What a model reads: passages, and what stands over them."""

import json

from made_up import LOG

from coatcheck import reducers
from coatcheck.sizing import estimate
from coatcheck.summarize import pointing
from coatcheck.summarize.forms import Form, chosen_form, form_of, legends
from coatcheck.types import Aim

AIM = Aim(500, tool="docs.read")
ROWS = json.dumps([{"id": n, "name": f"widget-{n}", "city": f"c{n % 7}"} for n in range(900)])


def under(form: Form, text: str) -> list[str]:
    """Return the passages that are shown with the one that is text."""
    where = next(i for i, passage in enumerate(form.passages) if passage.text == text)
    return [form.passages[index].text for index in sorted(legends(form, [where]))]


def test_a_row_stands_under_the_names_of_its_columns() -> None:
    form = form_of(ROWS, AIM, reducers.reduce)
    row = next(p.text for p in form.passages if "widget-77," in p.text)
    assert under(form, row)[-2:] == ["id,name,city", row]


def test_what_is_computed_over_rows_parts_no_row_from_its_columns() -> None:
    events = [
        {"id": n, "actor": {"login": f"user{n}", "id": 7 * n}, "at": f"2026-11-{n:02}T00:00:00Z"}
        | {"payload": {f"field{n % 9}": f"value {n} " * 20, "url": f"https://x.example/{n}"}}
        for n in range(1, 29)
    ]
    form = chosen_form(json.dumps(events), AIM, reducers.reduce, 900)
    assert form is not None
    computed = next(i for i, p in enumerate(form.passages) if p.text.startswith("computed over "))
    row = next(p for p in form.passages[computed:] if "user9," in p.text)
    assert "id" in form.passages[row.under[-1]].text.split(",")
    assert computed not in row.under


def test_what_rules_choose_of_a_log_keeps_its_errors_and_what_they_counted() -> None:
    form = chosen_form(LOG, AIM, reducers.reduce, 2_000)
    assert form is not None
    assert estimate(form.text) < estimate(LOG)
    assert form.chosen_of == len(LOG.split("\n"))
    error = next(p.text for p in form.passages if "ERROR worker 6 deadlock" in p.text)
    above = under(form, error)[0]
    assert above.startswith("@")
    assert above.endswith(":")


def test_what_was_chosen_is_shown_without_places_of_its_own_and_counted_in_lines() -> None:
    form = chosen_form(LOG, AIM, reducers.reduce, 2_000)
    assert form is not None
    answer = pointing.Answer("", ((1, 2),), ())
    found = pointing.check(answer, form, LOG)
    made = pointing.pointed(found, form, "m", target_tokens=900, budget_tokens=0)
    assert made is not None
    assert "#" not in made.text
    assert made.omissions[0].unit == "lines"
    assert made.omissions[0].total == form.chosen_of
    assert made.omissions[0].shown < form.chosen_of
