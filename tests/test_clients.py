"""What is known of each client is used where its sessions need it."""

import json

import pytest
from fakes import ListLedger, MemoryArtifacts

from coatcheck import reducers
from coatcheck.clients import CLIENTS, UNKNOWN, client_of, is_scripted, shown_chars
from coatcheck.desk import Desk
from coatcheck.excerpt import PAGE_CHARS
from coatcheck.pipeline import Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Call, Rule, Session

ROWS = [{"id": n, "name": f"row {n}", "note": "grün " * 8} for n in range(900)]
GPT_6 = {"x-codex-turn-metadata": {"model": "gpt-6.1"}}


def desk_for(client: str, rule: Rule | None = None) -> Desk:
    pipeline = Pipeline(MemoryArtifacts(), reducers.reduce, clip.reduce)
    desk = Desk("up", Session("s"), lambda _: rule or Rule(), pipeline, ListLedger())
    desk.greet({"clientInfo": {"name": client, "version": "1"}})
    return desk


def result_of(text: str) -> bytes:
    return json.dumps({"content": [{"type": "text", "text": text}]}).encode()


def called(desk: Desk, meta: object = None, **arguments: str) -> Call:
    params = {"name": "list", "arguments": arguments, "_meta": meta or {}}
    return desk.take(params, json.dumps(params).encode())[0]


def sent_text(desk: Desk, call: Call, text: str) -> str:
    sent = desk.revise("tools/call", call, result_of(text), 0.0)
    assert sent is not None
    (block,) = json.loads(sent)["content"]
    return str(block["text"])


@pytest.mark.parametrize("name", CLIENTS)
def test_what_each_client_shows_by_itself(name: str) -> None:
    client = CLIENTS[name]
    assert shown_chars(name.upper() + "-x", client.whole) == client.whole
    assert shown_chars(name, client.whole + 1) == client.shown
    cut = client.shown if client.cuts_errors else client.whole + 1
    assert shown_chars(name, client.whole + 1, is_error=True) == cut


def test_a_client_that_is_not_known_is_taken_to_show_everything() -> None:
    assert client_of("some-other") is UNKNOWN
    assert shown_chars("some-other", 10**9) == 10**9


@pytest.mark.parametrize("name", CLIENTS)
def test_a_view_is_never_longer_than_its_client_shows(name: str) -> None:
    desk = desk_for(name, Rule(budget_tokens=100_000))
    text = "\n".join(f"{n} {'some plain words of prose, ' * 3}" for n in range(9_000))
    assert len(sent_text(desk, called(desk), text).encode()) <= CLIENTS[name].safe_bytes


@pytest.mark.parametrize("name", [*CLIENTS, "some-other"])
def test_a_page_is_never_longer_than_its_client_shows(name: str) -> None:
    desk = desk_for(name)
    text = "\n".join(f"行 {n}: 何かの長いテキスト" for n in range(9_000))
    view = sent_text(desk, called(desk), text)
    ref = view.partition('ref="')[2].partition('"')[0]
    page = json.loads(desk.answer("tools/call", {"arguments": {"ref": ref}}))
    shown = page["content"][0]["text"]
    safe = client_of(name).safe_bytes
    assert len(shown.encode()) <= safe if safe else len(shown) > PAGE_CHARS
    assert "page=2" in shown


@pytest.mark.parametrize(
    ("client", "meta", "scripted"),
    [
        ("codex-mcp-client", GPT_6, True),
        ("codex-mcp-client", {"x-codex-turn-metadata": {"model": "gpt-5.5"}}, False),
        ("codex-mcp-client", {"x-codex-turn-metadata": "gpt-6"}, False),
        ("codex-mcp-client", {}, False),
        ("claude-code", GPT_6, False),
    ],
)
def test_scripts_are_known_by_the_model_that_codex_names(
    client: str, meta: dict[str, object], scripted: bool
) -> None:
    assert is_scripted(client_of(client), meta) is scripted


