"""The builder of HTML: what is put in stays text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web.page.html import Html, link_to, tag, together


class Seen(HTMLParser):
    """Notes the elements, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    parser.close()
    return parser


printable = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")))


@given(printable)
def test_any_text_comes_out_as_the_text_it_was(text: str) -> None:
    found = seen(tag("p", text, title=text))
    assert found.elements == ["p"]
    assert found.text == text and found.attributes == {"title": text}


@given(st.text())
def test_no_text_makes_an_element_or_ends_an_attribute(text: str) -> None:
    found = seen(tag("p", tag("b", text), class_=text))
    assert found.elements == ["p", "b"] and found.attributes.keys() == {"class"}
    tag("p", text).encode("utf-8")


def test_what_would_steer_a_line_is_shown_as_a_sign() -> None:
    assert tag("p", "a\x1b\u202eb\x00\ud800") == "<p>a\u241b\ufffdb\u2400\ufffd</p>"


def test_markup_joined_to_text_is_text() -> None:
    assert together(Html("<b>") + "x") == "&lt;b&gt;x"


@pytest.mark.parametrize(
    "target", ["https://example.com", "//example.com", "/\\example.com", "javascript:alert(1)", ""]
)
def test_no_link_leads_out_of_the_server(target: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        tag("a", "x", href=target)


def test_a_query_leaves_out_what_is_empty_and_quotes_the_rest() -> None:
    assert link_to("/calls", tool="a&b=<c>", session="", before=0) == (
        "/calls?tool=a%26b%3D%3Cc%3E&before=0"
    )
    assert tag("a", None, ["x", 1], href=link_to("/"), hidden=True) == '<a href="/" hidden>x1</a>'
