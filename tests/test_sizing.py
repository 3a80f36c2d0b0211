"""Sizing: the estimate keeps its laws on any text and its error on every kind of content."""

import base64
import json
import random
import re
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.counting import Encode, load_encode
from coatcheck.sizing import BLOCK_CHARS, CLAUDE_FACTOR, COSTS, content_class, estimate, signs

COMMON = (
    "the of and to in that it is was for on are with as his they be at one have this from or "
    "had by but some what there we can out other were all your when up use word how said an "
    "each she which their time will way about many then them would write like these long make "
    "thing see him two has more day could go come did number sound no most people over know "
    "water than call first who may down side been now find server request connection response "
    "configuration deployment available"
)
WORDS = COMMON.split()
IDEOGRAPHS = (
    "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能"
)


def prose(chance: random.Random) -> str:
    sentences = (" ".join(chance.choices(WORDS, k=chance.randint(5, 20))) for _ in range(80))
    return "".join(
        f"{sentence.capitalize()}.{chance.choice(' ' * 5 + chr(10))}" for sentence in sentences
    )


def markdown(chance: random.Random) -> str:
    return "".join(
        f"## {' '.join(chance.choices(WORDS, k=3))}\n\n- **{chance.choice(WORDS)}**:"
        f" [{chance.choice(WORDS)}](https://example.org/{chance.choice(WORDS)}) and more\n\n"
        for _ in range(60)
    )


def records(chance: random.Random) -> str:
    return json.dumps(
        [
            {
                "id": chance.randrange(10**9),
                "full_name": f"{chance.choice(WORDS)}/{chance.choice(WORDS)}",
                "description": " ".join(chance.choices(WORDS, k=8)),
                "html_url": f"https://example.org/{chance.choice(WORDS)}/{chance.choice(WORDS)}",
                "private": chance.random() < 0.5,
                "license": None,
                "created_at": f"2024-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}T08:30:00Z",
            }
            for _ in range(60)
        ],
        indent=chance.choice([None, 2]),
    )


def log(chance: random.Random) -> str:
    return "".join(
        f"2024-05-1{chance.randint(0, 9)} 1{chance.randint(0, 9)}:{chance.randint(10, 59)}:07,"
        f"{chance.randint(100, 999)} {chance.choice(['INFO', 'WARN', 'DEBUG'])} [worker-"
        f"{chance.randint(1, 32)}] server.{chance.choice(WORDS)}: request from 10.0."
        f"{chance.randint(0, 255)}.{chance.randint(0, 255)} took {chance.randint(1, 9999)} ms\n"
        for _ in range(120)
    )


def code(chance: random.Random) -> str:
    return "".join(
        f"    def get_{chance.choice(WORDS)}(self, {chance.choice(WORDS)}: int) -> str:\n"
        f"        if self._{chance.choice(WORDS)} is None:\n"
        f'            raise ValueError(f"{chance.choice(WORDS)} {{self.name}}")\n'
        f"        return self.{chance.choice(WORDS)}[{chance.randint(0, 9)}]\n\n"
        for _ in range(60)
    )


def html(chance: random.Random) -> str:
    return "".join(
        f'<li class="item-{chance.choice(WORDS)}"><a href="/{chance.choice(WORDS)}/'
        f'{chance.randint(1, 999)}">{" ".join(chance.choices(WORDS, k=4)).title()}</a></li>\n'
        for _ in range(120)
    )


def numbers(chance: random.Random) -> str:
    return "".join(
        ",".join(f"{chance.uniform(-999, 999):.{chance.randint(1, 4)}f}" for _ in range(8)) + "\n"
        for _ in range(100)
    )


def csv(chance: random.Random) -> str:
    return "".join(
        f"{i},{chance.choice(WORDS)} {chance.choice(WORDS)},{chance.choice(WORDS)}@example.org,"
        f"{chance.choice(['open', 'closed'])},{chance.randint(1, 99)}\n"
        for i in range(100)
    )


def hexes(chance: random.Random) -> str:
    return "".join(f"{uuid.UUID(int=chance.getrandbits(128))}\n" for _ in range(150))


def base64s(chance: random.Random) -> str:
    return base64.b64encode(chance.randbytes(5_000)).decode()


def cjk(chance: random.Random) -> str:
    return "".join(
        "".join(chance.choices(IDEOGRAPHS, k=chance.randint(8, 25))) + "。" for _ in range(100)
    )


