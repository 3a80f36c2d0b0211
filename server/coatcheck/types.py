"""The words every module shares: frozen data and the few errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["off", "lossless", "trim", "auto", "schema"]
Format = Literal["auto", "text", "json"]
FocusPolicy = Literal["always", "learned", "never"]
Outcome = Literal["passed", "lossless", "trimmed", "selected", "summarized", "clipped"]
Arm = Literal["", "shortened", "held out"]
EntryKind = Literal["call", "fetch", "definitions", "summary"]
Style = Literal["points", "prose"]
Profile = Literal["interactive", "background"]
Transport = Literal["auto", "http", "sse"]
Kind = Literal[
    "records",
    "tables",
    "logs",
    "repeats",
    "builds",
    "diffs",
    "listing",
    "html",
    "trees",
    "snapshots",
    "code",
    "prose",
]
Forced = Kind | Literal["auto", "clip"]


class CoatcheckError(Exception):
    """Base of our own errors; the message says what was wrong, where, and what to do."""


class ConfigError(CoatcheckError):
    """A setting that cannot be used."""


class UpstreamError(CoatcheckError):
    """An upstream that cannot be started or reached."""


class StoreError(CoatcheckError):
    """An artifact that could not be kept or read: full, damaged or read-only store."""


class LedgerError(CoatcheckError):
    """A ledger that cannot be read or written: damaged, or of another version."""


class UnknownRef(CoatcheckError):
    """A ref that opens nothing: never kept, expired, evicted or erased."""


class Refused(CoatcheckError):
    """A ref that may not stand, or does not fit, where a call has it."""


class ExcerptError(CoatcheckError):
    """A fetch whose page, lines, pattern or query cannot be served."""


class RequestError(CoatcheckError):
    """A request that is answered with an error of JSON-RPC, of this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """The settings of one tool after defaults, its upstream and its tool tables were merged.

    keep is "session", "never" or a number of seconds. format "auto" is json for scripts that call
    tools, else text. keep_fields, drop_fields and key belong
    to JSON records; reducer names the kind of content that results are taken for. resources "trim"
    shortens large texts of resources/read, which the rules know as a tool of that name.
    """

    mode: Mode = "auto"
    budget_tokens: int = 3000
    floor_tokens: int = 300
    focus: FocusPolicy = "learned"
    keep: Literal["session", "never"] | int = 7 * 86_400
    call_timeout_seconds: float = 600.0
    summarize: str = ""
    style: Style = "points"
    egress: bool = True
    keep_fields: Sequence[str] = ()
    drop_fields: Sequence[str] = ()
    key: str = ""
    reducer: Forced = "auto"
    format: Format = "auto"
    resources: Literal["off", "trim"] = "off"