@pytest.mark.parametrize("value", [ROWS, {"rows": ROWS, "next": "c2"}])
def test_a_script_gets_json_as_an_object_that_begins_with_our_notice(value: object) -> None:
    desk = desk_for("codex-mcp-client")
    text = sent_text(desk, called(desk, GPT_6, query="row 417"), json.dumps(value))
    shown = json.loads(text)
    assert next(iter(shown)) == "_coatcheck"
    assert "fetch_artifact(ref=" in shown["_coatcheck"]
    rows = shown.get("items") or shown["rows"]
    assert ROWS[417] in rows
    assert all(row in ROWS for row in rows)
    assert shown.get("next") == ("c2" if isinstance(value, dict) else None)
    assert desk.revise("tools/call", called(desk, GPT_6), result_of(text), 0.0) is None


def test_a_script_gets_small_json_and_every_other_text_as_it_would_anyway() -> None:
    desk = desk_for("codex-mcp-client")
    small = result_of(json.dumps(ROWS[:20]))
    assert desk.revise("tools/call", called(desk, GPT_6), small, 0.0) is None
    log = "\n".join(f"2026-01-01 12:00:{n % 60:02} INFO step {n} done" for n in range(2_000))
    assert sent_text(desk, called(desk, GPT_6), log).startswith("[coatcheck: ")


@pytest.mark.parametrize(
    ("format", "begins"), [("json", '{"_coatcheck":'), ("text", "[coatcheck:")]
)
def test_the_settings_decide_over_the_form_of_json(format: str, begins: str) -> None:
    rule = Rule(format="json" if format == "json" else "text")
    desk = desk_for("codex-mcp-client", rule)
    for meta in (GPT_6, {}):
        assert sent_text(desk, called(desk, meta), json.dumps(ROWS)).startswith(begins)


def test_json_that_no_array_makes_large_gets_a_view_of_text() -> None:
    desk = desk_for("some-other", Rule(format="json"))
    text = json.dumps({"log": "\n".join(f"line {n} of it" for n in range(3_000))})
    assert sent_text(desk, called(desk), text).startswith("[coatcheck: ")


def test_an_error_on_codex_begins_with_the_word_because_the_flag_is_lost() -> None:
    desk = desk_for("codex-mcp-client")
    raw = b'{"content":[{"type":"text","text":"ENOENT: no such file"}],"isError":true}'
    assert desk.wants("tools/call", called(desk), raw)
    sent = desk.revise("tools/call", called(desk), raw, 0.0)
    assert sent == raw.replace(b"ENOENT", b"Error: ENOENT")
    entry = desk.ledger.entries[-1]  # type: ignore[attr-defined]  # a ListLedger
    assert (entry.outcome, entry.is_error) == ("passed", True)


def test_other_clients_and_tools_that_are_off_get_their_errors_as_they_are() -> None:
    raw = b'{"content":[{"type":"text","text":"ENOENT"}],"isError":true}'
    for desk in (desk_for("claude-code"), desk_for("codex", Rule(mode="off"))):
        assert not desk.wants("tools/call", called(desk), raw)


def test_an_array_on_gemini_stands_in_an_object() -> None:
    desk = desk_for("gemini-cli-mcp-client")
    raw = result_of("[1, 2.50]")
    assert desk.wants("tools/call", called(desk), raw)
    assert sent_text(desk, called(desk), "[1, 2.50]") == '{"result":[1, 2.50]}'


def test_json_for_scripts_is_never_bigger() -> None:
    desk = desk_for("codex-mcp-client", Rule(format="json", budget_tokens=2_000))
    passed = 0
    for words in range(900, 1_000, 4):
        value = {"note": "plain words of some prose " * (words // 5), "items": list(range(20))}
        raw = result_of(json.dumps(value))
        sent = desk.revise("tools/call", called(desk), raw, 0.0)
        passed += sent is None
        assert sent is None or len(sent) < len(raw)
    assert passed > 0
