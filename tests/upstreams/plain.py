"""A small MCP server on stdio without an SDK, with tools that behave badly on request.

Started with --stubborn it ignores the end of stdin and SIGTERM. With ONCE naming a file, only the
start that creates the file succeeds.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

OUT = sys.stdout.buffer
LOCK = threading.Lock()
CANCELLED = threading.Condition()
CANCELLED_IDS: set[object] = set()
ANSWERS: dict[object, Any] = {}
SEEN: list[str] = []


def write(data: bytes) -> None:
    with LOCK:
        OUT.write(data + b"\n")
        OUT.flush()


def log(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def send(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode())


def text(words: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}]}


def who() -> dict[str, Any]:
    names = sorted(name for name in os.environ if name.startswith("COATCHECK"))
    return {"pid": os.getpid(), "pgid": os.getpgid(0), "names": names, "seen": SEEN}


def sleep(request_id: object) -> dict[str, Any] | None:
    """Wait until the request is cancelled, and say so on stderr."""
    with CANCELLED:
        CANCELLED.wait_for(lambda: request_id in CANCELLED_IDS)
    log("cancelled a sleep")
    return None


def ask(arguments: dict[str, Any]) -> dict[str, Any]:
    """Ask the agent something under the id that the arguments name."""
    number = arguments.get("id", "q1")
    send(id=number, method="elicitation/create", params={"message": "ok?", "x-vendor": 1.0})
    with CANCELLED:
        CANCELLED.wait_for(lambda: number in ANSWERS)
    return text(json.dumps(ANSWERS[number]))


def child() -> dict[str, Any]:
    """Leave a child in our group that holds our stdout and stderr."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    return text(str(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL).pid))


def misbehave(how: str, request_id: object) -> None:
    raw_id = json.dumps(request_id).encode()
    if how == "die":
        os._exit(3)
    elif how == "noise":
        write(b'npm WARN this is no JSON\n\n{"level":"info"}\n17')
        send(id=request_id, result=text("after noise"))
    elif how == "malformed":
        write(b'{"jsonrpc":"2.0","id":' + raw_id + b',"result":{"content":[}}')
    elif how == "cut":
        write(b'{"jsonrpc":"2.0","id":' + raw_id + b',"result":{"text":"' + b"x" * 100_000)
    elif how == "close":
        os.close(1)
        signal.pause()


def blob(arguments: dict[str, Any]) -> dict[str, Any]:
    if arguments.get("log"):
        log("a blob")
    return text("0123456789abcde\n" * (int(arguments["bytes"]) // 16))


def progress(request_id: object, params: dict[str, Any]) -> dict[str, Any]:
    token = params.get("_meta", {}).get("progressToken")
    for step in range(int(params["arguments"].get("n", 5))):
        note = {"progressToken": token, "progress": step}
        send(method="notifications/progress", params=note)
    return text("done")


def call(request_id: object, params: dict[str, Any]) -> dict[str, Any] | None:
    name, arguments = params["name"], params.get("arguments", {})
    if name == "echo":
        return text(str(arguments.get("text", "")))
    if name == "blob":
        return blob(arguments)
    if name == "raw":  # a result, byte for byte
        tail = b',"jsonrpc":"2.0","id":' + json.dumps(request_id).encode() + b"}"
        write(b'{"result":' + arguments["result"].encode() + tail)
        return None
    if name == "progress":
        return progress(request_id, params)
    if name == "who":
        return text(json.dumps(who()))
    if name == "child":
        return child()
    if name in ("sleep", "ask"):
        return sleep(request_id) if name == "sleep" else ask(arguments)
    misbehave(name, request_id)
    return None


def handle(message: dict[str, Any], line: bytes) -> None:
    request_id, method = message["id"], message["method"]
    params = message.get("params", {})
    result: dict[str, Any] | None
    if method == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "x": 1.0}
    elif method == "tools/list":
        result = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        result = call(request_id, params)
    elif method == "vendor/line":  # what exactly arrived here
        result = {"line": line.decode("utf-8", "surrogateescape")}
    elif method == "subscriptions/listen":
        meta = {"io.modelcontextprotocol/subscriptionId": request_id}
        send(method="notifications/resources/updated", params={"uri": "a:b", "_meta": meta})
        result = {"_meta": meta}
    else:
        send(id=request_id, error={"code": -32601, "message": "Method not found"})
        return
    if result is not None:
        send(id=request_id, result=result)


def notice(message: dict[str, Any]) -> None:
    if message["method"] == "notifications/cancelled":
        with CANCELLED:
            CANCELLED_IDS.add(message["params"]["requestId"])
            CANCELLED.notify_all()
    elif message["method"] == "notifications/vendor":
        send(method="notifications/vendor", params=message["params"])
    elif message["method"] == "notifications/withdraw":
        send(method="notifications/cancelled", params={"requestId": message["params"]["id"]})


def take(line: bytes) -> None:
    message = json.loads(line)
    SEEN.append(message.get("method", "answer"))
    del SEEN[:-20]
    if "method" not in message:
        with CANCELLED:
            ANSWERS[message["id"]] = message.get("result", message.get("error"))
            CANCELLED.notify_all()
    elif "id" not in message:
        notice(message)
    elif message.get("params", {}).get("name") in ("sleep", "ask"):
        threading.Thread(target=handle, args=(message, line), daemon=True).start()
    else:
        handle(message, line)


def main() -> None:
    if "--stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if flag := os.environ.get("ONCE"):  # the second start fails
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            sys.exit(7)
    log("ready")
    for line in sys.stdin.buffer:
        if line.strip():
            take(line.rstrip(b"\n"))
    if "--stubborn" in sys.argv:
        while True:
            signal.pause()


main()
