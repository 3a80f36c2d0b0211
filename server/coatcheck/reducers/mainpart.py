"""Tell the main part of a page from its menus, footers and advertisements."""

import re
from collections import Counter
from collections.abc import Sequence

from coatcheck.reducers.htmltext import HEADINGS, Block, Box, Page
from coatcheck.reducers.wordlist import words

PROSE = 50  # letters from which a block of text counts as prose
WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
TOGETHER = 400  # letters of prose in one box from which it is an article's, not a teaser's
LONELY = 0.1  # what a letter of prose counts below that
LEAVES = words("p li dd dt blockquote")
NARROWING = 0.75  # the main part is the smallest box that holds this share of the prose
ARTICLE = 400  # letters of prose below which a page is a list or an app
ARTICLE_SHARE = 0.2  # and the share of all visible letters
LIST_SHARE = 0.3  # of the visible letters that the list of a page must hold
ASIDE_TAGS = words("nav footer aside button select option textarea form dialog")
OWN_TAGS = words("html body main article")
ASIDE_HINTS = re.compile(
    r"(?<![a-z])(?:nav|navbar|navigation|menu|menus|submenu|megamenu|footer|sidebar|side-bar"
    r"|breadcrumbs?|share|sharing|sharebar|social|addthis|related|recirc|recommend(?:ed|ation)s?"
    r"|promo|promos|advert\w*|ads?|sponsor\w*|cookies?|consent|gdpr|newsletter|subscribe"
    r"|subscription|comments?|disqus|respond|popup|modal|overlay|toolbar|masthead"
    r"|outbrain|taboola|trending|popular|most-read|read-more|skip-link|login|signup|sign-up"
    r"|contentinfo|complementary|search|author-bio|byline-bio|tag-list|tagcloud|widgets?"
    r"|screen-reader-text|sr-only|visually-hidden|banner)(?![a-z])"
)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def letters(text: str) -> int:
    """Return the length of text, a letter of a wide script counting for two and a half."""
    return len(text) + len(WIDE.findall(text)) * 3 // 2


def prose(block: Block) -> float:
    """Return how much running text block holds: its letters outside of links, 0 when short."""
    size = letters(block.text)
    if block.kind in HEADINGS or block.kind in ("field", "pre") or size < PROSE:
        return 0.0
    share = unlinked(block)
    return size * share if share > 0.5 else 0.0


def unlinked(block: Block) -> float:
    """Return the share of block's characters that stands outside of links."""
    return 1 - block.linked / len(block.text)


def worths(page: Page, alone: Sequence[float]) -> list[float]:
    """Return the prose of each block, less where it stands alone, as teasers do."""
    families = [family(page, block) for block in page.blocks]
    together: Counter[int] = Counter()
    for index, value in zip(families, alone, strict=True):
        together[index] += round(value)
    return [
        value if together[index] >= TOGETHER else value * LONELY
        for index, value in zip(families, alone, strict=True)
    ]


def family(page: Page, block: Block) -> int:
    """Return the box whose blocks belong together with block."""
    if block.box < 0 or page.boxes[block.box].tag not in LEAVES:
        return block.box
    return page.boxes[block.box].parent


def totals(boxes: Sequence[Box], own: Sequence[float]) -> list[float]:
    """Return own amounts with those of all boxes inside added."""
    sums = list(own)
    for index in range(len(boxes) - 1, 0, -1):
        if boxes[index].parent >= 0:
            sums[boxes[index].parent] += sums[index]
    return sums


def aside(box: Box) -> bool:
    """Tell whether box calls itself something beside the main part."""
    if box.hidden or box.tag in ASIDE_TAGS:
        return True
    if box.tag in OWN_TAGS or not box.hints:
        return False
    return ASIDE_HINTS.search(CAMEL.sub("-", box.hints).lower()) is not None


def set_aside(page: Page, worth: Sequence[float]) -> list[bool]:
    """Return, per box, whether it stands in something beside the main part.

    A box that holds most of the prose of the page is never beside it, whatever it calls itself.
    """
    own = [0.0] * len(page.boxes)
    for block, value in zip(page.blocks, worth, strict=True):
        if block.box >= 0:
            own[block.box] += value
    sums = totals(page.boxes, own)
    limit = sum(worth) / 2
    flags: list[bool] = []
    for box, held in zip(page.boxes, sums, strict=True):
        inherited = box.parent >= 0 and flags[box.parent]
        flags.append(inherited or (aside(box) and not (held > limit > 0)))
    return flags


def narrowest(page: Page, worth: Sequence[float], flags: Sequence[bool]) -> int:
    """Return the smallest box that holds NARROWING of the prose not set aside, -1 for the page."""
    own = [0.0] * len(page.boxes)
    for block, value in zip(page.blocks, worth, strict=True):
        if block.box >= 0 and not flags[block.box]:
            own[block.box] += value
    sums = totals(page.boxes, own)
    need = NARROWING * sum(own)
    best = -1
    for index, box in enumerate(page.boxes):
        if box.parent == best and sums[index] >= need:
            best = index
    return best


def inside(page: Page, top: int) -> list[bool]:
    """Return, per box, whether it is top or stands in it."""
    found: list[bool] = []
    for index, box in enumerate(page.boxes):
        found.append(index == top or (box.parent >= 0 and found[box.parent]))
    return found


def main_part(page: Page) -> list[int]:
    """Return the indices of the blocks that make the main part of page.

    Empty when the page is a list or an app, whose parts are all alike.
    """
    alone = [prose(block) for block in page.blocks]
    worth = worths(page, alone)
    flags = set_aside(page, worth)
    kept = [
        value if block.box < 0 or not flags[block.box] else 0.0
        for block, value in zip(page.blocks, alone, strict=True)
    ]
    seen = sum(letters(block.text) * unlinked(block) for block in page.blocks)
    if sum(kept) < max(ARTICLE, ARTICLE_SHARE * seen):
        return []
    top = narrowest(page, worth, flags)
    within = inside(page, top)
    chosen = [
        index
        for index, block in enumerate(page.blocks)
        if (top < 0 or (block.box >= 0 and within[block.box]))
        and not (block.box >= 0 and flags[block.box])
        and not is_menu(block)
    ]
    return with_headline(page, chosen, top)


def list_part(page: Page) -> list[int]:
    """Return the indices of the blocks of a page that is a list which are not set aside.

    Empty when they are only a small share of the page: then its names for its boxes tell nothing.
    """
    flags = set_aside(page, [0.0] * len(page.blocks))
    chosen = [i for i, b in enumerate(page.blocks) if b.box < 0 or not flags[b.box]]
    held = sum(letters(page.blocks[index].text) for index in chosen)
    seen = sum(letters(block.text) for block in page.blocks)
    return chosen if held >= LIST_SHARE * seen else []


def is_menu(block: Block) -> bool:
    """Tell whether block is links and hardly anything else."""
    return block.kind not in HEADINGS and block.linked > 0.8 * len(block.text)


def with_headline(page: Page, chosen: Sequence[int], top: int) -> list[int]:
    """Return chosen with the first headline of the page, and without headings of nothing."""
    first = next((i for i, block in enumerate(page.blocks) if block.kind == "h1"), None)
    indices = sorted({*chosen, *([] if first is None else [first])})
    while indices and page.blocks[indices[-1]].kind in HEADINGS and len(indices) > 1:
        indices.pop()
    return indices
