"""What happens to functions that run in a process of their own."""

import sys
import zlib

import pytest

from coatcheck.reducers.isolate import isolated


def test_a_function_answers_from_its_own_process() -> None:
    assert isolated("zlib:compress", b"coat" * 1_000, seconds=30) == zlib.compress(b"coat" * 1_000)
    here = b"str(__import__('os').getpid()).encode()"
    assert isolated("builtins:eval", here, seconds=30) != eval(here)


def test_large_data_pass_both_ways() -> None:
    data = b"0123456789" * 200_000
    assert isolated("bytes:fromhex", b"") is None
    assert isolated("builtins:bytes", data, seconds=30) == data


def test_a_function_that_stalls_is_killed() -> None:
    assert isolated("builtins:exec", b"while True: pass", seconds=0.3) is None


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not limit memory")
def test_a_function_that_eats_memory_fails() -> None:
    hungry = b"bytearray(2_000_000_000)"
    assert isolated("builtins:eval", hungry, seconds=30, memory_bytes=500_000_000) is None


def test_a_function_that_raises_or_dies_gives_nothing() -> None:
    assert isolated("builtins:exec", b"1 / 0", seconds=30) is None
    assert isolated("builtins:exec", b"import os; os.abort()", seconds=30) is None
    assert isolated("no_such_module:f", b"", seconds=30) is None


def test_what_a_function_prints_is_no_answer() -> None:
    assert isolated("builtins:eval", b"print('noise') or b'answer'", seconds=30) == b"answer"


@pytest.mark.skipif(sys.platform == "win32", reason="a process needs some environment there")
def test_our_environment_stays_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    seen = isolated("builtins:eval", b"repr(dict(__import__('os').environ)).encode()", seconds=30)
    assert seen is not None
    assert b"secret" not in seen
