"""Real agent clients, driven by a scripted model, with public servers behind coatcheck."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from ledgers import rows
from outside import COATCHECK, WRAP, bench, npm_server, program, run

AGENTS = ("claude", "codex", "gemini", "opencode", "copilot", "qwen")
TURNS = 20
ROWS = [
    {"id": number, "title": f"Issue {number}", "body": f"{number} lorem ipsum " * 8}
    for number in range(600)
]
SECRET, SECRET_ROW, SECRET_LINES = "the retry budget is 42", 417, "@2087-2091"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("client", AGENTS)
def test_all_thirteen_checks_hold_with_a_real_agent(client: str, tmp_path: Path) -> None:
    bar = [sys.executable, bench("clients/e2e_bar.py"), "--wrap", WRAP]
    upstream = ["--fs", shlex.join(npm_server("server-filesystem"))]
    home = ["--env", f"COATCHECK_HOME={tmp_path / 'home'}"]
    agent = [f"--{client}", program(client)]
    lines = run([*bar, *upstream, *agent, *home, "--out", str(tmp_path / "out")])
    verdicts = [line.split()[0] for line in lines if line.startswith(("  ok ", "  FAIL "))]
    assert verdicts == ["ok"] * 13


class Session:
    """What a session of a real agent is made from: a project folder, one wrapped server, a plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seed = folder / "seed"
        self.seed.mkdir()
        rows = [{**row, "body": SECRET} if row["id"] == SECRET_ROW else row for row in ROWS]
        (self.seed / "rows.json").write_text(json.dumps(rows, indent=1))
        (self.seed / "small.txt").write_text("a small file\n")
        self.home = folder / "home"
        upstream = npm_server("server-filesystem", "$CWD/data")
        command = [*COATCHECK, "--name", "fs", "--", *upstream]
        entry = {
            "command": command[0],
            "args": command[1:],
            "env": {"COATCHECK_HOME": str(self.home)},
        }
        self.servers = folder / "mcp.json"
        self.servers.write_text(json.dumps({"mcpServers": {"fs": entry}}))

    def play(
        self, client: str, plan: list[dict[str, Any]], *more: str, script: str = ""
    ) -> list[dict[str, Any]]:
        """Let the agent play the plan; return the bodies of its model requests, in order."""
        path, out = self.folder / "plan.json", self.folder / f"out-{client}"
        path.write_text(json.dumps(plan))
        command = [sys.executable, script or bench("clients/run_agent.py"), "--client", client]
        files = {
            "--bin": program(client),
            "--mcp": self.servers,
            "--plan": path,
            "--seed": self.seed,
            "--out": out,
        }
        pairs = [str(word) for pair in files.items() for word in pair]
        run([*command, *pairs, "--quiet", "--timeout", "200", *more])
        requests = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        return [r["body"] for r in requests if r["body"] and "count" not in r["path"]]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Return a session that has not begun."""
    return Session(tmp_path)


def read_file(name: str) -> dict[str, Any]:
    return {"tool": "fs/read_text_file", "input": {"path": f"$CWD/data/{name}"}}


def fetch(**arguments: str) -> dict[str, Any]:
    given = {"ref": "$ID", **arguments}
    return {"tool": "fs/fetch_artifact", "input": given, "extract": {"ID": "cc_[0-9a-z]{12,}"}}


def tools_block(body: dict[str, Any]) -> list[Any]:
    """Return the tools that a model request declares, wherever its format puts them."""
    items = [item for item in body.get("input") or [] if isinstance(item, dict)]
    more = [item["tools"] for item in items if item.get("type") == "additional_tools"]
    return body.get("tools") or [tool for tools in more for tool in tools]


@pytest.mark.parametrize("client", AGENTS)
def test_the_tools_of_all_model_requests_are_identical_over_20_turns(
    client: str, session: Session
) -> None:
    turn = [read_file("rows.json"), fetch(grep="retry"), read_file("small.txt"), fetch(page="1")]
    # Claude Code can put off the loading of tools; here all are to stand in the request.
    all_at_once = ["--env", "ENABLE_TOOL_SEARCH=false"]
    for _ in range(2):  # the second session knows which tools were shortened in the first
        requests = session.play(client, (turn * TURNS)[:TURNS], *all_at_once)
        blocks = [block for body in requests if (block := tools_block(body))]
        assert len(blocks) > TURNS
        assert len({json.dumps(block) for block in blocks}) == 1
        if client != "qwen":  # which loads the tools of servers on demand
            assert "fetch_artifact" in json.dumps(blocks[0])


MODEL = """
import json, pathlib, re, sys
sys.path.insert(0, {folder!r})
import fake_model


