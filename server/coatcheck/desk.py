"""Take results in and hand artifacts out, for one upstream and one agent session."""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from coatcheck import catalogue, entries, filling, inner, repair, spans
from coatcheck.clients import UNKNOWN, Client, client_of, fitted, is_scripted
from coatcheck.fetch import TOOL as FETCH
from coatcheck.fetch import Fetched, fetch, is_for_us, with_note
from coatcheck.focus import derive
from coatcheck.lately import Lately
from coatcheck.params import URI, as_sent, context_of, meta_of, of_uri
from coatcheck.pipeline import WHOLE, Outgoing, Pipeline
from coatcheck.protocols import Asker, Ledger
from coatcheck.sizing import estimate
from coatcheck.statement import TEMPLATE as SAVINGS
from coatcheck.statement import Statement
from coatcheck.tasks import Tasks
from coatcheck.types import (
    Arm,
    Artifact,
    Call,
    Entry,
    RefsInto,
    Refused,
    RequestError,
    Rule,
    Session,
    StoreError,
    UnknownRef,
)

if TYPE_CHECKING:
    from coatcheck.repeats import Repeats

logger = logging.getLogger(__name__)

RESULTS = frozenset({"tools/call", "tasks/result", "tasks/get"})
LISTS = frozenset({"tools/list", "resources/templates/list", "prompts/list"})
HELD_OUT: Arm = "held out"
# What the rules call the reading of a resource: the tool "resources/read" of its upstream.
READ = "resources/read"
# What the revision of 2026-07-28 asks of a result; its requests name their version.
VERSION = "io.modelcontextprotocol/protocolVersion"
COMPLETE = b',"resultType":"complete"'
PRIVATE = b',"ttlMs":0,"cacheScope":"private"'
# How a resource that is not there is answered, in that revision and in those before it.
INVALID_PARAMS = -32602
NOT_FOUND = -32002
# Few texts cost more than a token for two bytes, so a smaller result is surely at its floor.
LEAST_BYTES_PER_TOKEN = 2
REPAIRED = "passed in a form that this client shows"


