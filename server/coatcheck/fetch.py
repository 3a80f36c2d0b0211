"""Answer a fetch: any part of a kept artifact as one page of text with the next call named."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coatcheck import excerpt, given, spans
from coatcheck.body import open_body
from coatcheck.documents import with_documents
from coatcheck.params import URI
from coatcheck.protocols import Artifacts, Asker
from coatcheck.types import (
    Artifact,
    ArtifactInfo,
    ExcerptError,
    Omission,
    StoreError,
    Summary,
    UnknownRef,
)
from coatcheck.view import number, render, singular

if TYPE_CHECKING:
    from coatcheck.numbered import Records

logger = logging.getLogger(__name__)

TOOL = "fetch_artifact"
KNOWN = ("ref", "grep", "lines", "query", "find", "ask", "page")
LIST_LIMIT = 30
# A question to everything that is kept looks at the newest artifacts only.
SEARCHED_ARTIFACTS = 200
SEARCHED_BYTES = 32 << 20
PASSAGES_EACH = 5
NO_SUMMARY = Summary()
# The notice above a page is shorter.
NOTICE_BYTES = 1_000

_PLACED = re.compile(r"@(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to one fetch: the text the agent gets and what the ledger says of it.

    part says in numbers which part of the artifact that is, "" where none is known.
    """

    text: str
    verb: str
    ref: str = ""
    upstream: str = ""
    tool: str = ""
    others: Sequence[bytes] = ()
    is_error: bool = False
    reason: str = ""
    summary: Summary = NO_SUMMARY
    part: str = ""

    def result(self, also: bytes = b"") -> bytes:
        """Return the `result` member of the answer; also holds further members, as JSON."""
        block = spans.dumps({"type": "text", "text": self.text})
        content = b",".join([block, *self.others])
        error = b',"isError":true' if self.is_error else b""
        return b'{"content":[' + content + b"]" + error + also + b"}"

    def resource(self, uri: object, also: bytes = b"") -> bytes:
        """Return the `result` member for the reading of uri; also holds further members."""
        content = {"uri": uri, "mimeType": "text/plain", "text": self.text}
        return b'{"contents":[' + spans.dumps(content) + b"]" + also + b"}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of one fetch, checked; page_bytes is the most that its client shows whole."""

    ref: str = ""
    grep: str = ""
    lines: str = ""
    query: str = ""
    find: str = ""
    ask: str = ""
    page: int = field(default=1, kw_only=True)
    page_bytes: int = field(default=0, kw_only=True)

    @property
    def verb(self) -> str:
        """Name what is asked for, as the ledger books it."""
        asked = (verb for verb in ("ask", "find", "grep", "lines", "query") if getattr(self, verb))
        return next(asked, "page" if self.ref else "list")

    def call(self, **more: object) -> str:
        """Return this call, written out with more arguments."""
        named = {name: getattr(self, name) for name in KNOWN[:-1]} | more
        return _called({name: value for name, value in named.items() if value})


def _called(arguments: Mapping[str, object]) -> str:
    written = (f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in arguments.items())
    return f"{TOOL}({', '.join(written)})"


def parse(arguments: Mapping[str, object]) -> Wanted:
    """Return the arguments of a fetch, a number given as text included. Raises: ExcerptError."""
    unknown = [key for key in arguments if key not in KNOWN]
    if unknown:
        raise ExcerptError(
            f"{unknown[0]} is no parameter of {TOOL}; use ref with {', '.join(KNOWN[1:-1])} or page"
        )
    given = {key: str(value) for key, value in arguments.items() if value not in (None, "")}
    page = given.pop("page", "1")
    if not page.isdecimal() or len(page) > 18 or int(page) < 1:
        raise ExcerptError(f"page={page[:60]} is no page number; pages count from 1")
    given["ref"] = given.get("ref", "").strip().removeprefix(URI)
    return Wanted(*(given.get(name, "") for name in KNOWN[:-1]), page=int(page))


def is_for_us(arguments: object) -> bool:
    """Tell whether a call of this name has arguments that only our own tool understands."""
    given = arguments if isinstance(arguments, Mapping) else {}
    ref = str(given.get("ref") or "").strip().removeprefix(URI)
    return set(given) <= set(KNOWN) and (not ref or ref.startswith("cc_"))


def fetch(
    artifacts: Artifacts,
    arguments: Mapping[str, object],
    asker: Asker | None = None,
    *,
    page_bytes: int = 0,
) -> Fetched:
    """Return the answer to fetch_artifact(arguments); a wrong call is answered with what to do.

    Without an asker a question is answered with the passages that find finds. page_bytes is the
    most that the agent's client shows whole, 0 if that is not known.
    """
    try:
        wanted = replace(parse(arguments), page_bytes=page_bytes)
    except ExcerptError as error:
        return Fetched(f"Error: {error}", "wrong", is_error=True)
    try:
        if not wanted.ref:
            return _over_all(replace(wanted, find=wanted.find or wanted.ask), artifacts)
        artifact = artifacts.get(wanted.ref)
        return _asked(wanted, artifact, asker) if wanted.ask else _cut(wanted, artifact)
    except (UnknownRef, ExcerptError, StoreError) as error:
        reason = "unknown ref" if isinstance(error, UnknownRef) else ""
        return Fetched(f"Error: {error}", wanted.verb, wanted.ref, is_error=True, reason=reason)


