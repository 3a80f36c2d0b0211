"""Mask what looks like a secret: tokens of providers, private keys, passwords."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """What a token looks like; one of hints occurs in each, and looking for those is quick.

    is_word: no letter, digit or _ stands before it.
    """

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_word: bool = False


WORD = re.compile(r"[A-Za-z0-9_]")


def _token(pattern: str, *hints: str) -> Shape:
    whole = f"(?:{pattern})" if "|" in pattern else pattern  # bare, its first letters are sought
    return Shape(hints, re.compile(whole + r"(?![A-Za-z0-9])"), is_word=True)


# Long fixed beginnings and alphabets, so that ids, digests and words do not match.
# Source: the token formats that the providers publish, as of 2026-11.
SHAPES: Mapping[str, Shape] = {
    "aws key": _token(r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}", "AKIA", "ASIA", "ABIA", "ACCA"),
    "github token": _token(
        r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82}",
        *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    "gitlab token": _token(
        r"gl[a-z]{2,5}-[A-Za-z0-9_-]{20,64}", "glpat-", "gldt-", "glrt-", "glptt-"
    ),
    "slack token": _token(
        r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{20,200}",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xoxe-",
        "xoxo-",
        "xoxr-",
        "xoxs-",
        "xapp-",
    ),
    "slack hook": _token(r"hooks\.slack\.com/services/[A-Za-z0-9/]{30,60}", "hooks.slack.com"),
    "discord hook": _token(
        r"discord(?:app)?\.com/api/webhooks/\d{15,20}/[\w-]{60,80}", "webhooks/"
    ),
    "anthropic key": _token(r"sk-ant-[A-Za-z0-9_-]{20,200}", "sk-ant-"),
    "openai key": _token(r"sk-[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}", "T3BlbkFJ"),
    "hugging face token": _token(r"hf_[A-Za-z]{34,40}", "hf_"),
    "google key": _token(r"AIza[A-Za-z0-9_-]{35}", "AIza"),
    "google token": _token(
        r"ya29\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{28}", "ya29.", "GOCSPX-"
    ),
    "stripe key": _token(
        r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,120}|whsec_[A-Za-z0-9+/]{32,64}",
        *("k_live_", "k_test_", "whsec_"),
    ),
    "twilio key": _token(r"SK[0-9a-f]{32}", "SK"),
    "sendgrid key": _token(r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "SG."),
    "mailgun key": _token(r"key-[0-9a-f]{32}", "key-"),
    "mailchimp key": _token(r"[0-9a-f]{32}-us\d{1,2}", "-us"),
    "npm token": _token(r"npm_[A-Za-z0-9]{36}", "npm_"),
    "pypi token": _token(r"pypi-AgE[A-Za-z0-9_-]{50,1000}", "pypi-AgE"),
    "rubygems key": _token(r"rubygems_[0-9a-f]{48}", "rubygems_"),
    "digitalocean token": _token(r"do[opr]_v1_[0-9a-f]{64}", "_v1_"),
    "heroku key": _token(r"HRKU-[A-Za-z0-9_-]{36,80}", "HRKU-"),
    "shopify token": _token(
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", "shpat_", "shpca_", "shppa_", "shpss_"
    ),
    "square token": _token(r"sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}", "sq0atp-", "sq0csp-", "sq0idp-"),
    "linear key": _token(r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", "lin_"),
    "notion token": _token(r"ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}", "ntn_", "secret_"),
    "figma token": _token(r"fig[dor]_[A-Za-z0-9_-]{36,60}", "figd_", "figo_", "figr_"),
    "databricks token": _token(r"dapi[0-9a-f]{32}(?:-\d)?", "dapi"),
    "vault token": _token(r"hv[sbr]\.[A-Za-z0-9_-]{24,200}", "hvs.", "hvb.", "hvr."),
    "terraform token": _token(r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,80}", ".atlasv1."),
    "telegram token": _token(r"\d{8,10}:AA[A-Za-z0-9_-]{33}", ":AA"),
    "azure key": Shape(
        ("AccountKey=", "AccessKey="), re.compile(r"(?<=Key=)[A-Za-z0-9+/]{43,86}={1,2}")
    ),
    "token": _token(  # a JSON web token: {"… as its first letters, twice
        r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}", "eyJ"
    ),
    # Its line feeds may be written \n; one that was cut off is masked as far as it goes. The repeat
    # is not possessive: before CPython 3.11.5 such a one went beyond the part that did not match.
    "private key": Shape(
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\r\n]|\\[nr]| (?=[A-Za-z0-9+/=]{40}))"
            r"(?:[A-Za-z0-9+/=\s,:.()]|-(?!----)|\\[nrt])*"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    "password": Shape(
        ("://",),
        re.compile(r"://[^\s:/?#@\"'<>]{0,100}:(?P<secret>[^\s/?#@\"'<>]{1,200})@"),
    ),
    "password of a connection": Shape(
        ("assword", "PASSWORD", "wd=", "WD="),
        re.compile(r"(?i);\s*(?:password|pwd)\s*=\s*(?P<secret>[^;\s\"'<>]{1,200})"),
    ),
}


def mask(text: str) -> str:
    """Return text with secrets as "[secret 1: github token]"; equal ones get equal numbers.

    A number is given by the first place in text, so one text always gives one masked text.
    """
    numbers: dict[str, int] = {}
    out, at = [], 0
    for start, end, kind in found(text):
        if start < at:
            continue
        count = numbers.setdefault(text[start:end], len(numbers) + 1)
        out += [text[at:start], f"[secret {count}: {kind}]"]
        at = end
    return "".join([*out, text[at:]])


def found(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each secret, by place, longer ones first."""
    places = [
        (*match.span("secret" if "secret" in match.groupdict() else 0), kind)
        for kind, shape in SHAPES.items()
        if any(hint in text for hint in shape.hints)
        for match in shape.pattern.finditer(text)
        if not (shape.is_word and WORD.match(text, max(0, match.start() - 1), match.start()))
    ]
    yield from sorted(places, key=lambda place: (place[0], -place[1]))
