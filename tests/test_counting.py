"""Counting: the bundled vocabulary, pieces, samples and what happens when the encoder gives up."""

import asyncio
import hashlib
import importlib
import lzma
import os
import random
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import pytest
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coatcheck.counting import (
    BOUNDARY,
    PATTERN,
    VOCABULARY_SHA256,
    Count,
    Encode,
    TokenCounter,
    encoder,
    load_encode,
    pieces,
    ranks,
)
from coatcheck.sizing import estimate
from coatcheck.types import CoatcheckError

RAW_NAME = "fb374d419588a4632f3f557e76b4b70aebbca790"


def noise(alphabet: str, length: int) -> str:
    return "".join(random.Random(length).choices(alphabet, k=length))


SAMPLES = {
    "english": "The quick brown fox jumps over the lazy dog. It's 1,234.5 metres away!\n" * 40,
    "json": '{"id":1234567,"full_name":"octo/Hello-World","tags":["a","b"],"ok":true}\n' * 40,
    "code": "def f(x: int) -> str:\n    return f'{x:>8}'  # ≥ 0\n\n\nclass HTTPServer: ...\n" * 30,
    "special": "<|endoftext|> and <|endofprompt|> are text",
    "lone surrogates": "a\ud800b \udc00c \ud83d\ude00 \udfff",
    "emoji": "👩‍👩‍👧‍👦 🇫🇷 👍🏽 naïve café " * 20,
    "cjk": "東京都の天気は晴れです。中文文本没有空格。 한국어 텍스트 " * 20,
    "many scripts": "Привет, мир! שלום עולם مرحبا بالعالم नमस्ते " * 20,
    "random letters": noise("abcdefghijklmnopqrstuvwxyz", 5_000),
    "base64": noise("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 5_000),
    "punctuation": noise("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", 5_000),
    "odd spaces": "\u00a0\u3000\t \r\n\x0b\x0c\x1c\x85\u2028 x " * 50,
    "control": "".join(map(chr, range(256))) * 4,
    "one letter": "a" * 60_000,
    "spaces": " " * 60_000,
    "line breaks": "\n" * 60_000,
}
# Number of tokens and a digest of their ids, from tiktoken's own o200k_base and the raw file.
GOLDEN = {
    "english": (800, "5389909515cd3105"),
    "json": (1_120, "00e121e9d9928f07"),
    "code": (870, "97637482313c7e81"),
    "special": (17, "770dee9bf735ff15"),
    "lone surrogates": (7, "1ca977fcc9b27ff5"),
    "emoji": (421, "5be770cbcd13117f"),
    "cjk": (420, "0b45f0674b1cfdb1"),
    "many scripts": (281, "a10fd3990dbe73a5"),
    "random letters": (2_601, "2364f58e21cc4f9a"),
    "base64": (3_409, "b72ea5d1c355682d"),
    "punctuation": (3_296, "28f21fdac158ea68"),
    "odd spaces": (501, "a01fc91f4afda142"),
    "control": (860, "6b315dd2bd9fc3ce"),
    "one letter": (7_500, "33464e5befb98ab2"),
    "spaces": (470, "894779fdc3ad9814"),
    "line breaks": (3_750, "a1ec3fd347f6d654"),
}


def digest(ids: Sequence[int]) -> str:
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def encode() -> Encode:
    return load_encode()


@pytest.fixture(scope="module")
def counter(encode: Encode) -> TokenCounter:
    return TokenCounter(lambda: encode)


def test_the_split_pattern_is_the_one_tiktoken_uses() -> None:
    published = importlib.import_module("tiktoken_ext.openai_public")
    spared = {**vars(published), "load_tiktoken_bpe": lambda *_, **__: {}}
    own = types.FunctionType(published.o200k_base.__code__, spared)()
    assert own["pat_str"] == PATTERN


@pytest.mark.parametrize("name", SAMPLES)
def test_ids_are_those_of_the_raw_vocabulary(name: str, encode: Encode) -> None:
    ids = encode(SAMPLES[name])
    assert (len(ids), digest(ids)) == GOLDEN[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_count_is_exact(name: str, counter: TokenCounter) -> None:
    assert counter.count(SAMPLES[name]) == Count(GOLDEN[name][0])


def test_the_bundled_vocabulary_is_the_raw_one() -> None:
    raw = Path(os.environ.get("TIKTOKEN_CACHE_DIR", "")) / RAW_NAME
    if not raw.is_file():
        pytest.skip("TIKTOKEN_CACHE_DIR names no folder with the raw o200k_base file")
    packed = resources.files("coatcheck").joinpath("data", "o200k_base.xz").read_bytes()
    assert ranks(packed) == tiktoken.get_encoding("o200k_base")._mergeable_ranks


def test_no_text_costs_nothing(counter: TokenCounter) -> None:
    assert counter.count("") == Count(0)


@pytest.mark.parametrize("gap", [" ", "-"])
def test_pieces_do_not_change_the_count_of_ordinary_text(
    gap: str, counter: TokenCounter, encode: Encode
) -> None:
    text = "".join(
        f"line{gap}{i}:{gap}{i * 7919 % 1000}th{gap}value{gap}{i * i}\n" for i in range(9_000)
    )
    assert len(text) > 3 * 65_536
    assert counter.count(text) == Count(len(encode(text)))


def test_the_encoder_never_gets_a_piece_near_the_size_it_panics_at(encode: Encode) -> None:
    seen = []

    def watch(piece: str) -> Sequence[int]:
        seen.append(len(piece))
        return encode(piece)

    counter = TokenCounter(lambda: watch)
    for length in (524_288, 524_289, 3_000_000):
        counter.count(" " * length)
    assert max(seen) == 65_536


def test_pieces_hardly_change_the_count_of_text_without_a_place_to_cut(
    counter: TokenCounter, encode: Encode
) -> None:
    text = noise("ABCDEFabcdef0123456789+/", 300_000)
    extra = counter.count(text).tokens - len(encode(text))
    assert 0 <= extra <= 2 * (len(text) // 65_536)


ODD = st.text(alphabet=" \n\r\ta1.'s/Zé中\u3000\x1c\x85_", max_size=60)


@given(ODD, st.integers(1, 20))
def test_pieces_are_the_text(text: str, size: int) -> None:
    cut = list(pieces(text, size))
    assert "".join(cut) == text
    assert all(len(piece) <= size for piece in cut)


@settings(max_examples=500, deadline=None)
@given(text=ODD, size=st.integers(1, 40))
@example(text=".\n/a", size=4)
@example(text="a\n \na", size=5)
def test_no_token_reaches_over_a_boundary(encode: Encode, text: str, size: int) -> None:
    place = BOUNDARY.match(text, 0, size)
    if place:
        left, right = text[: place.end()], text[place.end() :]
        assert [*encode(left), *encode(right)] == list(encode(text))


def test_a_long_text_is_sampled_and_the_truth_lies_within_the_half_width(
    counter: TokenCounter, encode: Encode
) -> None:
    chance = random.Random(1)
    lines = [SAMPLES[name] for name in ("english", "json", "code", "cjk")]
    text = "".join(chance.choice(lines) for _ in range(400))
    assert len(text) > 524_288
    count = counter.count(text)
    truth = sum(len(encode(text[i : i + 50_000])) for i in range(0, len(text), 50_000))
    assert 0 < abs(count.tokens - truth) <= count.half_width < 0.2 * truth


def test_a_sampled_count_is_the_same_every_time(counter: TokenCounter) -> None:
    text = noise("abc de\n", 600_000)
    assert counter.count(text) == counter.count(text)


@pytest.mark.parametrize("letter", " \ta\n-\u3000")
def test_a_million_of_one_character_is_counted(counter: TokenCounter, letter: str) -> None:
    half = counter.count(letter * 500_000)
    whole = counter.count(letter * 1_000_000)
    assert whole.half_width > 0
    assert abs(whole.tokens - 2 * half.tokens) <= 0.05 * whole.tokens


def panic(_: str) -> Sequence[int]:
    """Fail as the real encoder does on a million spaces in one piece."""
    return load_encode()(" " * 1_000_000)


def refuse(_: str) -> Sequence[int]:
    raise ValueError("the encoder refused")


@pytest.mark.parametrize("broken", [panic, refuse])
def test_the_estimate_stands_in_when_the_encoder_gives_up(broken: Encode) -> None:
    text = SAMPLES["english"]
    count = TokenCounter(lambda: broken).count(text)
    assert count.tokens == estimate(text)
    assert count.half_width > 0.1 * count.tokens
    assert abs(count.tokens - GOLDEN["english"][0]) <= count.half_width


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit, MemoryError]
)
def test_other_errors_are_not_swallowed(error: type[BaseException]) -> None:
    def stop(_: str) -> Sequence[int]:
        raise error

    with pytest.raises(error):
        TokenCounter(lambda: stop).count("x")


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: b"",
        lambda packed: packed[:-100],
        lambda packed: packed[:1000] + bytes([packed[1000] ^ 1]) + packed[1001:],
        lambda packed: lzma.compress(b"another vocabulary"),
    ],
)
def test_a_damaged_vocabulary_is_named(damage: Callable[[bytes], bytes]) -> None:
    packed = resources.files("coatcheck").joinpath("data", "o200k_base.xz").read_bytes()
    with pytest.raises(CoatcheckError, match=r"o200k_base\.xz is damaged; reinstall"):
        encoder(damage(packed))


def test_the_vocabulary_is_read_once_by_many_threads(encode: Encode) -> None:
    loads = []

    def load() -> Encode:
        loads.append(1)
        return encode

    counter, start, counts = TokenCounter(load), threading.Barrier(8), []

    def work() -> None:
        start.wait(5)
        counts.append(counter.count("one two three").tokens)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(loads), counts) == (1, [3] * 8)


OFFLINE = """
import sys
def forbid(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"network touched: {event} {args}")
sys.addaudithook(forbid)
from coatcheck.counting import TokenCounter
counter = TokenCounter()
assert "tiktoken" not in sys.modules, "loaded before the first count"
print(counter.count("hello <|endoftext|> world").tokens)
"""


def test_counting_touches_no_network_and_loads_at_the_first_count(tmp_path: Path) -> None:
    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(tmp_path), "DATA_GYM_CACHE_DIR": ""}
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, "9"), run.stderr
    assert not list(tmp_path.iterdir())


def test_the_vocabulary_has_the_digest_that_is_stated() -> None:
    packed = resources.files("coatcheck").joinpath("data", "o200k_base.xz").read_bytes()
    assert hashlib.sha256(lzma.decompress(packed)).hexdigest() == VOCABULARY_SHA256
