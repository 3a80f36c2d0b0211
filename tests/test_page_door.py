"""The door: nobody comes in by another Host, from another Origin, or without a token."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pages import AGAIN, ONCE, client, home
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from coatcheck.tokens import Tokens
from coatcheck.web.guard import LOCAL_NAMES
from coatcheck.web.page.app import application, beside

BEARER = {"authorization": f"Bearer {AGAIN}"}


def paths() -> list[str]:
    """Return a path of each route of the page, a path that none has, and the entrance."""
    app = application(None, LOCAL_NAMES, ONCE)  # type: ignore[arg-type]  # nothing is asked of it
    found = [route.path for route in app.routes if isinstance(route, Route)]
    assert len(found) > 10
    return [*(path.replace("{id:int}", "2") for path in found), "/no-such-path"]


REFUSED: Mapping[str, tuple[Mapping[str, str], int]] = {
    "no token": ({}, 401),
    "a wrong token": ({"authorization": "Bearer cct_wrong"}, 401),
    "the token of the link": ({"authorization": f"Bearer {ONCE}"}, 401),
    "a cookie of nobody": ({"cookie": "coatcheck_8400=made-up"}, 401),
    "a broken cookie": ({"cookie": 'coatcheck_8400="; ='}, 401),
    "a foreign host": ({**BEARER, "host": "evil.example"}, 421),
    "a host with a port, rebound": ({**BEARER, "host": "evil.example:8400"}, 421),
    "a foreign origin": ({**BEARER, "origin": "http://evil.example"}, 403),
    "the origin of a file": ({**BEARER, "origin": "null"}, 403),
}


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("how", REFUSED)
def test_every_route_refuses(tmp_path: Path, path: str, how: str) -> None:
    headers, status = REFUSED[how]
    with client(home(tmp_path).source(), entered=False) as asked:
        for method in ("GET", "POST", "HEAD", "PUT", "DELETE"):
            answer = asked.request(method, path, headers=headers)
            assert answer.status_code == status, (method, answer.text)
            assert "set-cookie" not in answer.headers and "github" not in answer.text


@pytest.mark.parametrize("path", paths())
def test_every_route_opens_with_a_token(tmp_path: Path, path: str) -> None:
    if path == "/calls/live":
        pytest.skip("goes on for half an hour; its own test ends it")
    with client(home(tmp_path).source(), entered=False) as asked:
        expected = {"/no-such-path": 404, "/workbench": 403}.get(path, 200)
        assert asked.get(path, headers=BEARER).status_code == expected


def test_the_link_lets_in_once(tmp_path: Path) -> None:
    source = home(tmp_path).source()
    with client(source, entered=False) as asked:
        first = asked.get(f"/enter?token={ONCE}")
        assert first.status_code == 200 and first.headers["refresh"] == "0; url=/"
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
        assert asked.get("/tools").status_code == 200
        asked.cookies.clear()
        assert asked.get(f"/enter?token={ONCE}").status_code == 401
        assert asked.get("/tools").status_code == 401


def test_a_token_that_may_be_used_again_lets_in_by_the_form(tmp_path: Path) -> None:
    with client(home(tmp_path).source(), entered=False) as asked:
        assert "<form" in asked.get("/enter").text
        assert asked.post("/enter", data={"token": "wrong"}).status_code == 401
        foreign = {"origin": "http://evil.example"}
        assert asked.post("/enter", data={"token": AGAIN}, headers=foreign).status_code == 403
        assert asked.post("/enter", data={"token": AGAIN}).status_code == 200
        assert asked.get("/").status_code == 200


def test_a_foreign_page_cannot_enter_for_us(tmp_path: Path) -> None:
    with client(home(tmp_path).source(), entered=False) as asked:
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            assert asked.get(f"/enter?token={ONCE}", headers=headers).status_code in (403, 421)
        assert asked.get(f"/enter?token={ONCE}").status_code == 200


def test_who_came_by_a_token_may_look_and_not_write(tmp_path: Path) -> None:
    with client(home(tmp_path).source(), entered=False) as asked:
        asked.post("/enter", data={"token": AGAIN})
        assert asked.get("/workbench?tool=github.list_issues").status_code == 403
        page = asked.get("/calls/2").text
        assert "who opened the link" in page and "Crash number" not in page
        origin = {"origin": "http://127.0.0.1:8400"}
        assert asked.post("/workbench", data={}, headers=origin).status_code == 403


def test_beside_the_front_all_other_paths_are_the_page(tmp_path: Path) -> None:
    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(f"front {scope['path']}")(scope, receive, send)

    page = application(home(tmp_path).source(), LOCAL_NAMES, ONCE)
    asked = TestClient(beside(front, page, {"/mcp"}), base_url="http://127.0.0.1")
    assert asked.get("/mcp").text == "front /mcp"
    for path in ("/", "/mcp/x", "/enter", "/MCP", "/metrics"):
        assert "front" not in asked.get(path).text
    assert asked.get("/tools").status_code == 401
    asked.close()


def test_a_damaged_file_of_tokens_lets_nobody_in(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    tokens.path.write_text("[")
    app = application(home(tmp_path).source(), LOCAL_NAMES, ONCE, tokens.principal_of)
    asked = TestClient(app, base_url="http://127.0.0.1")
    assert asked.get("/metrics", headers=BEARER).status_code == 401
    assert asked.get(f"/enter?token={ONCE}").status_code == 200
    asked.close()


def test_the_oldest_of_very_many_browsers_goes(tmp_path: Path) -> None:
    with client(home(tmp_path).source()) as asked:
        mine = "; ".join(f"{name}={value}" for name, value in asked.cookies.items())
        for _ in range(100):
            asked.post("/enter", data={"token": AGAIN})
        asked.cookies.clear()
        assert asked.get("/", headers={"cookie": mine}).status_code == 401
