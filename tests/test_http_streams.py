"""What is kept of a stream, and what is compared of headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web.mirrored import declared, decoded, mismatch
from coatcheck.web.streams import HIGH_WATER_BYTES, KEPT_BYTES, KEPT_EVENTS, Backlog, Kept, Stream

STEPS = st.lists(st.sampled_from(["say", "read", "lose", "come back", "come back late"]))


def stream(backlog: Backlog | None = None) -> Stream:
    made = Stream(backlog or Backlog(lambda on: None), takes_events=True)
    made.keep(1, Kept())
    return made


@given(STEPS)
def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(steps: list[str]) -> None:
    backlog = Backlog(lambda on: None)
    one = stream(backlog)
    said = 0
    heard: list[int] = []
    for step in [*steps, "come back", "read"]:
        if step == "say":
            said += 1
            one.put(b"%d" % said)
        elif step == "read" and one.is_attached:
            heard += [int(line) for _, line in one.take()]
        elif step == "lose":
            one.detach()
        elif step.startswith("come back"):
            one.attach(heard[-1] if heard else 0)
        assert backlog.size_bytes == one.waiting_bytes
    assert heard == list(range(1, said + 1))
    assert backlog.size_bytes == 0


def test_what_nobody_may_resume_is_not_kept() -> None:
    one = Stream(Backlog(lambda on: None), takes_events=True)
    one.put(b"a")
    one.detach()
    one.attach(0)
    assert one.take() == []


@pytest.mark.parametrize(
    ("count", "size"), [(KEPT_EVENTS + 10, 10), (40, KEPT_BYTES // 20), (3, KEPT_BYTES + 1)]
)
def test_what_a_session_keeps_is_bounded_and_the_newest_stays(count: int, size: int) -> None:
    kept = Kept()
    streams = [Stream(Backlog(lambda on: None), takes_events=True) for _ in range(3)]
    for number, each in enumerate(streams, 1):
        each.detach()
        each.keep(number, kept)
    for number in range(count):
        streams[number % 3].put(b"%10d" % number + b"x" * (size - 10))
    left = []
    for each in streams:
        each.attach(0)
        left += [int(line[:10]) for _, line in each.take()]
    assert len(left) <= KEPT_EVENTS
    assert len(left) * size <= KEPT_BYTES
    assert sorted(left) == list(range(count - len(left), count))


def test_a_client_that_does_not_read_holds_its_upstream_until_it_does() -> None:
    held: list[bool] = []
    one = stream(Backlog(held.append))
    for _ in range(20):
        one.put(b"x" * (HIGH_WATER_BYTES // 10))
    assert held == [True]
    one.take()
    assert held == [True, False]


def test_a_client_that_left_holds_nothing() -> None:
    held: list[bool] = []
    one = stream(Backlog(held.append))
    for _ in range(20):
        one.put(b"x" * (HIGH_WATER_BYTES // 10))
    one.detach()
    one.put(b"x" * HIGH_WATER_BYTES * 2)
    assert held == [True, False]


# Headers that mirror arguments


def schema(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties}


REGION = {"type": "string", "x-mcp-header": "Region"}
COUNT = {"type": "integer", "x-mcp-header": "Count"}
SURE = {"type": "boolean", "x-mcp-header": "Sure"}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (schema(region=REGION, plain={"type": "string"}), ["mcp-param-region"]),
        (schema(place=schema(region=REGION)), ["mcp-param-region"]),
        (schema(one=REGION, two=REGION), []),
        (schema(share={"type": "number", "x-mcp-header": "Share"}), []),
        (schema(region={"type": "string", "x-mcp-header": "two words"}), []),
        (schema(region={"type": "string", "x-mcp-header": 5}), []),
        ({"type": "object"}, []),
        (None, []),
        (schema(region=True), []),
    ],
)
def test_what_a_schema_asks_to_be_mirrored(asked: object, names: list[str]) -> None:
    assert [mirror.header for mirror in declared(asked)] == names


@pytest.mark.parametrize(
    ("arguments", "headers", "is_right"),
    [
        ({"region": "eu"}, [("region", "eu")], True),
        ({"region": "\u00e9"}, [("region", "=?base64?w6k=?=")], True),
        ({"region": "\u00e9"}, [("region", "=?base64?w6k?=")], False),
        ({"region": "eu"}, [("region", "eu"), ("region", "eu")], False),
        ({"region": None}, [], True),
        ({"region": None}, [("region", "eu")], False),
        ({"region": ["eu"]}, [], True),
        ({"count": 42}, [("count", "42.0")], True),
        ({"count": 42.0}, [("count", "42")], True),
        ({"count": 42}, [("count", "43")], False),
        ({"count": 42}, [("count", "4.2e1")], False),
        ({"sure": True}, [("sure", "true")], True),
        ({"sure": True}, [("sure", "True")], False),
        ({"sure": True}, [("sure", "1")], False),
        ("no table", [], True),
    ],
)
def test_a_header_says_what_its_argument_says(
    arguments: object, headers: list[tuple[str, str]], is_right: bool
) -> None:
    mirrors = declared(schema(region=REGION, count=COUNT, sure=SURE))
    sent = [(f"mcp-param-{name}".encode(), value.encode()) for name, value in headers]
    assert (mismatch(mirrors, arguments, sent) is None) is is_right


@given(st.text())
def test_what_is_not_encoded_says_itself(header: str) -> None:
    assert decoded(header) == header or header.startswith("=?base64?")
