"""XML that is mostly a list of like elements."""

from coatcheck.reducers import reduce
from coatcheck.reducers.xmlrecords import reduce as rows
from coatcheck.types import Aim

FEED = (
    '<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>Notes</title>'
    + "".join(
        f"<entry><id>http://x.example/abs/2611.{n:05}</id><title>Paper {n} &amp; more</title>"
        f"<summary>We gain {n + 1}.{n % 10} points on problem {n}. It is simple.</summary>"
        f"<author><name>Author {n % 7}</name></author></entry>"
        for n in range(40)
    )
    + "</feed>"
)


def test_every_entry_of_a_feed_is_named_without_a_focus() -> None:
    found = reduce(FEED, Aim(1500))
    assert found is not None
    assert [n for n in range(40) if f"2611.{n:05}" not in found.text] == []
    assert "title=Notes" in found.text


def test_an_entry_is_found_with_its_id_though_that_is_a_link() -> None:
    found = reduce(FEED, Aim(300, focus="how many points does paper 13 gain?"))
    assert found is not None
    assert "14.3 points" in found.text
    assert "2611.00013" in found.text


def test_a_document_of_unlike_elements_is_left_to_others() -> None:
    text = '<?xml version="1.0"?>\n<a>' + "".join(f"<b{n}>x</b{n}>" for n in range(60)) + "</a>"
    assert rows(text, Aim(300)) is None


def test_elements_nested_very_deep_are_left_to_others() -> None:
    assert rows('<?xml version="1.0"?>' + "<a>" * 5000, Aim(300)) is None


def test_an_end_without_a_start_is_ignored() -> None:
    found = rows(FEED.replace("</entry>", "</entry></oops>", 1), Aim(300))
    assert found is not None
    assert found.omissions[-1].unit == "characters"
