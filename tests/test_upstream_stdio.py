"""One upstream command: its start, its log, its death and its return."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Agent

MAIN = "from coatcheck.cli import main; raise SystemExit(main())"


def run(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-c", MAIN, *words]
    environ = {**os.environ, "COATCHECK": "off", **environ}
    return subprocess.run(
        line, input="", capture_output=True, text=True, timeout=30, env=environ, check=False
    )


def test_a_command_that_is_not_found_is_one_line_that_names_it_and_the_path() -> None:
    done = run("run", "--name", "gh", "--", "no-such-npx", "-y", "x", PATH="/nowhere/bin")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for part in ("'gh'", "'no-such-npx'", "PATH", "/nowhere/bin"):
        assert part in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "--"],
        ["run", "--name"],
        ["run", "npx"],
        ["run", "--nam", "x", "--", "y"],
    ],
)
def test_a_wrong_usage_is_told_and_exits_with_2(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "usage: coatcheck run" in done.stderr


def test_help_shows_an_example() -> None:
    done = run("run", "--help")
    assert done.returncode == 0
    assert "example: coatcheck run --name github -- npx -y server-github" in done.stdout


def test_the_name_is_the_basename_of_the_command_by_default() -> None:
    done = run("run", "--", "/bin/sh", "-c", "echo hello >&2")
    assert "[sh] hello" in done.stderr


def test_each_line_of_its_log_is_marked_with_its_name(agent: "Agent") -> None:
    assert agent.logged(b"ready") == b"[up] ready\n"


def test_a_call_in_flight_fails_with_what_happened_and_what_to_do(agent: "Agent") -> None:
    agent.greet()
    agent.call("sleep", "first")
    agent.call("die", "second")
    answers = [agent.read() for _ in range(2)]
    assert [a["id"] for a in answers] == ["first", "second"]
    for answer in answers:
        assert answer["error"]["code"] == -32000
        assert "upstream 'up' exited with status 3" in answer["error"]["message"]
        assert "tools/call was not repeated" in answer["error"]["message"]


def test_a_death_withdraws_what_the_upstream_had_asked(agent: "Agent") -> None:
    agent.greet()
    agent.call("ask")
    asked = agent.read()
    agent.call("die", 2)
    messages = [agent.read() for _ in range(3)]
    assert messages[2]["method"] == "notifications/cancelled"
    assert messages[2]["params"]["requestId"] == asked["id"]
    agent.send(id=asked["id"], result={})
    assert agent.said("echo", text="again") == "again"


def test_the_handshake_is_repeated_and_its_answer_kept_back(agent: "Agent") -> None:
    agent.greet()
    agent.call("die")
    assert "error" in agent.read()
    assert json.loads(agent.said("who"))["seen"] == [
        "initialize",
        "notifications/initialized",
        "tools/call",
    ]


def test_without_a_handshake_none_is_repeated(agent: "Agent") -> None:
    agent.call("die")
    assert "error" in agent.read()
    assert json.loads(agent.said("who"))["seen"] == ["tools/call"]


def test_requests_that_come_while_it_starts_again_all_go_on(agent: "Agent") -> None:
    agent.greet()
    agent.call("die")
    assert "error" in agent.read()
    for number in range(20):
        agent.call("echo", number, text="x")
    assert [agent.read()["id"] for _ in range(20)] == list(range(20))


def test_an_upstream_that_cannot_come_back_is_a_clear_error(
    start: Callable[..., "Agent"], tmp_path: Path
) -> None:
    agent = start("plain.py", ONCE=str(tmp_path / "flag"))
    agent.greet()
    agent.call("die")
    assert "error" in agent.read()
    for number in (2, 3):
        agent.call("echo", number, text="x")
        answer = agent.read()
        assert answer["id"] == number
        assert "exited with status 7" in answer["error"]["message"]


def test_an_upstream_that_closes_its_stdout_is_dead(agent: "Agent") -> None:
    agent.greet()
    agent.call("close")
    assert "closed its stdin or stdout" in agent.read()["error"]["message"]
    assert agent.said("echo", text="again") == "again"


def test_requests_from_a_file_are_answered_into_a_file(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    requests, answers = tmp_path / "in", tmp_path / "out"
    requests.write_text('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n' * 3)
    with requests.open() as stdin, answers.open("w") as stdout:
        subprocess.run(command("plain.py"), stdin=stdin, stdout=stdout, timeout=30, check=True)
    lines = answers.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 1, 1]


def test_an_upstream_that_dies_before_it_answers_is_to_be_run_by_hand(
    start: "Callable[..., Agent]",
) -> None:
    agent = start("no_such_server.py")
    agent.send(id=1, method="initialize", params={})
    error = agent.read()["error"]
    assert error["code"] == -32000
    assert error["message"].endswith("run its command by hand to see why")
