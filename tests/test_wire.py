"""Lines, spans and ids in raw JSON bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import wire

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


def cut(data: bytes, span: wire.Span) -> bytes:
    return data[span[0] : span[1]]


@given(st.lists(st.binary(max_size=20)), st.integers(1, 7))
def test_lines_are_the_same_however_the_stream_is_cut(parts: list[bytes], step: int) -> None:
    stream = b"\n".join(parts)
    lines = wire.Lines()
    chunks = [stream[i : i + step] for i in range(0, len(stream), step)]
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    assert [*found, lines.rest()] == stream.split(b"\n")


def test_a_line_over_the_limit_is_cut_and_the_next_one_is_whole() -> None:
    lines = wire.Lines(limit_bytes=4)
    found = [line for chunk in (b"abc", b"def", b"ghi", b"\nnext\n") for line in lines.feed(chunk)]
    assert found == [b"abcdef", b"next"]


@given(st.dictionaries(st.text(), VALUES), SEPARATORS, st.booleans())
def test_members_are_found_as_they_were_written(
    value: dict[str, Any], separators: tuple[str, str], ascii_only: bool
) -> None:
    data = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    raw = data.encode("utf-8", "surrogatepass")
    spans = wire.members(raw)
    found = {
        key.decode("utf-8", "surrogatepass"): json.loads(cut(raw, span))
        for key, span in spans.items()
    }
    assert found == json.loads(data)


@given(st.lists(VALUES), SEPARATORS)
def test_elements_are_found_as_they_were_written(
    value: list[Any], separators: tuple[str, str]
) -> None:
    raw = json.dumps(value, separators=separators).encode()
    assert [json.loads(element) for element in wire.elements(raw)] == value


@pytest.mark.parametrize("depth", [1, 9, 10, 11, 12, 50, 5000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth_is_skipped(depth: int, pair: tuple[str, str]) -> None:
    deep = (pair[0] * depth + '"]}"' + pair[1] * depth).encode()
    raw = b'{"deep":%b,"id":1}' % deep
    spans = wire.members(raw)
    assert cut(raw, spans[b"deep"]) == deep
    assert cut(raw, spans[b"id"]) == b"1"


def test_the_last_of_two_equal_keys_wins() -> None:
    raw = b'{"id":1,"x":{"id":2},"\\u0069d":3}'
    assert cut(raw, wire.members(raw)[b"id"]) == b"3"


@pytest.mark.parametrize(
    "line",
    ["", "{", "}", "[]", "17", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1}x', '{"a":{]', "{1:2}"],
)
def test_what_is_no_object_is_malformed(line: str) -> None:
    with pytest.raises(wire.Malformed):
        wire.read(line.encode())


@given(
    st.integers(10**9, 2**31 - 1),
    st.dictionaries(st.text(), VALUES),
    st.sampled_from(["result", "error"]),
    st.permutations(["jsonrpc", "id", "body"]),
    SEPARATORS,
)
def test_the_quick_look_at_an_answer_finds_what_the_scanner_finds(
    our_id: int, body: dict[str, Any], kind: str, order: list[str], separators: tuple[str, str]
) -> None:
    values = {"jsonrpc": ("jsonrpc", "2.0"), "id": ("id", our_id), "body": (kind, body)}
    raw = json.dumps(dict(values[key] for key in order), separators=separators).encode()
    quick = wire.read_answer(raw)
    exact = wire.answer_of(wire.read(raw))
    assert exact is not None
    assert quick is None or quick == exact
    assert exact.id == our_id
    assert exact.is_result == (kind == "result")


@pytest.mark.parametrize(
    "order", ['{"jsonrpc":"2.0","id":%d,"result":{}}', '{"result":{},"jsonrpc":"2.0","id":%d}']
)
def test_the_two_usual_orders_of_an_answer_are_seen_quickly(order: str) -> None:
    answer = wire.read_answer((order % 1234567890).encode())
    assert answer is not None
    assert answer.id == 1234567890


def test_our_id_written_back_as_a_string_is_still_ours() -> None:
    answer = wire.answer_of(wire.read(b'{"jsonrpc":"2.0","id":"1234567890","result":{}}'))
    assert answer is not None
    assert answer.id == 1234567890
    assert (
        wire.splice(answer.line, (answer.span, b"5")) == b'{"jsonrpc":"2.0","id":5,"result":{}}\n'
    )


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}',
        '{"method":"x","params":{"a":{"result":{}},"jsonrpc":"2.0","id":5}}',
        '{"params":{"result":1},"method":"x","jsonrpc":"2.0","id":5}',
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(line: str) -> None:
    assert wire.read_answer(line.encode()) is None
    assert wire.answer_of(wire.read(line.encode())) is None


@given(st.binary(max_size=30), st.data())
def test_a_splice_changes_its_spans_alone(line: bytes, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(line)), min_size=4, max_size=4)))
    first, second = (ends[0], ends[1]), (ends[2], ends[3])
    expected = line[: ends[0]] + b"A" + line[ends[1] : ends[2]] + b"B" + line[ends[3] :] + b"\n"
    assert wire.splice(line, (second, b"B"), (first, b"A")) == expected
    assert wire.splice(line, (first, b"A")) == line[: ends[0]] + b"A" + line[ends[1] :] + b"\n"


@given(st.text(), st.booleans())
def test_all_spellings_of_an_id_have_one_key(text: str, ascii_only: bool) -> None:
    plain = wire.id_key(json.dumps(text, ensure_ascii=False).encode())
    assert wire.id_key(json.dumps(text, ensure_ascii=ascii_only).encode()) == plain


def test_an_id_in_text_is_no_subscription() -> None:
    text = rb'{"text":"\"io.modelcontextprotocol/subscriptionId\":5"}'
    meta = b'{"io.modelcontextprotocol/subscriptionId": 5}'
    assert wire.rename_subscription(text, {b"5": b'"s"'}) == text
    renamed = wire.rename_subscription(meta, {b"5": b'"s"'})
    assert renamed == b'{"io.modelcontextprotocol/subscriptionId": "s"}'


@pytest.mark.parametrize(
    "line",
    ['{"n":' + "9" * 5000 + "}", '{"n":1E400}', '{"t":"\\ud83d"}', "[" * 3000 + "]" * 3000],
)
def test_what_a_strict_parser_refuses_is_taken(line: str) -> None:
    wire.load(line.encode())


def test_bytes_that_are_not_utf_8_are_taken() -> None:
    assert wire.read(b'{"id":1,"method":"a\xff"}').id == b"1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"result":{"isError":true}}', True),
        ('{"result":{"isError":false,"structuredContent":{"isError":true}}}', False),
        ('{"result":{"content":[{"text":"\\"isError\\":true"}]}}', False),
    ],
)
def test_an_error_result_is_told_by_its_own_member(line: str, expected: bool) -> None:
    assert wire.is_error(line.encode()) is expected


@given(st.text(), st.integers())
def test_an_error_response_is_json_on_one_line(text: str, code: int) -> None:
    code %= 1 << 31
    line = wire.error(b'"a"', code, text)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert json.loads(line)["error"] == {"code": code, "message": text}


def test_a_big_message_that_is_cut_inside_a_text_is_refused_in_linear_time() -> None:
    cut = b'{"id":1,"result":{"content":[{"text":"' + b"x" * 5_000_000
    with pytest.raises(wire.Malformed):  # in quadratic time this takes hours
        wire.members(cut)
