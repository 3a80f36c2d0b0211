"""Server-sent events, as bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck_adapters.upstreams.events import Event, Events

STREAM = (
    b"\xef\xbb\xbf: a comment\n\nid: 0\ndata:\n\nevent: endpoint\r\ndata: /messages?x=1\r\n\r\n"
    b"retry: 250\rid:7\rdata: {\rdata:  1}\r\rdata\n\ndata:x\ndata:y\nunknown: z\n\n"
    b"id: with\0null\ndata: \xf0\x9f\x98\x80\n\ndata: never ended\n"
)
EVENTS = [
    Event("endpoint", b"/messages?x=1"),
    Event("message", b"{  1}", "7"),
    Event("message", b"x y"),
    Event("message", b"\xf0\x9f\x98\x80"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    events = Events()
    seen = [event for start, end in pairwise(ends) for event in events.feed(STREAM[start:end])]
    assert seen == EVENTS
    assert (events.id, events.retry_seconds) == ("7", 0.25)


def test_an_event_without_data_only_leaves_its_id() -> None:
    events = Events()
    assert events.feed(b"id: 5\nretry: 99999999\ndata: \n\n") == []
    assert (events.id, events.retry_seconds) == ("5", 60.0)


def test_an_event_over_the_limit_is_cut_and_the_next_one_is_whole() -> None:
    events = Events(limit_bytes=10)
    first, second = events.feed(b"data: " + b"x" * 6 + b"\n\ndata: b\n\n")
    assert first.data.startswith(b"xxx")
    assert second == Event("message", b"b")
    for chunk in [b"data: ", *[b"yyyy"] * 1000]:
        assert events.feed(chunk) == []
    (cut,) = events.feed(b"\n\n")
    assert len(cut.data) < 20


@pytest.mark.parametrize("line", [b"retry: -1", b"retry: 1.5", b"retry:", b"ID: 3", b":id: 3"])
def test_what_is_no_field_changes_nothing(line: bytes) -> None:
    events = Events()
    assert events.feed(line + b"\ndata: a\n\n") == [Event("message", b"a")]
    assert (events.id, events.retry_seconds) == ("", None)