@dataclass(frozen=True, slots=True)
class RefsInto:
    """A pair that lets artifacts of an upstream enter tools: source "self" means the tools' own.

    Both may hold wildcards; target is "upstream.tool".
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Route:
    """Which model reads what: a pattern of upstream.tool, a kind of reduction, a size.

    kind "" means any kind; most_tokens 0 means any size from least_tokens on.
    """

    model: str
    tool: str = "*"
    kind: str = ""
    least_tokens: int = 0
    most_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SummarizerSettings:
    """How results are summarized; nothing is without consent."""

    consent: bool = False
    model: str = "claude-haiku-5-5"
    stronger: str = ""
    profile: Profile = "interactive"
    agent_model: str = "claude-opus-5-5"
    key_env: str = "COATCHECK_ANTHROPIC_API_KEY"
    key_file: str = ""
    key_command: str = ""
    least_tokens: int = 2000
    target_tokens: int = 600
    prompt_tokens: int = 100_000
    soft_seconds: float = 4.0
    hard_seconds: float = 20.0
    parallel: int = 3
    daily_usd: float = 1.0
    monthly_usd: float = 10.0
    routes: Sequence[Route] = ()
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What the server over HTTP takes, and for how long.

    hosts are names, beside those of this machine, under which it may be asked.
    """

    hosts: Sequence[str] = ()
    body_limit: int = 4 << 20
    max_sessions: int = 100
    idle_seconds: float = 1800.0
    stream_seconds: float = 3600.0
    drain_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Session:
    """One agent connection, from initialize to close.

    arm is "" unless some sessions are held out for comparison.
    """

    id: str
    client: str = ""
    client_version: str = ""
    arm: Arm = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One tools/call as the agent made it.

    arguments is the JSON object as received, without `_focus`. context and call_id are the ones
    the client names in `_meta` ("" when it names none). It fails after timeout_seconds without
    an answer or progress. refs are the strings in its arguments that name an artifact; they stand
    there until the call is filled. is_scripted: a script made it and parses the result.
    """

    upstream: str
    tool: str
    arguments: bytes = b"{}"
    focus: str = ""
    context: str = ""
    call_id: str = ""
    timeout_seconds: float = 600.0
    refs: Sequence[str] = ()
    is_scripted: bool = False

    @property
    def name(self) -> str:
        """Return "upstream.tool", or the one of them that is known."""
        return ".".join(filter(None, (self.upstream, self.tool)))


@dataclass(frozen=True, slots=True)
class Omission:
    """One thing a view leaves out, counted in units of the source: shown + omitted = total.

    unit is a plural noun (rows, lines, files, sections, elements, characters).
    """

    unit: str
    shown: int
    total: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a reduction reaches for.

    budget_tokens is what the reduced text should cost at most, header lines excluded; when nothing
    is looked for and nothing but announced parts was dropped, it may cost almost twice that.
    focus is what the agent looks for ("" when nothing is known). With lossless set, only
    re-encodings that keep every value are allowed. tool and arguments are hints about where the
    text comes from. key is the field known to identify a record ("" when
    none is).
    """

    budget_tokens: int
    focus: str = ""
    lossless: bool = False
    tool: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A smaller text for a body, without header or end line.

    omissions is empty if and only if every value of the source is still there; the header line
    states the first that leaves something out. handle completes `grep="<…>"` in the header: what
    a reader puts there to get one unit that is not shown ("its full_name", "a word of the line").
    kind names the reducer, level how it came about. weak_focus: a focus was given but hardly
    anything matched it.
    """

    text: str
    kind: str
    level: Literal["lossless", "trimmed", "selected", "clipped", "summarized"]
    omissions: Sequence[Omission] = ()
    handle: str = "a word of it"
    weak_focus: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summarizer made of a result, and what that cost.

    reduction is None when the deterministic one stays. reason says why it stays although a summary
    was wanted; decision holds the numbers it was decided with ("" when none was wanted).
    input_tokens are all of the prompt, those written to the cache and read from it among them.
    """

    reduction: Reduction | None = None
    reason: str = ""
    decision: str = ""
    milliseconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    micro_usd: int = 0


@dataclass(frozen=True, slots=True)
class Artifact:
    """A result kept in full, never altered afterwards.

    result holds the received bytes of the JSON-RPC `result` member; view the text that was sent
    in its place (of the newest call, "" if none). Times are seconds since the epoch, UTC; without
    expires_at the default of the store holds. session names the owner of an artifact that is
    kept for its session only ("" for all others).
    """

    ref: str
    result: bytes
    call: Call
    view: str = ""
    outcome: Outcome = "passed"
    omissions: Sequence[Omission] = ()
    kept_at: float = 0.0
    expires_at: float | None = None
    session: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactInfo:
    """What is known of an artifact without opening it; times in seconds since the epoch."""

    ref: str
    upstream: str
    tool: str
    size_bytes: int
    kept_at: float
    expires_at: float | None
    outcome: Outcome

    @property
    def name(self) -> str:
        """Return "upstream.tool", or the one of them that is known."""
        return ".".join(filter(None, (self.upstream, self.tool)))


# Not frozen: one is made for every call, and a frozen one of so many fields costs three times that.
@dataclass(slots=True)
class Entry:
    """One line of the ledger: a call, a fetch, a session's tool definitions, or a late summary.

    Token columns are estimates when written; exact counts are filled in later by whoever reads
    the ledger. counterfactual is what this client would have shown of the result without us.
    reason says why a simpler step was taken than planned ("" when none was), decision with which
    numbers a summary was asked for or not. part says which part of its artifact a fetch gave, in
    numbers as `given` writes them.
    """

    kind: EntryKind
    at: float
    session: str = ""
    client: str = ""
    client_version: str = ""
    context: str = ""
    call_id: str = ""
    upstream: str = ""
    tool: str = ""
    arguments_digest: str = ""
    focus: bool = False
    ref: str = ""
    outcome: Outcome = "passed"
    verb: str = ""
    is_error: bool = False
    reason: str = ""
    original_bytes: int = 0
    original_tokens: int = 0
    counterfactual_tokens: int = 0
    view_bytes: int = 0
    view_tokens: int = 0
    upstream_ms: float = 0.0
    added_ms: float = 0.0
    summary_ms: float = 0.0
    summary_input_tokens: int = 0
    summary_output_tokens: int = 0
    summary_micro_usd: int = 0
    summary_cache_write_tokens: int = 0
    summary_cache_read_tokens: int = 0
    decision: str = ""
    arm: Arm = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a store is, in bytes: what it takes up, and what its disk has left."""

    used_bytes: int
    free_bytes: int
