"""Derive what an agent is looking for from the call it makes."""

import re
from collections.abc import Iterator, Mapping, Sequence

MOST_CHARACTERS = 400
MOST_DEPTH = 3
# Parts of argument names whose value says what is looked for, and those whose value never does.
ASKING = frozenset(
    re.findall(
        r"\w+",
        "query q search question pattern regex grep find match keyword keywords term terms topic"
        " topics subject intent goal objective prompt ask focus filter symbol function element"
        " title name names label labels text phrase contains",
    )
)
CONTROL = frozenset(
    re.findall(
        r"\w+",
        "command cmd script code sql statement body content contents data file path filename"
        " directory dir cwd folder sort order direction format encoding method mode type lang"
        " language branch sha commit page cursor token owner repo repository org organization"
        " namespace cluster region timezone since until after before start end date",
    )
)
NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
LITERAL = re.compile(r"'([^'\n]{2,80})'|\"([^\"\n]{2,80})\"")
REGEX_MARK = re.compile(r"\\[a-zA-Z]|\(\?[:=!<a-zA-Z]*|[\^$*+?(){}\[\]|]+")
ESCAPED = re.compile(r"\\([^\w\s\\])")
URL = re.compile(r"\w+://\S+")
PATH = re.compile(r"(?:~|\.{0,2})?(?:[/\\][^\s/\\]+){2,}/?|\S+[/\\]\S*\.\w{1,8}")
DATE = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?)?")
ID = re.compile(r"(?i)[0-9a-f]{8}-[0-9a-f-]{27,}|[0-9a-f]{7,64}|[#\w.-]*\d[\w.-]*")


def derive(arguments: Mapping[str, object]) -> str:
    """Return the words of arguments that tell what is looked for, "" if there are none.

    Questions, patterns, names and other free text count; ids, dates, whole paths, commands and
    settings do not. Of a URL only the fragment, of SQL only the quoted values. At most 400
    characters.
    """
    asked: list[str] = []
    other: list[str] = []
    for name, value in leaves(arguments):
        parts = {part.lower() for part in NAME_PART.findall(name)}
        if parts & CONTROL:
            asked.extend(literals(value) if parts & {"sql", "statement"} else ())
        elif parts & ASKING:
            asked.append(asking(value))
        elif " " in value.strip() or "://" in value:
            other.append(free(value))
    words = dict.fromkeys(" ".join(value.split()) for value in (*asked, *other))
    return " ".join(filter(None, words))[:MOST_CHARACTERS].strip()


def leaves(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the strings inside value, each with the name it stands under."""
    if isinstance(value, str):
        yield name, value
    elif depth < MOST_DEPTH and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, str(key), depth + 1)
    elif depth < MOST_DEPTH and isinstance(value, Sequence) and not isinstance(value, bytes):
        for inner in value[:20]:
            yield from leaves(inner, name, depth + 1)


def asking(value: str) -> str:
    """Return the words of a value that was given to look for something."""
    if looks_like_sql(value):
        return " ".join(literals(value))
    text = free(value)
    if " " in text:
        return text
    if PATH.fullmatch(text) or DATE.fullmatch(text) or ID.fullmatch(text):
        return ""
    return text


def free(value: str) -> str:
    """Return free text without regex marks; of URLs only their fragments; "" for long bodies."""
    if len(value) > MOST_CHARACTERS or value.count("\n") > 3:
        return ""
    if looks_like_sql(value):
        return " ".join(literals(value))
    return REGEX_MARK.sub(" ", ESCAPED.sub(r"\1", URL.sub(fragment, value))).strip()


def fragment(url: re.Match[str]) -> str:
    """Return the words of the fragment of a URL."""
    return re.sub(r"[-_=&/]+", " ", url.group().partition("#")[2])


def looks_like_sql(value: str) -> bool:
    """Tell whether value is a statement of SQL rather than words."""
    return (
        re.match(
            r"(?is)\s*(?:select|with|insert|update|delete|show|describe)\b.+\b(?:from|into|set|tables?|as)\b",
            value,
        )
        is not None
    )


def literals(value: str) -> list[str]:
    """Return the quoted values of a statement, without marks of LIKE patterns."""
    return ["".join(groups).strip("%_ ") for groups in LITERAL.findall(value)]
