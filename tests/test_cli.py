"""The command line as a person uses it: real processes, one home each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coatcheck import config
from coatcheck.cli.commands import COMMANDS, TOPICS

LOG = "\n".join(
    f"2026-11-22T03:{n // 60 % 60:02}:{n % 60:02} INFO worker {n % 8} handled request {n} ok"
    if n != 1_500
    else "2026-11-22T03:25:00 ERROR worker 6 deadlock on shard 17"
    for n in range(3_000)
)


class Person:
    """Runs coatcheck with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self, *words: str, given: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coatcheck.cli", *words],
            input=given,
            env={
                **os.environ,
                "HOME": str(self.home.parent),
                "COATCHECK_HOME": str(self.home),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def coatcheck(tmp_path: Path) -> Person:
    return Person(tmp_path / "home")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str, coatcheck: Person) -> None:
    shown = coatcheck(command, "--help")
    assert shown.returncode == 0
    assert "example:" in shown.stdout.lower()


def test_a_wrong_command_is_wrong_usage_and_the_nearest_is_named(coatcheck: Person) -> None:
    assert coatcheck("compress").returncode == 2
    assert "Did you mean 'fetch'?" in coatcheck("fecth").stderr
    assert "Did you mean" not in coatcheck("xyzzy").stderr


def test_every_command_stands_in_the_help_once(coatcheck: Person) -> None:
    told = [name for names in TOPICS.values() for name in names]
    assert len(told) == len(set(told))
    assert not set(COMMANDS) - set(told)
    shown = coatcheck("--help").stdout
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_an_unknown_option_of_the_status_line_is_named(coatcheck: Person) -> None:
    failed = coatcheck("statusline", "--any")
    assert failed.returncode == 2
    assert failed.stderr.endswith("unknown option --any\n")
    assert coatcheck("run", "--nam", "x", "--", "true").returncode == 2


