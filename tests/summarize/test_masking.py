"""Hide secrets in what leaves the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.summarize.masking import Mask

TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token {TOKEN} end", TOKEN),
        ("password=hunter2hunter2 end", "hunter2hunter2"),
        ('{"api_key": "abcd1234efgh"}', "abcd1234efgh"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("postgres://user:pass4word@host/db", "pass4word"),
    ],
)
def test_a_secret_is_hidden_and_comes_back(text: str, secret: str) -> None:
    mask = Mask()
    hidden = mask.hide(text)
    assert secret not in hidden
    assert "[secret-1]" in hidden
    assert mask.restore(hidden) == text


def test_equal_secrets_have_equal_marks_in_all_that_is_sent() -> None:
    mask = Mask()
    assert mask.hide(f"a {TOKEN}").split()[1] == mask.hide(f"{TOKEN} b").split()[0]


@given(st.text(max_size=300))
def test_hiding_is_total_and_restoring_undoes_it(text: str) -> None:
    mask = Mask()
    hidden = mask.hide(text)
    assert "[secret-" in text or mask.restore(hidden) == text
