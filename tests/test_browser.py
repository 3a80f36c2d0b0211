"""A real browser behind coatcheck: every click's ref is in the view or one fetch away."""

import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from outside import installed, npm_package

from coatcheck.view import ref_in

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

LINK = re.compile(r'- link "([^"\n]{4,60})" \[ref=(\w+)\]')
PRESSED = 12


def page(title: str, body: str) -> str:
    return f"<html><head><title>{title}</title></head><body><main>{body}</main></body></html>"


def shop() -> str:
    cards = (
        f'<div class="card"><a href="#p{n}">Lamp model {n}</a><span>{n}.99 EUR</span>'
        f"<button>Buy lamp {n}</button></div>"
        for n in range(120)
    )
    return page("Shop", "<h1>Lamps</h1>" + "".join(cards))


def forum() -> str:
    rows = (
        f'<tr><td><a href="#t{n}">Thread about topic {n}</a></td><td>user{n}</td></tr>'
        for n in range(150)
    )
    return page("Forum", f"<table>{''.join(rows)}</table>")


def article() -> str:
    menu = "".join(f'<li><a href="#m{n}">Section {n} of the menu</a></li>' for n in range(80))
    text = "".join(f"<h2>Part {n}</h2><p>{f'Words of part {n}. ' * 20}</p>" for n in range(30))
    return page("Article", f"<nav><ul>{menu}</ul></nav>{text}")


def form() -> str:
    fields = "".join(
        f'<label>Field {n}<input name="f{n}"></label><a href="#h{n}">Help for field {n}</a>'
        for n in range(90)
    )
    return page("Form", f"<form>{fields}<button>Send it</button></form>")


PAGES = {"shop": shop, "forum": forum, "article": article, "form": form}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve five saved pages on the loopback."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(make())
    pragma = (files("coatcheck") / "data/demo/pragma.html").read_text("utf-8")
    (folder / "pragma.html").write_text(pragma)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def text_of(answer: Any) -> str:
    return "\n".join(block.text for block in answer.content if block.type == "text")


async def whole_of(client: Any, ref: str) -> str:
    parts, number = [], 1
    while True:
        got = text_of(await client.call_tool("fetch_artifact", {"ref": ref, "page": number}))
        notice, _, part = got.partition("\n")
        parts.append(part)
        number += 1
        if "next:" not in notice:
            return "".join(parts)


async def reachable(client: Any, view: str, name: str, target: str) -> bool:
    """Tell whether the ref of a link is in the view, or in the answer to one fetch."""
    if re.search(rf"\[ref={target}\]", view):
        return True
    asked = {"ref": ref_in(view), "grep": re.escape(f'link "{name}"')}
    return f"[ref={target}]" in text_of(await client.call_tool("fetch_artifact", asked))


async def test_each_click_is_in_the_view_or_one_fetch_away(site: str, tmp_path: Path) -> None:
    from mcp import Client, StdioServerParameters

    browser = [installed("node"), npm_package("@playwright/mcp/cli.js"), "--headless"]
    options = [
        "--no-sandbox",
        "--isolated",
        "--executable-path",
        f"/usr/bin/{installed('chromium')}",
    ]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "coatcheck.cli", "run", "--name", "browser", "--", *browser, *options],
        env={"COATCHECK_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
    )
    async with Client(parameters) as client:
        await client.list_tools()
        for name in (*PAGES, "pragma"):
            await client.call_tool("browser_navigate", {"url": f"{site}/{name}.html"})
            view = text_of(await client.call_tool("browser_snapshot", {}))
            links = LINK.findall(await whole_of(client, ref_in(view)))
            assert len(links) > 70, "the page must be big enough for the test to mean much"
            step = len(links) // PRESSED
            for title, target in links[::step]:
                assert await reachable(client, view, title, target), (name, title)
            title, target = links[step]
            clicked = await client.call_tool(
                "browser_click", {"element": title, "target": target, "ref": target}
            )
            assert not clicked.is_error
