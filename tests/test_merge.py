"""Many upstreams behind one server: names, lists, owners, and upstreams that misbehave."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

if TYPE_CHECKING:
    from conftest import Agent

    Serve = Callable[..., Agent]

MANY = Path(__file__).parent / "upstreams" / "many.py"
MAIN = "from coatcheck.cli import main; raise SystemExit(main())"
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def upstream(name: str, *options: str, script: Path = MANY) -> str:
    words = json.dumps([str(script), name, *options])
    return f"[upstreams.{name}]\ncommand = {json.dumps(sys.executable)}\nargs = {words}\n"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator["Serve"]:
    """Start an agent with upstreams behind coatcheck: serve(upstream("a"), head="…")."""
    from conftest import Agent

    agents: list[Agent] = []

    def started(*upstreams: str, head: str = "", switch: str = "on") -> Agent:
        config = tmp_path / "config.toml"
        config.write_text(head + "\n" + "\n".join(upstreams))
        command = [sys.executable, "-c", MAIN, "serve", "--config", str(config)]
        environ = {"COATCHECK_HOME": str(tmp_path), "COATCHECK": switch}
        agents.append(Agent(command, environ))
        return agents[-1]

    yield started
    for agent in agents:
        agent.end()


def ask(agent: "Agent", method: str, **params: Any) -> dict[str, Any]:
    """Return the answer to a request; notifications before it are dropped."""
    agent.send(id=f"{method} 1", method=method, params=params)
    while (message := agent.read()).get("id") != f"{method} 1":
        pass
    return message


def tools(agent: "Agent", **params: Any) -> list[str]:
    return [tool["name"] for tool in ask(agent, "tools/list", **params)["result"]["tools"]]


def said(agent: "Agent", tool: str, **arguments: Any) -> str:
    answer = ask(agent, "tools/call", name=tool, arguments=arguments)
    return str(answer["result"]["content"][0]["text"])


THREE = [upstream(name, "--tools", "echo,list") for name in ("c", "a", "b")]


def test_three_upstreams_with_the_same_tools_are_listed_in_the_order_of_the_settings(
    serve: "Serve",
) -> None:
    agent = serve(*THREE)
    agent.greet()
    listed = [f"{name}__{tool}" for name in "cab" for tool in ("echo", "list")]
    assert tools(agent) == [*listed, "fetch_artifact"]
    assert [said(agent, name) for name in listed] == [
        f"{name}: {tool}" for name in "cab" for tool in ("echo", "list")
    ]


def test_the_list_has_the_same_bytes_every_time(serve: "Serve") -> None:
    agent = serve(*THREE)
    agent.greet()
    seen = set()
    for _ in range(3):
        agent.send(id=5, method="tools/list")
        seen.add(agent.line())
    assert len(seen) == 1


def test_flat_names_are_those_of_the_upstream_where_they_are_unique(serve: "Serve") -> None:
    agent = serve(
        upstream("a", "--tools", "echo,one,fetch_artifact"),
        upstream("b", "--tools", "echo,two"),
        head='[serve]\nnames = "flat"\n',
    )
    agent.greet()
    assert tools(agent) == [
        "a__echo",
        "one",
        "a__fetch_artifact",
        "b__echo",
        "two",
        "fetch_artifact",
    ]
    assert said(agent, "two") == "b: two"
    assert said(agent, "a__one") == "a: one"
    assert said(agent, "b__echo") == "b: echo"


def test_a_long_name_is_cut_to_what_clients_take_and_still_reaches_its_tool(
    serve: "Serve",
) -> None:
    long = [f"list_the_repository_security_advisories_of_organization_{n}" for n in (1, 2)]
    agent = serve(upstream("github", "--tools", ",".join(long)), upstream("b"), switch="off")
    agent.greet()
    names = tools(agent)[:-1]
    assert len(set(names)) == 2
    assert all(len(f"mcp__coatcheck__{name}") <= 64 for name in names)
    assert [said(agent, name) for name in names] == [f"github: {name}" for name in long]


def test_a_single_upstream_keeps_its_names_unless_told_otherwise(serve: "Serve") -> None:
    agent = serve(upstream("a"))
    assert agent.greet()["result"]["serverInfo"] == {"name": "a", "version": "1"}
    assert tools(agent) == ["echo", "fetch_artifact"]
    agent = serve(upstream("a"), head='[serve]\nnames = "prefixed"\n')
    assert agent.greet()["result"]["serverInfo"] == {"name": "a", "version": "1"}
    assert tools(agent) == ["a__echo", "fetch_artifact"]
    assert said(agent, "nope") == "a: nope"  # it may know more than it lists


def test_a_tool_can_be_called_before_any_list(serve: "Serve") -> None:
    agent = serve(*THREE, head='[serve]\nnames = "flat"\n')
    agent.greet()
    assert said(agent, "b__echo") == "b: echo"
    error = ask(agent, "tools/call", name="echo")["error"]
    assert (error["code"], error["message"]) == (-32602, "Unknown tool: echo")


def test_pages_of_an_upstream_are_joined(serve: "Serve") -> None:
    names = ",".join(f"t{n}" for n in range(7))
    agent = serve(upstream("a", "--tools", names, "--page", "2"), upstream("b"), switch="off")
    agent.greet()
    assert tools(agent) == [*(f"a__t{n}" for n in range(7)), "b__echo"]
    assert ask(agent, "tools/list", cursor="2")["error"]["code"] == -32602


def test_of_a_call_only_id_and_name_change(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    agent.write(
        b'{ "id" : "x" , "method":"tools/call","x-new":1.0, "params":{"arguments":{"n":0.10,'
        b'"name":"b__line"} , "name" : "b__line","_meta":{"v":1E2}},"jsonrpc":"2.0"}\n'
    )
    line = json.loads(agent.line())["result"]["content"][0]["text"]
    our_id = str(json.loads(line)["id"])
    assert line.replace(our_id, '"x"', 1) == (
        '{ "id" : "x" , "method":"tools/call","x-new":1.0, "params":{"arguments":{"n":0.10,'
        '"name":"b__line"} , "name" : "line","_meta":{"v":1E2}},"jsonrpc":"2.0"}'
    )


def test_each_upstream_gets_the_agents_own_words(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    params = {"protocolVersion": "2025-06-18", "capabilities": {"x": {}}, "clientInfo": {"n": 1.0}}
    answer = ask(agent, "initialize", **params)["result"]
    agent.send(method="notifications/initialized", params={"x": 1})
    agent.send(method="notifications/roots/list_changed")
    for name in "ab":
        seen = json.loads(said(agent, f"{name}__seen"))
        assert [message["method"] for message in seen[:3]] == [
            "initialize",
            "notifications/initialized",
            "notifications/roots/list_changed",
        ]
        assert seen[0]["params"] == params
    assert answer["protocolVersion"] == "2025-06-18"
    assert answer["serverInfo"]["name"] == "coatcheck"


def test_the_answer_to_the_handshake_is_the_union_of_what_the_upstreams_say(
    serve: "Serve",
) -> None:
    agent = serve(
        upstream("a", "--prompts", "p", "--instructions", "x" * 6000),
        upstream("b", "--uris", "b:1", "--version", "2025-03-26"),
    )
    answer = agent.greet()["result"]
    assert answer["capabilities"] == {
        "tools": {"listChanged": True},
        "logging": {},
        "prompts": {},
        "completions": {},
        "resources": {"subscribe": True},
    }
    assert answer["protocolVersion"] == "2025-11-25"
    assert len(answer["instructions"]) <= 4_000
    assert "# b\nUse b." in answer["instructions"]
    assert "[cut by coatcheck: 6,000 characters]" in answer["instructions"]


def test_prompts_and_completions_go_to_their_owner(serve: "Serve") -> None:
    agent = serve(upstream("a", "--prompts", "p,q"), upstream("b", "--prompts", "p"))
    agent.greet()
    prompts = ask(agent, "prompts/list")["result"]["prompts"]
    assert [prompt["name"] for prompt in prompts] == ["a__p", "a__q", "b__p", "savings"]
    got = ask(agent, "prompts/get", name="b__p")["result"]["messages"][0]
    assert got["content"]["text"] == "b: p"
    ref = {"type": "ref/prompt", "name": "b__p", "x": 1}
    found = ask(agent, "completion/complete", ref=ref, argument={"name": "n", "value": "v"})
    marker, sent = found["result"]["completion"]["values"]
    assert marker == "b"
    assert json.loads(sent) == {"type": "ref/prompt", "name": "p", "x": 1}


def test_resources_go_to_their_owner_and_the_first_of_two_keeps_a_uri(serve: "Serve") -> None:
    agent = serve(
        upstream("a", "--uris", "file:///1,doc://{id}"),
        upstream("b", "--uris", "file:///1,file:///2,img://{+path}"),
        upstream("n"),
    )
    agent.greet()
    listed = ask(agent, "resources/list")["result"]["resources"]
    assert [(item["uri"], item["name"]) for item in listed] == [
        ("file:///1", "a"),
        ("file:///2", "b"),
    ]
    templates = ask(agent, "resources/templates/list")["result"]["resourceTemplates"]
    assert [item["uriTemplate"] for item in templates] == [
        "doc://{id}",
        "img://{+path}",
        "coatcheck://artifact/{ref}",
        "coatcheck://savings{?since,by}",
    ]

    def read(uri: str) -> Any:
        answer = ask(agent, "resources/read", uri=uri)
        return answer["result"]["contents"][0]["text"] if "result" in answer else answer["error"]

    assert [read(uri) for uri in ("file:///1", "file:///2", "doc://7", "img://x/y?z")] == [*"abab"]
    assert read("hidden:b") == "b"  # listed by nobody: all are asked
    assert read("nothing:1")["code"] == -32002
    found = ask(agent, "completion/complete", ref={"type": "ref/resource", "uri": "img://{+path}"})
    assert found["result"]["completion"]["values"][0] == "b"


def test_a_subscription_of_a_resource_reaches_its_owner_and_its_news_the_agent(
    serve: "Serve",
) -> None:
    agent = serve(upstream("a", "--uris", "x:1"), upstream("b", "--uris", "x:2"))
    agent.greet()
    agent.send(id=1, method="resources/subscribe", params={"uri": "x:2"})
    messages = [agent.read(), agent.read()]
    assert {"uri": "x:2"} in [message.get("params") for message in messages]
    assert "error" not in ask(agent, "resources/unsubscribe", uri="x:2")
    assert "resources/unsubscribe" in said(agent, "b__seen")
    assert "resources/unsubscribe" not in said(agent, "a__seen")


def test_the_level_of_the_log_is_set_everywhere_and_a_ping_answered_here(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    assert ask(agent, "logging/setLevel", level="debug")["result"] == {}
    assert ask(agent, "ping")["result"] == {}
    for name in "ab":
        seen = said(agent, f"{name}__seen")
        assert "logging/setLevel" in seen
        assert "ping" not in seen


def test_requests_of_upstreams_with_the_same_id_and_token_are_kept_apart(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    for name in "ab":
        params = {"name": f"{name}__ask", "arguments": {"id": 7, "token": "t"}}
        agent.send(id=name, method="tools/call", params=params)
    asked = {message["params"]["message"]: message for message in (agent.read(), agent.read())}
    tokens = {name: asked[name]["params"]["_meta"]["progressToken"] for name in "ab"}
    assert len(set(tokens.values())) == 2
    for name in "ba":
        note = {"progressToken": tokens[name], "progress": name}
        agent.send(method="notifications/progress", params=note)
        agent.send(id=asked[name]["id"], result={"for": name})
    for _ in "ab":
        answer = agent.read()
        text = json.loads(answer["result"]["content"][0]["text"])
        assert text == [answer["id"], {"for": answer["id"]}]
    for name in "ab":
        seen = [m for m in json.loads(said(agent, f"{name}__seen")) if "progress" in str(m)]
        assert [m["params"] for m in seen if m.get("method") == "notifications/progress"] == [
            {"progressToken": "t", "progress": name}
        ]


def test_a_cancellation_reaches_the_one_that_works(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    agent.send(id="w", method="tools/call", params={"name": "b__wait"})
    agent.send(method="notifications/cancelled", params={"requestId": "w"})
    assert agent.logged(b"heard of a cancellation") == b"[b] b heard of a cancellation\n"
    assert "cancelled" not in said(agent, "a__seen")


def test_progress_comes_before_the_result(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    params = {"name": "b__progress", "_meta": {"progressToken": 9}}
    agent.send(id=1, method="tools/call", params=params)
    assert agent.read()["params"]["progressToken"] == 9
    assert agent.read()["id"] == 1


def test_a_method_that_only_one_knows_reaches_it(serve: "Serve") -> None:
    agent = serve(*THREE)
    agent.greet()
    assert ask(agent, "vendor/b")["result"] == {"of": "b"}
    assert ask(agent, "vendor/nobody")["error"]["code"] == -32601


def test_a_task_is_asked_where_it_was_made(serve: "Serve") -> None:
    agent = serve(*THREE)
    agent.greet()
    made = ask(agent, "tools/call", name="b__task", arguments={}, task={})["result"]
    task = made["task"]["taskId"]
    assert ask(agent, "tasks/get", taskId=task)["result"]["of"] == "b"
    assert "tasks/get" not in said(agent, "c__seen") + said(agent, "a__seen")
    assert ask(agent, "tasks/get", taskId="task-a")["result"]["of"] == "a"  # of another session


def test_a_list_that_changed_is_announced_and_asked_again(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    agent.send(id=1, method="tools/call", params={"name": "b__change"})
    assert agent.read() == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    assert agent.read()["id"] == 1
    for _ in range(2):
        tools(agent)
    assert said(agent, "b__seen").count("tools/list") == 2


# Upstreams that misbehave


def test_a_broken_upstream_is_missing_and_its_tools_say_why(serve: "Serve") -> None:
    agent = serve(upstream("a"), '[upstreams.gone]\ncommand = "no-such-command"\n', upstream("b"))
    agent.greet()
    assert b"'gone': command 'no-such-command'" in agent.logged(b"missing")
    assert tools(agent) == ["a__echo", "b__echo", "fetch_artifact"]
    error = ask(agent, "tools/call", name="gone__echo")["error"]
    assert error["code"] == -32000
    assert "no-such-command" in error["message"]
    assert "coatcheck doctor" in error["message"]


def test_a_variable_that_is_not_set_breaks_only_its_upstream(serve: "Serve") -> None:
    broken = upstream("x") + 'env = { T = "${COATCHECK_TEST_NOT_SET}" }\n'
    agent = serve(upstream("a"), broken)
    agent.greet()
    assert b"COATCHECK_TEST_NOT_SET" in agent.logged(b"missing")
    assert tools(agent) == ["a__echo", "fetch_artifact"]


def test_when_nobody_comes_the_handshake_fails_and_says_why(serve: "Serve") -> None:
    agent = serve('[upstreams.a]\ncommand = "no-a"\n', '[upstreams.b]\ncommand = "no-b"\n')
    error = agent.greet()["error"]
    assert "no-a" in error["message"]
    assert "no-b" in error["message"]


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
def test_a_hanging_upstream_holds_up_nobody(serve: "Serve", method: str) -> None:
    head = "[serve]\nwait_seconds = 2\n"
    agent = serve(upstream("a"), upstream("stuck", "--hang", method), upstream("b"), head=head)
    agent.greet()
    for _ in range(3):
        assert tools(agent) == ["a__echo", "b__echo", "fetch_artifact"]
    assert said(agent, "b__echo") == "b: echo"
    assert b"stuck" in agent.logged(b"is slow to")


def test_a_client_that_gives_up_soon_is_answered_soon(serve: "Serve") -> None:
    head = "[serve]\nwait_seconds = 600\n"
    agent = serve(upstream("a"), upstream("stuck", "--hang", "initialize"), head=head)
    client = {"name": "codex-mcp-client", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    assert "tools" in ask(agent, "initialize", **hello)["result"]["capabilities"]


def test_an_upstream_that_comes_late_is_announced(serve: "Serve", tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    late = upstream("late", "--after", str(fifo), "--uris", "l:1")
    agent = serve(upstream("a"), late, head="[serve]\nwait_seconds = 2\n")
    capabilities = agent.greet()["result"]["capabilities"]
    assert capabilities["resources"] == capabilities["prompts"] == {"listChanged": True}
    assert tools(agent) == ["a__echo", "fetch_artifact"]
    agent.send(id="early", method="tools/call", params={"name": "late__echo"})
    fifo.write_text("go")
    messages = [agent.read() for _ in range(3)]
    assert [m["method"] for m in messages if "method" in m] == [
        "notifications/tools/list_changed",
        "notifications/resources/list_changed",
    ]
    assert [m["id"] for m in messages if "id" in m] == ["early"]
    assert tools(agent) == ["a__echo", "late__echo", "fetch_artifact"]
    seen = json.loads(said(agent, "late__seen"))
    assert [m["method"] for m in seen[:2]] == ["initialize", "notifications/initialized"]


def test_what_may_be_of_a_late_upstream_waits_for_it(serve: "Serve", tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    late = upstream("late", "--after", str(fifo), "--tools", "only", "--uris", "l:1")
    agent = serve(upstream("a"), late, head='[serve]\nnames = "flat"\nwait_seconds = 0.1\n')
    agent.greet()
    agent.send(id="call", method="tools/call", params={"name": "only"})
    agent.send(id="read", method="resources/read", params={"uri": "hidden:late"})
    agent.send(id="vendor", method="vendor/late")
    assert ask(agent, "ping")["result"] == {}
    fifo.write_text("go")
    answers: dict[str, Any] = {}
    while len(answers) < 3:
        message = agent.read()
        if "id" in message:
            answers[message["id"]] = message["result"]
    assert answers["call"]["content"][0]["text"] == "late: only"
    assert answers["read"]["contents"][0]["text"] == "late"
    assert answers["vendor"] == {"of": "late"}


def test_a_killed_upstream_comes_back_and_the_others_do_not_notice(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"))
    agent.greet()
    agent.send(id="w", method="tools/call", params={"name": "b__wait"})
    os.kill(int(said(agent, "b__pid")), signal.SIGKILL)
    assert "was killed by SIGKILL" in agent.read()["error"]["message"]
    agent.send(id="back", method="tools/call", params={"name": "b__echo"})
    agent.send(id="other", method="tools/call", params={"name": "a__echo"})
    assert [agent.read()["id"] for _ in range(2)] == ["other", "back"]
    assert tools(agent) == ["a__echo", "b__echo", "fetch_artifact"]


def test_what_is_no_message_is_refused(serve: "Serve") -> None:
    agent = serve(*THREE)
    agent.greet()
    agent.write(b'{"jsonrpc":"2.0","id":4,"method":"tools/list"\n')
    assert agent.read()["error"]["code"] == -32700
    agent.write(b'[{"id":1,"method":"ping"},{"id":2,"method":"ping"}]\n')
    assert [agent.read()["id"] for _ in range(2)] == [1, 2]


# Eras


def both(name: str, *options: str, era: str = "both") -> str:
    return upstream(name, "--era", era, *options)


def test_modern_upstreams_are_one_modern_server(serve: "Serve") -> None:
    agent = serve(both("a"), both("bb", "--uris", "b:1"))
    found = ask(agent, "server/discover", _meta=META)["result"]
    assert found["supportedVersions"] == [MODERN]
    assert found["capabilities"]["resources"] == {"subscribe": True}
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "coatcheck"
    listed = ask(agent, "tools/list", _meta=META)["result"]
    assert [tool["name"] for tool in listed["tools"]] == ["a__echo", "bb__echo", "fetch_artifact"]
    assert (listed["resultType"], listed["ttlMs"], listed["cacheScope"]) == (
        "complete",
        1001,
        "public",
    )
    answer = ask(agent, "tools/call", name="bb__echo", _meta=META)["result"]
    assert answer["content"][0]["text"] == "bb: echo"
    assert ask(agent, "ping", _meta=META)["error"]["code"] == -32601
    seen = json.loads(
        ask(agent, "tools/call", name="a__seen", _meta=META)["result"]["content"][0]["text"]
    )
    assert [message["method"] for message in seen[:2]] == ["server/discover", "tools/list"]
    assert seen[1]["params"]["_meta"] == META


def test_a_modern_request_needs_no_discovery(serve: "Serve") -> None:
    agent = serve(both("a"), both("b", era="modern"))
    answer = ask(agent, "tools/call", name="b__echo", _meta=META)
    assert answer["result"]["content"][0]["text"] == "b: echo"


def test_with_one_handshake_only_upstream_the_probe_is_refused_and_the_handshake_works(
    serve: "Serve",
) -> None:
    agent = serve(both("a"), upstream("old"))
    assert ask(agent, "server/discover", _meta=META)["error"]["code"] == -32601
    assert ask(agent, "tools/list", _meta=META)["error"]["code"] == -32022
    agent.greet()
    assert tools(agent) == ["a__echo", "old__echo", "fetch_artifact"]


def test_a_late_answer_to_a_probe_that_was_given_up_does_not_reach_the_agent(
    serve: "Serve", tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    agent = serve(upstream("old"), upstream("late", "--after", str(fifo)))
    assert ask(agent, "server/discover", _meta=META)["error"]["code"] == -32601
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x"}}
    agent.send(id=2, method="initialize", params=hello)
    fifo.write_text("go")
    assert agent.read()["id"] == 2


def test_a_subscription_is_one_for_all_upstreams(serve: "Serve") -> None:
    agent = serve(both("a"), both("b"))
    assert "result" in ask(agent, "server/discover", _meta=META)
    wanted = {"toolsListChanged": True}
    agent.send(
        id="L", method="subscriptions/listen", params={"notifications": wanted, "_meta": META}
    )
    messages = [agent.read() for _ in range(3)]
    assert [m["method"] for m in messages] == [
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
        "notifications/tools/list_changed",
    ]
    assert messages[0]["params"]["notifications"] == wanted
    assert {m["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] for m in messages} == {
        "L"
    }
    agent.send(method="notifications/cancelled", params={"requestId": "L", "_meta": META})
    assert {agent.logged(b"heard of a cancellation")[:3] for _ in range(2)} == {b"[a]", b"[b]"}


# The desk


def test_a_shortened_result_is_fetched_from_the_one_fetch_tool(serve: "Serve") -> None:
    agent = serve(upstream("a", "--tools", "rows"), upstream("b", "--tools", "rows"))
    agent.greet()
    assert tools(agent) == ["a__rows", "b__rows", "fetch_artifact"]
    refs = []
    for name in "ab":
        view = said(agent, f"{name}__rows", n=300)
        assert view.startswith("[coatcheck:")
        refs.append("cc_" + view.partition('ref="cc_')[2].partition('"')[0])
    assert refs[0] != refs[1]
    for name, ref in zip("ab", refs, strict=True):
        page = said(agent, "fetch_artifact", ref=ref, query="[250].of")
        assert page.splitlines()[1] == name
        read = ask(agent, "resources/read", uri=f"coatcheck://artifact/{ref}")["result"]
        assert f'"of": "{name}"' in read["contents"][0]["text"]


def test_all_is_booked_once_under_one_session(serve: "Serve", tmp_path: Path) -> None:
    from coatcheck.ledger.reader import reading

    agent = serve(upstream("a", "--tools", "rows"), upstream("b", "--tools", "rows"))
    agent.greet()
    for _ in range(2):
        tools(agent)
    for name in "ab":
        said(agent, f"{name}__rows", n=300)
    said(agent, "fetch_artifact")
    assert agent.close() == 0
    with reading(tmp_path) as db:
        booked = db.execute("SELECT kind, upstream, tool FROM entries ORDER BY id").fetchall()
        sessions = db.execute("SELECT DISTINCT session, client FROM entries").fetchall()
    assert [tuple(row) for row in booked] == [
        ("definitions", "coatcheck", ""),
        ("call", "a", "rows"),
        ("call", "b", "rows"),
        ("fetch", "coatcheck", ""),
    ]
    assert [row[1] for row in sessions] == ["test"]


def test_the_result_of_a_task_is_shortened_and_fetched(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b", "--rows", "300"))
    agent.greet()
    ask(agent, "tools/call", name="b__task", arguments={}, task={})
    state = ask(agent, "tasks/get", taskId="task-b")["result"]
    view = state["result"]["content"][0]["text"]
    assert (state["status"], state["of"]) == ("completed", "b")
    ref = "cc_" + view.partition('ref="cc_')[2].partition('"')[0]
    page = said(agent, "fetch_artifact", ref=ref, query="[250].of")
    assert page.splitlines()[1] == "b"


def test_the_text_of_a_resource_is_shortened_where_the_settings_say_so(serve: "Serve") -> None:
    options = ("--uris", "x:{id}", "--times", "4000")
    agent = serve(
        upstream("a", "--uris", "y:{id}", "--times", "4000"),
        upstream("b", *options) + 'resources = "trim"\n',
    )
    agent.greet()
    texts = [
        ask(agent, "resources/read", uri=uri)["result"]["contents"][0]["text"]
        for uri in ("y:1", "x:1")
    ]
    assert texts[0].endswith("line 3999")
    assert texts[1].startswith("[coatcheck:")


def test_tools_that_are_off_get_no_fetch_tool(serve: "Serve") -> None:
    agent = serve(upstream("a"), upstream("b"), head='[tools."*"]\nmode = "off"\n')
    agent.greet()
    assert tools(agent) == ["a__echo", "b__echo"]


# Real clients


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("era", ["handshake", "both", "mixed"])
async def test_the_sdks_client_finds_everything(tmp_path: Path, mode: Any, era: str) -> None:
    from mcp import Client, StdioServerParameters

    config = tmp_path / "config.toml"
    eras = [era, era] if era != "mixed" else ["both", "handshake"]
    texts = [
        both(name, "--prompts", "p", "--uris", f"{name}:1", era=its)
        for name, its in zip("ab", eras, strict=True)
    ]
    config.write_text("\n".join(texts))
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-c", MAIN, "serve", "--config", str(config)],
        env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
    )
    with anyio.fail_after(30):
        async with Client(parameters, mode=mode) as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == ["a__echo", "b__echo", "fetch_artifact"]
            result = await client.call_tool("b__echo", {"text": "x"})
            assert result.content[0].text == "b: echo x"  # type: ignore[union-attr]  # it is text
            prompts = await client.list_prompts()
            assert [prompt.name for prompt in prompts.prompts] == ["a__p", "b__p", "savings"]
            read = await client.read_resource("b:1")
            assert read.contents[0].text == "b"  # type: ignore[union-attr]  # it is text


# The command


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "there is no upstream to serve"),
        ("[upstreams.a]\n", "neither command nor url"),
        (upstream("a.b").replace("a.b]", '"a.b"]') + upstream("a_b"), "could not be told apart"),
        (upstream("a") + upstream("a__b"), "could not be told apart"),
        ('[serve]\nnames = "short"\n', "serve.names"),
        ('[upstreams.a]\nurl = "https://x.test"\nshared = true\n', "take shared out"),
    ],
)
def test_settings_that_cannot_be_served_are_refused(serve: "Serve", text: str, wrong: str) -> None:
    agent = serve(text)
    assert agent.process.wait(30) == 2
    assert wrong.encode() in agent.logged(wrong.encode())


def test_a_wrapped_server_imports_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys; from coatcheck.cli import main; main(sys.argv[1:]); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--", sys.executable, str(MANY), "a"],
        input='{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}\n',
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
    )
    loaded = done.stderr.splitlines()[-1].split()
    assert "coatcheck.front" in loaded
    assert not [
        name for name in loaded if name.startswith(("coatcheck.merge", "coatcheck.sharing"))
    ]


def test_the_doctor_tries_every_upstream(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    gone = '[upstreams.gone]\ncommand = "no-such-command"\n'
    modern = both("new", era="modern")
    config.write_text(upstream("a", "--tools", "x,y") + gone + modern)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "doctor", "--config", str(config), "--json"],
        env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    found = {finding["what"]: finding["seen"] for finding in json.loads(done.stdout)}
    assert found["upstream a"].startswith("2 tools")
    assert "no-such-command" in found["upstream gone"]
    assert found["upstream new"].startswith("1 tools")


def test_the_end_of_stdin_ends_all_upstreams(
    serve: "Serve", wait_gone: Callable[..., None]
) -> None:
    agent = serve(*THREE)
    agent.greet()
    pids = [int(said(agent, f"{name}__pid")) for name in "cab"]
    assert agent.close() == 0
    wait_gone(*pids)
