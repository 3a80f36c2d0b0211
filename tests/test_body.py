"""Take a tool result apart into its text and the rest, and put it together again."""

import json

import pytest

from coatcheck.body import block, open_body, with_text
from coatcheck.types import ExcerptError

MIXED = json.dumps(
    {
        "content": [
            {"type": "text", "text": "one"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png", "x-vendor": 1.0},
            {"type": "text", "text": "two"},
        ],
        "structuredContent": {"a": 1},
        "isError": False,
        "_meta": {"k": 1},
    }
).encode()


def test_the_text_is_that_of_the_text_blocks_joined_by_a_newline() -> None:
    body = open_body(MIXED)
    assert body and body.text == "one\ntwo"
    assert [json.loads(o)["type"] for o in body.others] == ["image"]


def test_without_text_blocks_the_text_is_the_structured_content_as_received() -> None:
    body = open_body(
        b'{"content":[],"structuredContent":{"n": 1E5, "big":12345678901234567890123}}'
    )
    assert body and body.text == '{"n": 1E5, "big":12345678901234567890123}'


def test_a_new_text_stands_first_and_structured_content_is_gone() -> None:
    body = open_body(MIXED)
    assert body
    sent = json.loads(with_text(MIXED, "short", body.others))
    assert [b["type"] for b in sent["content"]] == ["text", "image"]
    assert sent["content"][0]["text"] == "short"
    assert "structuredContent" not in sent
    assert sent["isError"] is False
    assert sent["_meta"] == {"k": 1}


def test_other_blocks_stay_byte_for_byte() -> None:
    block = b'{"type":"image", "data":"A\\/A", "n": 0.10}'
    raw = b'{"content":[' + block + b',{"type":"text","text":"long"}]}'
    body = open_body(raw)
    assert body and block in with_text(raw, "x", body.others)


@pytest.mark.parametrize(
    ("raw", "final"),
    [
        (b'{"content":[]}', True),
        (b'{"content":[],"resultType":"complete"}', True),
        (b'{"resultType":"input_required","inputRequests":{}}', False),
        (b'{"task":{"taskId":"t"}}', False),
    ],
)
def test_only_finished_results_are_final(raw: bytes, final: bool) -> None:
    body = open_body(raw)
    assert body and body.final is final


@pytest.mark.parametrize("raw", [b"[]", b"null", b"{", b'{"content":"x"}', b"[" * 100_000])
def test_what_is_no_tool_result_has_no_body(raw: bytes) -> None:
    assert open_body(raw) is None


BLOCKS = json.dumps(
    {
        "content": [
            {"type": "text", "text": "one\n"},
            {"type": "image", "data": "AAEC/w==", "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "a:b", "blob": "/w==", "mimeType": "a/b"}},
            {"type": "resource", "resource": {"uri": "a:b", "text": "x"}},
            {"type": "audio", "data": "AA"},
            {"type": "resource_link", "uri": "a:b"},
        ]
    }
).encode()


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (1, (b"one\n", "text/plain")),
        (2, (b"\x00\x01\x02\xff", "image/png")),
        (3, (b"\xff", "a/b")),
        (4, (b"x", "text/plain")),
    ],
)
def test_a_block_is_given_byte_for_byte_with_its_type(
    number: int, found: tuple[bytes, str]
) -> None:
    assert block(BLOCKS, number) == found


@pytest.mark.parametrize("number", [0, 5, 6, 7])
def test_a_block_that_is_not_there_or_holds_no_data_is_refused(number: int) -> None:
    with pytest.raises(ExcerptError, match=f"block {number}"):
        block(BLOCKS, number)
