"""What passes between clients over HTTP and an upstream on stdio, both eras."""

import http.client
import json
import os
import select
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from http_client import (
    ENVELOPE,
    MODERN,
    Client,
    Served,
    front,
    lines_until,
    messages_of,
    request_of,
)

from coatcheck.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

Start = Callable[..., Served]
BATCH = "2025-03-26"

RESULTS = [
    '{"n":1E5}',
    '{"n":12345678901234567890123}',
    '{"n":1E400,"m":-0.0,"o":1.0}',
    '{"a":1,"a":2,"id":7,"id":"x"}',
    '{"text":"\u00e9 \U0001f600"}',
    '{"text":"a\\/b"}',
    '{"text":"cut \\ud83d here"}',
    '{ "spaced" : [ 1 , 2 ] }',
    '{"id":"\\"id\\":5","result":{"id":1}}',
    '{"deep":' + "[" * 3000 + "]" * 3000 + "}",
    '{"content":[{"type":"text","text":"' + "x\\n" * 200_000 + '"}]}',
]


@pytest.fixture
def start(tmp_path: "Path") -> Iterator[Start]:
    """Start a coatcheck over HTTP: start("plain.py", NAME="value")."""
    served: list[Served] = []

    def started(*upstream: str, **options: str) -> Served:
        served.append(Served(front(*upstream), **{"COATCHECK_HOME": str(tmp_path), **options}))
        return served[-1]

    yield started
    for each in served:
        each.end()


