"""What becomes of HTML pages."""

from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers import html
from coatcheck.reducers.htmltext import MAX_BOXES, Block, read
from coatcheck.sizing import estimate
from coatcheck.types import Aim
from coatcheck.view import render

MENU = "".join(f'<li><a href="/m/{i}">Menu entry {i}</a></li>' for i in range(40))
DAYS = [
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "last", "other"),
]
STORY = [
    f"Paragraph {i} tells at some length what happened on the {DAYS[i]}, who was there, and why it"
    f" matters to the people of town number {i}."
    for i in range(12)
]
ARTICLE = f"""<!DOCTYPE html><html><head><title>A day in town - The Paper</title>
<meta name="description" content="What happened in town.">
<link rel="canonical" href="https://p.example/a?id=7">
<style>p {{ color: red }}</style><script>var tracking = "<p>not text</p>";</script></head>
<body class="has-sidebar">
<nav><ul>{MENU}</ul></nav>
<main><article><h1>A day in town</h1>
{"".join(f"<p>{p}</p>" for p in STORY)}</article></main>
<aside class="related">
<p>Read also the long story about the other town, which is not this one.</p></aside>
<footer>
<p>Copyright of The Paper, all rights reserved, imprint and privacy policy.</p></footer>
</body></html>"""
LISTING = "<html><body><h1>Results</h1><ul>{}</ul></body></html>".format(
    "".join(f'<li><a href="/item/{i}">Item {i}</a> {i} points</li>' for i in range(30))
)


def view_of(page: str, *, focus: str = "", budget: int = 1500) -> str:
    reduction = html.reduce(page, Aim(budget, focus=focus))
    assert reduction is not None
    return reduction.text


def blocks_of(page: str) -> list[Block]:
    found = read(page)
    assert found is not None
    return found.blocks


def test_the_main_part_is_shown_and_what_stands_beside_it_is_not() -> None:
    view = view_of(ARTICLE)
    assert all(paragraph in view for paragraph in STORY)
    assert "Menu entry" not in view
    assert "other town, which" not in view
    assert "imprint" not in view
    assert "tracking" not in view
    assert "color" not in view


def test_title_address_and_description_lead() -> None:
    assert view_of(ARTICLE).split("\n")[:3] == [
        "title: A day in town - The Paper",
        "url: https://p.example/a?id=7",
        "description: What happened in town.",
    ]


def test_law_8_the_way_to_the_next_page_is_always_shown() -> None:
    page = LISTING.replace("</body>", '<div class="pager"><a rel="next" href="?p=2">On</a></div>')
    assert view_of(page, budget=250, focus="Item 3").startswith("next page: ?p=2\n")
    head = '<link rel="next" href="/a?page=2"></head>'
    assert "next page: /a?page=2" in view_of(ARTICLE.replace("</head>", head))


def test_a_page_that_is_a_list_shows_its_entries_with_their_addresses() -> None:
    view = view_of(LISTING)
    assert "- [Item 29](/item/29) 29 points" in view


def test_a_focus_brings_back_what_stands_beside_the_main_part() -> None:
    assert "imprint and privacy policy" in view_of(ARTICLE, focus="privacy policy imprint")


def test_over_the_budget_the_passages_that_the_focus_names_are_kept() -> None:
    view = view_of(ARTICLE, focus="what happened on the eighth?", budget=250)
    assert STORY[7] in view
    assert STORY[10] not in view
    assert "passages not shown]" in view


def test_rows_of_a_table_stay_rows() -> None:
    page = "<table><tr><th>Name<th>Size</tr><tr><td><p>one</p></td><td>1 kB</td></tr></table>"
    assert [block.text for block in blocks_of(page)] == ["Name | Size", "one | 1 kB"]


def test_a_row_that_is_sought_brings_the_names_of_its_columns() -> None:
    rows = "".join(f"<tr><td>target-{i}<td>tier {i % 3}<td>yes</tr>" for i in range(200))
    page = f"<html><h1>Targets</h1><table><tr><th>Name<th>Tier<th>std</tr>{rows}</table></html>"
    view = view_of(page, focus="target-150", budget=250)
    assert "Name | Tier | std" in view
    assert "target-150 | tier 0 | yes" in view


def test_items_of_a_list_in_an_article_stay_apart() -> None:
    lists = "".join(f"<ul><li>First {i}</li><li>Second {i}</li></ul><p>x</p>" for i in range(4))
    view = view_of(ARTICLE.replace("</article>", f"{lists}</article>"))
    assert "- First 3\n- Second 3\n" in view


def test_tables_that_only_lay_a_page_out_give_their_text_out() -> None:
    page = (
        f"<table><tr><td><table><tr><td>inner</td></tr></table><p>{STORY[0]}</p></td></tr></table>"
    )
    assert [block.text for block in blocks_of(page)] == ["inner", STORY[0]]


def test_data_that_a_page_carries_is_shown_when_the_focus_names_it() -> None:
    page = ARTICLE.replace(
        "</head>",
        '<script type="application/ld+json">{"@type": "Product", "offers": {"price": 10.50}}'
        "</script></head>",
    )
    assert "data: offers.price = 10.50" in view_of(page, focus="price of the offer")
    assert "offers.price" not in view_of(page)


