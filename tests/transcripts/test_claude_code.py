"""Reading the transcripts of Claude Code."""

from pathlib import Path

from transcript_lines import asked, claude, gave, said

from coatcheck.transcripts import Compaction, Event, Prefix, Prompt, Said, ToolResult, split
from coatcheck_adapters.transcripts.claude_code import ClaudeCode


def read(*lines: bytes) -> list[Event]:
    return list(ClaudeCode().read(lines))


def test_a_session_is_read_in_its_order() -> None:
    calls = [("t1", "mcp__git-hub__list_issues"), ("t2", "Bash")]
    events = read(
        *claude(
            said("look"),
            asked("m1", (7, 20, 100, 3), calls),
            gave("t1", "short", "long " * 9, agentId=None),
            gave("t2", "out", {"stdout": "out"}),
            asked("m2"),
        )
    )
    assert events[0] == Said("", "look")
    first, result, builtin, second = events[1:]
    assert isinstance(first, Prompt)
    assert (first.prompt_tokens, first.output_tokens, first.id) == (127, 3, "m1")
    assert isinstance(result, ToolResult)
    assert (result.server, result.tool) == ("git-hub", "list_issues")
    assert (result.original, result.shown, result.arguments) == ("long " * 9, "short", b'{"q":"x"}')
    assert isinstance(builtin, ToolResult)
    assert (builtin.server, builtin.tool, builtin.original) == ("", "Bash", "out")
    assert isinstance(second, Prompt)


def test_an_answer_of_many_records_is_one_request() -> None:
    twice = claude(asked("m1", calls=[("t1", "Read")]), asked("m1", calls=[("t2", "Read")]))
    events = read(*twice, *claude(gave("t1", "a"), gave("t2", "b")))
    assert [type(event) for event in events] == [Prompt, ToolResult, ToolResult]
    assert [event.tool for event in events if isinstance(event, ToolResult)] == ["Read", "Read"]


def test_sub_agents_are_told_from_the_main_one() -> None:
    events = read(*claude(said("a", isSidechain=True, agentId="x1"), asked("m1", agentId="x1")))
    assert [event.agent for event in events] == ["x1", "x1"]


def test_results_in_blocks_are_joined() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    record = gave("t1", "", blocks)
    record["message"]["content"][0]["content"] = blocks
    events = read(*claude(asked("m1", calls=[("t1", "mcp__s__t")]), record))
    assert isinstance(events[1], ToolResult)
    assert (events[1].original, events[1].shown) == ("a\nb", "a\nb")


def test_what_is_compacted_leaves_the_context() -> None:
    boundary = {"type": "system", "subtype": "compact_boundary"}
    assert read(*claude(boundary)) == [Compaction("")]
    assert read(*claude(said("summary", isCompactSummary=True)))[0] == Compaction("")


def test_the_prefix_is_read_where_it_is_recorded() -> None:
    tools = [{"name": "Bash"}, {"name": "mcp__fs__read"}]
    shape = {"system": [{"type": "text", "text": "You are"}], "tools": tools}
    (prefix,) = read(*claude({"type": "api-request-shape", "shape": shape}))
    assert prefix == Prefix("", "You are", '{"name":"Bash"}', '{"name":"mcp__fs__read"}')


def test_half_written_and_unknown_records_are_left_out() -> None:
    good = claude(asked("m1"))
    bad = [b"", b"\n", b'{"type":"assist', b"[1]\n", b'"x"\n', b"\xff\xfe\n", b"[" * 5000 + b"\n"]
    odd = claude(
        {"type": "assistant"},
        {"type": "assistant", "message": {"content": 3, "usage": {"input_tokens": "x"}}},
        {"type": "user", "message": {"content": [3, {"type": "tool_result"}]}},
        {"type": "tomorrow"},
    )
    prompts = [event for event in read(*bad, *odd, *good) if isinstance(event, Prompt)]
    assert [prompt.id for prompt in prompts] == ["", "m1"]


def test_server_and_tool_are_split_at_the_first_double_underscore() -> None:
    assert split("mcp__a__b__c") == ("a", "b__c")
    assert split("WebFetch") == ("", "WebFetch")


def test_files_of_sub_agents_belong_to_the_session(tmp_path: Path) -> None:
    session = tmp_path / ".claude" / "projects" / "-p" / "5a"
    (session / "subagents").mkdir(parents=True)
    files = [session.with_suffix(".jsonl"), session / "subagents" / "agent-1.jsonl"]
    for file in files:
        file.touch()
    found = list(ClaudeCode().files(tmp_path, {}))
    assert sorted(found) == sorted(files)
    assert {ClaudeCode().session_of(file) for file in found} == {"5a"}
    assert not list(ClaudeCode().files(tmp_path, {"CLAUDE_CONFIG_DIR": str(tmp_path / "x")}))
