"""Mask what looks like a secret: tokens of providers, private keys, passwords."""

import logging
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck import secrets
from coatcheck.cli.stderr import Line
from coatcheck.secrets import mask

RANDOM = random.Random(7)
WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(alphabet: str, count: int) -> str:
    return "".join(RANDOM.choices(alphabet, k=count))


# Made here, so that no scanner takes this file for a leak.
TOKENS = {
    "aws key": "AKI" + "A" + some("ABCDEFGH234567", 16),
    "github token": "gh" + "p_" + some(WORD, 36),
    "gitlab token": "glp" + "at-" + some(WORD, 20),
    "slack token": "xo" + "xb-" + some(string.digits, 12) + "-" + some(WORD, 24),
    "slack hook": "hooks.slack" + ".com/services/T" + some(WORD, 8) + "/B" + some(WORD, 30),
    "discord hook": "discord.com/api/web" + "hooks/" + some("123", 18) + "/" + some(WORD, 68),
    "anthropic key": "sk-" + "ant-api03-" + some(WORD, 90),
    "openai key": "sk-" + "proj-" + some(WORD, 40) + "T3Blbk" + "FJ" + some(WORD, 40),
    "hugging face token": "hf" + "_" + some(string.ascii_letters, 34),
    "google key": "AI" + "za" + some(WORD, 35),
    "google token": "ya" + "29." + some(WORD, 60),
    "stripe key": "sk" + "_live_" + some(WORD, 24),
    "twilio key": "S" + "K" + some(HEX, 32),
    "sendgrid key": "S" + "G." + some(WORD, 22) + "." + some(WORD, 43),
    "mailgun key": "ke" + "y-" + some(HEX, 32),
    "mailchimp key": some(HEX, 32) + "-us" + "12",
    "npm token": "np" + "m_" + some(WORD, 36),
    "pypi token": "py" + "pi-AgE" + some(WORD, 100),
    "rubygems key": "ruby" + "gems_" + some(HEX, 48),
    "digitalocean token": "do" + "p_v1_" + some(HEX, 64),
    "heroku key": "HR" + "KU-" + some(WORD, 40),
    "shopify token": "sh" + "pat_" + some(HEX, 32),
    "square token": "sq" + "0atp-" + some(WORD, 22),
    "linear key": "lin" + "_api_" + some(WORD, 40),
    "notion token": "nt" + "n_" + some(WORD, 46),
    "figma token": "fi" + "gd_" + some(WORD, 40),
    "databricks token": "da" + "pi" + some(HEX, 32),
    "vault token": "hv" + "s." + some(WORD, 90),
    "terraform token": some(WORD, 14) + ".atlas" + "v1." + some(WORD, 67),
    "telegram token": some("123456789", 9) + ":A" + "A" + some(WORD, 33),
    "token": "ey" + "J" + some(WORD, 30) + ".ey" + "J" + some(WORD, 90) + "." + some(WORD, 43),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_the_token_of_each_provider_is_masked_wherever_it_stands(kind: str) -> None:
    token = TOKENS[kind]
    for before, after in (("", ""), ('{"a":"', '"}'), ("key=", "\n"), ("Bearer ", ",")):
        assert mask(before + token + after) == f"{before}[secret 1: {kind}]{after}"


def test_every_shape_is_tested() -> None:
    others = {"azure key", "private key", "password", "password of a connection"}
    assert TOKENS.keys() | others == secrets.SHAPES.keys()


KEY = (
    "-----BEGIN RSA PRIVATE "
    + "KEY-----\nProc-Type: 4,ENCRYPTED\n\n"
    + "\n".join(["Ab+/" * 16] * 9)
)
END = "\n-----END RSA PRIVATE " + "KEY-----"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"a {KEY}{END} b", "a [secret 1: private key] b"),
        ((f'"{KEY}{END}"').replace("\n", "\\n"), '"[secret 1: private key]"'),
        (f'"{KEY}"', '"[secret 1: private key]"'),
        ("psql postgres://app:hunter2@db/x", "psql postgres://app:[secret 1: password]@db/x"),
        ("redis://:hunter2@h:6379", "redis://:[secret 1: password]@h:6379"),
        (
            "Server=db;User Id=app;Password=hunter2;",
            "Server=db;User Id=app;Password=[secret 1: password of a connection];",
        ),
        ("AccountKey=" + "Ab+/" * 21 + "Ab==", "AccountKey=[secret 1: azure key]"),
    ],
)
def test_keys_and_passwords_are_masked_alone(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "3f786850e387550fdab836ed7e6dc881de23001b",
        "https://example.com:8080/a@b",
        "git@github.com:team/repository.git",
        "sk-learn and hf_hub are packages, key-value is a word",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "the PRIVATE KEY stands between -----BEGIN PRIVATE KEY----- and its end",
        "cc_7f3k9m2q4x1b",
        "123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


def test_log_lines_are_masked() -> None:
    token = TOKENS["github token"]
    record = logging.LogRecord("n", logging.WARNING, "p", 1, "failed with %s", (token,), None)
    assert Line("%(message)s").format(record) == "failed with [secret 1: github token]"


def test_equal_secrets_get_equal_numbers_by_their_first_place() -> None:
    one, two = TOKENS["npm token"], TOKENS["github token"]
    assert mask(f"{two} {one} {two}") == (
        "[secret 1: github token] [secret 2: npm token] [secret 1: github token]"
    )


@settings(deadline=None)
@given(st.lists(st.sampled_from([*TOKENS.values(), "word", "://", "x:y@z", " ", "\n", "-----"])))
def test_no_token_is_left_and_masking_again_changes_nothing(pieces: list[str]) -> None:
    masked = mask(" ".join(pieces))
    assert not any(token in masked for token in TOKENS.values())
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "piece", ["-----BEGIN PRIVATE KEY-----\n", "eyJ", "a://b:", "AKIA", "://", "dapi0", "SG."]
)
def test_a_hostile_text_takes_steps_in_proportion(piece: str) -> None:
    assert mask(piece * 20_000)
