"""Check what a model said against the source: what is not in the source does not pass."""

import re
from dataclasses import dataclass

# Where one sentence ends and the next begins; an abbreviation that splits one only makes the
# check stricter.
SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=\S)")  # noqa: RUF001 quotation marks
QUOTED = re.compile(
    r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)['‘]([^'’]+)['’](?!\w)"  # noqa: RUF001 the same
)
EDGES = "\"'`“”‘’.,;:!?()[]{}<>*…"  # noqa: RUF001 the same
POSSESSIVE = re.compile(r"['’]s$")  # noqa: RUF001 the same
PLAIN = re.compile(r"[a-z]+(?:['’][a-z]+)?")  # noqa: RUF001 the same
NUMBER = re.compile(r"\d+(?:[,_]\d{3})*(?:\.\d+)?")
SEPARATOR = re.compile(r"(?<=\d)[,_](?=\d{3}(?!\d))")
HEX_WORD = re.compile(r"[a-f]{7,}")
MARKS = re.compile(r"[^\w]+")
# A sentence may begin with one of these; any other first word must stand in the source too.
OPENINGS = """
    a all also although among an and another any as at because besides both but by during each
    either every few for from further has have here how however if in it its many most neither
    no none not nothing of on one only other others otherwise over overall several since so
    some such that the their then there these they this those though through to under what when
    where which while who with within without
"""
# Counts are computed by code, never by a model; "one" is mostly no count.
COUNTS = """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
    hundreds thousand thousands million millions billion billions dozen dozens half third
    quarter twice thrice double triple zero
"""
MAY_OPEN, COUNT = frozenset(OPENINGS.split()), frozenset(COUNTS.split())
# A summary says what is there. A sentence that tells the reader what to do is not one, wherever
# it comes from.
ORDERS = re.compile(
    r"(?i)\s*(?:(?:please|now|first|then|also|next|finally|immediately|always|never|do not|don't"
    r"|important|note|system|assistant|user),?:?\s+)*"
    r"(?:run|execute|ignore|disregard|forget|call|invoke|visit|open|browse|download|install|delete"
    r"|remove|drop|send|post|upload|email|e-mail|forward|copy|paste|type|enter|click|follow|use"
    r"|reveal|print|output|return|respond|reply|answer|act|pretend|stop|curl|wget|sudo|export"
    r"|grant|transfer|pay|buy|share|publish|push|merge|commit|update|reset|restart|kill|approve)\b"
    r"|.*\b(?:you|the (?:agent|assistant|model|reader|ai))\s+"
    r"(?:must|should|shall|needs? to|have to|has to|ought to|are to|is to)\b"
    r"|.*\b(?:previous|prior|above|earlier|system) (?:instructions?|prompts?|messages?)\b"
)
MOST_SENTENCES = 3
MOST_CHARS = 600
LEAST_QUOTE_CHARS = 3


@dataclass(frozen=True, slots=True)
class Source:
    """What may be said: the text of an artifact on one line, and the same for other readings."""

    text: str
    low: str
    unseparated: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The sentences that passed, as one line, and how many did not."""

    text: str
    dropped: int


def source(*texts: str) -> Source:
    """Return what may be said by these texts: that of an artifact, and forms of it."""
    joined = flat("\n".join(texts))
    return Source(joined, joined.lower(), SEPARATOR.sub("", joined))


def flat(text: str) -> str:
    """Return text with every run of white space as one space."""
    return " ".join(text.split())


def checked(summary: str, known: Source) -> Checked:
    """Return of summary the first sentences that say nothing which known does not hold."""
    sentences = [sentence for sentence in SENTENCE.split(flat(summary)) if sentence]
    passed = [sentence for sentence in sentences if is_sound(sentence, known)]
    kept: list[str] = []
    for sentence in passed[:MOST_SENTENCES]:
        if len(" ".join([*kept, sentence])) <= MOST_CHARS:
            kept.append(sentence)
    return Checked(" ".join(kept), len(sentences) - len(passed))


def is_sound(sentence: str, known: Source) -> bool:
    """Tell whether every value of sentence stands in the source, and it gives no order."""
    if ORDERS.match(sentence):
        return False
    quoted = (next(filter(None, found.groups())) for found in QUOTED.finditer(sentence))
    words = sentence.split(" ")
    return all(stands(value, known) for value in quoted) and all(
        is_known(word, known, first=not at) for at, word in enumerate(words)
    )


def is_known(word: str, known: Source, *, first: bool = False) -> bool:
    """Tell whether a word says nothing of its own, or what it says stands in the source.

    A plain lower-case word says nothing of its own, unless it counts something or may be a hash.
    """
    word = POSSESSIVE.sub("", word.strip(EDGES))
    if not MARKS.sub("", word):
        return len(word) <= 1 or word in ("--", "...") or stands(word, known)
    if PLAIN.fullmatch(word):
        says = word in COUNT or HEX_WORD.fullmatch(word)
        return not says or _is_word(word, known.low)
    if NUMBER.fullmatch(word):
        return _is_number(SEPARATOR.sub("", word), known.unseparated)
    if first and word.lower() in MAY_OPEN:
        return True
    if first and word.isalpha() and word[1:].islower():
        return _is_word(word.lower(), known.low)
    return stands(word, known)


def stands(value: str, known: Source) -> bool:
    """Tell whether value stands in the source, not as a part of a longer word or address."""
    value = flat(value)
    after = r"(?![\w./:@?#%=&~+-]*[\w/])" if "://" in value else r"(?!\w)"
    ahead = r"(?<!\w)" if value[:1].isalnum() else ""
    behind = after if value[-1:].isalnum() or "://" in value else ""
    return re.search(ahead + re.escape(value) + behind, known.text) is not None


def _is_word(word: str, low: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", low) is not None


def _is_number(number: str, text: str) -> bool:
    """Tell whether text holds number as it is, not as a part of a longer one."""
    found = rf"(?<![A-Za-z_\d])(?<!\d\.){re.escape(number)}(?!\d)(?!\.\d)"
    return re.search(found, text) is not None