def emoji(chance: random.Random) -> str:
    return "".join(chr(chance.randint(0x1F600, 0x1F64F)) for _ in range(1_200))


KINDS = {
    "prose": prose,
    "markdown": markdown,
    "json": records,
    "log": log,
    "code": code,
    "html": html,
    "csv": csv,
    "numbers": numbers,
    "hex": hexes,
    "base64": base64s,
    "cjk": cjk,
    "emoji": emoji,
}
HOSTILE = {
    "spaces": " " * 1_000_000,
    "line breaks": "\n" * 1_000_000,
    "one letter": "a" * 1_000_000,
    "dashes": "-" * 1_000_000,
    "digits": "7" * 1_000_000,
    "emoji": "👩‍👩‍👧‍👦" * 100_000,
    "lone surrogates": "\ud800x\udfff" * 300_000,
    "null": "\0" * 1_000_000,
    "brackets": "[" * 1_000_000,
    "tags": "<a" * 500_000,
    "quotes": '":' * 500_000,
    "almost a link": "](" * 500_000,
    "almost base64": ("A" * 39 + " ") * 25_000,
}
# Mostly ASCII, as results are, with every sign that the estimate looks at.
TEXT = st.text(
    st.one_of(st.sampled_from(" \n\taZ09.,-\"'{é中😀\ud800"), st.characters()), max_size=200
)


@pytest.fixture(scope="module")
def encode() -> Encode:
    return load_encode()


def test_no_text_costs_nothing() -> None:
    assert estimate("") == 0


@given(TEXT.filter(bool))
def test_any_text_costs_at_least_one_and_at_most_three_a_byte(text: str) -> None:
    assert 1 <= estimate(text) <= 3 * len(text.encode("utf-8", "surrogatepass"))


@given(TEXT, TEXT)
def test_parts_add_up_to_the_whole_but_for_a_few_tokens(left: str, right: str) -> None:
    assert abs(estimate(left + right) - estimate(left) - estimate(right)) <= 5


@given(TEXT, TEXT)
def test_more_text_hardly_costs_less(left: str, right: str) -> None:
    assert estimate(left + right) >= max(estimate(left), estimate(right)) - 4


@given(TEXT)
def test_the_same_text_costs_the_same(text: str) -> None:
    assert estimate(text) == estimate("".join(text))


def test_the_signs_of_a_text_are_counted() -> None:
    assert signs("Zo9 (x)\n\nB7 é😀 42\tq.") == (6, 6, 6, 3, 3, 3, 1, 1, 1, 1, 1, 4, 1)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_bounded_on_every_kind_of_content(
    name: str, seed: int, encode: Encode
) -> None:
    text = KINDS[name](random.Random(seed))
    truth = len(encode(text))
    assert abs(estimate(text) - truth) <= 0.25 * truth


@pytest.mark.parametrize("name", ["prose", "markdown", "json", "log", "code", "html", "csv"])
def test_lines_add_up_to_the_text(name: str) -> None:
    text = KINDS[name](random.Random(4))
    parts = sum(map(estimate, text.splitlines(keepends=True)))
    assert abs(parts - estimate(text)) <= 0.1 * estimate(text)


@pytest.mark.parametrize("name", KINDS)
def test_a_long_text_costs_what_its_parts_cost(name: str) -> None:
    chance = random.Random(5)
    text = "".join(KINDS[name](chance) for _ in range(60))
    assert len(text) > BLOCK_CHARS
    parts = sum(estimate(text[i : i + 5_000]) for i in range(0, len(text), 5_000))
    assert abs(estimate(text) - parts) <= 0.05 * parts


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_sized(name: str) -> None:
    text = HOSTILE[name]
    assert 1_000 < estimate(text) <= len(text.encode("utf-8", "surrogatepass"))
    assert content_class(text) in CLAUDE_FACTOR


@pytest.mark.parametrize("name", KINDS)
def test_the_class_of_content_is_recognised(name: str) -> None:
    assert content_class(KINDS[name](random.Random(6))) == name


@given(TEXT)
def test_every_text_has_a_class_with_a_factor(text: str) -> None:
    assert CLAUDE_FACTOR[content_class(text)] >= 1


def test_the_documented_costs_are_the_ones_in_use() -> None:
    text = (Path(__file__).parents[1] / "docs" / "tokens.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| [^|]+ \| (-?\d\.\d{3}) \|$", text)
    assert tuple(map(float, rows)) == COSTS
