"""Put the text of artifacts in place of their refs in the arguments of a call."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from fakes import ListLedger, MemoryArtifacts, first_line
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import filling
from coatcheck.desk import Desk
from coatcheck.pipeline import Pipeline
from coatcheck.types import Artifact, Call, RefsInto, Refused, Rule, Session

URI = "coatcheck://artifact/"
TEXT = "# Title\n\n" + "A line of the file with é and \x00.\r\n" * 900
ROWS = '[{"id": 1, "price": 0.10},\n {"id": 2, "price": 1E5}]'
SAFE = {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False}
SCHEMA = {
    "type": "object",
    "$defs": {"row": {"type": "array", "items": {"type": "object"}}},
    "properties": {
        "path": {"type": "string"},
        "content": {"type": "string"},
        "short": {"type": "string", "maxLength": 10},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "any": {},
        "rows": {"$ref": "#/$defs/row"},
        "few": {"type": "array", "maxItems": 1},
        "count": {"type": "integer"},
        "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "edits": {
            "type": "array",
            "items": {"type": "object", "properties": {"new": {"type": "string"}}},
        },
    },
}


class Scene:
    """A desk for upstream web, with artifacts of fs and of web in its store."""

    def __init__(self, *pairs: tuple[str, str], annotations: Mapping[str, object] = SAFE) -> None:
        self.artifacts = MemoryArtifacts()
        self.ledger = ListLedger()
        self.desk = Desk(
            "web",
            Session("s"),
            lambda _: Rule(),
            Pipeline(self.artifacts, first_line, first_line),
            self.ledger,
            refs_into=[RefsInto(*pair) for pair in pairs],
        )
        tool = {"name": "post", "inputSchema": SCHEMA, "annotations": annotations}
        self.desk.revise("tools/list", None, json.dumps({"tools": [tool]}).encode(), 0.0)
        self.ledger.entries.clear()

    def kept(self, text: str, upstream: str = "fs", **block: object) -> str:
        blocks = [block or {"type": "text", "text": text}]
        result = json.dumps({"content": blocks}).encode()
        ref = self.artifacts.ref_for("result", result)
        self.artifacts.put(Artifact(ref, result, Call(upstream, "read_file")))
        return URI + ref

    def sent(self, arguments: object, tool: str = "post") -> tuple[dict[str, Any], bool]:
        """Return what leaves for the upstream, or the answer to the agent."""
        params = {"_meta": {"n": 1}, "name": tool, "arguments": arguments}
        raw = json.dumps(params, indent=1).encode()
        call, changed = self.desk.take(params, raw)
        assert changed is None
        if not call.refs:
            return params, True
        body, is_filled = self.desk.fill(call, params, raw)
        found: dict[str, Any] = json.loads(body)
        return found, is_filled


def test_a_text_enters_a_string_byte_for_byte_and_is_booked() -> None:
    scene = Scene(("fs", "web.post"))
    uri = scene.kept(TEXT)
    found, is_filled = scene.sent({"path": "p", "content": uri})
    assert is_filled
    assert found == {
        "_meta": {"n": 1},
        "name": "post",
        "arguments": {"path": "p", "content": TEXT},
    }
    (entry,) = scene.ledger.entries
    assert (entry.kind, entry.verb, entry.ref) == ("fetch", "argument", uri.removeprefix(URI))
    assert (entry.upstream, entry.tool, entry.reason) == ("web", "post", "sent as content")
    assert TEXT[:20] not in repr(scene.ledger.entries)


@settings(deadline=None)
@given(st.text())
def test_any_text_arrives_as_it_was(text: str) -> None:
    scene = Scene(("fs", "web.post"))
    found, _ = scene.sent({"content": scene.kept(text)})
    assert found["arguments"]["content"] == text


def test_json_enters_where_json_is_wanted_with_its_numbers_as_written() -> None:
    scene = Scene(("fs", "web.post"))
    params = {"name": "post", "arguments": {"rows": scene.kept(ROWS)}}
    raw = json.dumps(params).encode()
    call, _ = scene.desk.take(params, raw)
    body, is_filled = scene.desk.fill(call, params, raw)
    assert is_filled and b"\n" not in body
    assert b'"rows": [{"id": 1, "price": 0.10},  {"id": 2, "price": 1E5}]' in body


@pytest.mark.parametrize(
    ("arguments", "filled"),
    [
        ({"content": "URI#[0].price"}, {"content": "0.10"}),
        ({"count": "URI#[1].id"}, {"count": 2}),
        ({"rows": "URI#[?id==`2`]"}, {"rows": [{"id": 2, "price": 1e5}]}),
        ({"any": "URI#[0].id"}, {"any": "1"}),
        ({"maybe": "URI#[0].id"}, {"maybe": "1"}),
        ({"unknown": "URI#[0].id"}, {"unknown": "1"}),
        ({"edits": [{"new": "URI#[0].id"}, {"new": "x"}]}, {"edits": [{"new": "1"}, {"new": "x"}]}),
        ({"content": "see URI"}, {"content": "see URI"}),
        ({"content": " URI"}, {"content": " URI"}),
    ],
)
def test_a_ref_is_replaced_by_what_its_place_takes(
    arguments: dict[str, object], filled: dict[str, object]
) -> None:
    scene = Scene(("fs", "web.post"))
    uri = scene.kept(ROWS)

    def named(value: object) -> object:
        return json.loads(json.dumps(value).replace("URI", uri))

    found, is_filled = scene.sent(named(arguments))
    assert is_filled and found["arguments"] == named(filled)


ATTACKS: list[tuple[str, list[tuple[str, str]], dict[str, object], dict[str, object], str]] = [
    ("nothing is allowed by default", [], {}, {"content": "FS"}, "may not enter web.post"),
    ("another source", [("mail", "web.post")], {}, {"content": "FS"}, "may not enter"),
    ("another tool", [("fs", "web.get")], {}, {"content": "FS"}, "may not enter"),
    ("another upstream", [("fs", "fs.post")], {}, {"content": "FS"}, "may not enter"),
    ("the same upstream", [("*", "*.*")], {}, {"content": "OWN"}, 'from = "self"'),
    ("the same upstream by name", [("web", "web.post")], {}, {"content": "OWN"}, "may not"),
    ("self is no other", [("self", "web.post")], {}, {"content": "FS"}, "may not enter"),
    ("an open world", [("fs", "web.*")], {"openWorldHint": True}, {"content": "FS"}, "in full"),
    ("a destroyer", [("fs", "web.*")], {"destructiveHint": True}, {"content": "FS"}, "in full"),
    ("no annotations", [("fs", "web.*")], {"": 0}, {"content": "FS"}, "in full"),
    ("a foreign ref", [("fs", "web.post")], {}, {"content": URI + "cc_" + "0" * 12}, "unknown"),
    ("a path", [("fs", "web.post")], {}, {"content": "FS/../../key"}, "is no ref"),
    ("a path before", [("fs", "web.post")], {}, {"content": URI + "../key"}, "is no ref"),
    ("capitals", [("fs", "web.post")], {}, {"content": URI + "CC_000000000000"}, "is no ref"),
    ("a line feed", [("fs", "web.post")], {}, {"content": "FS\n"}, "is no ref"),
    ("nothing named", [("fs", "web.post")], {}, {"content": URI}, "is no ref"),
    ("deep inside", [], {}, {"edits": [{"new": "FS"}]}, "may not enter"),
    ("beside an allowed one", [("fs", "web.post")], {}, {"a": "FS", "b": "OWN"}, "may not"),
    ("an image", [("fs", "web.post")], {}, {"content": "IMAGE"}, "holds no text"),
    ("too long", [("fs", "web.post")], {}, {"short": "FS"}, "short takes 0 to 10"),
    ("too many", [("fs", "web.post")], {}, {"few": "FS"}, "few takes 0 to 1"),
    ("no choice", [("fs", "web.post")], {}, {"mode": "FS"}, "one of 2 values"),
    ("another kind", [("fs", "web.post")], {}, {"count": "FS"}, "takes integer"),
    ("no json", [("fs", "web.post")], {}, {"count": "PLAIN"}, "is no JSON"),
    ("a wrong query", [("fs", "web.post")], {}, {"content": "FS#[?"}, "is wrong at character"),
    ("a bomb", [("fs", "web.post")], {}, {"content": "FS#" + "|".join(["[@,@]"] * 25)}, "steps"),
    ("many refs", [("fs", "web.post")], {}, {"any": ["FS"] * 17}, "may hold 16 refs"),
    ("too big", [("fs", "web.post")], {}, {"any": ["BIG"] * 9}, "8,388,608 bytes"),
]


@pytest.mark.parametrize(
    ("pairs", "hints", "arguments", "said"),
    [attack[1:] for attack in ATTACKS],
    ids=[attack[0] for attack in ATTACKS],
)
def test_an_attack_is_refused_with_a_clear_error(
    pairs: list[tuple[str, str]],
    hints: dict[str, object],
    arguments: dict[str, object],
    said: str,
) -> None:
    annotations = {} if "" in hints else SAFE | hints
    scene = Scene(*pairs, annotations=annotations)
    refs = {
        "FS": scene.kept(ROWS),
        "OWN": scene.kept(ROWS + " ", "web"),
        "PLAIN": scene.kept("plain words"),
        "BIG": scene.kept("x" * 1_000_000),
        "IMAGE": scene.kept("", type="image", data="AAAA", mimeType="image/png"),
    }
    written = json.dumps(arguments)
    for name, uri in refs.items():
        written = written.replace(name, uri)
    answer, is_filled = scene.sent(json.loads(written))
    assert not is_filled and answer["isError"] is True
    text = answer["content"][0]["text"]
    assert text.startswith("Error: coatcheck did not send this call: ") and said in text
    (entry,) = scene.ledger.entries
    assert entry.kind == "call" and entry.is_error and "refused" in entry.reason


def test_pairs_with_wildcards_admit_where_a_tool_says_it_is_harmless() -> None:
    scene = Scene(("f*", "web.p*"))
    assert scene.sent({"content": scene.kept(ROWS)})[1]
    scene = Scene(("self", "web.*"), annotations=SAFE | {"readOnlyHint": True})
    assert scene.sent({"content": scene.kept(ROWS, "web")})[1]


def test_a_tool_that_was_never_listed_gets_nothing() -> None:
    scene = Scene(("fs", "web.*"))
    answer, is_filled = scene.sent({"content": scene.kept(ROWS)}, tool="other")
    assert not is_filled and "not in the list of tools" in answer["content"][0]["text"]


def test_the_call_that_is_kept_and_booked_holds_the_ref_and_not_the_text() -> None:
    scene = Scene(("fs", "web.post"))
    params = {"name": "post", "arguments": {"content": scene.kept(TEXT)}}
    call, _ = scene.desk.take(params, json.dumps(params).encode())
    assert URI.encode() in call.arguments and TEXT[:9].encode() not in call.arguments


def test_a_call_without_refs_is_not_looked_through() -> None:
    scene = Scene(("fs", "web.post"))
    params = {"name": "post", "arguments": {"content": "text"}}
    assert scene.desk.take(params, json.dumps(params).encode())[0].refs == ()


def test_a_repeated_key_cannot_hide_a_ref() -> None:
    scene = Scene()
    uri = scene.kept(ROWS)
    raw = f'{{"name":"post","arguments":{{"content":"{uri}","content":"{uri}"}}}}'.encode()
    params = json.loads(raw)
    call, _ = scene.desk.take(params, raw)
    assert not scene.desk.fill(call, params, raw)[1]


def test_a_schema_that_names_itself_without_end_ends() -> None:
    schema = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}
    artifact = Artifact(
        "cc_000000000000", b'{"content":[{"type":"text","text":"t"}]}', Call("f", "t")
    )
    tool = filling.Tool(schema, {})
    raw = json.dumps({"x": URI + artifact.ref}).encode()
    assert filling.fill(raw, tool, lambda ref: replace(artifact, ref=ref))[0] == b'{"x": "t"}'


def test_what_admits_nothing_lets_nothing_through() -> None:
    def refuse(ref: str) -> Artifact:
        raise Refused("no")

    raw = json.dumps({"x": URI + "cc_000000000000"}).encode()
    with pytest.raises(Refused):
        filling.fill(raw, filling.Tool({}, {}), refuse)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("fs", "web.post"), True),
        (("f*", "web.post"), True),
        (("self", "fs.write_*"), True),
        (("self", "web.post"), False),
        (("web", "fs.write_file"), False),
    ],
)
def test_views_say_that_a_ref_may_be_an_argument_where_some_pair_allows_it(
    pair: tuple[str, str], expected: bool
) -> None:
    assert filling.leaves([RefsInto(*pair)], "fs") is expected
    pipeline = Pipeline(MemoryArtifacts(), first_line, first_line, is_argument=expected)
    result = json.dumps({"content": [{"type": "text", "text": TEXT}]}).encode()
    sent = pipeline.shorten(Call("fs", "read"), result, Rule())
    last = sent.view.rpartition("\n")[2]
    assert last.endswith(f"; all of it as an argument: {URI}{sent.ref}]") is expected
    assert sent.view.count(URI) == expected