@dataclass(slots=True)
class Desk:
    """The Desk Protocol for one upstream.

    shortened are the tools that were shortened before this session, read once at its start, so
    that our changes to tools/list stay byte-identical through the session (law 14). While
    is_paused, results pass; the tools stay as they were listed. noted gives what a model has said
    of an artifact, "" if nothing. A desk beside others has no fetches: another lists
    fetch_artifact and answers it; lately is then common to them. listed: the tools were listed,
    or no upstream can have a tool of that name anyway.
    """

    upstream: str
    session: Session
    rule_of: Callable[[str], Rule]
    pipeline: Pipeline
    ledger: Ledger
    shortened: Collection[str] = ()
    clock: Callable[[], float] = time.time
    refs_into: Sequence[RefsInto] = ()
    asker: Asker | None = None
    noted: Callable[[str], str] = lambda _: ""
    is_paused: Callable[[], bool] = lambda: False
    has_fetches: bool = True
    listed: bool = False
    lately: Lately = field(default_factory=Lately)
    statement: Statement | None = None
    _tools: dict[str, filling.Tool] = field(default_factory=dict)
    _with_focus: set[str] = field(default_factory=set)
    _shadowed: bool = False
    _definitions_booked: bool = False
    _keeps_for_session: bool = False
    _shortened_calls: set[bytes] = field(default_factory=set)
    _schemas: dict[str, Mapping[str, object]] = field(default_factory=dict)
    _repeats: "Repeats | None" = None
    _tasks: Tasks = field(default_factory=Tasks)
    _client: Client = UNKNOWN

    def greet(self, params: Mapping[str, object]) -> None:
        """Learn the client's name and version."""
        info = params.get("clientInfo")
        if info is None:
            info = meta_of(params).get("io.modelcontextprotocol/clientInfo")
        if isinstance(info, Mapping):
            name, version = str(info.get("name", "")), str(info.get("version", ""))
            self.session = replace(self.session, client=name, client_version=version)
            self._client = client_of(name)

    def answers(self, method: str, params: Mapping[str, object]) -> bool:
        """Tell whether this is a fetch_artifact call or the reading of a resource of ours.

        Before the tools are listed an upstream may still turn out to have one of that name.
        """
        if not self.has_fetches:
            return False
        if self.statement is not None and self.statement.answers(method, params):
            return True
        if self._shadowed:
            return False
        if method == "tools/call":
            is_named = params.get("name") == FETCH
            return is_named and (self.listed or is_for_us(params.get("arguments")))
        return method == "resources/read" and str(params.get("uri", "")).startswith(URI)

    def answer(self, method: str, params: Mapping[str, object]) -> bytes:
        """Return the result of a fetch, booked. Raises: RequestError for an unknown resource."""
        modern = VERSION in meta_of(params)
        if self.statement is not None and self.statement.answers(method, params):
            return self.statement.answer(method, params, COMPLETE + PRIVATE if modern else b"")
        began = time.perf_counter()
        arguments = params.get("arguments") if method == "tools/call" else of_uri(params)
        given = arguments if isinstance(arguments, dict) else {}
        most = self._client.safe_bytes
        fetched = fetch(self.pipeline.artifacts, given, self.asker, page_bytes=most)
        fetched = with_note(fetched, self.noted)
        upstream = fetched.upstream or self.upstream
        call = Call(upstream, fetched.tool, b"", "", *context_of(meta_of(params)))
        if fetched.verb in ("grep", "find", "ask"):
            self.lately.note(call, str(given[fetched.verb]))
        self._book(entries.of_fetch(call, fetched, (time.perf_counter() - began) * 1e3))
        if method == "tools/call":
            return fetched.result(COMPLETE if modern else b"")
        if fetched.is_error:
            said = fetched.text.removeprefix("Error: ")
            raise RequestError(INVALID_PARAMS if modern else NOT_FOUND, said)
        return fetched.resource(params.get("uri"), COMPLETE + PRIVATE if modern else b"")

    def take(self, params: Mapping[str, object], raw: bytes) -> tuple[Call, bytes | None]:
        """Return the call, and params without `_focus` where we offered it."""
        call, changed = self._taken(params, raw)
        if filling.SCHEME in raw and not self._shadowed:
            call = replace(call, refs=filling.refs_in(params.get("arguments")))
        if is_scripted(self._client, meta_of(params)):
            call = replace(call, is_scripted=True)
        return call, changed

    def fill(self, call: Call, params: Mapping[str, object], raw: bytes) -> tuple[bytes, bool]:
        """Return params with the texts of artifacts for the refs in them, booked, and True.

        Nothing enters a tool but by a pair of refs_into; refused, the call is answered at once.
        """
        try:
            found = spans.member(raw, "arguments")
            tool = self._tools.get(call.tool)
            if found is None or tool is None:
                raise Refused(f"{call.tool} is not in the list of tools; list them first")
            admit = partial(self._admitted, call.tool, tool)
            text, filled = filling.fill(raw[found.start : found.end], tool, admit)
        except (Refused, UnknownRef, StoreError, spans.NotJson, RecursionError) as error:
            reason = "a ref was refused; nothing was sent"
            self._book(entries.entry("call", call, is_error=True, reason=reason))
            answer = Fetched(f"Error: coatcheck did not send this call: {error}", "", is_error=True)
            return answer.result(COMPLETE if VERSION in meta_of(params) else b""), False
        for ref, place in filled:
            reason = f"sent as {place}"
            self._book(entries.entry("fetch", call, ref=ref, verb="argument", reason=reason))
        return spans.apply(raw, [(found.start, found.end, text)]), True

    def _admitted(self, name: str, tool: filling.Tool, ref: str) -> Artifact:
        """Return the artifact of ref if it may enter a tool. Raises: Refused, UnknownRef."""
        artifact = self.pipeline.artifacts.get(ref)
        filling.check(self.refs_into, artifact.call.upstream, self.upstream, name, tool)
        return artifact

    def _taken(self, params: Mapping[str, object], raw: bytes) -> tuple[Call, bytes | None]:
        tool, arguments = str(params.get("name", "")), params.get("arguments")
        context, call_id = context_of(meta_of(params))
        seconds = self.rule_of(tool).call_timeout_seconds
        sent, focus, changed = b"{}", "", None
        if isinstance(arguments, Mapping):
            if tool in self._with_focus and catalogue.FOCUS in arguments:
                focus = str(arguments[catalogue.FOCUS] or "")
                changed, sent = catalogue.without_focus(raw)
            else:
                sent = as_sent(arguments, raw)
        return Call(self.upstream, tool, sent, focus, context, call_id, seconds), changed

    def wants(self, method: str, call: Call | None, size_bytes: int, line: bytes = b"") -> bool:
        """Tell whether a result may be shortened or repaired, or is a list that we add to."""
        if self._shadowed:
            return False
        if method == READ:
            return self._wants_resource(size_bytes)
        if method in RESULTS:
            if call is not None:
                self._tasks.note(call, line)
            rule = self.rule_of(call.tool if call else "")
            least = rule.floor_tokens * LEAST_BYTES_PER_TOKEN
            is_task = call is None and bool(self._tasks.calls)
            may = rule.keep != "never" and (size_bytes > least or is_task)
            may = rule.mode != "off" and (may or repair.suspects(line, self._client))
            return may and not self.is_paused()
        if not self.has_fetches:
            return method == "tools/list" and self.session.arm != HELD_OUT
        return method in LISTS and self.session.arm != HELD_OUT

    def revise(
        self, method: str, call: Call | None, result: bytes, upstream_ms: float
    ) -> bytes | None:
        """Return the view of a tool result, or a list with our changes; None to pass it."""
        if method == "tools/list":
            return self._revise_tools(result)
        if method == "resources/templates/list":
            return catalogue.with_templates(result, *([SAVINGS] if self.statement else []))
        if method == "prompts/list":
            return self.statement.with_prompt(result) if self.statement else None
        if method == READ:
            return self._revise_resource(result)
        if method == "tasks/get":
            return self._revise_task(result, upstream_ms)
        if method == "tasks/result":
            call = self._finished(result)
        return self._revise_result(call or Call(self.upstream, ""), result, upstream_ms)

    def _revise_result(self, call: Call, result: bytes, upstream_ms: float) -> bytes | None:
        began = time.perf_counter()
        call = self._with_focus_of(call)
        rule = fitted(self.rule_of(call.tool), self._client, is_scripted=call.is_scripted)
        if rule.mode == "off":  # of a task, whose tool was not known before
            self.passed(call, len(result), False, upstream_ms)
            return None
        schema = self._schemas.get(call.tool)
        if rule.mode == "schema" and schema is not None:
            outgoing = self.pipeline.prune(call, result, rule, schema, self.session.id)
        else:
            outgoing = self.pipeline.shorten(call, result, rule, self.session.id)
            outgoing = self._without_repeating(call, result, outgoing)
        may_repair = outgoing.result is None and self.session.arm != HELD_OUT
        if may_repair and (changed := repair.repaired(result, self._client)):
            outgoing = replace(outgoing, result=changed, reason=outgoing.reason or REPAIRED)
        self._keeps_for_session |= bool(outgoing.ref) and rule.keep == "session"
        added_ms = (time.perf_counter() - began) * 1e3
        self._book_call(call, result, outgoing, upstream_ms=upstream_ms, added_ms=added_ms)
        return outgoing.result

    def passed(self, call: Call, size_bytes: int, is_error: bool, upstream_ms: float) -> None:
        """Book a result that passed without being looked at."""
        if call in self._tasks.calls:
            return  # it is not the result of the call, which is booked when it comes
        if self._repeats is not None:
            self._repeats.turn(call.context)
        self._book(entries.of_pass(call, size_bytes, is_error, upstream_ms))

    def close(self) -> None:
        """Erase what was kept for this session only, and ask no model any more."""
        if self.pipeline.summarizer is not None:
            self.pipeline.summarizer.close()
        for call in self._tasks.calls:
            reason = "a task whose result was never asked for"
            self._book(entries.entry("call", call, reason=reason))
        if self._keeps_for_session:
            try:
                self.pipeline.artifacts.forget_session(self.session.id)
            except StoreError as error:
                logger.warning("what was kept for this session is still there: %s", error)

    # Tool results that come as those of tasks, texts of resources

    def _finished(self, result: bytes) -> Call:
        """Return the call of the task whose result this is; its like when it is not known."""
        return self._tasks.take(result) or Call(self.upstream, "")

    def _revise_task(self, result: bytes, upstream_ms: float) -> bytes | None:
        found = inner.finished(result)
        if found is None:
            return None
        final = result[found.start : found.end]
        changed = self._revise_result(self._finished(result), final, upstream_ms)
        edits = [] if changed is None else [(found.start, found.end, changed)]
        return spans.apply(result, edits) if edits else None

    def _wants_resource(self, size_bytes: int) -> bool:
        rule = self.rule_of(READ)
        may = rule.resources == "trim" and rule.mode != "off" and rule.keep != "never"
        may = may and self.session.arm != HELD_OUT
        least = rule.floor_tokens * LEAST_BYTES_PER_TOKEN
        return may and size_bytes > least and not self.is_paused()

    def _revise_resource(self, result: bytes) -> bytes | None:
        """Return a resources/read result with views of its large texts, each kept and booked."""
        rule = self.rule_of(READ)
        rule = replace(rule, mode="trim") if rule.mode in ("auto", "schema") else rule
        changed = []
        for text in inner.texts(result):
            began = time.perf_counter()
            call = Call(self.upstream, READ, spans.dumps({"uri": text.uri}))
            whole = inner.as_result(result, text)
            outgoing = self.pipeline.shorten(call, whole, rule, self.session.id)
            if outgoing.ref:
                changed.append((text, outgoing.view))
                self._keeps_for_session |= rule.keep == "session"
                added_ms = (time.perf_counter() - began) * 1e3
                self._book_call(call, whole, outgoing, upstream_ms=0.0, added_ms=added_ms)
        return inner.with_texts(result, changed) if changed else None

    def _revise_tools(self, result: bytes) -> bytes | None:
        parsed = spans.loads(result)
        last_page = isinstance(parsed, dict) and not parsed.get("nextCursor")
        listing = catalogue.change(
            result,
            self.rule_of,
            shortened=self.shortened,
            last_page=last_page and self.has_fetches,
        )
        if FETCH in listing.names:
            self._shadowed = True
            logger.warning(
                "%s has a tool named %s of its own: all its results pass unchanged",
                self.upstream,
                FETCH,
            )
            return None
        self.listed |= last_page
        self._with_focus |= listing.with_focus
        self._tools |= filling.tools_in(parsed)
        self._schemas |= catalogue.schemas_in(parsed)
        if last_page and not self._definitions_booked and (self.has_fetches or listing.added):
            self._definitions_booked = True
            tokens = estimate(listing.added)
            none = Call(self.upstream, "")
            self._book(entries.entry("definitions", none, view_tokens=tokens))
        return listing.result

    def _with_focus_of(self, call: Call) -> Call:
        """Return call with what the agent seems to look for, if it does not say so itself.

        That is in its arguments, else in its recent fetches of this tool's results. A session
        that is held out gets all of everything.
        """
        if call.focus or self.session.arm == HELD_OUT:
            return call if call.focus else replace(call, focus=WHOLE)
        arguments = spans.loads(call.arguments)
        guess = derive(arguments) if isinstance(arguments, Mapping) else ""
        return replace(call, focus=guess or self.lately.words_for(call))

    def _without_repeating(self, call: Call, result: bytes, outgoing: Outgoing) -> Outgoing:
        """Return outgoing shorter, if the context still has the last answer to the same call."""
        if not call.context:
            return outgoing
        from coatcheck import repeats  # here because few clients name their context

        if self._repeats is None:
            self._repeats = repeats.Repeats()
        if not outgoing.ref or outgoing.is_error or outgoing.is_lighter:
            self._repeats.turn(call.context)
            return outgoing
        short = self._repeats.shorter(call, outgoing)
        if not short:
            return outgoing
        return repeats.resent(self.pipeline.artifacts, result, outgoing, short)

    def _book(self, entry: Entry) -> None:
        """Append entry, with the time and what is known of the session by now."""
        session = self.session
        entry.at = self.clock()
        entry.session, entry.arm = session.id, session.arm
        entry.client, entry.client_version = session.client, session.client_version
        self.ledger.append(entry)

    def _book_call(
        self,
        call: Call,
        result: bytes,
        outgoing: Outgoing,
        *,
        upstream_ms: float,
        added_ms: float,
    ) -> None:
        if self._is_whole_again(call, outgoing):
            entry = entries.of_whole(call, result, outgoing)
        else:
            entry = entries.of_call(call, result, outgoing, self.session.client)
        entry.upstream_ms, entry.added_ms = upstream_ms, added_ms
        self._book(entry)

    def _is_whole_again(self, call: Call, outgoing: Outgoing) -> bool:
        """Tell whether a call asks for all of what this session got a view of before.

        It is a fetch of the whole then, and no call that saved nothing.
        """
        key = hashlib.blake2b(call.tool.encode() + b"\0" + call.arguments, digest_size=16).digest()
        if outgoing.ref:
            self._shortened_calls.add(key)
        return call.focus == WHOLE and not outgoing.ref and key in self._shortened_calls
