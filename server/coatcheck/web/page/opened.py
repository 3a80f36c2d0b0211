"""Open the artifact of a call for the page."""

from coatcheck import traces
from coatcheck.amounts import moment
from coatcheck.fetch import text_of
from coatcheck.types import CoatcheckError
from coatcheck.web.page.call import Opened
from coatcheck.web.page.source import Source


def opened(source: Source, ref: str) -> Opened:
    """Return the artifact of ref as it is shown, or why it is not."""
    try:
        artifact = source.artifact(ref)
    except CoatcheckError as error:
        return Opened(trouble=str(error))
    text = traces.laid_out(text_of(artifact)[0][: traces.MOST_CHARACTERS])
    until = artifact.expires_at
    kept = "for good" if until is None else f"until {moment(until)}"
    return Opened(
        arguments=artifact.call.arguments.decode("utf-8", "replace"),
        lines=text.split("\n"),
        is_shown=traces.shown_lines(text, artifact.view, artifact.omissions),
        view=artifact.view,
        omissions=artifact.omissions,
        size_bytes=len(artifact.result),
        kept=f"{ref} is kept {kept}.",
    )
