"""Find the cards of a page: small boxes of one make that stand beside each other."""

from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.htmltext import Block, Box, Page
from coatcheck.reducers.mainpart import totals
from coatcheck.reducers.wordlist import words

MAX_CARD = 320  # characters that a card may hold
LISTS = words("ul ol dl table tbody menu select")  # what stands in them are the cards
ALIKE = 3  # boxes of one make that make them cards


def cards(page: Page) -> list[int]:
    """Return, per block, the box of the card it stands in, -1 for none."""
    held = [0.0] * len(page.boxes)
    count = [0.0] * len(page.boxes)
    for block in page.blocks:
        if block.box >= 0:
            held[block.box] += len(block.text)
            count[block.box] += 1
    held, count = totals(page.boxes, held), totals(page.boxes, count)
    is_small = [n >= 2 and size <= MAX_CARD for n, size in zip(count, held, strict=True)]
    makes = Counter(make(box) for box, small in zip(page.boxes, is_small, strict=True) if small)
    found: list[int] = []
    for index, box in enumerate(page.boxes):
        above = found[box.parent] if box.parent >= 0 else -1
        is_card = is_small[index] and box.tag not in LISTS and makes[make(box)] >= ALIKE
        found.append(above if above >= 0 else index if is_card else -1)
    return [found[block.box] if block.box >= 0 else -1 for block in page.blocks]


def make(box: Box) -> tuple[int, str, str]:
    """Return what boxes of one make have in common: place, tag and first class."""
    return box.parent, box.tag, box.hints.split(" ")[0]


def joined(blocks: Sequence[Block]) -> Block:
    """Return the blocks of one card as one block, buttons left out unless it is all buttons."""
    spoken = [block for block in blocks if block.kind != "button"] or list(blocks)
    return Block(
        "li",
        " | ".join(block.text for block in spoken),
        blocks[0].box,
        blocks[0].line,
        sum(block.linked for block in spoken),
        tuple(link for block in spoken for link in block.links),
    )
