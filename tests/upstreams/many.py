"""An MCP server on stdio with a bit of everything, for both eras, that marks what it says.

many.py MARKER [--option VALUE …]: --tools a,b names its tools, --page N puts N items on a page,
--era handshake|modern|both, --after FIFO waits for somebody to write there before it answers,
--hang METHOD never answers it, --rows N and --times N make the results of tasks and the texts of
resources large, --uris a,b its resources, --version V the one it speaks.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUT = sys.stdout.buffer
LOCK = threading.Lock()
ANSWERED = threading.Condition()
ANSWERS: dict[object, Any] = {}
OPTIONS = dict(zip((word[2:] for word in sys.argv[2::2]), sys.argv[3::2], strict=True))
MARKER = sys.argv[1]
MODERN = "2026-07-28"
CACHED = {"resultType": "complete", "ttlMs": 1000 + len(MARKER), "cacheScope": "public"}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
ERA: list[str] = []
SEEN: list[dict[str, Any]] = []
LISTENS: list[object] = []


def send(**message: Any) -> None:
    with LOCK:
        OUT.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        OUT.flush()


def names(option: str, default: str) -> list[str]:
    return [name for name in OPTIONS.get(option, default).split(",") if name]


def capabilities() -> dict[str, Any]:
    kinds: dict[str, Any] = {"tools": {"listChanged": True}, "logging": {}}
    if "uris" in OPTIONS:
        kinds["resources"] = {"subscribe": True}
    if "prompts" in OPTIONS:
        kinds |= {"prompts": {}, "completions": {}}
    return kinds


def listed(kind: str, items: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    size = int(OPTIONS.get("page", "1000"))
    start = int(params.get("cursor") or 0)
    result: dict[str, Any] = {kind: items[start : start + size]}
    if start + size < len(items):
        result["nextCursor"] = str(start + size)
    if ERA == ["modern"]:
        result |= CACHED
    return result


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": MARKER, "inputSchema": {"type": "object"}, "x-n": 1.0}


def text(words: str) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": words}]}
    return result | {"resultType": "complete"} if ERA == ["modern"] else result


def ask(arguments: dict[str, Any]) -> dict[str, Any]:
    """Ask the agent under the id and progress token that the arguments name."""
    number, meta = arguments["id"], {"progressToken": arguments.get("token", "t")}
    send(id=number, method="elicitation/create", params={"message": MARKER, "_meta": meta})
    with ANSWERED:
        ANSWERED.wait_for(lambda: number in ANSWERS)
        return text(json.dumps([MARKER, ANSWERS.pop(number)]))


def rows(arguments: dict[str, Any]) -> dict[str, Any]:
    count = range(arguments["n"])
    return text(json.dumps([{"id": n, "of": MARKER, "note": f"row {n} " * 5} for n in count]))


def task() -> dict[str, Any]:
    return {"task": {"taskId": f"task-{MARKER}", "status": "working"}}


KEPT: list[str] = []


def keep(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what this process was given before, and keep what it is given now."""
    before = KEPT[-1] if KEPT else ""
    KEPT[:] = [arguments["text"]]
    return text(f"{os.getpid()} {before}")


SPECIAL: dict[str, Callable[[dict[str, Any], str], dict[str, Any] | None]] = {
    "die": lambda _arguments, _line: os._exit(3),
    "wait": lambda _arguments, _line: None,
    "ask": lambda arguments, _line: ask(arguments),
    "seen": lambda _arguments, _line: text(json.dumps(SEEN)),
    "line": lambda _arguments, line: text(line),
    "pid": lambda _arguments, _line: text(str(os.getpid())),
    "keep": lambda arguments, _line: keep(arguments),
    "rows": lambda arguments, _line: rows(arguments),
    "task": lambda _arguments, _line: task(),
}


def call(params: dict[str, Any], line: str) -> dict[str, Any] | None:
    name, arguments = params["name"], params.get("arguments", {})
    if name in SPECIAL:
        return SPECIAL[name](arguments, line)
    if name == "progress":
        token = params["_meta"]["progressToken"]
        send(method="notifications/progress", params={"progressToken": token, "progress": 1})
    if name == "change":
        send(method="notifications/tools/list_changed")
    return text(f"{MARKER}: {name} {arguments.get('text', '')}".strip())


