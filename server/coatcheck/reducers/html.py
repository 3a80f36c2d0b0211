"""Reduce an HTML page to its main part, or to the passages of it that the focus names."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from coatcheck.reducers.budget import WHOLE, tightened
from coatcheck.reducers.cards import cards, joined
from coatcheck.reducers.htmltext import HEADINGS, Block, Page, collapse, read
from coatcheck.reducers.mainpart import is_menu, list_part, main_part
from coatcheck.reducers.select import fill, relevance
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

MAX_CHARS = 20_000_000
LINKS_SOUGHT = re.compile(
    r"(?i)\b(?:links?|urls?|href|address(?:es)?|download|https?|where .* leads?)\b"
)
SENTENCE = re.compile("(?<=[.!?])\\s+|(?<=[\u3002\uff01\uff1f])\\s*")
PASSAGE = 400  # characters; a longer block is cut into passages at ends of sentences
DESCRIPTION = 300  # characters of a description that are shown
NOWHERE = ("javascript:", "#", "data:")
SHOWN_FACTS = 8
MAX_FACTS = 2_000  # values looked at in the data a page carries
WEAK = 0.1  # share of the best match below which a passage is left out though there is room
GAP = 8  # tokens that a line about left-out passages costs
# The main part is shown whole up to WHOLE budgets only if that is at most this share of the page.
SHARE = 0.3


Addresses = Literal["every", "first", ""]


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of a block; main tells whether it belongs to the main part."""

    text: str
    kind: str
    main: bool
    block: Block


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return what the page says within aim, None where that is not shorter or nothing is said.

    Wholly deterministic and linear in text: an own reader of tags, no parser of another project.
    """
    if aim.lossless or len(text) > MAX_CHARS:
        return None
    page = read(text)
    if page is None:
        return None
    part = set(main_part(page))
    is_list = not part
    part = part or set(list_part(page))
    passages = list(cut(page, part))
    lines = facts(page, aim.focus, is_empty=not page.blocks)
    if not passages and not lines:
        return None
    left = aim.budget_tokens - estimate("\n".join(lines)) - 2 * GAP
    addresses: Addresses = "every" if LINKS_SOUGHT.search(aim.focus) else "first" if is_list else ""
    scores = relevance([passage.text for passage in passages], aim.focus)
    main = [index for index, passage in enumerate(passages) if passage.main]
    costs = [estimate(passage.text) + 1 for passage in passages]
    has_data = any(line.startswith("data: ") for line in lines)
    weak = bool(aim.focus) and not any(scores) and not has_data
    spent = aim.budget_tokens - left

    def made(room: int, shown: Sequence[int]) -> Reduction:
        body = [*lines, *written(passages, shown, addresses=addresses, left=room - spent)]
        return reduction_of(text, body, passages, shown, weak=weak)

    whole = spare(text, aim) - spent
    if sum(costs[index] for index in main) <= whole:
        more = beside(passages, costs, scores, whole - sum(costs[index] for index in main))
        return made(whole + spent, sorted({*main, *more}))
    return tightened(
        lambda room: made(room, choose(passages, costs, scores, room - spent)), aim.budget_tokens
    )


def reduction_of(
    text: str,
    body: Sequence[str],
    passages: Sequence[Passage],
    shown: Sequence[int],
    *,
    weak: bool,
) -> Reduction:
    """Return the reduction that shows these passages and counts the others."""
    view = "\n".join(body)
    chosen = set(shown)
    is_whole = all(index in chosen for index, passage in enumerate(passages) if passage.main)
    omitted = [Omission("characters", min(len(view), len(text)), len(text), "tags and scripts")]
    if len(shown) < len(passages):
        said = Omission("passages", len(shown), len(passages), "passages of visible text")
        omitted.insert(0, said)
    return Reduction(
        view,
        "html",
        "trimmed" if is_whole else "selected",
        omitted,
        handle="a word of it",
        weak_focus=weak,
    )


def spare(text: str, aim: Aim) -> int:
    """Return the tokens that a main part may cost when it is shown whole."""
    if aim.focus:
        return aim.budget_tokens
    most = min(WHOLE * aim.budget_tokens, SHARE * estimate(text))
    return max(aim.budget_tokens, round(most))


def cut(page: Page, part: set[int]) -> Iterator[Passage]:
    """Yield the passages of page in source order: a card, or a piece of a block, each."""
    seen = [
        (index in part or not part, card, block)
        for index, (card, block) in enumerate(zip(cards(page), page.blocks, strict=True))
        if index in part or block.box < 0 or not page.boxes[block.box].hidden
    ]
    for (is_main, card), group in groupby(seen, key=lambda one: one[:2]):
        blocks = [block for _, _, block in group]
        if card >= 0 and len(blocks) > 1:
            block = joined(blocks)
            yield Passage(block.text, block.kind, is_main, block)
            continue
        for block in blocks:
            for piece in pieces(block.text):
                yield Passage(piece, block.kind, is_main, block)


def pieces(text: str) -> list[str]:
    """Return text cut at ends of sentences into pieces of about PASSAGE characters."""
    if len(text) <= PASSAGE * 3 // 2:
        return [text]
    found, start, last = [], 0, 0
    for end in [*(m.end() for m in SENTENCE.finditer(text)), len(text)]:
        if end - start > PASSAGE and last > start:
            found.append(text[start:last].strip())
            start = last
        last = end
    found.append(text[start:].strip())
    return [piece for piece in found if piece]


def facts(page: Page, focus: str, *, is_empty: bool) -> list[str]:
    """Return the lines about the page as a whole: title, address, description, data by focus.

    Of a page that says nothing itself the first data are shown without any focus.
    """
    lines = [
        f"{key}: {page.facts[key]}" for key in ("title", "url", "next page") if page.facts.get(key)
    ]
    description = page.facts.get("description", "")
    if description and not any(block.text.startswith(description[:80]) for block in page.blocks):
        cut_off = description[:DESCRIPTION]
        lines.append(f"description: {cut_off}{'…' if cut_off != description else ''}")
    data = [leaf for source in page.data for leaf in leaves(source)][:MAX_FACTS]
    scores = relevance(data, focus) if focus else [float(is_empty)] * len(data)
    best = sorted(range(len(data)), key=lambda i: (-scores[i], i))[:SHOWN_FACTS]
    return lines + [f"data: {data[i]}" for i in sorted(best) if scores[i] > 0]


def leaves(source: str) -> list[str]:
    """Return the short values of the JSON in source as "path = value", numbers as written."""
    try:
        value = json.loads(source, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    todo: list[tuple[str, object]] = [("", value)]
    while todo and len(found) < MAX_FACTS:
        path, item = todo.pop()
        if isinstance(item, dict):
            todo += [(f"{path}.{key}".lstrip("."), inner) for key, inner in item.items()][::-1]
        elif isinstance(item, list):
            todo += [(path, inner) for inner in item][::-1]
        elif isinstance(item, str) and 0 < len(item) <= PASSAGE and "@" not in path:
            found.append(f"{path} = {collapse(item)}")
    return found


def choose(
    passages: Sequence[Passage], costs: Sequence[int], scores: Sequence[float], left: int
) -> list[int]:
    """Return the indices of the passages that fit: what the focus names, else an outline."""
    if any(scores):
        return by_focus(passages, costs, scores, left)
    return by_outline(passages, costs, left)


def beside(
    passages: Sequence[Passage], costs: Sequence[int], scores: Sequence[float], left: int
) -> list[int]:
    """Return the indices of the passages beside the main part that the focus names."""
    outside = [
        0.0 if passage.main else score for score, passage in zip(scores, passages, strict=True)
    ]
    return fill(costs, strong(outside), left)


def strong(scores: Sequence[float]) -> list[float]:
    """Return scores with those below a third of the best made nothing."""
    best = max(scores, default=0.0)
    return [score if score >= best / 3 else 0.0 for score in scores]


def by_focus(
    passages: Sequence[Passage], costs: Sequence[int], scores: Sequence[float], left: int
) -> list[int]:
    """Return what the focus names, with neighbours, and the headings it stands under."""
    values = [
        score * (1.0 if passage.main else 0.6)
        for score, passage in zip(scores, passages, strict=True)
    ]
    above = headings(passages)
    spread = list(values)
    for index, value in enumerate(values):
        if above[index] >= 0 and above[index] != index:
            spread[index] += 0.3 * values[above[index]]
        for near in (index - 1, index + 1):
            if 0 <= near < len(values) and not is_menu(passages[near].block):
                spread[near] = max(spread[near], 0.3 * value)
    top = max(spread, default=0.0)
    spread = [value if value >= WEAK * top else 0.0 for value in spread]
    prices = [cost + GAP // 2 for cost in costs]
    chosen = fill(prices, spread, left * 9 // 10)
    tops = table_tops(passages)
    heads = {i for index in chosen for i in (above[index], tops[index]) if i >= 0} - set(chosen)
    room = left - sum(prices[index] for index in chosen)
    extra = fill([prices[i] for i in sorted(heads)], [1.0] * len(heads), room)
    return sorted({*chosen, *(sorted(heads)[i] for i in extra)})


def headings(passages: Sequence[Passage]) -> list[int]:
    """Return, per passage, the heading it stands under, -1 for none or that of the whole page."""
    heading, found = -1, []
    for index, passage in enumerate(passages):
        heading = index if passage.kind in HEADINGS and passage.kind != "h1" else heading
        found.append(heading)
    return found


def table_tops(passages: Sequence[Passage]) -> list[int]:
    """Return, per passage, the first row of the table it stands in, -1 for none."""
    top, found = -1, []
    for index, passage in enumerate(passages):
        top = (index if top < 0 else top) if passage.kind == "row" else -1
        found.append(top)
    return found


def by_outline(passages: Sequence[Passage], costs: Sequence[int], left: int) -> list[int]:
    """Return headings, then the first passages of each section, then the ones after them."""
    values, rank = [], 0
    for passage in passages:
        rank = 0 if passage.kind in HEADINGS else rank + 1
        values.append((2.0 if rank == 0 else 1.0 / rank) if passage.main else 0.0)
    prices = [cost + GAP // 2 for cost in costs]
    return fill(prices, values, left)


def written(
    passages: Sequence[Passage], shown: Sequence[int], *, addresses: Addresses, left: int
) -> list[str]:
    """Return the lines of the passages shown, with a mark where some of the main part is not."""
    lines: list[str] = []
    room = left - sum(estimate(passages[index].text) + 1 for index in shown)
    previous = -1
    for index in shown:
        missing = sum(passage.main for passage in passages[previous + 1 : index])
        if missing:
            lines.append(f"[… {missing} passages not shown]")
        passage = passages[index]
        line = mark(passage.kind) + passage.text
        if addresses and passage.block.links:
            linked = with_addresses(line, passage.block, every=addresses == "every")
            cost = estimate(linked) - estimate(line)
            if cost <= room:
                room, line = room - cost, linked
        lines.append(line)
        previous = index
    missing = sum(passage.main for passage in passages[previous + 1 :])
    if missing:
        lines.append(f"[… {missing} passages not shown]")
    return lines


def mark(kind: str) -> str:
    """Return what a line of this kind begins with."""
    if kind in HEADINGS:
        return "#" * int(kind[1]) + " "
    return "- " if kind == "li" else ""


def with_addresses(line: str, block: Block, *, every: bool) -> str:
    """Return line with addresses after the labels of links: of every link, or the longest one."""
    links = [(label, href) for label, href in block.links if not href.startswith(NOWHERE)]
    if not every:
        links = sorted(links, key=lambda link: -len(link[0]))[:1]
    done, rest = [], line
    for label, href in links:
        before, found, after = rest.partition(label)
        if found:
            done.append(f"{before}[{label}]({href})")
            rest = after
    return "".join(done) + rest
