"""What becomes of snapshots, XML, YAML and drawn trees."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.reducers import trees
from coatcheck.sizing import estimate
from coatcheck.types import Aim
from coatcheck.view import render

LINKS = "\n".join(
    f"        - listitem [ref=e{i}]:\n"
    f'          - link "Entry {i}" [ref=e{i + 1}] [cursor=pointer]:\n'
    f"            - /url: /entries/{i}"
    for i in range(100, 300, 2)
)
SNAPSHOT = f"""### Page
- Page URL: http://shop.example/
- Page Title: Shop
### Snapshot
```yaml
- generic [active] [ref=e1]:
  - banner [ref=e2]:
    - generic [ref=e3]:
      - textbox "Search" [ref=e4]: shoes
      - button [ref=e5] [cursor=pointer]:
        - img
        - generic [ref=e6]: Go now
  - navigation "Categories" [ref=e7]:
      - list [ref=e8]:
{LINKS}
  - main [ref=e9]:
    - 'heading "Shoes: all" [level=1] [ref=e10]'
    - paragraph [ref=e11]: Twelve pairs are left of the best shoes in town.
    - row "one two" [ref=e12]:
      - cell "one" [ref=e13]
      - cell "two" [ref=e14]
    - alert [ref=e15]: Payment failed
```"""
POD = """- apiVersion: v1
  kind: Pod
  metadata:
    name: api-{i}
    namespace: shop
    uid: 5f0c{i}
    managedFields:
    - manager: kubelet
      fieldsV1:
        f:status: {{}}
  spec:
    containers:
    - name: main
      image: shop/api:1.{i}
      env:
      - name: REGION
        value: eu-{i}
  status:
    phase: {phase}