class Talk(list):
    "The tool results of a conversation, with all of it beside them."


def results(body):
    talk = Talk(found(body))
    talk.messages = body["messages"]
    return talk


def calls_for(talk):
    task = re.search(r"CHILD-\\d opens (cc_\\w+)", json.dumps(talk.messages[0]))
    who = "child" if task else "parent"
    plan = json.loads(pathlib.Path(fake_model.A.plan).read_text())
    steps = [step for step in plan if step["who"] == who]
    turns = sum(1 for message in talk.messages if "tool_use" in json.dumps(message)
                and message["role"] == "assistant")
    if turns >= len(steps):
        return [], "done"
    newest = re.findall("cc_[0-9a-z]{{12,}}", fake_model.flat(talk[-1])) if talk else []
    step = json.dumps(steps[turns]).replace("$NEWEST", (newest or [""])[-1])
    step = json.loads(step.replace("$PARENT", task[1] if task else ""))
    return [(call["tool"], call["input"]) for call in step.get("tools", [step])], ""


found, fake_model.results_anthropic = fake_model.results_anthropic, results
fake_model.calls_for = calls_for
fake_model.main()
"""


def sub_agent(number: int) -> dict[str, Any]:
    prompt = f"CHILD-{number} opens $NEWEST"
    asked = {"description": "look", "prompt": prompt, "run_in_background": False}
    return {"tool": "Agent", "input": {**asked, "subagent_type": "general-purpose"}}


def results_of(body: dict[str, Any]) -> list[str]:
    """Return the texts of the tool results that a request to Claude holds."""
    blocks = [
        block for m in body["messages"] if isinstance(m["content"], list) for block in m["content"]
    ]
    results = [block["content"] for block in blocks if block["type"] == "tool_result"]
    return [r if isinstance(r, str) else "\n".join(b.get("text", "") for b in r) for r in results]


def view_in(result: str) -> str:
    """Return the view in a tool result, to which the agent adds reminders of its own."""
    found = re.search(r"\[coatcheck: .*\n\[end of [^\n]*", result, re.DOTALL)
    assert found, result
    return found[0]


def test_sub_agents_get_whole_views_and_open_the_refs_of_their_parent(session: Session) -> None:
    scripted = session.folder / "model"
    scripted.mkdir()
    (scripted / "run_agent.py").symlink_to(bench("clients/run_agent.py"))
    (scripted / "fake_model.py").write_text(MODEL.format(folder=bench("clients")))
    # Not grep: what was searched for becomes the focus of the next views.
    opened = {"tool": "fs/fetch_artifact", "input": {"ref": "$PARENT", "lines": SECRET_LINES}}
    own = {"tool": "fs/fetch_artifact", "input": {"ref": "$NEWEST", "lines": SECRET_LINES}}
    plan = [
        {"who": "parent", **read_file("rows.json")},
        {"who": "parent", "tools": [sub_agent(1), sub_agent(2)]},
        {"who": "parent", **read_file("small.txt")},
        {"who": "child", **opened},
        {"who": "child", **read_file("rows.json")},
        {"who": "child", **own},
    ]
    bodies = session.play("claude", plan, script=str(scripted / "run_agent.py"))
    longest: dict[str, list[str]] = {}
    for body in bodies:
        began = re.search(r"CHILD-\d", json.dumps(body["messages"][0]))
        if body.get("tools"):
            longest[began[0] if began else "parent"] = results_of(body)
    view, *reports, small = longest.pop("parent")
    assert SECRET not in view
    assert (len(reports), "a small file" in small) == (2, True)
    assert sorted(longest) == ["CHILD-1", "CHILD-2"]
    for found, same_view, by_own_ref in longest.values():
        assert SECRET in found
        assert view_in(same_view) == view_in(view)
        assert SECRET in by_own_ref
    entries = rows(session.home)
    assert len({entry["session"] for entry in entries}) == 1


def test_a_real_agent_copies_a_file_by_its_ref_without_reading_it(session: Session) -> None:
    settings = session.folder / "config.toml"
    settings.write_text('refs_into = [{ from = "self", to = "fs.write_file" }]\n')
    servers = json.loads(session.servers.read_text())
    servers["mcpServers"]["fs"]["env"]["COATCHECK_CONFIG"] = str(settings)
    session.servers.write_text(json.dumps(servers))
    whole = "".join(f"record {n}: something «to» keep exactly\t{n * 7}\r\n" for n in range(7_000))
    (session.seed / "big.txt").write_bytes(whole.encode())
    given = {"path": "$CWD/data/copy.txt", "content": "coatcheck://artifact/$ID"}
    extract = {"ID": "cc_[0-9a-z]{12,}"}
    write = {"tool": "fs/write_file", "input": given, "extract": extract}
    requests = session.play("claude", [read_file("big.txt"), write])
    (copied,) = session.folder.rglob("copy.txt")
    assert copied.read_bytes() == whole.encode()
    assert "record 3500: something" not in json.dumps(requests, ensure_ascii=False)


@pytest.fixture
def probing(session: Session) -> Session:
    """Return a session whose wrapped server answers in odd shapes."""
    entry = json.loads(session.servers.read_text())["mcpServers"]["fs"]
    probe = [sys.executable, bench("clients/probe_server.py")]
    entry["args"] = [*COATCHECK[1:], "--name", "probe", "--", *probe]
    session.servers.write_text(json.dumps({"mcpServers": {"probe": entry}}))
    return session


def probe(tool: str, **arguments: object) -> dict[str, Any]:
    return {"tool": f"probe/{tool}", "input": arguments}


def test_gemini_shows_an_array_and_what_only_structured_content_holds(probing: Session) -> None:
    plan = [probe("raw", text="[1, 2, 3]"), probe("structured_only")]
    seen = json.dumps(probing.play("gemini", plan)[-1]["contents"])
    assert "[1, 2, 3]" in seen
    assert "Invalid input" not in seen
    assert "STRUCTURED-MARKER" in seen


def test_qwen_shows_what_only_structured_content_holds(probing: Session) -> None:
    seen = json.dumps(probing.play("qwen", [probe("structured_only")])[-1]["messages"])
    assert "STRUCTURED-MARKER" in seen


def test_codex_shows_that_a_result_is_an_error(session: Session) -> None:
    requests = session.play("codex", [read_file("missing.txt")])
    assert "Error: ENOENT" in json.dumps(requests[-1]["input"])


def test_a_script_of_codex_parses_what_it_gets(probing: Session) -> None:
    script = (
        "const r = await tools.mcp__probe__json({n: 60000});"
        "const v = JSON.parse(r.content[0].text);"
        "text(Object.keys(v).join() + ' ' + v.items.length + ' ' + v._coatcheck);"
    )
    plan = [{"tool": "functions::exec", "input": {"_text": script}}]
    model = ["--arg=-c", '--arg=model="gpt-6.1-sol"']
    seen = json.dumps(probing.play("codex", plan, *model)[-1]["input"])
    assert re.search(r"_coatcheck,items \d+ items: \d+ of 408 items shown", seen)


@pytest.mark.parametrize(("client", "named"), [("claude", True), ("codex", False)])
def test_the_roots_of_an_agent_reach_its_server(client: str, named: bool, session: Session) -> None:
    requests = session.play(client, [{"tool": "fs/list_allowed_directories", "input": {}}])
    project = session.folder / f"out-{client}/cwd"
    seen = json.dumps(requests[-1].get("messages") or requests[-1]["input"])
    listed = seen.partition("Allowed directories:")[2]
    assert str(project) in listed
    assert (f"{project}/data" in listed) is not named  # the folder of its command line
