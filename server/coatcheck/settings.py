"""What each setting accepts, how that is said, and its line in the example."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from coatcheck.types import (
    FocusPolicy,
    Format,
    Kind,
    Mode,
    Profile,
    RefsInto,
    Style,
    Transport,
)

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SIZES = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: what it accepts, how that is said, and its line in the example."""

    parse: Callable[[Any], Any]
    expects: str
    comment: str


def _number(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _positive(value: Any) -> float:
    if type(value) not in (int, float) or not value > 0:
        raise ValueError
    return float(value)


def _share(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise ValueError
    return float(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(map(_string, value))


def _mapping(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError
    return {key: _string(item) for key, item in value.items()}


def _pairs(value: Any) -> tuple[RefsInto, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(map(_pair, value))


def _pair(value: Any) -> RefsInto:
    if not isinstance(value, dict) or value.keys() != {"from", "to"}:
        raise ValueError
    source, target = _string(value["from"]), _string(value["to"])
    if not source or "." not in target:
        raise ValueError
    return RefsInto(source, target)


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return parse


def _keep(value: Any) -> str | int:
    return str(value) if value in ("session", "never") else _duration(value)


def _duration(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*([smhdw])", _string(value))
    if not found or int(found[1]) < 1:
        raise ValueError
    return int(found[1]) * UNITS[found[2]]


def _size(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*([kmg]ib)", _string(value), re.IGNORECASE)
    if not found or int(found[1]) < 1:
        raise ValueError
    return int(found[1]) * _SIZES[found[2].lower()]


KINDS = ("auto", *get_args(Kind), "clip")
RULE_KEYS: dict[str, Key] = {
    "mode": Key(
        _one_of(*get_args(Mode)),
        "one of " + ", ".join(f'"{m}"' for m in get_args(Mode)),
        "off | lossless | trim (never the model) | auto (all levels) | schema",
    ),
    "budget_tokens": Key(
        _number, "a whole number of at least 1", "ceiling of one view; most are far smaller"
    ),
    "floor_tokens": Key(
        _number, "a whole number of at least 1", "results at or under this are never touched"
    ),
    "focus": Key(
        _one_of(*get_args(FocusPolicy)),
        'one of "always", "learned", "never"',
        "offer `_focus`: learned = on tools that were shortened before the session began",
    ),
    "keep": Key(
        _keep,
        'a duration such as "7d" or "12h", "session" or "never"',
        '"session" | "never" (then nothing is shortened) | a duration',
    ),
    "call_timeout_seconds": Key(_positive, "a number above 0", "restarted by progress"),
    "summarize": Key(_string, "a text", "extra instruction for the summarizer"),
    "style": Key(
        _one_of(*get_args(Style)),
        'one of "points", "prose"',
        "summaries: points (passages word for word) | prose (more of the model's words)",
    ),
    "egress": Key(_boolean, "true or false", "false: results never go to the model"),
    "keep_fields": Key(
        _strings, "a list of texts", 'of JSON results show only these: "title", "user.*", "*_at"'
    ),
    "drop_fields": Key(_strings, "a list of texts", "of JSON results never show these"),
    "key": Key(_string, "a text", "the field that identifies a record; it always stays"),
    "reducer": Key(
        _one_of(*KINDS),
        "one of " + ", ".join(f'"{kind}"' for kind in KINDS),
        "take results for records, tables, logs, html, code, ...",
    ),
    "format": Key(
        _one_of(*get_args(Format)),
        'one of "auto", "text", "json"',
        "of views of JSON: text | json (an object) | auto (json for scripts that call tools)",
    ),
    "resources": Key(
        _one_of("off", "trim"),
        'one of "off", "trim"',
        "trim: large texts of resources/read become views too",
    ),
}
UPSTREAM_KEYS: dict[str, Key] = {
    "command": Key(_string, "a text", "the program of a stdio server"),
    "args": Key(_strings, "a list of texts", "its arguments"),
    "env": Key(_mapping, "a table of texts", "added to the environment"),
    "shared": Key(_boolean, "true or false", "one process for all sessions of `coatcheck serve`"),
    "url": Key(_string, "a text", "the address of a remote server"),
    "headers": Key(_mapping, "a table of texts", "sent with every request"),
    "transport": Key(
        _one_of(*get_args(Transport)),
        "one of " + ", ".join(f'"{way}"' for way in get_args(Transport)),
        "auto (HTTP, else SSE) | http (Streamable HTTP) | sse (the older HTTP+SSE)",
    ),
}
STORE_KEYS: dict[str, Key] = {
    "quota": Key(_size, 'a size such as "1GiB" or "500MiB"', "most that kept artifacts may take"),
}
SERVE_KEYS: dict[str, Key] = {
    "names": Key(
        _one_of("auto", "prefixed", "flat"),
        'one of "auto", "prefixed", "flat"',
        "prefixed: upstream__tool | flat: its own name where unique | auto: prefixed if several",
    ),
    "wait_seconds": Key(_positive, "a number above 0", "lists do not wait longer for an upstream"),
}
LEDGER_KEYS: dict[str, Key] = {
    "keep": Key(
        _duration, 'a duration such as "90d"', "of single calls; sums by day stay for ever"
    ),
    "holdout": Key(
        _share,
        "a number from 0 to below 1",
        "share of sessions left unshortened, for `coatcheck savings --causal`",
    ),
}
NUMBER, AMOUNT = "a whole number of at least 1", "a number above 0"
SUMMARIZER_KEYS: dict[str, Key] = {
    "consent": Key(
        _boolean, "true or false", "results may be sent; ask `coatcheck config summarizer`"
    ),
    "model": Key(_string, "a text", "reads the results"),
    "stronger": Key(_string, "a text", "takes over where the check failed twice"),
    "profile": Key(
        _one_of(*get_args(Profile)),
        'one of "interactive", "background"',
        "interactive | background (nobody waits: the hard deadline holds)",
    ),
    "agent_model": Key(_string, "a text", "whose prices decide whether a summary pays"),
    "key_env": Key(_string, "the name of a variable", "where the key is; else"),
    "key_file": Key(_string, "a path", "a file that holds it; else"),
    "key_command": Key(_string, "a command", "a command that prints it"),
    "least_tokens": Key(_number, NUMBER, "shorter results are never summarized"),
    "target_tokens": Key(_number, NUMBER, "ceiling of a summarized view"),
    "prompt_tokens": Key(_number, NUMBER, "ceiling of a request; over it passages are chosen"),
    "soft_seconds": Key(_positive, AMOUNT, "then the view goes out as it is"),
    "hard_seconds": Key(_positive, AMOUNT, "then the request is given up"),
    "parallel": Key(_number, NUMBER, "most requests at a time"),
    "daily_usd": Key(_positive, AMOUNT, "most that a day (UTC) may cost"),
    "monthly_usd": Key(_positive, AMOUNT, "most that a month may cost"),
}
HTTP_KEYS: dict[str, Key] = {
    "hosts": Key(_strings, "a list of names", "further names under which it may be asked"),
    "body_limit": Key(_size, 'a size such as "4MiB"', "a longer request is refused"),
    "max_sessions": Key(_number, NUMBER, "each has upstreams of its own"),
    "idle_seconds": Key(_positive, AMOUNT, "a session without a request for so long is closed"),
    "stream_seconds": Key(
        _positive, AMOUNT, "then a stream of events ends; the client comes back for the rest"
    ),
    "drain_seconds": Key(_positive, AMOUNT, "what is in flight may take so long at the end"),
}
ROUTE_KEYS: dict[str, Key] = {
    "model": Key(_string, "a text", "reads what fits the rest"),
    "tool": Key(_string, "a text", "upstream.tool with wildcards"),
    "kind": Key(_string, "a text", "kind of result: prose, logs, html, json, ..."),
    "least_tokens": Key(_number, NUMBER, "from this size on"),
    "most_tokens": Key(_number, NUMBER, "up to this size"),
}
PRICE_KEYS: dict[str, Key] = {
    name: Key(_positive, AMOUNT, "US dollars per million tokens")
    for name in ("input", "output", "cache_write", "cache_read")
}
REFS_INTO = Key(
    _pairs,
    'a list of pairs such as { from = "fs", to = "github.create_issue" }',
    "whose artifacts may enter which tools by their ref",
)
TOP_KEYS = (
    "refs_into",
    "defaults",
    "upstreams",
    "tools",
    "store",
    "ledger",
    "serve",
    "http",
    "summarizer",
)
