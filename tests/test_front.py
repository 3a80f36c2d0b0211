"""What passes between an agent and an upstream, over real pipes, processes and connections."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Agent


@pytest.fixture(scope="module", params=["stdio", "stream", "json", "sse"])
def way(request: pytest.FixtureRequest) -> str:
    """Reach the upstream by stdio and by each transport over HTTP."""
    return str(request.param)


RESULTS = [
    '{"n":1E5}',
    '{"n":0.10}',
    '{"n":12345678901234567890123}',
    '{"n":1E400,"m":-0.0,"o":1.0}',
    '{"a":1,"a":2,"id":7,"id":"x"}',
    '{"text":"\\u00e9"}',
    '{"text":"\u00e9 \U0001f600"}',
    '{"text":"a\\/b"}',
    '{"text":"cut \\ud83d here"}',
    '{ "spaced" : [ 1 , 2 ] }',
    '{"id":"\\"id\\":5","result":{"id":1}}',
    '{"deep":' + "[" * 3000 + "]" * 3000 + "}",
    '{"content":[{"type":"text","text":"' + "x\\n" * 200_000 + '"}]}',
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result[:30])
def test_a_result_arrives_byte_for_byte(shared: "Agent", result: str) -> None:
    shared.call("raw", result=result)
    assert shared.line() == b'{"result":%b,"jsonrpc":"2.0","id":1}\n' % result.encode()


@pytest.mark.parametrize(
    "raw_id", ["7", '"abc-7"', '"7"', '"\\u00e9\\/"', '"\u00e9"', "12345678901234567890", '""']
)
def test_an_id_comes_back_as_it_was_written(shared: "Agent", raw_id: str) -> None:
    shared.write(b'{"jsonrpc":"2.0","id":%b,"method":"tools/list"}\n' % raw_id.encode())
    assert b'"id":' + raw_id.encode() + b"," in shared.line()


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ('{"jsonrpc":"2.0","id":1,"method":"vendor/line","params":{"n":1.0}}', "1"),
        ('{"method":"vendor/line","params":{"id":5,"x":["id"]},"jsonrpc":"2.0","id":"a"}', '"a"'),
        ('{ "id" : 3 , "method" : "vendor\\/line" , "x-new" : 0.10 }', "3"),
        ('{"id":1,"method":"vendor/line","id":2}', "2"),
        ('{"\\u0069d":4,"method":"vendor/line"}', "4"),
        ('{"params":{"t":"\\"id\\":9 }"},"id":9,"method":"vendor/line"}', "9"),
    ],
)
def test_of_a_request_only_the_id_changes(shared: "Agent", line: str, seen: str) -> None:
    shared.write(line.encode() + b"\n")
    arrived = shared.read()["result"]["line"]
    our_id = str(json.loads(arrived)["id"])
    assert len(our_id) == 10
    before, _, after = arrived.rpartition(our_id)
    assert before + seen + after == line


def test_the_handshake_arrives_unchanged(agent: "Agent") -> None:
    assert agent.greet()["result"] == {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "x": 1.0,
    }


def test_a_refused_probe_is_refused_and_the_handshake_works(agent: "Agent") -> None:
    agent.send(id=0, method="server/discover", params={"_meta": {}})
    assert agent.read()["error"]["code"] == -32601
    assert "result" in agent.greet()


def test_a_request_of_the_upstream_is_asked_and_answered(agent: "Agent") -> None:
    agent.greet()
    agent.call("ask", id="q-9")
    asked = agent.read()
    assert asked["params"] == {"message": "ok?", "x-vendor": 1.0}
    agent.send(id=asked["id"], result={"action": "accept", "x-back": 1})
    said = json.loads(agent.read()["result"]["content"][0]["text"])
    assert said == {"action": "accept", "x-back": 1}


def test_a_malformed_answer_of_the_agent_is_an_error_for_the_upstream(shared: "Agent") -> None:
    shared.call("ask")
    shared.write(b'{"jsonrpc":"2.0","id":%d,"result":{"action"}}\n' % shared.read()["id"])
    assert "code" in json.loads(shared.read()["result"]["content"][0]["text"])


def test_the_upstream_withdraws_its_request_under_our_id(agent: "Agent") -> None:
    agent.greet()
    agent.call("ask", id="q-1")
    asked = agent.read()
    agent.send(method="notifications/withdraw", params={"id": "q-1"})
    assert agent.read()["params"]["requestId"] == asked["id"]


@pytest.mark.parametrize("request_id", [7, "seven", "é"])
def test_a_cancellation_reaches_the_upstream(agent: "Agent", request_id: object) -> None:
    agent.greet()
    agent.call("sleep", request_id)
    assert agent.said("echo", text="it is on its way") == "it is on its way"
    agent.send(method="notifications/cancelled", params={"requestId": request_id, "reason": "x"})
    for _ in range(1000):  # over HTTP the one does not wait for the other
        if "notifications/cancelled" in json.loads(agent.said("who"))["seen"]:
            break
    else:
        pytest.fail("the cancellation does not arrive")
    assert agent.said("echo", text="next") == "next"


def test_progress_comes_in_order_and_before_the_result(shared: "Agent", way: str) -> None:
    if way == "json":
        pytest.skip("an answer that is one JSON body comes on a connection of its own")
    params = {"name": "progress", "arguments": {"n": 50}, "_meta": {"progressToken": "t"}}
    shared.send(id=1, method="tools/call", params=params)
    messages = [shared.read() for _ in range(51)]
    assert [m["params"]["progress"] for m in messages[:50]] == list(range(50))
    assert {m["params"]["progressToken"] for m in messages[:50]} == {"t"}
    assert messages[50]["id"] == 1


def test_notifications_nobody_has_heard_of_pass_both_ways(shared: "Agent") -> None:
    shared.write(b'{"jsonrpc":"2.0","method":"notifications/vendor","params":{"a":[1,null]}}\n')
    assert shared.read() == {
        "jsonrpc": "2.0",
        "method": "notifications/vendor",
        "params": {"a": [1, None]},
    }


def test_a_subscription_is_named_by_the_id_of_the_agent(shared: "Agent") -> None:
    shared.send(id="s1", method="subscriptions/listen")
    key = "io.modelcontextprotocol/subscriptionId"
    assert shared.read()["params"]["_meta"] == {key: "s1"}
    assert shared.read() == {"jsonrpc": "2.0", "id": "s1", "result": {"_meta": {key: "s1"}}}


def test_two_requests_with_the_same_id_are_both_answered(shared: "Agent") -> None:
    shared.call("echo", 5, text="a")
    shared.call("echo", 5, text="b")
    answers = [shared.read() for _ in range(2)]
    assert [a["id"] for a in answers] == [5, 5]
    assert {a["result"]["content"][0]["text"] for a in answers} == {"a", "b"}


def test_a_batch_is_answered_message_by_message(shared: "Agent") -> None:
    shared.write(
        b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"},'
        b' {"jsonrpc":"2.0","id":2,"method":"tools/list"}]\n'
    )
    assert {shared.read()["id"] for _ in range(2)} == {1, 2}


def test_noise_on_stdout_is_dropped(shared: "Agent") -> None:
    assert shared.said("noise") == "after noise"


@pytest.mark.parametrize(
    ("line", "raw_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/list"', b"7"),
        (b'{"id":"a-1","method":"tools/call","params":{"x":tru}}', b'"a-1"'),
        (b"hello", b"null"),
        (b"17", b"null"),
        (b"[1,2", b"null"),
        (b"{}", b"null"),
    ],
)
def test_a_malformed_line_of_the_agent_is_refused(
    shared: "Agent", line: bytes, raw_id: bytes
) -> None:
    shared.write(line + b"\n")
    answer = shared.line()
    assert answer.startswith(b'{"jsonrpc":"2.0","id":%b,"error":{"code":-32700,' % raw_id)
    assert shared.said("echo", text="still here") == "still here"


@pytest.mark.parametrize("how", ["malformed", "cut"])
def test_a_malformed_answer_is_an_error_and_no_hang(shared: "Agent", how: str) -> None:
    shared.call(how)
    error = shared.read()["error"]
    assert error["code"] == -32603
    assert "'up'" in error["message"]


@pytest.mark.parametrize("size", [1_000_000, 16_000_000])
def test_big_lines_pass_in_both_directions(shared: "Agent", size: int) -> None:
    text = "x" * size
    assert shared.said("echo", text=text) == text


@pytest.mark.slow
def test_a_line_of_100_megabytes_passes_in_both_directions(agent: "Agent") -> None:
    agent.greet()
    text = "x" * 100_000_000
    assert agent.said("echo", text=text) == text


def test_the_environment_is_passed_on_without_our_own(start: "Callable[..., Agent]") -> None:
    agent = start("plain.py", COATCHECK_HOME="/nowhere", COATCHECK="off", OTHER="1")
    assert json.loads(agent.said("who"))["names"] == ["COATCHECK"]


@pytest.mark.parametrize("switch", ["on", "off"])
def test_nothing_heavy_is_imported_before_the_first_answer(tmp_path: Path, switch: str) -> None:
    code = (
        "import sys; from coatcheck.cli import main; main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    server = str(Path(__file__).parent / "upstreams" / "plain.py")
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--", sys.executable, server],
        input='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n',
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COATCHECK": switch, "COATCHECK_HOME": str(tmp_path)},
    )
    assert json.loads(done.stdout)["id"] == 1
    heavy = {"mcp", "anthropic", "starlette", "rich", "click", "tiktoken", "pydantic"}
    heavy |= {"httpx2", "h11", "anyio"}
    imported = done.stderr.splitlines()[-1].split()
    assert not heavy & {name.split(".")[0] for name in imported}
    # On two busy cores each costs a start 10 to 50 ms, and Codex waits for 2 s at most.
    unwanted = {"coatcheck.reducers", "shutil", "tomllib", "difflib"}
    assert not unwanted & set(imported)


def test_an_agent_that_does_not_read_costs_no_memory(command: "Callable[..., list[str]]") -> None:
    words, pipe = command("plain.py"), subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for number in range(100):
            params = {"name": "blob", "arguments": {"bytes": 1_000_000, "log": True}}
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            process.stdin.write(json.dumps(message).encode() + b"\n")
        while select.select([process.stderr], [], [], 1)[0]:  # until the upstream gets no further
            os.read(process.stderr.fileno(), 1 << 16)
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert int(status.partition("VmRSS:")[2].split()[0]) < 64 * 1024
        with os.fdopen(process.stdout.fileno(), "rb", closefd=False) as stdout:
            assert all(len(stdout.readline()) > 1_000_000 for _ in range(100))
        process.stdin.close()
