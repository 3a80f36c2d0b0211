"""Who is killed, how, and in which state: no hang, no orphan, a clear error."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Agent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfd and /proc are Linux's")

Start = Callable[..., "Agent"]
WaitGone = Callable[..., None]

# A client that copies between us and a coatcheck, so that we can kill it like a real one.
CLIENT = """
import subprocess, sys, threading
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, bufsize=0)
print(p.pid, file=sys.stderr, flush=True)
for line in sys.stdin.buffer:
    p.stdin.write(line)
"""
# All bounds of a shutdown together are about 12 s; a polite end takes well below one.
BOUND_SECONDS = 20


def children_of(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def family_of(pid: int) -> list[int]:
    """Return pid and all its descendants."""
    return [pid, *(p for child in children_of(pid) for p in family_of(child))]


def bring_into(state: str, agent: "Agent") -> None:
    """Leave agent, whose upstream runs, in a state worth killing somebody in."""
    if state == "in a call":
        agent.call("sleep", "open")
    elif state == "in a big answer":
        agent.call("blob", "open", bytes=16_000_000)
    elif state == "restarting":
        agent.call("die", "dead")
        assert "error" in agent.read()
        agent.call("sleep", "open")


@pytest.mark.parametrize("state", ["idle", "in a call", "in a big answer", "restarting"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("upstream", ["plain", "stubborn", "with a child"])
def test_no_orphan_when_coatcheck_is_killed(
    start: Start, wait_gone: WaitGone, upstream: str, number: int, state: str
) -> None:
    agent = start("plain.py", *(["--stubborn"] if upstream == "stubborn" else []))
    agent.greet()
    if upstream == "with a child":
        agent.said("child")
    family = family_of(agent.process.pid)
    assert len(family) == (4 if upstream == "with a child" else 3)
    bring_into(state, agent)
    family += family_of(agent.process.pid)
    os.kill(agent.process.pid, number)
    wait_gone(*family, seconds=BOUND_SECONDS)


@pytest.mark.parametrize("state", ["idle", "in a call", "in a big answer", "restarting"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_when_the_client_is_killed(
    command: Callable[..., list[str]], wait_gone: WaitGone, number: int, state: str
) -> None:
    words = [sys.executable, "-c", CLIENT, *command("plain.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        coatcheck = int(client.stderr.readline())
        calls = {
            "in a call": ["sleep"],
            "in a big answer": ["blob"],
            "restarting": ["die", "sleep"],
        }
        for tool in ["who", *calls.get(state, [])]:
            params = {"name": tool, "arguments": {"bytes": 16_000_000}}
            message = {"jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params}
            client.stdin.write(json.dumps(message).encode() + b"\n")
            if tool in ("who", "die"):
                client.stdout.readline()
        family = family_of(coatcheck)
        client.send_signal(number)
        client.wait(BOUND_SECONDS)
        wait_gone(*family, seconds=BOUND_SECONDS)


@pytest.mark.parametrize("state", ["idle", "in a call", "in a big answer", "restarting"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("child", [False, True])
def test_a_killed_upstream_is_an_error_at_once_and_comes_back(
    start: Start, wait_gone: WaitGone, child: bool, number: int, state: str
) -> None:
    agent = start("plain.py")
    agent.greet()
    bring_into(state, agent)
    if state == "restarting":
        agent.said("echo", text="it is up again")
    who = [] if state == "in a big answer" else [json.loads(agent.said("who"))["pid"]]
    pids = who or children_of(agent.process.pid)[:1]
    if child and who:
        pids.append(int(agent.said("child")))
    os.kill(pids[0], number)
    wait_gone(*pids, seconds=BOUND_SECONDS)
    if state != "idle":
        answer = agent.read()
        assert answer["id"] == "open"
        if "error" in answer:  # a big answer may have been through already
            assert answer["error"]["code"] == -32000
            assert f"upstream 'up' was killed by {signal.Signals(number).name}" in str(answer)
        else:
            assert state == "in a big answer"
    agent.call("echo", 2, text="again")
    answer = agent.read()
    while "error" in answer:  # sent before the death was seen; never sent twice
        agent.call("echo", 2, text="again")
        answer = agent.read()
    assert answer["result"]["content"][0]["text"] == "again"
    assert json.loads(agent.said("who"))["seen"][:2] == ["initialize", "notifications/initialized"]


@pytest.mark.parametrize("flags", [[], ["--stubborn"]])
def test_the_end_of_stdin_ends_everything(
    start: Start, wait_gone: WaitGone, flags: list[str]
) -> None:
    agent = start("plain.py", *flags)
    agent.greet()
    agent.said("child")
    family = family_of(agent.process.pid)
    assert agent.close() == 0
    wait_gone(*family, seconds=BOUND_SECONDS)


def test_what_was_asked_before_the_end_of_stdin_is_still_answered(start: Start) -> None:
    agent = start("plain.py")
    agent.call("blob", 1, bytes=4_000_000)
    agent.call("echo", 2, text="last")
    assert agent.process.stdin is not None
    agent.process.stdin.close()
    assert [agent.read()["id"] for _ in range(2)] == [1, 2]
    assert agent.line() == b""


def test_an_agent_that_stops_reading_is_gone(command: Callable[..., list[str]]) -> None:
    pipe = subprocess.PIPE
    words = command("plain.py")
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.close()
        process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n')
        process.stdin.flush()
        assert process.wait(BOUND_SECONDS) == 0
