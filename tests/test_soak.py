"""Many calls at once, with cancellations and deaths: every id is answered exactly once."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Agent

CONCURRENT = 32
CANCEL_EVERY = 101
# Memory after the first fifth and at the end may differ by this much.
GROWTH_KIB = 4096


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def make_call(agent: "Agent", number: int, die_every: int) -> bool:
    """Send call number; return whether it must be answered."""
    if number % die_every == die_every - 1:
        agent.call("die", number)
    elif number % CANCEL_EVERY == 0:
        agent.call("sleep", f"c{number}")
        agent.send(method="notifications/cancelled", params={"requestId": f"c{number}"})
        return False
    else:
        agent.call("echo", number, text=str(number))
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("calls", "die_every"), [(3_000, 1_000), pytest.param(100_000, 10_000, marks=pytest.mark.slow)]
)
def test_every_call_is_answered_exactly_once(
    start: Callable[..., "Agent"], calls: int, die_every: int
) -> None:
    agent = start("plain.py")
    agent.greet()
    answers: Counter[int] = Counter()
    expected: set[int] = set()
    early_kib = 0
    for number in range(calls):
        if make_call(agent, number, die_every):
            expected.add(number)
        if len(expected) - len(answers) >= CONCURRENT:
            take_answer(agent, answers)
        if number == calls // 5:
            early_kib = resident_kib(agent.process.pid)
    while len(answers) < len(expected):
        take_answer(agent, answers)
    assert answers.keys() == expected
    assert set(answers.values()) == {1}
    assert resident_kib(agent.process.pid) - early_kib < GROWTH_KIB
    assert agent.close() == 0
    assert agent.lines.get(timeout=5) == b""


def take_answer(agent: "Agent", answers: Counter[int]) -> None:
    answer = agent.read()
    number = answer["id"]
    answers[number] += 1
    if "result" in answer:
        assert answer["result"]["content"][0]["text"] == str(number)
    else:
        assert answer["error"]["code"] == -32000