"""
PODS = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
    POD.format(i=i, phase="Failed" if i == 17 else "Running") for i in range(40)
)
POM = (
    '<?xml version="1.0"?>\n<project xmlns="http://maven.example/POM">\n  <dependencies>\n'
    + "".join(
        f"    <dependency>\n      <groupId>org.g{i}</groupId>\n"
        f"      <artifactId>part-{i}</artifactId>\n"
        f"      <version>{i}.0.10</version>\n    </dependency>\n"
        for i in range(200)
    )
    + "  </dependencies>\n</project>\n"
)


def view_of(text: str, *, focus: str = "", budget: int = 600) -> str:
    reduction = trees.reduce(text, Aim(budget, focus=focus))
    assert reduction is not None
    return reduction.text


def test_what_can_be_acted_on_is_shown_with_its_ref() -> None:
    view = view_of(SNAPSHOT, budget=6_000)
    refs = set(re.findall(r"(?:link|button|textbox)[^\n]*?\[ref=(e\d+)\]", SNAPSHOT))
    assert refs == set(re.findall(r"\[ref=(e\d+)\]", view))
    assert "cursor=pointer" not in view
    assert "/entries/" not in view


def test_an_element_without_a_name_bears_the_text_inside_it() -> None:
    assert 'button "Go now" [ref=e5]' in view_of(SNAPSHOT)


def test_controls_alerts_and_headings_come_before_links() -> None:
    view = view_of(SNAPSHOT, budget=200)
    assert 'textbox "Search" [ref=e4]: shoes' in view
    assert "Payment failed" in view
    assert 'heading "Shoes: all" [level=1]' in view
    assert re.search(r"\[not shown: link \d+", view)


def test_the_element_that_the_focus_names_is_shown_under_its_place() -> None:
    view = view_of(SNAPSHOT, focus='Click the link "Entry 250"', budget=250)
    assert 'navigation "Categories":\n' in view
    assert '  link "Entry 250" [ref=e251]' in view


def test_addresses_are_shown_when_the_focus_asks_for_them() -> None:
    view = view_of(SNAPSHOT, focus="url of Entry 250", budget=250)
    assert 'link "Entry 250" [ref=e251] -> /entries/250' in view


def test_the_row_that_is_sought_is_shown_whole_with_its_button() -> None:
    rows = "".join(
        f'    - row "A-{i} open" [ref=e1{i}]:\n      - cell "A-{i}" [ref=e2{i}]\n'
        f'      - cell "12.{i}" [ref=e3{i}]\n      - cell [ref=e4{i}]:\n'
        f'        - button "Open" [ref=e5{i}]\n'
        for i in range(10, 90)
    )
    view = view_of(f'- table "Orders" [ref=e1]:\n{rows}', focus="open order A-77", budget=300)
    assert 'A-77 | 12.77 | button "Open" [ref=e577]' in view


def test_cells_of_a_row_stand_on_one_line() -> None:
    assert "one | two" in view_of(SNAPSHOT, budget=6_000)


def test_bookkeeping_of_a_cluster_is_dropped_and_announced() -> None:
    reduction = trees.reduce(PODS, Aim(9_000))
    assert reduction is not None
    assert "kubelet" not in reduction.text
    assert any("managedFields" in omission.what for omission in reduction.omissions)


def test_every_object_keeps_its_name_before_details_and_failures_come_first() -> None:
    view = view_of(PODS, budget=700)
    assert "phase: Failed" in view
    assert "name: api-17" in view


def test_a_focus_brings_the_branch_with_what_it_hangs_on() -> None:
    view = view_of(PODS, focus="REGION of api-23", budget=300)
    assert "name: api-23" in view
    assert "value: eu-23" in view
    assert "items: […]" in view


def test_an_item_of_which_only_the_name_is_shown_takes_one_line() -> None:
    view = view_of(PODS, budget=900)
    assert "\n- […] name: api-30\n" in view
    assert all(f"name: api-{i}" in view for i in range(40))


def test_short_leaves_of_xml_stand_on_the_line_of_their_element() -> None:
    view = view_of(POM, focus="version of part-150", budget=300)
    assert "dependency: groupId=org.g150, artifactId=part-150, version=150.0.10" in view
    assert "xmlns" not in view


def test_text_around_elements_is_not_run_together() -> None:
    text = '<?xml version="1.0"?><d><p>One <b>two</b> three</p><p>x</p><p>y</p><q/></d>'
    assert "p: One […] three" in view_of(text)


def test_entities_are_never_resolved() -> None:
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "haha"><!ENTITY b "&a;&a;">]><l>'
        + "<m><k>&b;</k><k>2</k></m>" * 200
        + "</l>"
    )
    assert "haha" not in view_of(bomb).replace('ENTITY a "haha"', "")


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?>' + "<a>" * 20_000 + "</a>" * 20_000,
        '<?xml version="1.0"?><a>' + '<b c="' * 20_000,
        '<?xml version="1.0"?><a>' + "<!--" * 20_000,
        "a: &a [x,x]\n" + "b: &b [*a,*a]\n" * 5_000,
        "\n".join(" " * i + "k:" for i in range(900)),
        "├── file.txt\n" * 5_000,
        "│   " * 30_000 + "x\n",
        "\n".join(" " * i + f"- generic [ref=e{i}]:" for i in range(900)),
        '- link "a b" [ref=e1]:\n  - /url: x\n' * 5_000,
        "- 'link \"a [ref=e1]\n" * 5_000,
    ],
    ids=["xml", "quotes", "comments", "alias", "deep", "drawn", "bars", "snapshot", "flat", "open"],
)
def test_law_10_hostile_trees_end(text: str) -> None:
    trees.reduce(text, Aim(400, focus="file"))


PIECES = (
    *('- link "a b" [ref=e1]:\n', "  - /url: /x\n", "- button [ref=e2]\n", "  - text: words\n"),
    *("- 'heading \"x: y\" [ref=e3]'\n", "a: b\n", "  - c: 1\n", "      managedFields:\n", "---\n"),
    *('<?xml version="1.0"?>', "<a>", "</a>", '<b c="1">', "├── f\n", "\n"),
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=80).map("".join)


@given(texts, st.sampled_from(["", "a b", "heading x", "managedFields"]))
@settings(max_examples=200, deadline=None)
def test_law_4_and_6_any_text_gives_the_same_honest_counts(text: str, focus: str) -> None:
    aim = Aim(250, focus=focus)
    reduction = trees.reduce(text, aim)
    assert reduction == trees.reduce(text, aim)
    for omission in reduction.omissions if reduction else ():
        assert 0 <= omission.shown <= omission.total


@given(texts)
@settings(max_examples=200, deadline=None)
def test_law_5_every_word_shown_stands_in_the_source(text: str) -> None:
    for head in ("", '<?xml version="1.0"?><r><s/><s/><s/><s/>'):
        reduction = trees.reduce(head + text, Aim(900))
        for line in reduction.text.split("\n") if reduction else ():
            if not line.startswith("[not shown: "):
                words = re.findall(r"\w+", line)
                bare = re.sub(r"<[^<>]*>", "", head + text)
                assert all(word in head + text or word in bare for word in words), line


@given(st.sampled_from([SNAPSHOT, PODS, POM]), st.integers(250, 900), st.sampled_from(["", "17"]))
@settings(max_examples=60, deadline=None)
def test_law_2_a_view_is_never_bigger_and_keeps_to_its_budget(
    text: str, budget: int, focus: str
) -> None:
    reduction = trees.reduce(text, Aim(budget, focus=focus))
    assert reduction is not None
    assert estimate(reduction.text) <= budget * 1.05
    assert len(render(reduction, "cc_000000000000")) < len(text)


@given(st.integers(200, 3_000), st.sampled_from(["", 'link "Entry 150"', "payment"]))
@settings(max_examples=60, deadline=None)
def test_law_8_refs_of_elements_shown_are_never_altered(budget: int, focus: str) -> None:
    for line in view_of(SNAPSHOT, focus=focus, budget=budget).split("\n"):
        found = re.fullmatch(r'\s*link "([^"]+)" \[ref=(\w+)\]', line)
        assert found is None or f'link "{found[1]}" [ref={found[2]}]' in SNAPSHOT


def test_the_one_button_of_a_long_form_is_shown() -> None:
    fields = "".join(
        f'  - group "Part {n}" [ref=f{n}]:\n    - textbox "Name {n}" [ref=g{n}]\n'
        f'    - textbox "Street {n}" [ref=h{n}]\n'
        for n in range(60)
    )
    text = f'- form "Checkout" [ref=f]:\n{fields}  - button "Pay now" [ref=f999]\n'
    found = trees.reduce(text, Aim(300))
    assert found is not None
    assert 'button "Pay now" [ref=f999]' in found.text


def test_the_reason_of_a_kill_is_shown_without_a_focus() -> None:
    volumes = "".join(f"  vol{n}:\n    Type:  ConfigMap\n    Name:  cm-{n}\n" for n in range(60))
    text = (
        "Name:         checkout-7d9f\nContainers:\n  app:\n    State:       Waiting\n"
        f"    Last State:  Terminated\n      Reason:    OOMKilled\nVolumes:\n{volumes}"
    )
    found = trees.reduce(text, Aim(250))
    assert found is not None
    assert "OOMKilled" in found.text


def test_texts_that_comments_part_do_not_stand_together() -> None:
    filler = "".join(f"<item n='{n}'>text of item {n}</item>\n" for n in range(200))
    xml = f'<?xml version="1.0"?>\n<r><v>12<!-- a -->\n<!-- b -->34</v>{filler}</r>'
    reduction = trees.reduce(xml, Aim(900, focus="12 34"))
    assert reduction and "1234" not in reduction.text and "12 34" in reduction.text