def with_note(fetched: Fetched, noted: Callable[[str], str]) -> Fetched:
    """Return fetched with what a model has said of the artifact below its first line.

    Only a question gets it, on its first page, unless a model has just answered it.
    """
    first, _, rest = fetched.text.partition("\n")
    is_wanted = fetched.verb in ("find", "ask") and fetched.ref and not fetched.is_error
    if not is_wanted or fetched.summary.reduction or " page 1 of " not in first:
        return fetched
    line = noted(fetched.ref)
    return replace(fetched, text=f"{first}\n{line}\n{rest}") if line else fetched


def listing(kept: Sequence[ArtifactInfo]) -> str:
    """Return one line per artifact."""
    if not kept:
        return "Nothing is kept: no result was shortened yet, or all have expired."
    return "\n".join(f"{i.ref} {i.name} {i.size_bytes:,} bytes" for i in kept)


def text_of(artifact: Artifact) -> tuple[str, Sequence[bytes]]:
    """Return the text of what was received, and the blocks beside it."""
    body = open_body(artifact.result)
    if body is None:
        return artifact.result.decode("utf-8", "replace"), ()
    return body.text, body.others


def addressed(artifact: Artifact, wanted: Wanted) -> str:
    """Return the text that a fetch addresses: with that of documents beside it but for a query."""
    body = None if wanted.query else open_body(artifact.result)
    return with_documents(body).text if body else text_of(artifact)[0]


def _cut(wanted: Wanted, artifact: Artifact) -> Fetched:
    text = addressed(artifact, wanted)
    answer, what = excerpt_of(text, wanted, artifact.omissions)
    fetched = _paged(wanted, answer, what)
    is_first = wanted.verb == "page" and wanted.page == 1
    return replace(
        fetched,
        upstream=artifact.call.upstream,
        tool=artifact.call.tool,
        others=text_of(artifact)[1] if is_first else (),
        part=_part(wanted, text, fetched.text.partition("\n")[2]),
    )


def _part(wanted: Wanted, text: str, page: str) -> str:
    """Say in numbers which part of text a page of the answer is."""
    if wanted.query:
        return ""
    if wanted.find or wanted.grep:
        return given.part_of_passages(page, "" if wanted.find else wanted.grep)
    return f"lines:{wanted.lines}" if wanted.lines else given.part_of_slice(text, page)


def _asked(wanted: Wanted, artifact: Artifact, asker: Asker | None) -> Fetched:
    """Return the checked answer to a question, else the passages that speak of it."""
    body = open_body(artifact.result)
    summary = Summary(reason="no model may be asked: `coatcheck config summarizer`")
    if asker is not None and body is not None and not body.is_error:
        try:
            summary = asker(artifact.call, with_documents(body).text, wanted.ask)
        except Exception as error:  # law 3: a failing model leaves what find finds
            logger.exception("%s could not be asked about", artifact.ref)
            summary = Summary(reason=f"summarizer failed: {type(error).__name__}")
    if summary.reduction is not None:
        return Fetched(
            render(summary.reduction, artifact.ref),
            "ask",
            artifact.ref,
            artifact.call.upstream,
            artifact.call.tool,
            summary=summary,
        )
    found = _cut(replace(wanted, ask="", find=wanted.ask), artifact)
    first, _, rest = found.text.partition("\n")
    why = f"{first[:-1]}; not answered, {summary.reason.partition(':')[0]}]"
    return replace(found, text=f"{why}\n{rest}", verb="ask", summary=summary)


def excerpt_of(text: str, wanted: Wanted, omissions: Sequence[Omission] = ()) -> tuple[str, str]:
    """Return what is wanted of text, whole, and in words how much of what that is.

    A query comes first: find, grep and lines then address its answer. omissions are those of the
    view of text: where its header counts records, so does lines. Raises: ExcerptError.
    """
    what = "of the whole text"
    if wanted.query:
        omissions = ()
        from coatcheck.query import query  # here because only a query needs its libraries

        answer = query(text, wanted.query)
        text, what = answer.text, answer.what
    if wanted.find:
        found, what = _found(wanted, text)
        return found, what + _around(found, omissions)
    if wanted.grep:
        found, what = _grepped(wanted, text)
        return found, what + _around(found, omissions)
    return _lines(wanted, text, omissions) if wanted.lines else (text, what)


def _around(answer: str, omissions: Sequence[Omission]) -> str:
    """Say that the places in an answer count lines, where the numbers of the view do not."""
    placed = _PLACED.match(answer)
    if placed is None:
        return ""
    from coatcheck import numbered  # here because it needs the reducers

    if not numbered.counts_records(omissions):
        return ""
    first, last = int(placed[1]), int(placed[2] or placed[1])
    return f'; more around the first: lines="@{max(1, first - 10)}-{last + 10}"'


