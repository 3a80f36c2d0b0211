"""Fit the costs of the estimate to a corpus and print its error per content type.

Usage: COATCHECK_CORPUS=DIR python scripts/calibrate_estimate.py [--extra DIR]

DIR holds *.jsonl with `text` and `content_type` a line. --extra names a folder of text files in
other languages, of which the corpus has few; each file is one item of the type `language`.
Prints the costs to write into sizing.py, then, for those that stand there now, the absolute
relative error over whole items and over single lines.
"""

import argparse
import base64
import json
import os
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path

from coatcheck.counting import Encode, TokenCounter, load_encode
from coatcheck.sizing import BLOCK_CHARS, COSTS, estimate, signs

PART_CHARS = 2_000
PARTS = 12
LINES = 40
# How much a content type counts in the fit: what results are made of first, rare things a little.
WEIGHTS = {"generated": 0.5, "language": 0.3}
LINE_WEIGHT = 0.35
# An error of one token on a line of two is no worse than one on a line of six.
LEAST_TOKENS = 6


@dataclass(frozen=True, slots=True)
class Item:
    """A text, what kind it is for the fit, and what it is called in the table."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One equation: signs times costs should be tokens, with a weight."""

    signs: Sequence[int]
    tokens: int
    weight: float


def generated() -> Iterator[Item]:
    """Yield texts of kinds that the corpus has few of, always the same ones."""
    chance = random.Random(7)
    for _ in range(4):
        texts = {
            "base64": base64.b64encode(chance.randbytes(6_000)).decode(),
            "hex": "\n".join(
                chance.randbytes(chance.choice((8, 20, 32))).hex() for _ in range(300)
            ),
            "uuid": "\n".join(str(uuid.UUID(bytes=chance.randbytes(16))) for _ in range(250)),
            "numbers": "\n".join(
                ",".join(f"{chance.uniform(-999, 999):.{chance.randint(0, 6)}f}" for _ in range(8))
                for _ in range(150)
            ),
            "emoji": "".join(chr(chance.randint(0x1F600, 0x1F64F)) for _ in range(1_500)),
        }
        for name, text in texts.items():
            yield Item("generated", name, text)


