"""The live tail of the calls: one page that goes on, row by row, without any script."""

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
from anyio.to_thread import run_sync

from coatcheck.types import LedgerError
from coatcheck.web.page.calls import COLUMNS, live_row
from coatcheck.web.page.html import Html, link_to, tag, together
from coatcheck.web.page.layout import halves, head_of
from coatcheck.web.page.source import Source, Wanted

BEGIN_WITH = 20
LOOK_SECONDS = 1.0
# A page that is left open ends by itself; its last line goes on.
MOST_SECONDS = 1_800
# Browsers show nothing before so many bytes have come.
PADDING = "<!--" + " " * 1_000 + "-->\n"


async def tail(
    source: Source, wanted: Wanted, seconds: float = MOST_SECONDS
) -> AsyncIterator[bytes]:
    """Yield the page of the newest calls, then a row for each that is made, oldest first."""
    start, end = halves("Calls as they happen", "/calls")
    yield (start + PADDING + _opening(wanted)).encode()
    last = 0
    with anyio.move_on_after(seconds):
        while True:
            limit = 500 if last else BEGIN_WITH
            try:
                found = await run_sync(source.calls, replace(wanted, after=last, limit=limit))
            except LedgerError as error:
                yield tag("tr", tag("td", str(error), colspan=len(COLUMNS))).encode()
                break
            if found:
                last = found[0].id
                yield "".join(map(live_row, reversed(found))).encode("utf-8", "replace")
            await anyio.sleep(LOOK_SECONDS)
    yield (_closing(wanted) + end).encode()


def _opening(wanted: Wanted) -> str:
    """Return what stands before the rows: an element of it is closed only at the end."""
    of = f" of {wanted.tool}" if wanted.tool else ""
    stop = link_to("/calls", tool=wanted.tool, session=wanted.session)
    heads = map(head_of, COLUMNS)
    intro = together(
        tag("h1", "Calls as they happen"),
        tag("p", f"Newest last{of}. ", tag("a", "Stop", href=stop)),
    )
    return (
        f'<main id="main" tabindex="-1">{intro}<div class="box live" role="region"'
        f' aria-label="Calls as they happen" tabindex="0"><table>'
        f"{tag('caption', 'Newest last')}{tag('thead', tag('tr', heads))}<tbody>"
    )


def _closing(wanted: Wanted) -> Html:
    again = link_to("/calls/live", tool=wanted.tool, session=wanted.session)
    more = tag("p", "This page has stopped looking. ", tag("a", "Go on", href=again))
    return Html(f"</tbody></table></div>{more}</main>")
