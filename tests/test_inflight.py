"""Requests in flight: by id, by token, by time."""

from coatcheck.inflight import Ids, InFlight, Pending


def test_ids_differ_and_fit_into_31_bits() -> None:
    ids = Ids()
    found = [ids.next() for _ in range(100)]
    assert len(set(found)) == 100
    assert all(10**9 < number < 2**31 for number in found)


def test_two_wires_start_at_different_ids() -> None:
    assert len({Ids().next() for _ in range(20)}) == 20


def test_progress_restarts_the_time_of_its_own_request_alone() -> None:
    calls = InFlight()
    for number in (1, 2):
        pending = Pending(b"%d" % number, "tools/call", 0.0, 10)
        pending.token = f"t{number}"
        calls.add(number, pending)
    calls.progress("t1", 5.0)
    calls.progress("unknown", 5.0)
    assert calls.expired(10.0) == [2]
    assert calls.expired(15.0) == [1, 2]
    assert calls.next_deadline() == 10.0


def test_a_subscription_has_no_deadline_until_it_is_cancelled() -> None:
    calls = InFlight()
    calls.add(1, Pending(b'"s"', "subscriptions/listen", 0.0, 10))
    assert calls.next_deadline() is None
    assert calls.cancel(b'"s"', 3.0) == 1
    assert calls.expired(13.0) == [1]


def test_what_is_taken_leaves_nothing_behind() -> None:
    calls = InFlight()
    calls.add(1, Pending(b"5", "x", 0.0, 10))
    calls.add(2, Pending(b"5", "x", 0.0, 10))
    first = calls.take(1)
    assert first is not None
    assert calls.cancel(b"5", 0.0) == 2
    assert calls.take(2) is not None
    assert calls.take(2) is None
    assert len(calls) == 0
    assert calls.cancel(b"5", 0.0) is None
    assert calls.next_deadline() is None


def test_each_request_has_the_time_that_its_tool_is_given() -> None:
    calls = InFlight()
    calls.add(1, Pending(b"1", "tools/call", 0.0, 600))
    calls.add(2, Pending(b"2", "tools/call", 0.0, 5))
    assert calls.next_deadline() == 5.0
    assert calls.expired(6.0) == [2]
