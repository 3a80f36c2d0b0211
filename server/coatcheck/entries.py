"""Write what the ledger keeps of a call or a fetch; its time and session are the desk's to say."""

import hashlib
from typing import Any

from coatcheck.clients import shown_chars
from coatcheck.fetch import Fetched
from coatcheck.pipeline import WHOLE, Outgoing
from coatcheck.sizing import estimate
from coatcheck.types import Call, Entry, EntryKind, Summary

# A pass is booked by its size alone; its tokens never touch a saving.
USUAL_BYTES_PER_TOKEN = 3.3


def entry(kind: EntryKind, call: Call, **columns: Any) -> Entry:
    """Return an entry with what call says of itself, and with these columns."""
    return Entry(
        kind=kind,
        at=0.0,
        context=call.context,
        call_id=call.call_id,
        upstream=call.upstream,
        tool=call.tool,
        arguments_digest=hashlib.blake2b(call.arguments, digest_size=8).hexdigest(),
        focus=bool(call.focus) and call.focus != WHOLE,
        **columns,
    )


def of_pass(call: Call, size_bytes: int, is_error: bool, upstream_ms: float) -> Entry:
    """Return the entry of a result that passed without being looked at."""
    tokens = round(size_bytes / USUAL_BYTES_PER_TOKEN)
    return entry(
        "call",
        call,
        is_error=is_error,
        original_bytes=size_bytes,
        original_tokens=tokens,
        counterfactual_tokens=tokens,
        view_bytes=size_bytes,
        view_tokens=tokens,
        upstream_ms=upstream_ms,
    )


def of_call(call: Call, result: bytes, outgoing: Outgoing, client: str) -> Entry:
    """Return the entry of a result that was looked at, without the time it took."""
    tokens, chars = estimate(outgoing.text), len(outgoing.text)
    shown = shown_chars(client, chars, is_error=outgoing.is_error)
    return entry(
        "call",
        call,
        ref=outgoing.ref,
        outcome=outgoing.outcome,
        is_error=outgoing.is_error,
        reason=outgoing.reason,
        original_bytes=len(result),
        original_tokens=tokens,
        counterfactual_tokens=round(tokens * shown / chars) if chars else tokens,
        view_bytes=len(outgoing.result or result),
        view_tokens=estimate(outgoing.view) if outgoing.view else tokens,
        **_costs(outgoing.summary),
    )


def of_whole(call: Call, result: bytes, outgoing: Outgoing) -> Entry:
    """Return the entry of a call that asks for all of what was shortened before: a fetch."""
    tokens = estimate(outgoing.text)
    return entry("fetch", call, verb="whole", view_bytes=len(result), view_tokens=tokens)


def of_fetch(call: Call, fetched: Fetched, added_ms: float) -> Entry:
    """Return the entry of a fetch of what call has brought."""
    return entry(
        "fetch",
        call,
        ref=fetched.ref,
        verb=fetched.verb,
        part=fetched.part,
        is_error=fetched.is_error,
        reason=fetched.summary.reason if fetched.summary.decision else fetched.reason,
        view_bytes=len(fetched.text.encode("utf-8", "replace")),
        view_tokens=estimate(fetched.text),
        added_ms=added_ms,
        **_costs(fetched.summary),
    )


def _costs(summary: Summary) -> dict[str, Any]:
    """Return the columns of an entry that say what a model was paid for."""
    return {
        "summary_ms": summary.milliseconds,
        "summary_input_tokens": summary.input_tokens,
        "summary_output_tokens": summary.output_tokens,
        "summary_micro_usd": summary.micro_usd,
        "summary_cache_write_tokens": summary.cache_write_tokens,
        "summary_cache_read_tokens": summary.cache_read_tokens,
        "decision": summary.decision,
    }
