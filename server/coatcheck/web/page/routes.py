"""The routes of the web page: each answers with what its view makes of the source."""

from collections.abc import Callable, Mapping
from functools import partial
from hmac import compare_digest
from importlib.resources import files

from anyio.to_thread import run_sync
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from coatcheck.types import CoatcheckError
from coatcheck.web.page import call, calls, health, overview, sessions, tools, workbench
from coatcheck.web.page.door import form_of
from coatcheck.web.page.html import Html, link_to, tag
from coatcheck.web.page.layout import HEADERS, as_page, document
from coatcheck.web.page.opened import opened
from coatcheck.web.page.source import Source, Wanted
from coatcheck.web.page.tail import tail

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
LONGEST = 300
# After these a part of what was estimated is counted, as `coatcheck savings` does before it.
COUNTED = ("/", "/tools")
# Tokens are for numbers: several people may have some, and artifacts are of one.
BY_LINK_ONLY = "Results are shown to who opened the link that coatcheck printed."

View = Callable[[Source, Mapping[str, str]], Html | Response]


class NotThere(CoatcheckError):
    """Something that is asked for and is not in the books."""


class NotAllowed(CoatcheckError):
    """Something that only who came by the link may see."""


def routes(source: Source) -> list[Route]:
    """Return the routes of the page; who may come in is checked in front of them."""
    views: Mapping[str, View] = {
        "/": overview_of,
        "/tools": _tools,
        "/calls": _calls,
        "/calls/{id:int}": _call,
        "/sessions": _sessions,
        "/workbench": _workbench,
        "/health": _health,
        "/metrics": _metrics,
        "/savings.json": _json,
        "/page.css": partial(_asset, "page.css", "text/css"),
        "/icon.svg": partial(_asset, "icon.svg", "image/svg+xml"),
    }
    made = [Route(path, _endpoint(view, source), methods=["GET"]) for path, view in views.items()]
    made.append(Route("/workbench", partial(_write, source), methods=["POST"]))
    return [Route("/calls/live", partial(_live, source), methods=["GET"]), *made]


def _endpoint(view: View, source: Source) -> Callable[[Request], object]:
    """Return an endpoint that answers with view in a worker thread."""

    async def answer(request: Request) -> Response:
        asked = {key: value[:LONGEST] for key, value in request.query_params.items()}
        asked |= {key: str(value) for key, value in request.path_params.items()}
        asked["form"] = request.scope.get("coatcheck.form", "")
        try:
            found = await run_sync(view, source, asked)
        except (CoatcheckError, ValueError) as error:
            return refused(error)
        if isinstance(found, Response):
            return found
        response = as_page(found)
        if request.url.path in COUNTED:
            response.background = BackgroundTask(source.settle)
        return response

    return answer


def refused(error: Exception) -> Response:
    """Return the page that says what was wrong with a request, or with what is stored."""
    known = ((NotThere, 404), (NotAllowed, 403), (ValueError, 400))
    status = next((status for kind, status in known if isinstance(error, kind)), 503)
    words = "Not found" if status == 404 else "This cannot be shown"
    return as_page(document(words, "", tag("h1", words), tag("p", str(error))), status)


def overview_of(source: Source, asked: Mapping[str, str]) -> Html:
    """Return the first view, of the window that is asked for."""
    since = asked.get("since") or "30d"
    window = source.window(since)
    days = source.sums(source.window(f"{overview.DAYS}d"), "day")
    found, levels = source.overview(window), source.sums(window, "level")
    return overview.render(found, levels, days, since=since, now=source.now())


def _tools(source: Source, asked: Mapping[str, str]) -> Html:
    since = asked.get("since") or "30d"
    return tools.render(source.savings(source.window(since), "tool"), asked, since)


def wanted_of(asked: Mapping[str, str]) -> Wanted:
    """Return which calls a request asks for. Raises: ValueError."""
    before = int(asked.get("before") or 0)
    return Wanted(asked.get("tool", ""), asked.get("session", ""), before)


def _calls(source: Source, asked: Mapping[str, str]) -> Html:
    wanted = wanted_of(asked)
    return calls.render(source.calls(wanted), wanted)


async def _live(source: Source, request: Request) -> Response:
    """Answer with a page that goes on as calls are made."""
    asked = {key: value[:LONGEST] for key, value in request.query_params.items()}
    headers = {**HEADERS, "x-accel-buffering": "no"}
    parts = tail(source, wanted_of(asked))
    return StreamingResponse(parts, headers=headers, media_type="text/html; charset=utf-8")


def _call(source: Source, asked: Mapping[str, str]) -> Html:
    report = source.call(int(asked["id"]))
    if report is None:
        raise NotThere(f"Call {asked['id']} is not in the ledger, or no longer.")
    shown = _opened(source, report.call.ref, asked) if report.call.ref else None
    return call.render(report, shown, int(asked.get("page") or 1))


def _opened(source: Source, ref: str, asked: Mapping[str, str]) -> call.Opened:
    return opened(source, ref) if asked["form"] else call.Opened(trouble=BY_LINK_ONLY)


def _sessions(source: Source, asked: Mapping[str, str]) -> Html:
    since = asked.get("since") or "30d"
    return sessions.render(source.sessions(source.window(since)), since)


def _workbench(source: Source, asked: Mapping[str, str]) -> Html:
    if not asked["form"]:
        raise NotAllowed(BY_LINK_ONLY)
    tool = asked.get("tool", "")
    known = source.kept_tools()
    if not tool:
        return workbench.begin(known)
    last = min(max(1, int(asked.get("last") or workbench.LAST)), workbench.MOST)
    return workbench.render(source.trial(tool, asked, last), known, asked, last)


async def _write(source: Source, request: Request) -> Response:
    """Write a rule that the workbench showed, and answer with the workbench."""
    asked = await form_of(request)
    if not compare_digest(asked.get("form", ""), str(request.scope.get("coatcheck.form", ""))):
        return refused(ValueError("This form is of another visit; open the workbench again."))
    tool = asked.get("tool", "")
    try:
        await run_sync(source.write, tool, asked, asked.get("digest", ""))
    except (CoatcheckError, ValueError) as error:
        return refused(error)
    return RedirectResponse(link_to("/workbench", tool=tool, written="1"), 303, HEADERS)


def _health(source: Source, _: Mapping[str, str]) -> Html:
    return health.render(source.health())


def _metrics(source: Source, _: Mapping[str, str]) -> Response:
    return PlainTextResponse(source.metrics(), headers=HEADERS, media_type=PROMETHEUS)


def _json(source: Source, asked: Mapping[str, str]) -> Response:
    known = {key: value for key, value in asked.items() if key != "form"}
    return Response(source.as_json(known), headers=HEADERS, media_type="application/json")


def _asset(name: str, kind: str, *_: object) -> Response:
    data = (files("coatcheck.web.page") / name).read_bytes()
    return Response(data, headers={**HEADERS, "cache-control": "no-cache"}, media_type=kind)
