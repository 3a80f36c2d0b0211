"""Answer a fetch: any part of a kept artifact as one page of text with the next call named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coatcheck import excerpt, spans
from coatcheck.body import open_body
from coatcheck.types import (
    Artifact,
    ArtifactInfo,
    Artifacts,
    ExcerptError,
    StoreError,
    UnknownRef,
)

TOOL = "fetch_artifact"
KNOWN = ("ref", "page", "lines", "grep")
LIST_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to one fetch: the text the agent gets and what the ledger says of it."""

    text: str
    verb: str
    ref: str = ""
    upstream: str = ""
    tool: str = ""
    others: Sequence[bytes] = ()
    is_error: bool = False

    def result(self, also: bytes = b"") -> bytes:
        """Return the `result` member of the answer; also holds further members, as JSON."""
        block = spans.dumps({"type": "text", "text": self.text})
        content = b",".join([block, *self.others])
        error = b',"isError":true' if self.is_error else b""
        return b'{"content":[' + content + b"]" + error + also + b"}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of one fetch, checked."""

    ref: str = ""
    page: int = 1
    lines: str = ""
    grep: str = ""

    @property
    def verb(self) -> str:
        """Name what is asked for, as the ledger books it."""
        if not self.ref:
            return "list"
        return "grep" if self.grep else "lines" if self.lines else "page"

    def next_call(self, page: int) -> str:
        """Return the call that gets another page of the same."""
        asked = [f'{name}="{value}"' for name, value in self._asked()]
        return f"{TOOL}({', '.join([*asked, f'page={page}'])})"

    def _asked(self) -> list[tuple[str, str]]:
        named = [("ref", self.ref), ("lines", self.lines), ("grep", self.grep)]
        return [(name, value) for name, value in named if value]


def parse(arguments: Mapping[str, object]) -> Wanted:
    """Return the arguments of a fetch, a number given as text included. Raises: ExcerptError."""
    unknown = [key for key in arguments if key not in KNOWN]
    if unknown:
        raise ExcerptError(f"{unknown[0]} is no parameter of {TOOL}; use ref, grep, lines or page")
    given = {key: str(value) for key, value in arguments.items() if value not in (None, "")}
    page = given.pop("page", "1")
    if not page.isdecimal() or int(page) < 1:
        raise ExcerptError(f"page={page} is no page number; pages count from 1")
    return Wanted(page=int(page), **given)


def fetch(artifacts: Artifacts, arguments: Mapping[str, object]) -> Fetched:
    """Return the answer to fetch_artifact(arguments); a wrong call is answered with what to do."""
    try:
        wanted = parse(arguments)
    except ExcerptError as error:
        return Fetched(f"Error: {error}", "wrong", is_error=True)
    try:
        if not wanted.ref:
            return _paged(
                wanted, listing(artifacts.list(LIST_LIMIT)), "kept artifacts, newest first"
            )
        return _cut(wanted, artifacts.get(wanted.ref.strip()))
    except (UnknownRef, ExcerptError, StoreError) as error:
        return Fetched(f"Error: {error}", wanted.verb, wanted.ref, is_error=True)


def listing(kept: Sequence[ArtifactInfo]) -> str:
    """Return one line per artifact."""
    if not kept:
        return "Nothing is kept: no result was shortened yet, or all have expired."
    return "\n".join(f"{i.ref} {i.upstream}.{i.tool} {i.size_bytes:,} bytes" for i in kept)


def text_of(artifact: Artifact) -> tuple[str, Sequence[bytes]]:
    """Return the text that fetches address, and the blocks beside it."""
    body = open_body(artifact.result)
    if body is None:
        return artifact.result.decode("utf-8", "replace"), ()
    return body.text, body.others


def _cut(wanted: Wanted, artifact: Artifact) -> Fetched:
    text, others = text_of(artifact)
    if wanted.grep:
        fetched = _grep(wanted, text)
    elif wanted.lines:
        fetched = _lines(wanted, text)
    else:
        fetched = _paged(wanted, text, "of the whole text")
    call = artifact.call
    first = wanted.verb == "page" and wanted.page == 1
    return Fetched(
        fetched.text,
        wanted.verb,
        artifact.ref,
        call.upstream,
        call.tool,
        others=others if first else (),
    )


def _grep(wanted: Wanted, text: str) -> Fetched:
    laid, anew = excerpt.lined(text)
    found, count = excerpt.grep(laid, wanted.grep)
    total = laid.count("\n") + 1
    if not count:
        return Fetched(
            f'[coatcheck: no line of {total:,} matches grep="{wanted.grep}"; try fewer or other'
            f' words, or {TOOL}(ref="{wanted.ref}", page=1)]',
            "grep",
        )
    return _paged(wanted, found, f"{count:,} of {total:,} lines match{_laid_out(anew)}")


def _lines(wanted: Wanted, text: str) -> Fetched:
    laid, anew = excerpt.lined(text)
    first, last = excerpt.parse_range(wanted.lines)
    found, end, total = excerpt.slice_lines(laid, first, last)
    return _paged(wanted, found, f"lines {first:,}-{end:,} of {total:,}{_laid_out(anew)}")


def _laid_out(anew: bool) -> str:
    return ", JSON laid out one member a line" if anew else ""


def _paged(wanted: Wanted, text: str, what: str) -> Fetched:
    page, pages = excerpt.cut(text, wanted.page)
    more = f"; next: {wanted.next_call(wanted.page + 1)}" if wanted.page < pages else ""
    notice = f"[coatcheck: page {wanted.page:,} of {pages:,}, {what}{more}]"
    return Fetched(f"{notice}\n{page}", wanted.verb, wanted.ref)
