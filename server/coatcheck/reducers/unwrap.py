"""Reduce JSON that is mostly one long text: the fields around it, and the text as what it is."""

from collections.abc import Iterator
from dataclasses import replace

from coatcheck import reducers
from coatcheck.reducers import clip
from coatcheck.reducers.digest import digest, whole_room
from coatcheck.reducers.rawjson import Value, parse
from coatcheck.reducers.shape import join, sections_of
from coatcheck.sizing import estimate
from coatcheck.types import Aim, Omission, Reduction

KIND = "text in json"
LEAST_CHARACTERS = 1_500
LEAST_SHARE = 0.6
MOST_LEAVES = 2_000
# Of the budget: what the fields around the text may cost.
AROUND_SHARE = 0.4
SAID = "(the text below)"


def reduce(text: str, aim: Aim) -> Reduction | None:
    """Return the fields of a JSON document and its one long text reduced on its own.

    None when no text makes up the most of it, and for a lossless aim.
    """
    if aim.lossless or len(text) < LEAST_CHARACTERS:
        return None
    document = parse(text)
    long = longest(document.value) if document else None
    if document is None or long is None or len(long[1]) < LEAST_SHARE * len(text):
        return None
    path, inner = long
    around = told(document.value, inner, aim)
    left = replace(aim, budget_tokens=max(1, aim.budget_tokens - estimate(around.text) - 20))
    made = reducers.reduce(inner, left) or clip.reduce(inner, left)
    if made is None or not made.text:
        return None
    shown = ", ".join(f"{o.shown:,} of {o.total:,} {o.unit} shown" for o in made.omissions)
    head = f"{path}: text of {len(inner):,} characters, {shown or 'all of it'}; @ counts its lines"
    return replace(
        made,
        text="\n".join(filter(None, [around.text, head, made.text])),
        kind=KIND,
        omissions=[*named(made, path), *around.omissions],
    )


def named(made: Reduction, path: str) -> Iterator[Omission]:
    """Yield what is left out of the text at path."""
    for omission in made.omissions:
        yield replace(omission, what=f"{omission.what} of {path}".strip())


def told(value: Value, inner: str, aim: Aim) -> Reduction:
    """Return the document with a note where the long text stands."""
    budget = max(40, round(AROUND_SHARE * aim.budget_tokens))
    sections = sections_of(without(value, inner))
    before = estimate(str(value)) - estimate(inner)
    return digest(sections, replace(aim, budget_tokens=budget), KIND, whole_room(before, budget))


def without(value: Value, inner: str) -> Value:
    """Return value with a note in place of the long text."""
    if isinstance(value, dict):
        return {key: without(member, inner) for key, member in value.items()}
    if isinstance(value, list):
        return [without(member, inner) for member in value]
    return SAID if value is inner else value


def longest(value: Value) -> tuple[str, str] | None:
    """Return the longest text inside value with its path, None when there is too much to look at.

    A text that is JSON itself does not count: its records say more than its lines.
    """
    best: tuple[str, str] | None = None
    for count, (path, text) in enumerate(leaves(value)):
        if count > MOST_LEAVES:
            return None
        if best is None or len(text) > len(best[1]):
            best = path, text
    return best if best and best[1].lstrip()[:1] not in ("{", "[") else None


def leaves(value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the strings inside value, each with its path."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from leaves(member, join(path, str(key)))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from leaves(member, f"{path}[{number}]")
    elif type(value) is str:
        yield path, value
