"""Write the view of an artifact: header line, reduced text, end line."""

import re
from collections.abc import Sequence

from coatcheck.types import Omission, Reduction

_REF = re.compile(
    r'(?:(?:Error )?\[coatcheck: |\{"_coatcheck":")[^\n]*?'
    r'fetch_artifact\(ref=\\?"(cc_[0-9a-z]{12,})\\?"'
)

SINGULAR = {"entries": "entry", "matches": "match", "properties": "property"}


def singular(unit: str) -> str:
    """Return the singular of a plural unit of the source."""
    return SINGULAR.get(unit, unit.removesuffix("s"))


def ref_in(text: str) -> str:
    """Return the ref that the header line of text names, "" if it begins with none."""
    found = _REF.match(text)
    return found[1] if found else ""


def render(
    reduction: Reduction, ref: str, *, is_error: bool = False, is_argument: bool = False
) -> str:
    """Return the text the agent gets: one complete call in the first line and in the last.

    is_argument: the ref may stand for the whole in a later call, and a line says how.

    Lines of the body that look like our own header are escaped, so that a header is ours alone.
    Without a ref nothing was kept, and no call is named. The view of an error begins with the
    word: some clients lose the flag.
    """
    mark = "Error " if is_error else ""
    body = escape(reduction.text)
    if not ref:
        return _not_kept(reduction, body)
    whole = f'fetch_artifact(ref="{ref}")'
    also = f"; all of it as an argument: coatcheck://artifact/{ref}" if is_argument else ""
    if not reduction.omissions:
        lead_in = "everything shown, written shorter. Exact original"
        return f"{mark}[coatcheck: {lead_in}: {whole}{also}]\n{body}"
    first = lead(reduction.omissions)
    call = (
        f'fetch_artifact(ref="{ref}", grep="<{reduction.handle}>")' if reduction.handle else whole
    )
    weak = " Hardly anything matched the focus." if reduction.weak_focus else ""
    left = first.total - first.shown
    return (
        f"{mark}[coatcheck: {counted(first)} shown.{weak} {one(first.unit)} not below"
        f" is NOT missing: {call}]\n{body}\n"
        f"[end of {number(first.shown, first.unit)}; the other {left:,}: {call}{also}]"
    )


def notice(omissions: Sequence[Omission], ref: str) -> str:
    """Say inside a pruned value what is left out of it, and how to get the whole."""
    shown = "; ".join(f"{o.what}: {counted(o)} shown" for o in omissions)
    return f'{shown}. The others are NOT missing: fetch_artifact(ref="{ref}")'


def one(unit: str) -> str:
    """Return the singular of unit after its article, as in "A row" or "An element"."""
    word = singular(unit)
    return f"{'An' if word[0] in 'aeiou' else 'A'} {word}"


def _not_kept(reduction: Reduction, body: str) -> str:
    """Return a view that promises no fetch."""
    if not reduction.omissions:
        return f"[coatcheck: everything shown, written shorter]\n{body}"
    return f"[coatcheck: {counted(lead(reduction.omissions))} shown; the rest was not kept]\n{body}"


def lead(omissions: Sequence[Omission]) -> Omission:
    """Return the first omission that leaves something out: of one long line, not the line."""
    return next((o for o in omissions if o.shown < o.total), omissions[0])


def counted(omission: Omission) -> str:
    """Say how much of what is shown, as in "13 of 214 rows"."""
    return f"{omission.shown:,} of {omission.total:,} {omission.unit}"


def number(count: int, unit: str) -> str:
    """Return count with its unit, as in "1 row" or "1,204 rows"."""
    return f"{count:,} {singular(unit) if count == 1 else unit}"


def escape(text: str) -> str:
    r"""Return text with lines that look like our own written with a leading backslash."""
    if "[coatcheck" not in text and "[end of " not in text:
        return text
    lines = text.split("\n")
    return "\n".join(
        "\\" + line if line.lstrip().startswith(("[coatcheck", "[end of ")) else line
        for line in lines
    )
