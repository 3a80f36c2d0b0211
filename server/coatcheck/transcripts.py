"""What a client's transcript tells of a session, event by event, whatever the client."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from coatcheck import spans

# What the names of tools of MCP servers begin with in many clients.
MCP = "mcp__"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request to the model, with the tokens that the client was billed for it.

    id names it in every copy of the transcript, "" when nothing does; agent is the sub-agent that
    asked, "" for the main one; at is in seconds since the epoch.
    """

    id: str
    agent: str
    at: float
    model: str
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the request, from the cache or not."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before the conversation in every request of an agent, where it is recorded."""

    agent: str
    system: str
    builtin_tools: str
    mcp_tools: str


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a person."""

    agent: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of one tool call.

    server is "" for a tool of the client's own. original is what the tool gave, as far as it is
    recorded, shown what reached the model. arguments is a JSON object.
    """

    id: str
    agent: str
    at: float
    server: str
    tool: str
    arguments: bytes
    original: str
    shown: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Compaction:
    """From here on an agent no longer has in its context what it had before."""

    agent: str


Event = Prompt | Prefix | Said | ToolResult | Compaction


class Transcripts(Protocol):
    """Knows where one client keeps its transcripts, and reads them."""

    name: str

    def files(self, home: Path, environment: Mapping[str, str]) -> Iterable[Path]:
        """Return its transcripts below a user's home."""
        ...

    def session_of(self, path: Path) -> str:
        """Return the session that a transcript belongs to."""
        ...

    def read(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events of one transcript in their order; what is unknown is left out."""
        ...


@dataclass(slots=True)
class Calls:
    """The calls of a transcript that wait for their results, by id."""

    waiting: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)

    def called(self, id: str, server: str, tool: str, arguments: bytes) -> None:
        """Note a call."""
        self.waiting[id] = server, tool, arguments

    def take(self, id: str) -> tuple[str, str, bytes]:
        """Return server, tool and arguments of a call and forget it; unknown: `("", "", b"{}")`."""
        return self.waiting.pop(id, ("", "", b"{}"))


def records(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects among lines; half-written lines and other values are left out."""
    for line in lines:
        try:
            record = spans.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def member(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that is an object, an empty one if it is none."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def count(record: Mapping[str, Any], name: str) -> int:
    """Return a member that is a count, 0 if it is none."""
    found = record.get(name)
    return found if isinstance(found, int) and found > 0 else 0


def text_of(content: object) -> str:
    """Return the text of a message's content: a string, or blocks of which some hold text."""
    if isinstance(content, str):
        return content
    blocks = objects(content)
    return "\n".join(block["text"] for block in blocks if isinstance(block.get("text"), str))


def seconds(stamp: object) -> float:
    """Return a time like 2026-11-22T08:19:12.575Z in seconds since the epoch, 0 if it is none."""
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return 0.0


def objects(found: object) -> list[Mapping[str, Any]]:
    """Return the objects in a list, none if it is no list."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def split(name: str) -> tuple[str, str]:
    """Return server and tool of a name like mcp__fs__read; without a server `("", name)`."""
    if not name.startswith(MCP):
        return "", name
    server, _, tool = name.removeprefix(MCP).partition("__")
    return server, tool