def gather(corpus: Path, extra: Path | None) -> Iterator[Item]:
    """Yield the items of the corpus, the generated ones and those of extra."""
    for file in sorted(corpus.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            item = json.loads(line)
            yield Item(item["content_type"], item["content_type"], item["text"])
    yield from generated()
    for file in sorted(extra.iterdir()) if extra else ():
        yield Item("language", "language", file.read_text("utf-8"))


def parts(text: str) -> list[str]:
    """Return at most 12 parts of text, spread over it."""
    starts = list(range(0, len(text), PART_CHARS))
    chosen = starts[:: -(-len(starts) // PARTS)]
    return [text[start : start + PART_CHARS] for start in chosen]


def lines(text: str) -> list[str]:
    """Return at most 40 lines of text, spread over it, with their line ends."""
    every = [line for line in text.splitlines(keepends=True) if line.strip() and len(line) < 4_000]
    return every[:: -(-len(every) // LINES)] if every else []


def rows(items: Sequence[Item], encode: Encode) -> Iterator[Row]:
    """Yield an equation per part and per line; each kind of content weighs the same."""
    for units, share in ((parts, 1.0), (lines, LINE_WEIGHT)):
        cut = [(item.kind, unit) for item in items for unit in units(item.text)]
        sizes = Counter(kind for kind, _ in cut)
        for kind, unit in cut:
            weight = share * (WEIGHTS.get(kind, 1.0) / sizes[kind]) ** 0.5
            yield Row(signs(unit), len(encode(unit)), weight)


def fit(equations: Iterable[Row]) -> list[float]:
    """Return the costs with the least squares of the weighted relative errors."""
    square = [[0.0] * len(COSTS) for _ in COSTS]
    right = [0.0] * len(COSTS)
    for row in equations:
        scale = row.weight / max(LEAST_TOKENS, row.tokens)
        values = [sign * scale for sign in row.signs]
        for i, value in enumerate(values):
            right[i] += value * row.tokens * scale
            square[i] = [old + value * other for old, other in zip(square[i], values, strict=True)]
    return solve(square, right)


def solve(square: list[list[float]], right: list[float]) -> list[float]:
    """Return x with square @ x = right, by elimination without pivoting (positive definite)."""
    table = [[*row, value] for row, value in zip(square, right, strict=True)]
    for i, pivot in enumerate(table):
        table[i] = pivot = [value / pivot[i] for value in pivot]
        for j, row in enumerate(table):
            if j != i:
                table[j] = [a - row[i] * b for a, b in zip(row, pivot, strict=True)]
    return [row[-1] for row in table]


def quantiles(errors: list[float]) -> str:
    """Return median, 90th percentile and maximum of the absolute values, and the mean, in %."""
    if not errors:
        return f"{'-':>6} " * 3 + f"{'-':>6}"
    ordered = sorted(map(abs, errors))
    chosen = (statistics.median(ordered), ordered[int(0.9 * (len(ordered) - 1))], ordered[-1])
    shown = " ".join(f"{100 * value:6.1f}" for value in chosen)
    return f"{shown} {100 * statistics.fmean(errors):+6.1f}"


def error_table(items: Sequence[Item], truth: Sequence[int], encode: Encode) -> None:
    """Print the errors of the estimate per content type; sum is that of all lines together."""
    head = f"{'median':>6} {'p90':>6} {'max':>6} {'mean':>6}"
    print(f"{'content type':12} items {head}   lines {head}    sum")
    own = {item.name for item in items if item.kind not in WEIGHTS}
    for name in (*dict.fromkeys(item.name for item in items), "corpus"):
        names = own if name == "corpus" else {name}
        here = [i for i, item in enumerate(items) if item.name in names]
        whole = [estimate(items[i].text) / truth[i] - 1 for i in here]
        cut = [line for i in here for line in lines(items[i].text)]
        sizes = [(estimate(line), len(encode(line))) for line in cut]
        line_errors = [guess / size - 1 for guess, size in sizes]
        total = sum(guess for guess, _ in sizes) / (sum(size for _, size in sizes) or 1) - 1
        print(
            f"{name:12} {len(whole):5} {quantiles(whole)}   {len(cut):5} {quantiles(line_errors)}"
            f" {100 * total if cut else 0:+6.1f}"
        )


def total_signs(text: str) -> list[int]:
    """Return the signs of a text of any length."""
    blocks = [text[i : i + BLOCK_CHARS] for i in range(0, len(text), BLOCK_CHARS)]
    return [sum(counts) for counts in zip(*map(signs, blocks), strict=True)]


def held_out(items: Sequence[Item], truth: Sequence[int], encode: Encode) -> str:
    """Return the errors over corpus items that the costs were not fitted to, in two halves."""
    errors = []
    for half in (0, 1):
        costs = fit(rows([item for i, item in enumerate(items) if i % 2 != half], encode))
        errors += [
            sum(map(mul, costs, total_signs(items[i].text))) / truth[i] - 1
            for i in range(half, len(items), 2)
            if items[i].kind not in WEIGHTS
        ]
    return quantiles(errors)


def speed(texts: Sequence[str], encode: Encode) -> str:
    """Return the time of the estimate as a share of encoding the same texts."""
    spent = []
    for size in (estimate, encode):
        began = time.perf_counter()
        for text in texts:
            size(text)
        spent.append(time.perf_counter() - began)
    return f"{spent[0] / spent[1]:.3f}"


def main() -> None:
    """Fit, then print costs, errors and speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", type=Path, help="folder of texts in other languages")
    args = parser.parse_args()
    encode = load_encode()
    counter = TokenCounter(lambda: encode)
    items = list(gather(Path(os.environ["COATCHECK_CORPUS"]), args.extra))
    truth = [counter.count(item.text).tokens for item in items]
    costs = fit(rows(items, encode))
    print(f"COSTS = ({', '.join(f'{cost:.3f}' for cost in costs)})")
    error_table(items, truth, encode)
    print(f"held-out items: {held_out(items, truth, encode)}")
    texts = [item.text for item in items if item.kind not in WEIGHTS]
    print(f"time, estimate / tiktoken: items {speed(texts, encode)}", end="")
    print(f", parts {speed([part for text in texts for part in parts(text)], encode)}", end="")
    print(f", lines {speed([line for text in texts for line in lines(text)], encode)}")


if __name__ == "__main__":
    main()
