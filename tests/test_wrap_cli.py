"""coatcheck wrap, unwrap and status on the files of a made-up user."""

import json
import subprocess
from pathlib import Path

import pytest
from users import User

from coatcheck.cli import launcher
from coatcheck.cli.parts import desk, ledger_of
from coatcheck.cli.place import Place
from coatcheck.config import Config
from coatcheck.types import Call

PROJECT = """{
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "server-files", "${HOME}"]},
    "web": {"type": "http", "url": "https://example.org/mcp"}
  }
}
"""
CODEX = "# mine\r\n[mcp_servers.files]\r\ncommand = 'npx' # fast\r\n[tui]\r\nx = 1\r\n"
CLAUDE = """{"mcpServers": {"a": {"command": "a"}},
"projects": {"/p": {"mcpServers": {"b": {"command": "b"}}}}}"""


def test_wrapping_and_unwrapping_leaves_every_file_as_it_was(user: User) -> None:
    files = {
        user.write(path, text): text
        for path, text in [
            ("./.mcp.json", PROJECT),
            (".codex/config.toml", CODEX),
            (".claude.json", CLAUDE),
        ]
    }
    user.run("wrap", "--yes")
    assert user.states() == {
        "claude-code project files": "wrapped",
        "claude-code project web": "wrapped",
        "claude-code local b": "wrapped",
        "claude-code user a": "wrapped",
        "codex user files": "wrapped",
    }
    user.run("unwrap", "--yes")
    assert {path: path.read_bytes().decode() for path in files} == files