def test_line_breaks_of_code_survive() -> None:
    assert [b.text for b in blocks_of("<pre>a\n  b &lt; c\n</pre>")] == ["a\n  b < c"]


@pytest.mark.parametrize(
    "page",
    [
        "<html>" + "<div>" * 20_000 + "x" + "</div>" * 20_000,
        "<html>" + "<div>" * 20_000 + "</p>" * 20_000,
        "<html>" + '<a href="' * 20_000,
        "<html>" + "<svg>" * 20_000,
        "<html>" + "<!--" * 20_000,
        "<html>" + "<" * 50_000,
        "<html>" + "<table><tr><td>" * 10_000,
        "<html><p>" + "word. " * 20_000,
    ],
    ids=["nested", "closers", "quotes", "svg", "comments", "angles", "tables", "sentences"],
)
def test_law_10_hostile_pages_end(page: str) -> None:
    found = html.reduce(page, Aim(400, focus="word"))
    assert found is None or estimate(found.text) < estimate(page)


def test_law_10_a_page_of_endless_elements_is_left_to_simpler_means() -> None:
    assert read("<p>" * (MAX_BOXES + 1)) is None
    assert html.reduce("<html>" + "<p>x" * (MAX_BOXES + 1), Aim(400)) is None


def test_nothing_is_offered_where_every_value_must_stay() -> None:
    assert html.reduce(ARTICLE, Aim(1500, lossless=True)) is None


FRAGMENTS = (
    *("<p>", "</p>", "<div class=nav>", "</div>", "<a href='/x'>", "</a>", "<li>", "<table>"),
    *("<tr>", "<td>", "</table>", "<h2>", "</h2>", "<script>", "</script>", "<!--", "-->", "<br>"),
    *("&amp;", "<title>", "</title>", "<", ">", '"', "Some words that make a sentence. ", "7"),
)
fragments = st.sampled_from(FRAGMENTS)
pages = st.lists(fragments | st.text(max_size=8), max_size=60).map("".join)


@given(pages, st.sampled_from(["", "words", "7 sentence"]))
@settings(max_examples=150, deadline=None)
def test_law_4_and_6_any_text_gives_the_same_honest_counts(page: str, focus: str) -> None:
    aim = Aim(250, focus=focus)
    reduction = html.reduce(page, aim)
    assert reduction == html.reduce(page, aim)
    for omission in reduction.omissions if reduction else ():
        assert 0 <= omission.shown <= omission.total


@given(pages)
@settings(max_examples=150, deadline=None)
def test_law_5_every_word_shown_stands_in_the_page(page: str) -> None:
    reduction = html.reduce("<html>" + page, Aim(400))
    for line in reduction.text.split("\n") if reduction else ():
        if not line.startswith(("[", "data: ", "title: ", "url: ", "description: ")):
            source = iter(unescape(unescape(page)) + page)
            assert all(letter in source for letter in line if letter.isalnum()), line


@given(st.integers(1, 80), st.integers(200, 900))
@settings(max_examples=40, deadline=None)
def test_law_2_a_view_is_never_bigger_and_keeps_to_its_budget(count: int, budget: int) -> None:
    body = "".join(f"<p>{STORY[i % 12]} Number {i}.</p>" for i in range(count))
    page = ARTICLE.replace("</article>", body + "</article>")
    reduction = html.reduce(page, Aim(budget, focus="the sixth"))
    assert reduction is not None
    assert estimate(reduction.text) <= budget * 1.05
    assert len(render(reduction, "cc_000000000000")) < len(page)


CARDS = "".join(
    f'<div class="card"><a href="/p/{i}"><h3>Shoe {i}</h3></a><span>{i}.99 EUR</span>'
    f"<span>{i} of 9</span><button>Buy</button></div>"
    for i in range(20)
)


def test_cards_of_a_list_stand_on_a_line_each() -> None:
    page = f"<html><body><nav>{MENU}</nav><main><h1>Shoes</h1>{CARDS}</main></body></html>"
    assert view_of(page).split("\n") == [
        "# Shoes",
        *(f"- [Shoe {i}](/p/{i}) | {i}.99 EUR {i} of 9" for i in range(20)),
    ]


def test_a_page_without_text_gives_the_data_it_carries() -> None:
    data = '<script type="application/json">{"product": {"name": "Shoe", "price": 89.90}}</script>'
    page = f"<html><head><title>App</title></head><div id=root></div>{data}{'<br>' * 99}</html>"
    assert view_of(page) == "title: App\ndata: product.name = Shoe\ndata: product.price = 89.90"


def test_an_article_is_shown_whole_up_to_two_budgets_when_nothing_is_sought() -> None:
    page = ARTICLE.replace("<footer>", "<script>" + "x" * 40_000 + "</script><footer>")
    whole = view_of(page, budget=250)
    assert all(paragraph in whole for paragraph in STORY)
    assert 250 < estimate(whole) <= 500
    assert estimate(view_of(page, budget=250, focus="the sixth")) <= 250


def test_the_data_of_a_row_keep_their_links() -> None:
    page = "<table>" + "".join(
        f'<tr><td>{i}.<td><td><a href="/item/{i}">Story number {i}</a></tr>' for i in range(9)
    )
    assert "8. | [Story number 8](/item/8)" in view_of(f"<html>{page}</table>")
