"""Cut a mixed text into prose and structured parts; reduce each part as what it is."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from coatcheck import reducers
from coatcheck.reducers import clip
from coatcheck.reducers.blocks import blocks
from coatcheck.reducers.select import relevance
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

READ_CHARACTERS = 8_000_000
STRUCTURED_SHARE = 0.3
MOST_PARTS = 40
LEAD_TOKENS = 60
LEADS_SHARE = 0.3
LABEL_TOKENS = 15
LEAST_TOKENS = 40
RELEVANCE_WEIGHT = 3.0
# Of the budget: what is dealt out evenly, so that no part goes without.
EQUAL_SHARE = 0.2
PLACE = re.compile(r"(?:(?<=\s)|^)@(\d+)(?:-(\d+))?(?=:)")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text; lines count from 1, both included."""

    text: str
    first: int
    last: int
    is_block: bool


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the parts of a mixed text, each reduced on its own; None when it is not mixed."""
    if len(text) > READ_CHARACTERS:
        return None
    parts = cut(text)
    structured = sum(len(part.text) for part in parts if part.is_block)
    if not 1 < len(parts) <= MOST_PARTS or structured < STRUCTURED_SHARE * len(text):
        return None
    done = [
        reduced(part, replace(aim, budget_tokens=budget))
        for part, budget in zip(parts, shared(parts, aim), strict=True)
    ]
    body = "\n".join(written(part, made) for part, made in zip(parts, done, strict=True))
    cuts = [made for made in done if made is None or made.omissions]
    if not cuts:
        return Reduction(body, "split", "lossless")
    if len(cuts) == 1 and cuts[0]:
        return replace(cuts[0], text=body, kind="split")  # all else is shown: its units say it best
    weak = [made.weak_focus for made in cuts if made]
    omissions = omitted(text, parts, done)
    return Reduction(body, "split", "selected", omissions, weak_focus=bool(weak) and all(weak))


def cut(text: str) -> list[Part]:
    """Return the structured blocks of text and what stands between them, in order."""
    places = [0]
    for start, end in blocks(text):
        places += [start, end]
    places.append(len(text))
    parts, line = [], 1
    for number in range(len(places) - 1):
        piece = text[places[number] : places[number + 1]]
        bare = piece.strip("\n")
        first = line + len(piece) - len(piece.lstrip("\n"))
        if bare.strip():
            parts.append(Part(bare, first, first + bare.count("\n"), number % 2 == 1))
        line += piece.count("\n")
    return parts


def shared(parts: Sequence[Part], aim: Aim) -> list[int]:
    """Return the budget of each part: lead-ins whole, the rest by size and relevance."""
    costs = [estimate(part.text) for part in parts]
    budgets = [0] * len(parts)
    left = aim.budget_tokens - LABEL_TOKENS * len(parts)
    leads = round(left * LEADS_SHARE)
    for i, cost in enumerate(costs):
        if not parts[i].is_block and cost <= min(LEAD_TOKENS, leads):
            budgets[i] = cost
            leads -= cost
            left -= cost
    scores = relevance([part.text for part in parts], aim.focus)
    best = max(scores, default=0.0) or 1.0
    weights = {
        i: math.sqrt(cost) * (1 + RELEVANCE_WEIGHT * scores[i] / best)
        for i, cost in enumerate(costs)
        if not budgets[i]
    }
    while weights:
        whole = sum(weights.values())
        each = {
            i: max(0.0, left) * (EQUAL_SHARE / len(weights) + (1 - EQUAL_SHARE) * weight / whole)
            for i, weight in weights.items()
        }
        fitting = [i for i in weights if costs[i] <= each[i]]
        for i in fitting or each:
            budgets[i] = min(costs[i], int(each[i]))
            left -= budgets[i]
            del weights[i]
    return budgets


def reduced(part: Part, aim: Aim) -> Reduction | None:
    """Return a part within its budget, whole where it fits; None when nothing of it is shown."""
    whole = Reduction(part.text, "whole", "lossless")
    if aim.lossless:
        return reducers.reduce(part.text, aim) or whole
    if estimate(part.text) <= aim.budget_tokens:
        return whole
    if aim.budget_tokens < LEAST_TOKENS:
        return None
    made = reducers.reduce(part.text, aim) or clip.reduce(part.text, aim)
    return made if made and made.text else None


def written(part: Part, made: Reduction | None) -> str:
    """Return a part as it is shown, below its lines and what of it is left out."""
    place = f"@{part.first}" if part.first == part.last else f"@{part.first}-{part.last}"
    if made is None:
        return f"{place}: not shown"
    if made.kind == "whole":
        return f"{place}:\n{made.text}"
    told = ", ".join(told_of(made)) or "everything shown, written shorter"
    if PLACE.search(part.text):
        # The source has such marks itself: better counted apart than falsified.
        return f"{place}, {made.kind}: {told}; lines below count from 1\n{made.text}"
    return f"{place}, {made.kind}: {told}\n{moved(made.text, part.first - 1)}"


def told_of(made: Reduction) -> Iterator[str]:
    """Yield what of a part is shown, in its own units."""
    for omission in made.omissions:
        what = f" {omission.what}" if omission.what else ""
        yield f"{omission.shown:,} of {omission.total:,} {omission.unit} shown{what}"


def moved(text: str, by: int) -> str:
    """Return text with the line numbers of its passages raised by a number of lines."""

    def place(match: re.Match[str]) -> str:
        numbers = (int(number) + by for number in match.groups() if number)
        return f"@{'-'.join(map(str, numbers))}"

    return PLACE.sub(place, text)


def omitted(text: str, parts: Sequence[Part], done: Sequence[Reduction | None]) -> list[Omission]:
    """Return how many lines are shown as they are, then what each reduced part leaves out."""
    total = text.count("\n") + 1
    hidden, inner = 0, []
    for part, made in zip(parts, done, strict=True):
        size = part.last - part.first + 1
        if made is None:
            hidden += size
        elif made.omissions:
            lead = made.omissions[0]
            hidden += size - (min(size, lead.shown) if lead.unit == "lines" else 0)
            lines = f"of lines {part.first}-{part.last}"
            inner += [replace(o, what=f"{o.what} {lines}".strip()) for o in made.omissions]
    return [Omission("lines", total - hidden, total), *inner]