def test_an_entry_names_the_launcher_by_its_absolute_path(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    entry = json.loads(file.read_text())["mcpServers"]["files"]
    assert entry["command"] == user.launcher
    assert entry["args"][:4] == ["run", "--name", "files", "--"]
    assert entry["args"][4:] == ["npx", "-y", "server-files", "${HOME}"]


def test_a_dry_run_shows_the_change_and_writes_nothing(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    said = user.run("wrap", "--dry-run")
    assert f'+    "files": {{"command": "{user.launcher}"' in said
    assert file.read_text() == PROJECT
    assert not (user.home / "state").exists()


def test_only_what_was_asked_for_is_wrapped(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    user.write(".claude.json", CLAUDE)
    user.run("wrap", "--yes", "--scope", "user")
    user.run("wrap", "--yes", "--only", "b")
    assert user.states() == {
        "claude-code project files": "plain",
        "claude-code project web": "plain",
        "claude-code local b": "wrapped",
        "claude-code user a": "wrapped",
    }


def test_a_name_that_no_server_has_is_wrong_usage(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    assert "no server is named fiels" in user.run("wrap", "--yes", "--only", "fiels", code=2)


def test_nothing_is_written_when_nobody_can_be_asked(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    assert "add --yes" in user.run("wrap", code=2)
    assert file.read_text() == PROJECT


def test_wrapping_again_writes_nothing(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    inode, text = file.stat().st_ino, file.read_text()
    assert "Nothing to wrap." in user.run("wrap", "--yes")
    assert (file.stat().st_ino, file.read_text()) == (inode, text)


def test_a_file_that_git_tracks_is_left_alone_until_told(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    for words in (["init", "-q"], ["add", ".mcp.json"]):
        subprocess.run(["git", *words], cwd=user.project, check=True)
    assert "tracked by git" in user.run("wrap", "--yes")
    assert file.read_text() == PROJECT
    user.run("wrap", "--yes", "--tracked")
    assert user.states()["claude-code project files"] == "wrapped"
    assert "stays wrapped: tracked by git" in user.run("unwrap", "--yes")
    user.run("unwrap", "--yes", "--tracked")
    assert file.read_text() == PROJECT


def test_a_client_that_was_not_tried_is_wrapped_only_by_name(user: User) -> None:
    file = user.write(".cursor/mcp.json", PROJECT)
    assert "not tried with the real program" in user.run("wrap", "--yes")
    user.run("wrap", "--yes", "--client", "cursor")
    assert user.states()["cursor user files"] == "wrapped"
    user.run("unwrap", "--yes")
    assert file.read_text() == PROJECT


def test_a_file_that_does_not_parse_is_listed_and_left_alone(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT + "}")
    assert user.states() == {"claude-code project -": "unreadable"}
    user.run("wrap", "--yes")
    assert file.read_text() == PROJECT + "}"


def test_changes_made_after_wrapping_stay_and_the_journal_is_not_needed(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    edited = file.read_text().replace("server-files", "server-files@2").replace("web", "net")
    file.write_text(edited)
    for record in (user.home / "state/wrap").glob("*.json"):
        record.unlink()
    user.run("unwrap", "--yes")
    assert file.read_text() == PROJECT.replace("server-files", "server-files@2").replace(
        "web", "net"
    )


def test_the_journal_brings_back_an_empty_list_of_arguments(user: User) -> None:
    text = '{"mcpServers": {"a": {"command": "x", "args": [ ]}}}'
    file = user.write("./.mcp.json", text)
    user.run("wrap", "--yes")
    user.run("unwrap", "--yes")
    assert file.read_text() == text


def test_a_server_that_is_switched_off_is_wrapped_with_all(user: User) -> None:
    file = user.write(
        ".gemini/settings.json", '{"mcpServers": {"a": {"command": "x", "disabled": true}}}'
    )
    assert "--all takes it" in user.run("wrap", "--yes")
    user.run("wrap", "--yes", "--all")
    assert json.loads(file.read_text())["mcpServers"]["a"]["command"] == user.launcher


def test_a_read_only_file_is_listed_with_that_reason(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    file.chmod(0o444)
    assert "it is read-only" in user.run("wrap", "--yes")
    assert file.read_text() == PROJECT


def test_the_result_is_told_as_json(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    told = json.loads(user.run("wrap", "--yes", "--json"))
    assert told["written"] == [str(file)]
    assert [row["state"] for row in told["rows"]] == ["wrapped", "wrapped"]


def test_uninstalling_unwraps_files_of_other_projects_and_removes_the_launcher(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [user.write("./.mcp.json", PROJECT), user.write(".cursor/mcp.json", PROJECT)]
    user.run("wrap", "--yes")
    user.run("wrap", "--yes", "--client", "cursor")
    elsewhere = user.home / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "Now remove the package" in user.run("uninstall", "--yes")
    assert [file.read_text() for file in files] == [PROJECT, PROJECT]
    assert not Path(user.launcher).exists()


def test_uninstalling_keeps_the_launcher_while_an_entry_needs_it(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    file.chmod(0o444)
    assert f"{file}: still wrapped" in user.run("uninstall", "--yes", code=1)
    assert Path(user.launcher).exists()


def test_a_pause_is_seen_by_a_running_server_and_ends(user: User) -> None:
    place = Place(user.home / "state", Config())
    call = Call("files", "read")
    with ledger_of(place) as ledger:
        running = desk(place, "files", ledger)
        assert running.wants("tools/call", call, bytes(10_000))
        user.run("pause")
        assert not running.wants("tools/call", call, bytes(10_000))
        assert running.wants("tools/list", None, bytes(10_000))
        assert "coatcheck resume" in user.run("doctor", code=1)
        user.run("resume")
        assert running.wants("tools/call", call, bytes(10_000))


def test_our_tool_is_permitted_beside_the_tools_of_a_wrapped_server(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    text = '{"permissions": {"allow": ["mcp__files__read"]}}'
    rules = user.write("./.claude/settings.local.json", text)
    assert '+{"permissions"' in user.run("wrap", "--dry-run")
    assert rules.read_text() == text
    user.run("wrap", "--yes")
    allowed = json.loads(rules.read_text())["permissions"]["allow"]
    assert allowed == ["mcp__files__read", "mcp__files__fetch_artifact"]
    user.run("unwrap", "--yes")
    assert rules.read_text() == text


def test_the_launcher_follows_an_installation_that_has_moved(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    right = Path(user.launcher).read_text()
    launcher.install(user.home / "state", "/removed/python")
    assert Path(user.launcher).read_text() != right
    assert "Nothing to wrap." in user.run("wrap", "--yes")
    assert Path(user.launcher).read_text() == right


def test_a_launcher_that_is_gone_is_told_and_put_back(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    user.run("wrap", "--yes")
    Path(user.launcher).unlink()
    assert "its coatcheck is gone" in user.run("status")
    user.run("wrap", "--yes")
    assert "gone" not in user.run("status")


def test_a_home_that_cannot_be_written_is_told_and_nothing_is_wrapped(user: User) -> None:
    file = user.write("./.mcp.json", PROJECT)
    user.write("state", "a file in the place of the folder")
    assert "cannot be written" in user.run("wrap", "--yes", code=1)
    assert file.read_text() == PROJECT


def test_a_file_whose_change_cannot_be_proved_is_left_alone(user: User) -> None:
    text = '{"mcpServers": {"--": {"command": "x"}}}'
    file = user.write("./.mcp.json", text)
    assert "would not be changed" in user.run("wrap", "--dry-run")
    assert "nothing was changed" in user.run("wrap", "--yes", code=1)
    assert file.read_text() == text


def test_a_remote_server_is_wrapped_with_its_secret_out_of_the_arguments(user: User) -> None:
    headers = '"headers": {"Authorization": "Bearer ${TOKEN}"}'
    text = PROJECT.replace('mcp"}', f'mcp", {headers}}}')
    file = user.write("./.mcp.json", text)
    said = user.run("wrap", "--yes")
    web = json.loads(file.read_text())["mcpServers"]["web"]
    assert "coatcheck login" not in said
    assert web == {
        "type": "stdio",
        "command": user.launcher,
        "args": [
            *("run", "--name", "web", "--url", "https://example.org/mcp"),
            *("--header-env", "Authorization=COATCHECK_HEADER_1"),
        ],
        "env": {"COATCHECK_HEADER_1": "Bearer ${TOKEN}"},
    }
    user.run("unwrap", "--yes")
    assert file.read_text() == text


def test_a_remote_server_that_may_ask_for_a_login_is_told(user: User) -> None:
    user.write("./.mcp.json", PROJECT)
    login = "coatcheck login web --url https://example.org/mcp"
    assert f"If it asks who you are: {login}" in user.run("wrap", "--yes")


def test_a_remote_server_that_only_the_client_can_reach_is_listed_with_the_reason(
    user: User,
) -> None:
    text = PROJECT.replace('mcp"}', 'mcp", "headersHelper": "./token"}')
    file = user.write("./.mcp.json", text)
    assert "means of the client's own (headersHelper)" in user.run("wrap", "--yes", "--only", "web")
    assert file.read_text() == text


@pytest.fixture
def shared(user: User) -> Path:
    """Return a file of the project's servers that git tracks."""
    file = user.write("./.mcp.json", PROJECT)
    for words in (["init", "-q"], ["add", ".mcp.json"]):
        subprocess.run(["git", *words], cwd=user.project, check=True)
    return file


@pytest.mark.parametrize("before", ["{}", '{"a": 1, "projects": {"/p": {}}}', None])
def test_what_git_tracks_can_be_wrapped_for_one_user_alone(
    user: User, shared: Path, before: str | None
) -> None:
    if before is None:
        mine = {"projects": {str(user.project): {"mcpServers": {"x": {"command": "x"}}}}}
        before = json.dumps(mine, indent=2)
    own = user.write(".claude.json", before)
    assert "--local wraps it for you alone" in user.run("status")
    assert f'"command": "{user.launcher}"' in user.run("wrap", "--local", "--dry-run")
    assert own.read_text() == before
    said = user.run("wrap", "--local", "--yes", "--only", "files", "--only", "web")
    assert f"wrapped for you alone: files, web in {own}" in said
    assert shared.read_text() == PROJECT
    entries = json.loads(own.read_text())["projects"][str(user.project)]["mcpServers"]
    assert entries["files"]["args"][3:] == ["--", "npx", "-y", "server-files", "${HOME}"]
    assert user.states()["claude-code local files"] == "wrapped"
    assert "Nothing to wrap." in user.run("wrap", "--local", "--yes", "--only", "files")
    user.run("unwrap", "--yes")
    assert own.read_text() == before


def test_an_entry_of_ones_own_is_no_stand_in_and_stays(user: User, shared: Path) -> None:
    mine = {"projects": {str(user.project): {"mcpServers": {"files": {"command": "mine"}}}}}
    own = user.write(".claude.json", json.dumps(mine))
    user.run("wrap", "--local", "--yes")
    user.run("unwrap", "--yes")
    entries = json.loads(own.read_text())["projects"][str(user.project)]["mcpServers"]
    assert entries["files"] == {"command": "mine"}
    assert "web" not in entries


def test_a_stand_in_whose_shared_entry_has_changed_becomes_plain(user: User, shared: Path) -> None:
    own = user.write(".claude.json", "{}")
    user.run("wrap", "--local", "--yes")
    shared.write_text(PROJECT.replace("server-files", "server-files@2"))
    user.run("unwrap", "--yes")
    entries = json.loads(own.read_text())["projects"][str(user.project)]["mcpServers"]
    assert entries == {"files": {"command": "npx", "args": ["-y", "server-files", "${HOME}"]}}


def test_nobody_is_wrapped_alone_before_the_client_has_run(user: User, shared: Path) -> None:
    assert "Nothing to wrap." in user.run("wrap", "--local", "--yes")
    assert not (user.home / ".claude.json").exists()