def resources(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    uris = names("uris", "")
    plain = [uri for uri in uris if "{" not in uri]
    if method == "resources/list":
        found = [{"uri": uri, "name": MARKER} for uri in plain]
        return listed("resources", found, params)
    if method == "resources/templates/list":
        items = [{"uriTemplate": uri, "name": MARKER} for uri in uris if "{" in uri]
        return listed("resourceTemplates", items, params)
    known = [uri.partition("{")[0] for uri in uris] + [f"hidden:{MARKER}"]
    if not any(params["uri"].startswith(start) for start in known):
        return None
    if method == "resources/subscribe":
        send(method="notifications/resources/updated", params={"uri": params["uri"]})
    if method == "resources/read":
        said = "\n".join([MARKER] + [f"line {n}" for n in range(int(OPTIONS.get("times", "0")))])
        read = {"contents": [{"uri": params["uri"], "text": said}]}
        return read | CACHED if ERA == ["modern"] else read
    return {}


def discover() -> dict[str, Any]:
    return {
        "supportedVersions": [MODERN],
        "capabilities": capabilities(),
        "resultType": "complete",
        "ttlMs": 60_000,
        "cacheScope": "public",
        "instructions": f"Use {MARKER}.",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": MARKER, "version": "1"}},
    }


def listen(request_id: object, params: dict[str, Any]) -> None:
    meta = {SUBSCRIPTION: request_id}
    honored = {"toolsListChanged": True} if params["notifications"].get("toolsListChanged") else {}
    note = "notifications/subscriptions/acknowledged"
    send(method=note, params={"notifications": honored, "_meta": meta})
    if honored:
        send(method="notifications/tools/list_changed", params={"_meta": meta})
    LISTENS.append(request_id)


def initialize(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "protocolVersion": OPTIONS.get("version", params["protocolVersion"]),
        "capabilities": capabilities(),
        "serverInfo": {"name": MARKER, "version": "1"},
        "instructions": OPTIONS.get("instructions", f"Use {MARKER}."),
    }


def task_state(params: dict[str, Any]) -> dict[str, Any]:
    if params["taskId"] != f"task-{MARKER}":
        raise KeyError(params["taskId"])
    final = rows({"n": int(OPTIONS.get("rows", "1"))})
    return {"taskId": params["taskId"], "status": "completed", "of": MARKER, "result": final}


def prompt(params: dict[str, Any]) -> dict[str, Any]:
    said = {"type": "text", "text": f"{MARKER}: {params['name']}"}
    return {"messages": [{"role": "user", "content": said}]}


def completion(params: dict[str, Any]) -> dict[str, Any]:
    return {"completion": {"values": [MARKER, json.dumps(params["ref"])]}}


def tools(params: dict[str, Any]) -> dict[str, Any]:
    return listed("tools", [tool(name) for name in names("tools", "echo")], params)


def prompts(params: dict[str, Any]) -> dict[str, Any]:
    return listed("prompts", [{"name": name} for name in names("prompts", "")], params)


METHODS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "initialize": initialize,
    "tools/list": tools,
    "prompts/list": prompts,
    "prompts/get": prompt,
    "completion/complete": completion,
    "logging/setLevel": lambda _params: {},
    "tasks/get": task_state,
    f"vendor/{MARKER}": lambda _params: {"of": MARKER},
}
if OPTIONS.get("era") in ("modern", "both"):
    METHODS["server/discover"] = lambda _params: discover()


def answer(message: dict[str, Any], line: str) -> dict[str, Any] | None:
    """Return the result; LookupError for an unknown method, KeyError for an unknown thing."""
    method, params = message["method"], message.get("params", {})
    if method == "tools/call":
        return call(params, line)
    if method in METHODS:
        return METHODS[method](params)
    if method.startswith("resources/") and "uris" in OPTIONS:
        found = resources(method, params)
        if found is None:
            raise KeyError(params["uri"])
        return found
    raise LookupError(method)


def refused(message: dict[str, Any]) -> bool:
    """Refuse the other era once one is locked, as servers on stdio do."""
    era, method = OPTIONS.get("era", "handshake"), message["method"]
    if method == "server/discover" and era != "handshake" and not ERA:
        ERA.append("modern")
    if method == "initialize":
        if era == "modern" or ERA == ["modern"]:
            data = {"supported": [MODERN]}
            send(id=message["id"], error={"code": -32022, "message": "modern", "data": data})
            return True
        ERA[:] = ["handshake"]
    return False


def handle(message: dict[str, Any], line: str) -> None:
    if message["method"] == OPTIONS.get("hang") or refused(message):
        return
    if message["method"] == "subscriptions/listen":
        listen(message["id"], message["params"])
        return
    try:
        result = answer(message, line)
    except KeyError as error:
        send(id=message["id"], error={"code": -32002, "message": f"no {error} in {MARKER}"})
    except LookupError as error:
        send(id=message["id"], error={"code": -32601, "message": f"{MARKER} has no {error}"})
    else:
        if result is not None:
            send(id=message["id"], result=result)


def take(line: str) -> None:
    message = json.loads(line)
    SEEN.append(message)
    if "method" not in message:
        with ANSWERED:
            ANSWERS[message["id"]] = message.get("result", message.get("error"))
            ANSWERED.notify_all()
    elif "id" in message:
        threading.Thread(target=handle, args=(message, line), daemon=True).start()
    elif message["method"] == "notifications/cancelled":
        sys.stderr.write(f"{MARKER} heard of a cancellation\n")
        sys.stderr.flush()


def main() -> None:
    if fifo := OPTIONS.get("after"):
        Path(fifo).read_text()
    for line in sys.stdin:
        take(line.rstrip("\n"))


main()
