"""Make one answer to initialize or server/discover of those that the upstreams gave."""

from collections.abc import Mapping, Sequence
from typing import Any

from coatcheck import __version__
from coatcheck.merge.messages import SERVER_INFO

# Clients cut instructions at 4,096 characters, some repeat them with every tool.
INSTRUCTIONS_CHARS = 4_000
SERVER = {"name": "coatcheck", "version": __version__}
_CHANGING = ("tools", "prompts", "resources")

Answers = Mapping[str, Mapping[str, Any]]  # of each upstream that answered, in config order


def initialized(asked: str, answers: Answers, *, complete: bool) -> dict[str, Any]:
    """Return the result of initialize; asked is the version that the agent wants.

    While an upstream is missing (not complete) all kinds of lists are announced as changing.
    """
    versions = [str(answer.get("protocolVersion", "")) for answer in answers.values()]
    version = asked if asked in versions or not versions else max(versions)
    result: dict[str, Any] = {
        "protocolVersion": version,
        "capabilities": _capabilities(answers, complete=complete),
        "serverInfo": SERVER,
    }
    if text := instructions(answers):
        result["instructions"] = text
    return result


def discovered(answers: Answers, *, complete: bool) -> dict[str, Any]:
    """Return the result of server/discover: the versions that all of them support."""
    known = [answer.get("supportedVersions", []) for answer in answers.values()]
    result: dict[str, Any] = {
        "resultType": "complete",
        "supportedVersions": [v for v in known[0] if all(v in versions for versions in known)],
        "capabilities": _capabilities(answers, complete=complete),
        "_meta": {SERVER_INFO: SERVER},
        **cacheable(list(answers.values())),
    }
    if text := instructions(answers):
        result["instructions"] = text
    return result


def cacheable(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how long and for whom a result made of these may be kept."""
    lives = [result.get("ttlMs") for result in results]
    public = bool(results) and all(result.get("cacheScope") == "public" for result in results)
    ttl = min((life if isinstance(life, int) else 0 for life in lives), default=0)
    return {"ttlMs": ttl, "cacheScope": "public" if public else "private"}


def _capabilities(answers: Answers, *, complete: bool) -> dict[str, Any]:
    union: dict[str, Any] = {}
    for answer in answers.values():
        union = _joined(union, answer.get("capabilities", {}))
    if not complete:
        for kind in _CHANGING:
            union = _joined(union, {kind: {"listChanged": True}})
    return union


def _joined(one: Any, other: Any) -> Any:
    """Return the union of two capabilities; of two plain values the first that says yes."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _joined(one[key], other[key])
            if key in one and key in other
            else one.get(key, other.get(key))
            for key in (*one, *(key for key in other if key not in one))
        }
    return one or other


def instructions(answers: Answers) -> str:
    """Return the instructions of all upstreams, each under its name, fairly cut to fit."""
    texts = {
        name: str(answer["instructions"]).strip()
        for name, answer in answers.items()
        if answer.get("instructions")
    }
    if not texts:
        return ""
    first = f"The tools of these servers: {', '.join(answers)}."
    heads = {name: f"\n\n# {name}\n" for name in texts}
    room = INSTRUCTIONS_CHARS - len(first) - sum(map(len, heads.values()))
    share = _share([len(text) for text in texts.values()], room)
    return first + "".join(heads[name] + _cut(text, share) for name, text in texts.items())


def _share(lengths: Sequence[int], room: int) -> int:
    """Return the largest length to which all can be cut so that they fit in room."""
    left, waiting = room, sorted(lengths)
    while waiting:
        share = max(0, left // len(waiting))
        if waiting[0] > share:
            return share
        left -= waiting.pop(0)
    return max(lengths)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    note = f" [cut by coatcheck: {len(text):,} characters]"
    return text[: max(0, most - len(note))].rstrip() + note