def _grepped(wanted: Wanted, text: str) -> tuple[str, str]:
    laid, anew = excerpt.lined(text)
    found, count = excerpt.grep(laid, wanted.grep)
    total = laid.count("\n") + 1
    if not count:
        return "", (
            f"no line of {total:,} matches grep={json.dumps(wanted.grep, ensure_ascii=False)};"
            f" try fewer or other words, or {_called({'ref': wanted.ref, 'page': 1})}"
        )
    return found, f"{count:,} of {total:,} lines match{_laid_out(anew)}"


def _lines(wanted: Wanted, text: str, omissions: Sequence[Omission]) -> tuple[str, str]:
    from coatcheck import numbered  # here because it needs the reducers

    laid, anew = excerpt.lined(text)
    first, last, unit = excerpt.parse_range(wanted.lines)
    records = None if unit == "lines" else numbered.records(laid, omissions)
    if unit == "records" and records is None:
        records = numbered.main_records(laid)
    if records is not None:
        return _records(laid, records, (first, last), _laid_out(anew))
    if unit == "records":
        raise ExcerptError(
            f'lines="{wanted.lines}": this is no list of rows; lines="@{first}" is a line'
        )
    found, end, total = excerpt.slice_lines(laid, first, last)
    is_meant = unit == "lines" or not numbered.counts_fields(omissions)
    else_rows = "" if is_meant else f'; if rows are meant: lines="rows {first}-{end}"'
    return found, f"lines {first:,}-{end:,} of {total:,}{_laid_out(anew)}{else_rows}"


def _records(
    text: str, records: "Records", asked: tuple[int, int | None], laid_out: str
) -> tuple[str, str]:
    (first, last), total = asked, len(records.places)
    if first > total:
        to = f"{first}-{last}" if last else f"{first}-"
        raise ExcerptError(
            f"there is no {singular(records.unit)} {first:,}: this has"
            f' {number(total, records.unit)}; for lines of the text write lines="@{to}"'
        )
    end = min(total, last or total)
    found = text[records.places[first - 1][0] : records.places[end - 1][1]]
    return found, f"{records.unit} {first:,}-{end:,} of {total:,}{records.said}{laid_out}"


def _found(wanted: Wanted, text: str) -> tuple[str, str]:
    if len(text) <= excerpt.PAGE_CHARS:
        return text, "the whole text, because it fits one page"
    from coatcheck import find  # here because only a question needs the reducers

    laid, anew = excerpt.lined(text)
    passages, total = find.find(laid, wanted.find)
    if not passages:
        return "", _nothing_found(wanted, find.missing(laid, wanted.find))
    answer = "\n".join(passage.placed() for passage in passages)
    return answer, f"{len(passages):,} passages of {total:,}, best first{_laid_out(anew)}"


def _nothing_found(wanted: Wanted, words: Sequence[str]) -> str:
    whole = _called({"ref": wanted.ref, "page": 1})
    return f"nothing speaks of {', '.join(words[:5])}; ask with words of the text, or {whole}"


def _laid_out(anew: bool) -> str:
    return ", JSON laid out one member a line" if anew else ""


def _over_all(wanted: Wanted, artifacts: Artifacts) -> Fetched:
    """Answer a fetch without a ref: a question to all that is kept, else the list of it."""
    if not (wanted.find or wanted.grep):
        if wanted.query or wanted.lines:
            raise ExcerptError(f"{wanted.verb} needs a ref; {TOOL}() lists them")
        kept = artifacts.list(LIST_LIMIT)
        return _paged(wanted, listing(kept), "kept artifacts, newest first")
    from coatcheck import find  # here because only a question needs the reducers

    question = wanted.find or wanted.grep
    seen, answers = 0, []
    for artifact in _newest(artifacts):
        seen += 1
        laid, _ = excerpt.lined(text_of(artifact)[0])
        passages, _ = find.find(laid, question)
        name = f"{artifact.ref} {artifact.call.name}"
        answers += [
            (find.share(p, question), f"{name} {p.placed()}") for p in passages[:PASSAGES_EACH]
        ]
    answers.sort(key=lambda answer: -answer[0])
    what = f"{len(answers):,} passages of {seen:,} kept artifacts, best first"
    return _paged(wanted, "\n".join(text for _, text in answers), what)


def _newest(artifacts: Artifacts) -> Iterator[Artifact]:
    """Yield the newest artifacts until enough was looked at."""
    left = SEARCHED_BYTES
    for info in artifacts.list(SEARCHED_ARTIFACTS):
        left -= info.size_bytes
        if left < 0:
            return
        with suppress(UnknownRef, StoreError):  # it may go meanwhile
            yield artifacts.peek(info.ref)


def _paged(wanted: Wanted, text: str, what: str) -> Fetched:
    size = excerpt.page_chars(text, max(0, wanted.page_bytes - NOTICE_BYTES))
    page, pages = excerpt.cut(text, wanted.page, size=size)
    more = f"; next: {wanted.call(page=wanted.page + 1)}" if wanted.page < pages else ""
    notice = f"[coatcheck: page {wanted.page:,} of {pages:,}, {what}{more}]"
    return Fetched(f"{notice}\n{page}", wanted.verb, wanted.ref)
