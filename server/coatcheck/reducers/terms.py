"""Read a focus as search terms: words, identifiers, phrases, numbers and dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

QUOTED = re.compile(
    r'"([^"\n]{2,200})"|`([^`\n]{2,200})`|(?<!\w)\'([^\'\n]{2,200})\'(?!\w)|“([^”\n]{2,200})”'
)
# A run without spaces that is joined by marks, as in 0.4.0, a/b.py, iter_content, kube-dns.
JOINED = re.compile(r"[^\W_]+(?:(?:::|->|[-_./:@#+=\\])[^\W_]+)+")
WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])|(?<![\w.,-])\d{4,15}(?![\w.,-]*\w)")
MONTHS = tuple(
    "january february march april may june july august september october november december".split()  # noqa: SIM905 - twelve quoted names are harder to read
)
ISO_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
MONTH = "(" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS) + r")\.?"
DAY_FIRST = re.compile(rf"(?i)(?<!\w)(\d{{1,2}})(?:st|nd|rd|th)? {MONTH},? (\d{{4}})(?!\w)")
MONTH_FIRST = re.compile(rf"(?i)(?<!\w){MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})(?!\w)")
# Endings that a stem may take in the text, and those that are cut from a word of the focus.
ENDINGS = re.compile(
    r"(?:e?s|e|e?d|ing|ings|ers?|ors?|ions?|ations?|ive|ly|al|ally|ments?|y|ies|ied|ity|able|ible"
    r"|ance|ence|ant|ent|i[sz](?:e|ed|es|ing|ation))?\Z"
)
CUT = re.compile(r"(?:ations?|(?<=t)ions?|ments?|ings?|ies|ied|ers?|ors?|ed|es|ly|s|e|y)\Z")
STOP = frozenset(
    re.findall(
        r"\w+",
        "a about all also an and another any are as at be been before being between but by "
        "can could did do does each every find for from get give had has have having he her "
        "here his how i if in into is it its itself just list may me might more most much "
        "must my need no not of on only or other others our out per please same shall she "
        "should show so some such tell than that the their them then there these they this "
        "those to too up us very via was we were what when where which while who whom whose "
        "why will with would you your ",
    )
)
MOST_TERMS = 48


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for: any of its folded forms counts.

    A stemmed term also matches with another ending; an exact one must end where its form ends.
    """

    forms: tuple[str, ...]
    weight: float = 1.0
    is_exact: bool = False


def fold(text: str) -> str:
    """Return text in lower case with every character at its old position."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def stem(word: str) -> str:
    """Return word without a common English ending; at least four letters stay."""
    match = CUT.search(word)
    if not match or not word.isascii() or not word.isalpha() or word.endswith("ss"):
        return word
    short = word[: match.start()]
    if len(short) > 4 and short[-1] == short[-2] and short[-1] not in "aeiouls":
        short = short[:-1]
    return short if len(short) >= (5 if len(match.group()) > 3 else 4) else word


def dates(focus: str) -> Iterator[tuple[str, Term]]:
    """Yield each full date in focus as found, with the other ways to write it."""
    for match in ISO_DATE.finditer(focus):
        year, month, day = (int(group) for group in match.groups())
        yield from one_date(match.group(), year, month, day)
    for match in DAY_FIRST.finditer(focus):
        yield from one_date(match.group(), int(match[3]), month_of(match[2]), int(match[1]))
    for match in MONTH_FIRST.finditer(focus):
        yield from one_date(match.group(), int(match[3]), month_of(match[1]), int(match[2]))


def month_of(name: str) -> int:
    """Return the number of the month that name begins."""
    return next(n for n, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def one_date(found: str, year: int, month: int, day: int) -> Iterator[tuple[str, Term]]:
    """Yield found with the usual forms of one date, if it is one."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return
    long, short = MONTHS[month - 1], MONTHS[month - 1][:3]
    forms = [f"{year}{mark}{month:02}{mark}{day:02}" for mark in ("-", "/", ".", "")]
    forms += [f"{day:02}/{short}/{year}", f"{month:02}/{day:02}/{year}", f"{month}/{day}/{year}"]
    for name in (long, short):
        forms += [f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {day:02}, {year}"]
    yield found, Term((found.lower(), *forms), 2.0, is_exact=True)


def numbers(focus: str) -> Iterator[tuple[str, Term]]:
    """Yield each long number in focus as found, with and without thousands separators."""
    for match in NUMBER.finditer(focus):
        plain = match.group().replace(",", "")
        if len(plain) < 16:
            yield match.group(), Term((plain, f"{int(plain):,}"), 1.5, is_exact=True)


def words(text: str) -> Iterator[str]:
    """Yield the words of text, folded; names in camelCase also by their parts.

    Scripts that write without spaces give pairs of characters.
    """
    for match in WORD.finditer(text):
        word = match.group()
        if UNSPACED.search(word):
            yield from (word[i : i + 2] for i in range(max(1, len(word) - 1)))
            continue
        yield word.lower()
        parts = HUMP.split(word)
        if len(parts) > 1:
            yield from (part.lower() for part in parts)


def terms(focus: str) -> list[Term]:
    """Return what focus looks for, at most 48 terms, phrases and identifiers first."""
    found: dict[str, Term] = {}
    rest = focus
    for text, term in dates(focus):
        found[term.forms[0]] = term
        rest = rest.replace(text, " ")
    for text, term in numbers(rest):
        found.setdefault(term.forms[0], term)
        rest = rest.replace(text, " ")
    for groups in QUOTED.findall(rest):
        phrase = " ".join("".join(groups).lower().split())
        found.setdefault(phrase, Term((phrase,), 2.5, is_exact=True))
    joined = [match.group() for match in JOINED.finditer(rest)]
    joined += [word for word in WORD.findall(rest) if HUMP.search(word)]
    for name in joined:
        found.setdefault(name.lower(), Term((name.lower(),), 2.0, is_exact=True))
    inside = {word for name in joined for word in words(name)}
    for word in significant(rest):
        if not (word in inside and len(word) < 3):
            weight = 0.7 if word in inside else 1.0
            exact = any(char.isdigit() or UNSPACED.match(char) for char in word)
            form = word if exact else stem(word)
            found.setdefault(word, Term((form,), weight, is_exact=exact))
    return list(found.values())[:MOST_TERMS]


def significant(focus: str) -> list[str]:
    """Return the words of focus that say something; all of them when none does."""
    every = list(dict.fromkeys(words(focus)))
    return [word for word in every if word not in STOP and len(word) > 1] or every
