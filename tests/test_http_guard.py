"""Who is let in, on every route there is."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from coatcheck.cli.http import address, serve_http
from coatcheck.cli.place import Place
from coatcheck.config import Config
from coatcheck.protocols import Connect
from coatcheck.tokens import Tokens
from coatcheck.types import ConfigError, HttpSettings
from coatcheck.web.app import serving
from coatcheck.web.guard import is_local, names_of

TOKEN = "the right one"
WITH_TOKEN = {"authorization": f"Bearer {TOKEN}"}


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a page")


ROUTES = [Route("/page", page), Mount("/below", routes=[Route("/page", page)])]


def never(*_: object) -> object:
    raise AssertionError("nothing may get as far as a connection")


@asynccontextmanager
async def app(*, with_tokens: bool) -> AsyncIterator[Starlette]:
    """Give the application as it is served, with routes added."""

    def principal_of(token: str) -> str | None:
        return "me" if token == TOKEN else None

    connect: Connect = never  # type: ignore[assignment]  # it is never called
    async with serving(
        connect,
        HttpSettings(),
        names=names_of("127.0.0.1", ["coats.example"]),
        principal_of=principal_of if with_tokens else None,
        routes=ROUTES,
    ) as served:
        yield served.app


def paths(app: Starlette) -> list[str]:
    """Return a path of every route, and one of none."""
    found = ["/nowhere"]
    for route in app.routes:
        if isinstance(route, Mount):
            found += [route.path + str(below.path) for below in route.routes]  # type: ignore[attr-defined]  # all are routes
        else:
            found.append(str(route.path))  # type: ignore[attr-defined]  # all are routes
    return found


async def status(app: Starlette, method: str, path: str, **headers: str) -> int:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.request(method, path, headers=named)).status_code


FOREIGN = [
    ({"host": "evil.example"}, 421),
    ({"host": "evil.example:8399"}, 421),
    ({"host": "127.0.0.1.evil.example"}, 421),
    ({"host": "localhost@evil.example"}, 421),
    ({"host": "127.0.0.1:port"}, 421),
    ({"host": ""}, 421),
    ({"host": "10.0.0.7:8399"}, 421),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "https://evil.example:8399"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": ""}, 403),
    ({"origin": "http://localhost.evil.example"}, 403),
]


@pytest.mark.parametrize(("headers", "expected"), FOREIGN, ids=str)
async def test_no_route_answers_a_foreign_name(headers: dict[str, str], expected: int) -> None:
    async with app(with_tokens=True) as served:
        for path in paths(served):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                assert await status(served, method, path, **WITH_TOKEN, **headers) == expected


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN]
)
async def test_no_route_answers_without_the_right_token(authorization: str) -> None:
    async with app(with_tokens=True) as served:
        for path in paths(served):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                assert await status(served, method, path, authorization=authorization) == 401


async def test_every_route_is_there_for_the_right_token() -> None:
    async with app(with_tokens=True) as served:
        found = {path: await status(served, "GET", path, **WITH_TOKEN) for path in paths(served)}
    assert found == {
        "/nowhere": 404,
        "/mcp": 400,  # no session
        "/mcp/": 400,
        "/healthz": 200,
        "/page": 200,
        "/below/page": 200,
    }


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8399", "[::1]:1", "COATS.example"])
async def test_known_names_are_answered(host: str) -> None:
    async with app(with_tokens=False) as served:
        origin = f"http://{host}"
        assert await status(served, "GET", "/healthz", host=host, origin=origin) == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("coats.example", False),
        ("", False),
    ],
)
def test_an_address_of_this_machine_alone_is_known(host: str, expected: bool) -> None:
    assert is_local(host) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8399", ("127.0.0.1", 8399)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:8399", ("::1", 8399)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", ":8399", "localhost", "localhost:", "h:99999", "h:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        address(text)


@pytest.mark.parametrize(
    ("host", "hosts"), [("0.0.0.0", ()), ("::", ()), ("127.0.0.1", ("coats.example",))]
)
def test_it_refuses_to_start_where_others_can_ask_without_a_token(
    tmp_path: Path, host: str, hosts: tuple[str, ...]
) -> None:
    at = Place(tmp_path, Config(http=HttpSettings(hosts=hosts)))
    with pytest.raises(ConfigError, match="coatcheck token new"):
        serve_http(never, host, 0, at)  # type: ignore[arg-type]  # it is never called


# Tokens


def test_a_token_is_recognised_until_it_is_revoked(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "home" / "tokens.json")
    laptop, phone = tokens.new("laptop"), tokens.new("phone")
    other = Tokens(tokens.path)
    assert (other.principal_of(laptop), other.principal_of(phone)) == ("laptop", "phone")
    assert other.principal_of("") is None
    assert other.principal_of(laptop + "x") is None
    tokens.revoke("laptop")
    assert (other.principal_of(laptop), other.principal_of(phone)) == (None, "phone")


def test_a_token_is_not_kept_and_its_file_is_private(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.new("laptop")
    assert token not in tokens.path.read_text()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.json"]


def test_names_of_tokens_are_taken_once_and_must_be_there(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    tokens.new("laptop")
    with pytest.raises(ConfigError):
        tokens.new("laptop")
    with pytest.raises(ConfigError):
        tokens.revoke("phone")
    for name in ("", "  ", "a\nb"):
        with pytest.raises(ConfigError):
            tokens.new(name)


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.new("laptop")
    tokens.path.write_text("{")
    with pytest.raises(ConfigError):
        tokens.principal_of(token)


def test_the_command_line_shows_a_token_once(tmp_path: Path) -> None:
    def coatcheck(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coatcheck.cli", "token", *words],
            env={**os.environ, "COATCHECK_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    token = coatcheck("new", "laptop").stdout.strip()
    assert Tokens(tmp_path / "tokens.json").principal_of(token) == "laptop"
    listed = coatcheck("list").stdout
    assert "laptop" in listed
    assert token not in listed
    assert json.loads(coatcheck("list", "--json").stdout)[0].keys() == {"name", "made_at"}
    assert coatcheck("new", "laptop").returncode == 2
    assert coatcheck("revoke", "laptop").returncode == 0
    assert coatcheck("list").stdout == ""
