"""Read the text of the PDF documents that travel beside the text of a result."""

import base64
from dataclasses import replace
from importlib.util import find_spec

from coatcheck import spans
from coatcheck.body import Body

MIME = "application/pdf"
PAGE = "[page "
SECONDS = 5.0
MEMORY_BYTES = 1 << 30
MOST_BYTES = 20_000_000
MOST_PAGES = 300
MOST_CHARACTERS = 400_000
# Each may take its seconds, and the agent waits.
MOST_DOCUMENTS = 3


def with_documents(body: Body) -> Body:
    """Return body with the text of the first PDFs beside it after its own; body if there is none.

    Their blocks stay beside the text.
    """
    found = [(raw, data) for raw in body.others if (data := _pdf(raw))]
    texts, documents = [], []
    for raw, data in found[:MOST_DOCUMENTS]:
        text = text_of_pdf(data)
        if text is not None:
            how_many, _, pages = text.partition("\n")
            texts.append(pages)
            documents.append((raw, how_many))
    if not texts:
        return body
    return replace(body, text="\n".join(filter(None, [body.text, *texts])), documents=documents)


def text_of_pdf(data: bytes) -> str | None:
    """Return how many pages were read, as "3 of 3 pages", then the pages, a [page N] line each.

    None without the extra `docs`, for a scan without text, and for what is too big, damaged,
    encrypted or slow.
    """
    if len(data) > MOST_BYTES or find_spec("pypdfium2") is None:
        return None
    target = f"{__name__}:pages_of"
    from coatcheck.reducers.isolate import isolated  # at first use: few results hold a document

    found = isolated(target, data, seconds=SECONDS, memory_bytes=MEMORY_BYTES)
    return found.decode("utf-8", "replace") if found else None


def pages_of(data: bytes) -> bytes:
    """Return what text_of_pdf says, b"" when no page has text; may stall or raise on bad data."""
    # At first use, in the process that reads it; the package has no types.
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

    document = PdfDocument(data)
    total, left, pages = len(document), MOST_CHARACTERS, list[str]()
    for index in range(min(total, MOST_PAGES)):
        text = _plain(document[index].get_textpage().get_text_bounded())
        pages.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    if not any(page.strip() for page in pages):
        return b""
    cut = ", the last one cut" if left < 0 else ""
    marked = [f"{PAGE}{number}]\n{page}" for number, page in enumerate(pages, 1)]
    lines = [f"{len(pages):,} of {total:,} pages{cut}", *marked]
    return "\n".join(lines).encode("utf-8", "replace")


def _plain(text: str) -> str:
    """Return text with plain line ends and hyphens, lines like our page marks escaped."""
    text = "\n".join(text.replace("\ufffe", "-").replace("\x02", "-").splitlines())
    return f"\n{text}".replace(f"\n{PAGE}", f"\n\\{PAGE}")[1:]


def _pdf(raw: bytes) -> bytes:
    """Return the document that a block embeds, none when it is another block or cannot be read."""
    block = spans.loads(raw)
    resource = block.get("resource") if isinstance(block, dict) else None
    if not isinstance(resource, dict) or resource.get("mimeType") != MIME:
        return b""
    data = resource.get("blob")
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except ValueError:  # binascii.Error too
        return b""
