"""Wrapping an entry edits its text alone, and unwrapping gives the text back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from config_texts import JsonWriter, TomlWriter, YamlWriter, entries, names, remotes
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import remote, wrap
from coatcheck.dialect import OUR_VARIABLES, Dialect, Location
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck_adapters.clients import codex, copilot, gemini, opencode, unverified

PROGRAM = "/opt/coat check/bin/coatcheck"
USUAL = Dialect("usual", "Usual", (), "Restart.", allow=("tools",), approve=("autoApprove",))
JSON = Location("user", "~/x.json", ("mcpServers",))
JSONC = Location("user", "~/x.json", ("mcpServers",), "jsonc")
CODEX = Dialect("c", "C", (), "", allow=("enabled_tools",), variables="env_vars")
YAML = Location("user", "~/x.yaml", ("mcpServers",), "yaml")
TOML = Location("user", "~/x.toml", ("mcp_servers",), "toml")


def wrap_all(text: str, dialect: Dialect = USUAL, location: Location = JSON) -> str:
    sheet = wrap.read(text, dialect, location)
    chosen = [server for server in sheet.servers if server.state in ("plain", "disabled")]
    return wrap.wrapped(sheet, chosen, PROGRAM)


def unwrap_all(text: str, dialect: Dialect = USUAL, location: Location = JSON) -> str:
    sheet = wrap.read(text, dialect, location)
    return wrap.unwrapped(sheet, [server for server in sheet.servers if server.state == "wrapped"])


def command_lines(text: str, dialect: Dialect, location: Location) -> dict[str, list[str]]:
    entries = {
        server.name: server.entry.value for server in wrap.read(text, dialect, location).servers
    }
    return {name: [entry["command"], *entry.get("args", [])] for name, entry in entries.items()}


@settings(max_examples=60)
@given(
    st.data(),
    st.sampled_from([JSON, JSONC]),
    st.dictionaries(names.filter(lambda name: name != "--"), entries(allow="tools"), max_size=3),
)
def test_a_json_file_is_the_same_after_wrapping_and_unwrapping(
    data: st.DataObject, location: Location, servers: dict[str, Any]
) -> None:
    writer = JsonWriter(data.draw, commented=location is JSONC)
    before = writer.document({"other": [1, {"mcpServers": {}}], "mcpServers": servers, "z": None})
    text = wrap_all(before, USUAL, location)
    lines = command_lines(before, USUAL, location)
    assert command_lines(text, USUAL, location) == {
        name: [PROGRAM, "run", "--name", name, "--", *line] for name, line in lines.items()
    }
    assert unwrap_all(text, USUAL, location) == before


@settings(max_examples=60)
@given(
    st.data(),
    st.dictionaries(
        names.filter(lambda name: name != "--"),
        entries(allow="enabled_tools", variables="env_vars"),
        min_size=1,
        max_size=3,
    ),
)
def test_a_toml_file_is_the_same_after_wrapping_and_unwrapping(
    data: st.DataObject, servers: dict[str, Any]
) -> None:
    before = TomlWriter(data.draw).document("mcp_servers", servers)
    text = wrap_all(before, CODEX, TOML)
    lines = command_lines(before, CODEX, TOML)
    assert command_lines(text, CODEX, TOML) == {
        name: [PROGRAM, "run", "--name", name, "--", *line] for name, line in lines.items()
    }
    assert unwrap_all(text, CODEX, TOML) == before


yaml_servers = st.dictionaries(
    st.text("abc-_ 1é", min_size=1).filter(lambda name: name != "--"),
    entries(allow="tools"),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(st.data(), st.booleans(), yaml_servers)
def test_a_yaml_file_is_the_same_after_wrapping_and_unwrapping(
    data: st.DataObject, named: bool, servers: dict[str, Any]
) -> None:
    writer = YamlWriter(data.draw)
    write = writer.named if named else writer.document
    before = write("mcpServers", servers)
    text = wrap_all(before, USUAL, YAML)
    lines = command_lines(before, USUAL, YAML)
    assert command_lines(text, USUAL, YAML) == {
        name: [PROGRAM, "run", "--name", name, "--", *line] for name, line in lines.items()
    }
    assert unwrap_all(text, USUAL, YAML) == before


def test_yaml_with_aliases_is_refused() -> None:
    with pytest.raises(NotEditable):
        wrap.read("a: &x [1]\nb: *x\n", USUAL, YAML)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ('{"mcpServers": {"a": {"command": "x", "command": "y"}}}', JSON),
        ('{"mcpServers": {"a": {"command": "x"}}, "mcpServers": {}}', JSONC),
        ('{"mcpServers": {"a": {"command": "x",}}}', JSON),
        ('{"mcpServers": {"a": /* why */ {"command": "x"}}}', JSON),
        ('{"mcpServers": {"a": {"command": "x"}}', JSONC),
        ('{"mcpServers": {"a": {"command": "\\q"}}}', JSONC),
        ('{"mcpServers": {}} {}', JSON),
        ("[" * 100_000, JSON),
        ("", JSON),
        ("[mcp_servers.a]\ncommand = 'x'\ncommand = 'y'\n", TOML),
        ("[mcp_servers.a]\n[mcp_servers.a]\n", TOML),
        ("[mcp_servers.a\n", TOML),
        ("mcpServers:\n  a: {command: x, command: y}\n", YAML),
        ("mcpServers: {", YAML),
        ("a: 1\n---\nb: 1\n", YAML),
    ],
)
def test_a_text_that_does_not_parse_or_says_a_thing_twice_is_refused(
    text: str, location: Location
) -> None:
    with pytest.raises(NotParsed):
        wrap.read(text, USUAL, location)


ENTRIES = """{
  // mine
  "mcpServers": {
    "plain": { "command": "npx", "args": ["-y", "server"], "tools": ["list"], "autoApprove": [] },
    "bare": {"command": "server" /* no arguments */, "env": {"TOKEN": "${TOKEN}"}},
    "every": {"command": "x", "tools": ["*"], "autoApprove": ["list",],},
    "far": {"type": "http", "url": "https://example.org/mcp", "headers": {"A": "${A}"}},
    "own": {"type": "http", "url": "https://example.org/mcp", "oauth": {"clientId": "x"}},
    "off": {"command": "x", "disabled": true},
    "uvx": {"command": "uvx", "args": ["coatcheck", "run", "--", "server"]},
    "all": {"command": "/bin/coatcheck", "args": ["serve"]},
    "line": {"command": "npx -y server"},
    "odd": {"command": {"path": "x"}},
    "text": "x"
  },
}
"""

WRAPPED = """{
  // mine
  "mcpServers": {
    "plain": { "command": "/c/coatcheck", "args": ["run", "--name", "plain", "--", "npx", "-y", \
"server"], "tools": ["list", "fetch_artifact"], "autoApprove": [] },
    "bare": {"command": "/c/coatcheck", "args": ["run", "--name", "bare", "--", "server"] \
/* no arguments */, "env": {"TOKEN": "${TOKEN}"}},
    "every": {"command": "/c/coatcheck", "args": ["run", "--name", "every", "--", "x"], \
"tools": ["*"], "autoApprove": ["list", "fetch_artifact",],},
    "far": {"type": "stdio", "command": "/c/coatcheck", "args": ["run", "--name", "far", "--url", \
"https://example.org/mcp", "--header-env", "A=COATCHECK_HEADER_1"], \
"env": {"COATCHECK_HEADER_1": "${A}"}},
"""


def test_the_state_of_every_kind_of_entry_is_told() -> None:
    servers = wrap.read(ENTRIES, USUAL, JSONC).servers
    assert {server.name: server.state for server in servers} == {
        "plain": "plain",
        "bare": "plain",
        "every": "plain",
        "far": "plain",
        "own": "remote",
        "off": "disabled",
        "uvx": "ours",
        "all": "ours",
        "line": "unknown",
        "odd": "unknown",
        "text": "unknown",
    }


def test_wrapping_changes_nothing_but_the_command_the_arguments_and_lists_of_tools() -> None:
    sheet = wrap.read(ENTRIES, USUAL, JSONC)
    plain = [server for server in sheet.servers if server.state == "plain"]
    rest = ENTRIES[ENTRIES.index('    "own"') :]
    assert wrap.wrapped(sheet, plain, "/c/coatcheck") == WRAPPED + rest


def test_wrapping_twice_changes_nothing() -> None:
    once = wrap_all(ENTRIES, USUAL, JSONC)
    assert wrap_all(once, USUAL, JSONC) == once


def test_edits_made_after_wrapping_stay() -> None:
    before = '{"mcpServers": {"a": {"command": "npx", "args": ["-y", "one"]}}}'
    text = (
        wrap_all(before)
        .replace('"one"', '"two", "--root=/x"')
        .replace('"--",', '"--config", "c", "--",')
    )
    assert unwrap_all(text) == (
        '{"mcpServers": {"a": {"command": "npx", "args": ["-y", "two", "--root=/x"]}}}'
    )


def test_an_upstream_with_two_dashes_of_its_own_keeps_them() -> None:
    before = '{"mcpServers": {"a": {"command": "npx", "args": ["x", "--", "y"]}}}'
    assert unwrap_all(wrap_all(before)) == before


def test_one_list_with_the_whole_command_is_wrapped_in_front() -> None:
    dialect = replace(USUAL, args="")
    location = Location("user", "~/o.json", ("mcp",), "jsonc")
    before = '{"mcp": {"a": {"type": "local", "command": [ "npx", "x" ], "enabled": true}}}'
    text = wrap_all(before, dialect, location)
    assert text == before.replace(
        '[ "npx"', '[ "/opt/coat check/bin/coatcheck", "run", "--name", "a", "--", "npx"'
    )
    assert unwrap_all(text, dialect, location) == before


def test_entries_of_every_project_are_found_with_their_folder() -> None:
    location = Location("local", "~/x.json", ("projects", "*", "mcpServers"))
    text = '{"projects": {"/a": {"mcpServers": {"s": {"command": "x"}}}, "/b": {"n": 1}}, "n": {}}'
    servers = wrap.read(text, USUAL, location).servers
    assert [(server.project, server.name) for server in servers] == [("/a", "s")]
    assert unwrap_all(wrap_all(text, USUAL, location), USUAL, location) == text


def test_tables_of_toml_are_wrapped_wherever_they_stand() -> None:
    text = (
        'mcp_servers.one.command = "x" # first\r\n'
        "[mcp_servers.two.env] # before its table\r\nA = '''\r\ncommand = 1\r\n'''\r\n"
        "[mcp_servers]\r\nthree = {command = 'x', args = []}\r\n"
    ).replace("mcp_servers.one.command", 'mcp_servers."o.n.e".command')
    with pytest.raises(NotParsed):
        wrap.read(text, CODEX, TOML)
    text = text.replace(
        "[mcp_servers]\r\nthree", "[mcp_servers.two]\r\ncommand = 'y'\r\n[x]\r\nthree"
    )
    wrapped = wrap_all(text, CODEX, TOML)
    assert wrapped.splitlines()[1].startswith('mcp_servers."o.n.e".args = ["run", ')
    assert [s.state for s in wrap.read(wrapped, CODEX, TOML).servers] == ["wrapped", "wrapped"]
    assert unwrap_all(wrapped, CODEX, TOML) == text


def test_a_change_that_cannot_be_undone_in_place_is_refused() -> None:
    sheet = wrap.read('{"mcpServers": {"--": {"command": "x"}}}', USUAL, JSON)
    with pytest.raises(NotEditable):
        wrap.wrapped(sheet, sheet.servers, PROGRAM)


@settings(max_examples=60)
@given(
    st.data(),
    st.sampled_from([JSON, JSONC]),
    st.dictionaries(names.filter(lambda name: name != "--"), remotes(allow="tools"), max_size=3),
)
def test_remote_entries_are_the_same_after_wrapping_and_unwrapping(
    data: st.DataObject, location: Location, servers: dict[str, Any]
) -> None:
    writer = JsonWriter(data.draw, commented=location is JSONC)
    before = writer.document({"mcpServers": servers})
    text = wrap_all(before, USUAL, location)
    for server in wrap.read(text, USUAL, location).servers:
        plain, entry = servers[server.name], server.entry.value
        assert entry["args"][:5] == ["run", "--name", server.name, "--url", plain["url"]]
        values = (plain.get("headers") or {}).values()
        assert not any(value in entry["args"][5:] for value in values)
        assert list((entry.get("env") or {}).values()) == list(values)
    assert unwrap_all(text, USUAL, location) == before


REMOTE_CODEX = """[mcp_servers.one]
url = 'https://one.example/mcp' # mine
bearer_token_env_var = "ONE_TOKEN"
tool_timeout_sec = 9

[mcp_servers.one.http_headers] # two
X-Region = "eu"
X-Team = 'a'

[mcp_servers.two]
enabled_tools = ["a"]
url = "https://two.example/mcp"
http_headers = { X-Key = "secret" }
"""


def test_codex_gets_its_token_from_a_variable_that_it_hands_on() -> None:
    dialect = codex.DIALECT
    text = wrap_all(REMOTE_CODEX, dialect, TOML)
    one, two = (server.entry.value for server in wrap.read(text, dialect, TOML).servers)
    headers = ["X-Region=COATCHECK_HEADER_1", "X-Team=COATCHECK_HEADER_2"]
    assert one["args"][5:] == [
        *(word for header in headers for word in ("--header-env", header)),
        "--bearer-env",
        "ONE_TOKEN",
    ]
    assert one["env_vars"] == ["ONE_TOKEN", *OUR_VARIABLES]
    assert one["env"] == {"COATCHECK_HEADER_1": "eu", "COATCHECK_HEADER_2": "a"}
    assert one.keys() == {"command", "args", "env_vars", "env", "tool_timeout_sec"}
    assert two["env_vars"] == list(OUR_VARIABLES)
    assert two["enabled_tools"] == ["a", "fetch_artifact"]
    assert unwrap_all(text, dialect, TOML) == REMOTE_CODEX


@pytest.mark.parametrize(
    ("dialect", "entry", "transport"),
    [
        (gemini.DIALECT, {"httpUrl": "https://x.example/mcp", "headers": {"A": "$A"}}, []),
        (gemini.DIALECT, {"url": "https://x.example/sse"}, ["--transport", "sse"]),
        (gemini.DIALECT, {"url": "https://x.example/mcp", "type": "http"}, []),
        (copilot.DIALECT, {"type": "http", "url": "https://x.example/mcp", "tools": ["*"]}, []),
        (copilot.DIALECT, {"type": "sse", "url": "https://x.example/"}, ["--transport", "sse"]),
        (opencode.DIALECT, {"type": "remote", "url": "https://x.example/", "enabled": True}, []),
    ],
)
def test_the_transport_of_each_client_is_kept(
    dialect: Dialect, entry: dict[str, Any], transport: list[str]
) -> None:
    before = json.dumps({"mcpServers": {"a": entry}})
    text = wrap_all(before, dialect, JSON)
    value = json.loads(text)["mcpServers"]["a"]
    words = value["args"] if dialect.args else value["command"][1:]
    assert words[5 : 5 + len(transport)] == transport
    assert ("--transport" in words) == bool(transport)
    assert unwrap_all(text, dialect, JSON) == before


def test_remote_entries_of_yaml_come_back() -> None:
    before = "mcpServers:\n- name: a\n  type: streamable-http\n  url: https://x.example/mcp\n"
    (dialect,) = (d for d in unverified.DIALECTS if d.name == "continue")
    text = wrap_all(before, dialect, YAML)
    assert '  args: ["run", "--name", "a", "--url", https://x.example/mcp]' in text
    expected = before.replace("streamable-http", '"streamable-http"')  # the journal has the text
    assert unwrap_all(text, dialect, YAML) == expected


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "https://x.example/mcp?apiKey=abc"},
        {"url": "https://me:word@x.example/mcp"},
        {"url": "https://x.example", "type": "ws"},
        {"url": "wss://x.example"},
        {"url": "https://x.example", "headers": {"A=B": "c"}},
        {"url": "https://x.example", "headers": {"A": 1}},
        {"url": "https://x.example", "headersHelper": "./token"},
        {"url": "https://x.example", "env": {"A": "b"}},
    ],
)
def test_a_remote_entry_that_only_the_client_can_reach_is_left_alone(entry: Any) -> None:
    (server,) = wrap.read(json.dumps({"mcpServers": {"a": entry}}), USUAL, JSON).servers
    assert server.state == "remote"
    assert remote.obstacle(entry, USUAL)


def test_an_environment_with_more_than_headers_is_not_made_into_headers() -> None:
    before = '{"mcpServers": {"a": {"url": "https://x.example", "headers": {"A": "b"}}}}'
    text = wrap_all(before).replace('"COATCHECK_HEADER_1"', '"MINE": "x", "COATCHECK_HEADER_1"')
    sheet = wrap.read(text, USUAL, JSON)
    with pytest.raises(NotEditable):
        wrap.unwrapped(sheet, sheet.servers)