def test_a_wrong_config_stops_every_start_with_one_line(coatcheck: Person, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[defaults]\nbudget = 5\n")
    for words in (("run", "--", "true"), ("config", "check"), ("compact",)):
        ran = coatcheck(*words, COATCHECK_CONFIG=str(path))
        assert ran.returncode == 2
        (line,) = ran.stderr.strip().split("\n")
        assert f"{path}: defaults.budget is not a setting; did you mean budget_tokens?" in line


def test_config_init_writes_the_example_once(coatcheck: Person) -> None:
    assert coatcheck("config", "init").returncode == 0
    path = coatcheck.home / "config.toml"
    assert path.read_text("utf-8") == config.example()
    assert coatcheck("config", "path").stdout.strip() == str(path)
    assert coatcheck("config", "check").returncode == 0
    again = coatcheck("config", "init")
    assert again.returncode == 1 and "exists" in again.stderr
    assert path.stat().st_mode & 0o777 == 0o600


def test_compact_shortens_a_pipe_and_fetch_gives_it_back(coatcheck: Person) -> None:
    view = coatcheck("compact", "--tool", "k8s.logs", given=LOG).stdout
    assert "ERROR worker 6 deadlock on shard 17" in view
    assert len(view) < len(LOG) / 5
    ref = view.split('ref="')[1].split('"')[0]
    out = coatcheck.home / "whole.txt"
    assert coatcheck("fetch", ref, "--out", str(out)).returncode == 0
    assert out.read_text() == LOG
    found = coatcheck("fetch", ref, "--grep", "request 77 ").stdout
    assert "handled request 77 ok" in found
    best = coatcheck("fetch", "--find", "deadlock on a shard").stdout
    assert f"{ref} k8s.logs @" in best and "ERROR worker 6 deadlock" in best
    assert ref in coatcheck("fetch").stdout
    assert "k8s.logs" in coatcheck("artifacts", "ls").stdout


def test_bytes_that_are_no_utf_8_pass_compact_and_fetch_as_they_are(
    coatcheck: Person, tmp_path: Path
) -> None:
    raw = LOG.encode().replace(b" ok", b" \xff\xfe ok\r")
    (path := tmp_path / "raw.log").write_bytes(raw)
    command = [sys.executable, "-m", "coatcheck.cli"]
    strict = {
        **os.environ,
        "COATCHECK_HOME": str(coatcheck.home),
        "PYTHONIOENCODING": "utf-8:strict",
    }

    def out(*words: str, given: bytes = b"") -> bytes:
        return subprocess.run(
            [*command, *words], input=given, env=strict, stdout=subprocess.PIPE, check=True
        ).stdout

    view = out("compact", given=raw)
    assert b"\xff\xfe" in view
    assert view == out("compact", str(path))
    assert b" stdin " in out("fetch")
    ref = view.split(b'ref="')[1].split(b'"')[0].decode()
    assert b"\xff\xfe" in out("fetch", ref, "--lines", "7")
    out("fetch", ref, "--out", str(tmp_path / "whole.log"))
    assert (tmp_path / "whole.log").read_bytes() == raw
    assert out("compact", given=b"a \xff") == b"a \xff\n"


@pytest.mark.parametrize(
    "words",
    [
        ("compact", "no/such/file"),
        ("compact", "."),
        ("fetch", "cc_000000000000", "--out", "no/such/file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(
    words: tuple[str, ...], coatcheck: Person
) -> None:
    failed = coatcheck(*words)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: ")
    assert "Errno" not in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_full_output_or_a_reader_that_has_enough_is_no_traceback(coatcheck: Person) -> None:
    command = [sys.executable, "-m", "coatcheck.cli", "compact", "--no-keep", "--tool", "x.y"]
    environment = {**os.environ, "COATCHECK_HOME": str(coatcheck.home)}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command,
        input=LOG.encode(),
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_count_below_its_least_is_wrong_usage(coatcheck: Person) -> None:
    assert coatcheck("artifacts", "ls", "--limit", "0").returncode == 2
    assert coatcheck("savings", "log", "--last", "-1").returncode == 2


def test_fetch_writes_the_whole_answer_to_a_query_and_a_block_to_a_file(
    coatcheck: Person,
) -> None:
    rows = [{"id": n, "name": f"person {n}", "city": "Rome"} for n in range(900)]
    view = coatcheck("compact", given=json.dumps(rows)).stdout
    ref = view.split('ref="')[1].split('"')[0]
    out = coatcheck.home / "ids.json"
    assert coatcheck("fetch", ref, "--query", "[].id", "--out", str(out)).returncode == 0
    assert json.loads(out.read_text()) == list(range(900))
    wrote = coatcheck("fetch", ref, "--block", "1", "--out", str(out))
    assert "of text/plain written" in wrote.stderr and json.loads(out.read_text()) == rows
    assert coatcheck("fetch", ref, "--block", "1").stdout == json.dumps(rows)
    assert "no block 2" in coatcheck("fetch", ref, "--block", "2").stderr
    assert "for example" in coatcheck("fetch", ref, "--query", "[?", "--out", str(out)).stderr


def test_compact_leaves_a_small_text_alone(coatcheck: Person) -> None:
    assert coatcheck("compact", given="hello\n").stdout == "hello\n"


def test_compact_without_keeping_promises_no_fetch(coatcheck: Person) -> None:
    view = coatcheck("compact", "--no-keep", given=LOG).stdout
    assert "fetch_artifact" not in view and "the rest was not kept" in view
    assert not (coatcheck.home / "store").exists()


def test_compact_jsonl_answers_line_by_line_in_order(coatcheck: Person) -> None:
    items = [
        {"id": f"i{n}", "tool": "k8s.logs", "text": LOG if n % 2 else "small", "focus": "shard"}
        for n in range(6)
    ]
    given = "".join(json.dumps(item) + "\n" for item in items)
    lines = [
        json.loads(x) for x in coatcheck("compact", "--jsonl", given=given).stdout.split("\n") if x
    ]
    assert [line["id"] for line in lines] == [item["id"] for item in items]
    assert [line["outcome"] == "passed" for line in lines] == [True, False] * 3
    for line in lines:
        assert list(line) == [
            "id",
            "text",
            "ref",
            "outcome",
            "tokens_before",
            "tokens_after",
            "omitted",
        ]
    big = lines[1]
    assert big["ref"].startswith("cc_") and big["tokens_after"] < big["tokens_before"] / 5
    assert big["omitted"][0].keys() == {"unit", "shown", "total", "what"}


def test_compact_jsonl_says_which_line_is_wrong(coatcheck: Person) -> None:
    ran = coatcheck("compact", "--jsonl", given='{"id":1,"text":"a"}\n{"id":2}\n')
    assert ran.returncode == 1
    assert "line 2" in ran.stderr and '"text"' in ran.stderr


def test_doctor_finds_nothing_wrong_with_a_new_home(coatcheck: Person) -> None:
    found = coatcheck("doctor", "--json")
    assert found.returncode == 0
    assert {f["what"] for f in json.loads(found.stdout)} == {
        "coatcheck",
        "settings",
        "store",
        "disk",
        "ledger",
        "summarizer",
    }


def test_doctor_names_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = Person(tmp_path / "file" / "home")("doctor", "--", "no-such-command-anywhere")
    assert ran.returncode == 1
    wrong = [line for line in ran.stdout.split("\n") if line.startswith("WRONG")]
    assert [line.split()[1].rstrip(":") for line in wrong] == ["store", "disk", "upstream"]


def test_an_unknown_ref_is_answered_with_what_to_do(coatcheck: Person) -> None:
    ran = coatcheck("fetch", "cc_000000000000")
    assert ran.returncode == 1 and "cc_000000000000' opens nothing here" in ran.stderr


def test_the_demo_shows_the_main_job_and_agrees_with_the_ledger(coatcheck: Person) -> None:
    ran = coatcheck("demo")
    assert ran.returncode == 0, ran.stderr
    assert "The ledger agrees with the client: 3 calls, 3 fetches" in ran.stdout
    assert ran.stdout.count("[coatcheck: ") >= 6
    assert coatcheck.home.stat().st_mode & 0o777 == 0o700


def test_the_demo_fails_clearly_when_the_store_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = Person(tmp_path / "file" / "home")("demo")
    assert ran.returncode == 1 and "cannot be written" in ran.stderr


def test_adapters_lists_what_applies_to_a_tool_in_order(coatcheck: Person) -> None:
    coatcheck.home.mkdir(exist_ok=True)
    settings = '[tools."gh.list_*"]\ndrop_fields = ["*_url"]\nkey = "number"\n'
    (coatcheck.home / "config.toml").write_text(settings)
    listed = coatcheck("adapters", "gh.list_issues", "--json")
    rows = json.loads(listed.stdout)
    assert [(row["name"], row["from"]) for row in rows] == [
        ("rule", "config.toml"),
        ("github-issues", "built in"),
        ("generic", "generic"),
    ]
    assert rows[0]["does"] == 'drop_fields = ["*_url"], key = "number"'
    everything = coatcheck("adapters").stdout.splitlines()
    assert 'tools."gh.list_*"' in everything[0] and "generic" in everything[-1]


def test_compact_leaves_out_the_fields_that_the_settings_drop(coatcheck: Person) -> None:
    coatcheck.home.mkdir(exist_ok=True)
    (coatcheck.home / "config.toml").write_text('[tools."gh.list"]\ndrop_fields = ["place"]\n')
    rows = [{"id": n, "title": f"Title {n}", "place": f"shelf {n}"} for n in range(60)]
    text = json.dumps(rows)
    shown = coatcheck("compact", "--tool", "gh.list", given=text).stdout
    assert "60 fields left out by rule: place" in shown and "shelf" not in shown
    assert "by rule" not in coatcheck("compact", "--tool", "gl.list", given=text).stdout