@pytest.fixture(scope="module", params=["stdio", "http"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Return a coatcheck over HTTP that the tests of this module share.

    Its upstream is reached on stdio or, through another one, over HTTP.
    """
    home = str(tmp_path_factory.mktemp("home"))
    behind = Served(front("plain.py"), COATCHECK_HOME=home)
    server = behind
    if request.param == "http":
        url = f"http://127.0.0.1:{behind.port}/mcp"
        server = Served(front(url), COATCHECK_HOME=home)
    server.behind = behind
    yield server
    server.end()
    behind.end()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """Return a client with a session of its own."""
    client = Client(served.port).greet()
    yield client
    client.ask("DELETE")


# The bytes


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result[:30])
def test_a_result_arrives_byte_for_byte(client: Client, result: str) -> None:
    answer = client.call("raw", result=result)
    assert answer.body == b'{"result":%b,"jsonrpc":"2.0","id":1}' % result.encode()


@pytest.mark.parametrize(
    "raw_id", ["7", '"abc-7"', '"7"', '"\\u00e9\\/"', '"\u00e9"', "12345678901234567890", '""']
)
def test_an_id_comes_back_as_it_was_written(client: Client, raw_id: str) -> None:
    answer = client.post(b'{"jsonrpc":"2.0","id":%b,"method":"tools/list"}' % raw_id.encode())
    assert b'"id":' + raw_id.encode() + b"," in answer.body


def test_of_a_request_only_id_and_token_change(client: Client) -> None:
    line = '{ "id" : "a" , "method" : "vendor\\/line" , "params" : {"_meta": {"progressToken":"t",'
    line += '"x":1.0}, "n":0.10}, "x-new" : "cut \\ud83d" }'
    arrived = client.post(line.encode()).json["result"]["line"]
    sent = json.loads(arrived)
    ours = str(sent["id"])
    assert sent["params"]["_meta"]["progressToken"] != "t"
    assert arrived.count(ours) == 1
    token = str(sent["params"]["_meta"]["progressToken"])
    assert arrived.replace(ours, '"a"').replace(token, '"t"') == line


def test_a_body_over_several_lines_is_one_message(client: Client) -> None:
    body = json.dumps(request_of("tools/call", name="echo", arguments={"text": "a\nb"}), indent=1)
    assert client.post(body.encode()).json["result"]["content"][0]["text"] == "a\nb"


def test_noise_and_malformed_answers_end_no_call(client: Client) -> None:
    assert client.said("noise") == "after noise"
    assert client.call("malformed").json["error"]["code"] == -32603
    assert client.said("echo", text="next") == "next"


def test_unknown_methods_and_their_errors_pass(client: Client) -> None:
    answer = client.request("vendor/unknown")
    assert answer.status == 200
    assert answer.json["error"] == {"code": -32601, "message": "Method not found"}


# The handshake era


def test_the_handshake_arrives_unchanged_and_names_a_session(served: Served) -> None:
    client = Client(served.port)
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t"}}
    answer = client.request("initialize", "hello", **params)
    assert answer.json["result"] == {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "x": 1.0,
    }
    assert len(answer.headers["mcp-session-id"]) >= 32


def test_sessions_have_upstreams_of_their_own(served: Served) -> None:
    first, second = Client(served.port).greet(), Client(served.port).greet()
    pids = {json.loads(client.said("who"))["pid"] for client in (first, second, first)}
    assert len(pids) == 2


def test_a_plain_call_is_answered_in_plain_json(client: Client) -> None:
    answer = client.call("echo", text="x")
    assert answer.headers["content-type"] == "application/json"


def test_a_client_that_names_events_first_gets_them(client: Client) -> None:
    answer = client.post(request_of("tools/list"), Accept="text/event-stream, application/json")
    assert answer.is_stream
    assert answer.json["id"] == 1


def test_progress_comes_in_order_and_before_the_result(client: Client) -> None:
    answer = client.request(
        "tools/call", name="progress", arguments={"n": 50}, _meta={"progressToken": "t\u00e9"}
    )
    *notes, last = answer.messages
    assert [note["params"]["progress"] for note in notes] == list(range(50))
    assert {note["params"]["progressToken"] for note in notes} == {"t\u00e9"}
    assert last["result"]["content"][0]["text"] == "done"


def test_calls_with_the_same_token_and_id_get_each_their_own(client: Client) -> None:
    got: list[list[int]] = []

    def one(steps: int) -> None:
        answer = client.request(
            "tools/call", 1, name="progress", arguments={"n": steps}, _meta={"progressToken": 1}
        )
        got.append([note["params"]["progress"] for note in answer.messages[:-1]])

    threads = [threading.Thread(target=one, args=(steps,)) for steps in (3, 4, 5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [list(range(steps)) for steps in (3, 4, 5, 6)]


def test_a_request_of_the_upstream_is_asked_on_the_call_and_answered(client: Client) -> None:
    body = json.dumps(request_of("tools/call", "q", name="ask", arguments={})).encode()
    with client.open("POST", body) as response:
        asked = messages_of(lines_until(response, b"elicitation/create"))[-1]
        assert asked["params"] == {"message": "ok?", "x-vendor": 1.0}
        result = {"action": "accept", "x-back": 1}
        answer = client.post({"jsonrpc": "2.0", "id": asked["id"], "result": result})
        assert (answer.status, answer.body) == (202, b"")
        said = messages_of(lines_until(response, b'"q"'))[-1]
    assert json.loads(said["result"]["content"][0]["text"]) == result


def test_a_cancelled_request_ends_and_the_upstream_hears_of_it(served: Served) -> None:
    client = Client(served.port).greet()
    body = json.dumps(request_of("tools/call", "c", name="sleep", arguments={})).encode()
    with client.open("POST", body) as response:
        # A stream is begun when the answer takes long.
        lines_until(response, b"retry:")
        client.notify("notifications/cancelled", requestId="c")
        assert messages_of(lines_until(response, b'"c"'))[-1]["error"]["code"] == -32800
    served.behind.logged(b"cancelled a sleep")
    assert client.said("echo", text="next") == "next"


def test_what_belongs_to_no_request_comes_on_the_stream_of_the_client(client: Client) -> None:
    with client.open("GET") as response:
        lines_until(response, b"retry:")
        client.notify("notifications/vendor", n=1)
        assert messages_of(lines_until(response, b"vendor"))[-1]["params"] == {"n": 1}


def test_what_was_said_before_the_client_listened_waits_for_it(client: Client) -> None:
    client.notify("notifications/vendor", n=2)
    with client.open("GET") as response:
        assert messages_of(lines_until(response, b"vendor"))[-1]["params"] == {"n": 2}


def test_a_client_that_lost_its_stream_gets_what_it_missed(client: Client) -> None:
    with client.open("GET") as response:
        client.notify("notifications/vendor", n=1)
        lines = lines_until(response, b"vendor")
    last = next(line for line in lines if line.startswith(b"id: ") and line[-2:] == b"1\n")
    client.notify("notifications/vendor", n=2)
    with client.open("GET", Last_Event_ID=last[4:].decode().strip()) as response:
        missed = messages_of(lines_until(response, b'"n":2'))
    assert [message["params"]["n"] for message in missed] == [2]


def test_a_client_that_lost_a_call_gets_its_answer(client: Client) -> None:
    body = json.dumps(request_of("tools/call", "q", name="ask", arguments={})).encode()
    with client.open("POST", body) as response:
        lines = lines_until(response, b"elicitation/create")
    asked = messages_of(lines)[-1]
    client.post({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}})
    primed = next(line for line in lines if line.startswith(b"id: "))
    answer = client.ask("GET", Last_Event_ID=primed[4:].decode().strip())
    assert [message.get("method", message["id"]) for message in answer.messages] == [
        "elicitation/create",
        "q",
    ]


def test_an_event_that_is_not_known_is_refused(client: Client) -> None:
    assert client.ask("GET", Last_Event_ID="99-1").status == 400


def test_the_stream_of_an_older_revision_begins_with_a_message(served: Served) -> None:
    client = Client(served.port).greet("2025-06-18")
    answer = client.request(
        "tools/call", name="progress", arguments={"n": 1}, _meta={"progressToken": 1}
    )
    assert b"data: \n" in client_primed(served)
    assert b"data: \n" not in answer.body


def client_primed(served: Served) -> bytes:
    client = Client(served.port).greet()
    meta = {"progressToken": 1}
    return client.request("tools/call", name="progress", arguments={"n": 1}, _meta=meta).body


def test_a_batch_is_answered_as_a_batch(served: Served) -> None:
    client = Client(served.port).greet(BATCH)
    batch = [request_of("tools/list", 1), request_of("vendor/line", 2)]
    answer = client.post([*batch, {"jsonrpc": "2.0", "method": "notifications/x"}])
    assert {message["id"] for message in json.loads(answer.body)} == {1, 2}
    notices = [{"jsonrpc": "2.0", "method": "notifications/x"}]
    assert client.post(notices).status == 202


def test_a_batch_of_another_revision_is_refused(client: Client) -> None:
    assert client.post([request_of("tools/list")]).status == 400


def test_a_deleted_session_is_lost(served: Served) -> None:
    client = Client(served.port).greet()
    assert client.ask("DELETE").status == 200
    assert client.call("echo").status == 404
    assert client.ask("GET").status == 404
    assert client.ask("DELETE").status == 404


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"Mcp_Session_Id": ""}, 400),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {"Mcp_Session_Id": "no"}, 404),
        (b'{"jsonrpc":"2.0","id":1,"method":', {}, 400),
        (b"[]", {}, 400),
        (b"", {}, 400),
        (b'{"jsonrpc":"2.0"}', {}, 400),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', {}, 400),
        (b'{"jsonrpc":"2.0","method":"x"}', {"Content_Type": "text/plain"}, 415),
        (b'{"jsonrpc":"2.0","method":"x"}', {"Accept": "text/html"}, 406),
        (b'{"jsonrpc":"2.0","method":"x"}', {"MCP_Protocol_Version": "1999-01-01"}, 400),
    ],
)
def test_a_wrong_request_is_refused(
    client: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    with_session = Client(client.port, headers={"Mcp-Session-Id": client.session})
    answer = with_session.post(body, **{**headers})
    assert answer.status == status
    assert "error" in answer.json


def test_other_methods_are_not_allowed(client: Client) -> None:
    answer = client.ask("PUT", b"{}")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, GET, DELETE")


def test_an_upstream_that_cannot_start_is_an_answer_not_a_session(start: Start) -> None:
    client = Client(start("plain.py", COATCHECK_TEST_COMMAND="/nowhere/to/be/found").port)
    answer = client.request("initialize", 1, protocolVersion="2025-11-25")
    assert answer.json["error"]["code"] == -32000
    assert "/nowhere/to/be/found" in answer.json["error"]["message"]
    assert "mcp-session-id" not in answer.headers
    assert "error" in client.modern("tools/list").json


def test_an_upstream_that_dies_is_started_again(client: Client) -> None:
    assert client.call("die").json["error"]["code"] == -32000
    assert client.said("echo", text="again") == "again"


def test_big_results_pass(client: Client) -> None:
    assert len(client.said("blob", bytes=16_000_000)) == 16_000_000


# The era without sessions


def test_requests_without_a_session_are_answered(served: Served) -> None:
    answer = Client(served.port).modern("tools/call", "m", name="echo", arguments={"text": "x"})
    assert answer.status == 200
    assert answer.json == {
        "jsonrpc": "2.0",
        "id": "m",
        "result": {"content": [{"type": "text", "text": "x"}]},
    }
    assert "mcp-session-id" not in answer.headers


def test_a_handshake_after_a_refused_probe_works(served: Served) -> None:
    client = Client(served.port)
    answer = client.modern("server/discover")
    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)
    assert client.greet().said("echo", text="x") == "x"


def test_a_session_takes_over_the_connection_of_its_own_refused_probe(start: Start) -> None:
    served = start("plain.py")
    client, other = Client(served.port), Client(served.port)
    client.modern("server/discover")
    meta = {"io.modelcontextprotocol/clientInfo": {"name": "other", "version": "1"}}
    other.modern("server/discover", meta=meta)
    seen = json.loads(client.greet().said("who"))["seen"]
    assert seen[:3] == ["server/discover", "initialize", "notifications/initialized"]
    assert client.ask("GET", path="/healthz").json["sessions"] == 2
    assert other.greet().said("echo", text="x") == "x"
    assert client.ask("DELETE").status == 200
    assert other.said("echo", text="y") == "y"


def test_two_clients_share_ids_and_tokens_without_meeting(served: Served) -> None:
    got: dict[int, list[dict[str, Any]]] = {}

    def one(steps: int) -> None:
        answer = Client(served.port).modern(
            "tools/call",
            1,
            {"progressToken": "same"},
            name="progress",
            arguments={"n": steps},
        )
        got[steps] = answer.messages

    threads = [threading.Thread(target=one, args=(steps,)) for steps in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for steps, messages in got.items():
        assert [m["params"]["progress"] for m in messages[:-1]] == list(range(steps))
        assert {m["params"]["progressToken"] for m in messages[:-1]} == {"same"}
        assert messages[-1]["id"] == 1


def test_a_subscription_carries_the_id_that_the_client_gave(served: Served) -> None:
    answer = Client(served.port).modern("subscriptions/listen", "l-1", notifications={})
    ids = [
        (message.get("params") or message["result"])["_meta"][
            "io.modelcontextprotocol/subscriptionId"
        ]
        for message in answer.messages
    ]
    assert ids == ["l-1", "l-1"]


def test_a_client_that_hangs_up_cancels_its_request(start: Start) -> None:
    served = start("plain.py")
    client = Client(served.port)
    headers = {"Mcp_Method": "tools/call", "Mcp_Name": "sleep", "MCP_Protocol_Version": MODERN}
    body = request_of("tools/call", name="sleep", arguments={}, _meta=ENVELOPE)
    with client.open("POST", json.dumps(body).encode(), **headers) as response:
        assert response.status == 200  # begun, after a while, though nothing is said
    served.logged(b"cancelled a sleep")


def test_the_upstream_cannot_ask_a_client_without_a_session(served: Served) -> None:
    answer = Client(served.port).modern("tools/call", name="ask", arguments={})
    assert json.loads(answer.json["result"]["content"][0]["text"])["code"] == -32601


@pytest.mark.parametrize(
    ("meta", "headers", "status", "code"),
    [
        ({}, {"Mcp_Method": "prompts/list"}, 400, -32020),
        ({}, {"Mcp_Method": ""}, 400, -32020),
        ({}, {"Mcp_Name": "other"}, 400, -32020),
        ({}, {"Mcp_Name": ""}, 400, -32020),
        ({}, {"Mcp_Name": "=?base64?ZWNobw==?="}, 200, None),
        ({}, {"Mcp_Name": "=?base64?ZWNobw?="}, 400, -32020),
        ({"io.modelcontextprotocol/protocolVersion": "2030-01-01"}, {}, 400, -32020),
        (
            {"io.modelcontextprotocol/protocolVersion": "2030-01-01"},
            {"MCP_Protocol_Version": "2030-01-01"},
            400,
            -32022,
        ),
        ({"io.modelcontextprotocol/clientCapabilities": None}, {}, 200, None),
    ],
)
def test_what_a_request_says_of_itself_is_checked(
    served: Served, meta: dict[str, Any], headers: dict[str, str], status: int, code: int | None
) -> None:
    right = {"Mcp_Method": "tools/call", "Mcp_Name": "echo", "MCP_Protocol_Version": MODERN}
    body = request_of("tools/call", "h", name="echo", arguments={}, _meta={**ENVELOPE, **meta})
    answer = Client(served.port).post(body, **{**right, **headers})
    assert answer.status == status
    assert answer.json["id"] == "h"
    assert answer.json.get("error", {}).get("code") == code


def test_a_request_without_an_envelope_is_invalid(served: Served) -> None:
    body = request_of("tools/list", 4)
    headers = {"Mcp_Method": "tools/list", "MCP_Protocol_Version": MODERN}
    answer = Client(served.port).post(body, **headers)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (400, -32602, 4)


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel"])
def test_what_went_with_the_sessions_is_not_found(served: Served, method: str) -> None:
    answer = Client(served.port).modern(method, 5)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (404, -32601, 5)


def test_a_subscription_needs_a_client_that_reads_events(served: Served) -> None:
    headers = {"Mcp_Method": "subscriptions/listen", "MCP_Protocol_Version": MODERN}
    body = request_of("subscriptions/listen", notifications={}, _meta=ENVELOPE)
    answer = Client(served.port).post(body, Accept="application/json", **headers)
    assert answer.status == 406


def test_the_era_without_sessions_has_no_get(served: Served) -> None:
    answer = Client(served.port).ask("GET", MCP_Protocol_Version=MODERN)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


# Limits and the end


def config(home: "Path", text: str) -> str:
    path = home / "config.toml"
    path.write_text(text)
    return str(path)


def test_a_longer_body_is_refused(start: Start, tmp_path: "Path") -> None:
    served = start("plain.py", COATCHECK_CONFIG=config(tmp_path, '[http]\nbody_limit = "1KiB"\n'))
    client = Client(served.port).greet()
    assert client.call("echo", text="x" * 1000).status == 413
    assert client.said("echo", text="short") == "short"


def test_one_session_too_many_is_refused_and_an_ended_one_makes_room(
    start: Start, tmp_path: "Path"
) -> None:
    served = start("plain.py", COATCHECK_CONFIG=config(tmp_path, "[http]\nmax_sessions = 1\n"))
    first = Client(served.port).greet()
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    assert Client(served.port).request("initialize", **params).status == 503
    assert Client(served.port).modern("tools/list").status == 503
    pid = json.loads(first.said("who"))["pid"]
    descriptor = os.pidfd_open(pid)
    first.ask("DELETE")
    assert select.select([descriptor], [], [], 30)[0]
    os.close(descriptor)


def test_an_idle_session_is_closed(
    start: Start, tmp_path: "Path", wait_gone: Callable[..., None]
) -> None:
    served = start("plain.py", COATCHECK_CONFIG=config(tmp_path, "[http]\nidle_seconds = 0.2\n"))
    client = Client(served.port).greet()
    wait_gone(json.loads(client.said("who"))["pid"])
    assert client.call("echo").status == 404


def test_what_is_in_flight_ends_before_the_server_does(
    start: Start, wait_gone: Callable[..., None]
) -> None:
    served = start("plain.py")
    client = Client(served.port).greet()
    pid = json.loads(client.said("who"))["pid"]
    size = 16_000_000
    body = request_of("tools/call", "q", name="blob", arguments={"bytes": size})
    with client.open("GET") as standing, client.open("POST", json.dumps(body).encode()) as response:
        lines_until(standing, b"retry:")
        served.process.terminate()
        assert not messages_of(standing.read().splitlines())
        assert len(response.read()) > size
    assert served.process.wait(30) == 0
    wait_gone(pid)


def test_a_long_stream_ends_and_the_client_comes_back_for_the_rest(
    start: Start, tmp_path: "Path"
) -> None:
    served = start("plain.py", COATCHECK_CONFIG=config(tmp_path, "[http]\nstream_seconds = 0.2\n"))
    client = Client(served.port).greet()
    body = json.dumps(request_of("tools/call", "q", name="ask", arguments={})).encode()
    with client.open("POST", body) as response:
        lines = response.read().splitlines()  # to its end, though there is no answer yet
    asked = messages_of(lines)[-1]
    last = [line for line in lines if line.startswith(b"id: ")][-1]
    client.post({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}})
    seen: list[dict[str, Any]] = []
    while not seen:
        seen = client.ask("GET", Last_Event_ID=last[4:].decode()).messages
    assert [message["id"] for message in seen] == ["q"]


def test_a_handshake_that_nobody_waited_for_leaves_no_session(start: Start) -> None:
    served = start("plain.py", COATCHECK_TEST_COMMAND="/usr/bin/tail")  # it never answers
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    body = json.dumps(request_of("initialize", protocolVersion="2025-11-25"))
    connection.request("POST", "/mcp", body, {"Content-Type": "application/json"})
    client = Client(served.port)
    while client.ask("GET", path="/healthz").json["sessions"] == 0:
        pass
    connection.close()
    while client.ask("GET", path="/healthz").json["sessions"] > 0:
        pass


def test_upstreams_end_with_a_server_that_is_killed(
    start: Start, wait_gone: Callable[..., None]
) -> None:
    served = start("plain.py")
    pid = json.loads(Client(served.port).greet().said("who"))["pid"]
    served.process.kill()
    wait_gone(pid)


# Tokens


def test_what_one_token_opened_no_other_can_use(tmp_path: "Path") -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    mine, yours = ({"Authorization": f"Bearer {tokens.new(name)}"} for name in ("me", "you"))
    served = Served(front("plain.py", host="0.0.0.0"), COATCHECK_HOME=str(tmp_path))
    try:
        me = Client(served.port, headers=mine).greet()
        you = Client(served.port, me.session, me.version, yours)
        assert me.said("echo", text="x") == "x"
        assert you.call("echo").status == 404
        assert you.ask("GET").status == 404
        assert you.ask("DELETE").status == 404
        assert Client(served.port, me.session, me.version).call("echo").status == 401
        pids = {
            json.loads(
                client.modern("tools/call", name="who").json["result"]["content"][0]["text"]
            )["pid"]
            for client in (Client(served.port, headers=mine), Client(served.port, headers=yours))
        }
        assert len(pids) == 2
        tokens.revoke("me")
        assert me.call("echo").status == 401
    finally:
        served.end()


# Mirrored arguments


@pytest.mark.parametrize(
    ("arguments", "headers", "status"),
    [
        ({"region": "eu"}, {}, 400),
        ({"region": "eu"}, {"Mcp_Param_Region": "eu"}, 200),
        ({"region": "eu"}, {"Mcp_Param_Region": "us"}, 400),
        ({}, {"Mcp_Param_Region": "eu"}, 400),
        ({"count": 3}, {"Mcp_Param_Count": "3"}, 200),
    ],
)
def test_mirrored_arguments_are_checked_though_no_client_has_listed_the_tools(
    fixture: Served, arguments: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    name = "test_x_mcp_header"
    body = request_of("tools/call", name=name, arguments=arguments, _meta=ENVELOPE)
    right = {"Mcp_Method": "tools/call", "Mcp_Name": name, "MCP_Protocol_Version": MODERN}
    answer = Client(fixture.port).post(body, **right, **headers)
    assert answer.status == status, answer.body


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a coatcheck over the server of the conformance suite."""
    server = Served(front("conformance.py"), COATCHECK_HOME=str(tmp_path_factory.mktemp("home")))
    yield server
    server.end()
