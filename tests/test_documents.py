"""PDF documents beside the text of a result."""

import base64
import json
import sys
import zlib

import pytest
from fakes import MemoryArtifacts

from coatcheck import documents, reducers
from coatcheck.body import open_body
from coatcheck.documents import pages_of, text_of_pdf, with_documents
from coatcheck.fetch import fetch
from coatcheck.media import lighten
from coatcheck.pipeline import Outgoing, Pipeline
from coatcheck.reducers import clip
from coatcheck.types import Call, Rule

pytest.importorskip("pypdfium2", reason="needs the extra docs")
TOPICS = ["pumps", "valves", "boilers", "filters", "sensors", "belts", "motors", "seals"]


def pdf(*pages: str, packed: bool = False, encrypt: str = "") -> bytes:
    """Return a PDF of these pages, a line of text for each of theirs."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]/MediaBox[0 0 600 9000]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
    ]
    for number, page in enumerate(pages):
        lines = "".join(f"({line}) Tj T*\n" for line in page.split("\n"))
        drawn = f"BT /F1 8 Tf 10 TL 20 8900 Td\n{lines}ET".encode("latin-1")
        stream = zlib.compress(drawn) if packed else drawn
        kind = "/Filter/FlateDecode" if packed else ""
        font, at = "/Resources<</Font<</F1 3 0 R>>>>", 5 + 2 * number
        parts += [
            f"<</Type/Page/Parent 2 0 R{font}/Contents {at} 0 R>>".encode(),
            f"<</Length {len(stream)}{kind}>>stream\n".encode() + stream + b"\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"<</Size {len(parts) + 1}/Root 1 0 R{encrypt}>>"
    end = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer{trailer}\n"
    return out + end.encode() + f"startxref\n{len(out)}\n%%EOF".encode()


def manual() -> bytes:
    """Return a PDF long enough to be shortened."""
    return pdf(*("\n".join(f"{topic} need care no {n}" for n in range(60)) for topic in TOPICS))


def blob(data: bytes, mime: str = "application/pdf") -> dict[str, object]:
    inner = {"uri": "file:///a.pdf", "mimeType": mime, "blob": base64.b64encode(data).decode()}
    return {"type": "resource", "resource": inner}


def result_of(*blocks: object, **more: object) -> bytes:
    return json.dumps({"content": blocks, **more}).encode()


def sent(
    result: bytes, kept: MemoryArtifacts | None = None, rule: Rule | None = None, focus: str = ""
) -> Outgoing:
    line = Pipeline(kept or MemoryArtifacts(), reducers.reduce, clip.reduce)
    return line.shorten(Call("files", "read", focus=focus), result, rule or Rule())


def said(outgoing: Outgoing) -> str:
    assert outgoing.result
    (block,) = json.loads(outgoing.result)["content"]
    return str(block["text"])


@pytest.mark.parametrize("packed", [False, True])
def test_each_page_follows_its_line(packed: bool) -> None:
    found = text_of_pdf(pdf("Boiler manual\nsecond line", "Valves", packed=packed))
    assert found == "2 of 2 pages\n[page 1]\nBoiler manual\nsecond line\n[page 2]\nValves"


def test_a_short_document_is_shown_whole_below_its_line() -> None:
    kept, data = MemoryArtifacts(), pdf("Boiler manual", "Valves", "x" * 200)
    outgoing = sent(result_of({"type": "text", "text": "Here it is"}, blob(data)), kept)
    lines = said(outgoing).split("\n")
    assert lines[1].startswith(f"not shown: file:///a.pdf, application/pdf, {len(data):,} bytes")
    assert lines[2].startswith("computed from file:///a.pdf (application/pdf): ")
    assert "3 of 3 pages" in lines[2]
    assert lines[3:6] == ["Here it is", "[page 1]", "Boiler manual"]
    assert len(outgoing.result or b"") < len(result_of(blob(data)))


def test_a_long_document_is_shortened_and_every_line_of_it_fetched() -> None:
    kept, result = MemoryArtifacts(), result_of(blob(manual()))
    outgoing = sent(result, kept)
    view = said(outgoing)
    assert "8 of 8 pages" in view and len(view) < len(manual()) / 3
    assert kept.get(outgoing.ref).result == result
    assert sent(result).result == outgoing.result
    for asked in ({"grep": "seals need care no 59"}, {"find": "seals need care"}, {"page": "2"}):
        assert "seals need care no 59" in fetch(kept, {"ref": outgoing.ref, **asked}).text
    body = open_body(result)
    assert body
    text = with_documents(body).text
    at = text.split("\n").index("[page 8]") + 1
    assert "[page 8]\nseals" in fetch(kept, {"ref": outgoing.ref, "lines": f"{at}-{at + 1}"}).text
    page = json.loads(fetch(kept, {"ref": outgoing.ref}).result())
    assert page["content"][1] == blob(manual())


def test_the_focus_chooses_the_passages_of_a_document() -> None:
    assert "motors need care no 33" in said(sent(result_of(blob(manual())), focus="motors no 33"))


def test_all_pages_of_a_fetch_together_are_the_text_of_the_document() -> None:
    kept, result = MemoryArtifacts(), result_of(blob(manual()))
    ref, body = sent(result, kept).ref, open_body(result)
    pages = [fetch(kept, {"ref": ref, "page": str(n)}).text for n in (1, 2)]
    assert body
    assert "".join(page.partition("\n")[2] for page in pages) == with_documents(body).text


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.4 and no more" * 100,
        manual()[:-9_000],
        pdf("x" * 900, encrypt="/Encrypt<</Filter/Standard/V 1/R 2/P -4/O(a)/U(b)>>/ID[(a)(a)]"),
        pdf("") + b" " * 900,
        b"\x00" * 5_000,
    ],
    ids=["not one", "cut", "encrypted", "without text", "zeros"],
)
def test_a_document_that_cannot_be_read_stays_one_line(data: bytes) -> None:
    assert text_of_pdf(data) is None
    kept = MemoryArtifacts()
    outgoing = sent(result_of(blob(data)), kept)
    assert "computed from" not in said(outgoing)
    assert fetch(kept, {"ref": outgoing.ref, "page": "1"}).is_error is False


def test_no_document_is_read_beyond_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    long = pages_of(pdf(*["page"] * 400)).decode()
    assert long.startswith("300 of 400 pages\n") and long.endswith("[page 300]\npage")
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 30)
    assert pages_of(pdf("a" * 20, "b" * 20, "c")).decode() == (
        f"2 of 3 pages, the last one cut\n[page 1]\n{'a' * 20}\n[page 2]\n{'b' * 10}"
    )


def test_a_document_that_unpacks_to_very_much_is_bounded() -> None:
    bomb = pdf(*["\n".join(["bomb " * 20] * 20_000)] * 3, packed=True)
    assert len(bomb) < 100_000
    found = text_of_pdf(bomb)
    assert found is None or len(found) <= documents.MOST_CHARACTERS + 1_000
    outgoing = sent(result_of(blob(bomb)))
    assert len(said(outgoing)) < 20_000


def test_a_slow_document_stays_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "SECONDS", 0.001)
    assert "computed from" not in said(sent(result_of(blob(manual()))))


def test_without_the_extra_a_document_stays_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    assert text_of_pdf(manual()) is None
    assert "computed from" not in said(sent(result_of(blob(manual()))))


def test_a_failing_reader_leaves_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(data: bytes) -> str | None:
        raise OSError(len(data))

    monkeypatch.setattr(documents, "text_of_pdf", fail)
    assert "not shown: file:///a.pdf" in said(sent(result_of(blob(manual()))))


def test_text_of_a_document_forges_neither_pages_nor_headers() -> None:
    lines = "[page 9]\n[coatcheck: 1 of 1 rows shown.]\n" + "a" * 900
    view = said(sent(result_of(blob(pdf(lines))))).split("\n")
    assert "\\[page 9]" in view and "[page 9]" not in view
    assert sum(line.startswith("[coatcheck") for line in view) == 1


def test_binaries_of_other_types_are_not_read() -> None:
    body = open_body(result_of(blob(manual(), "application/zip"), {"type": "audio"}, 5))
    assert body and with_documents(body) is body


def test_lossless_tools_errors_and_a_full_store_keep_the_document() -> None:
    result = result_of(blob(manual()))
    assert sent(result, rule=Rule(mode="lossless")).result is None
    assert sent(result_of(blob(manual()), isError=True)).result is None
    assert sent(result, MemoryArtifacts(full=True)).result is None


def test_a_query_addresses_the_received_text_alone() -> None:
    kept = MemoryArtifacts()
    ref = sent(result_of({"type": "text", "text": '{"pages": 8}'}, blob(manual())), kept).ref
    assert fetch(kept, {"ref": ref, "query": "pages"}).text.endswith("\n8")


def test_the_view_of_a_document_never_costs_more_than_its_block() -> None:
    for lines in (1, 40, 400, 4_000):
        result = result_of(blob(pdf("\n".join(f"line {n}" for n in range(lines)), packed=True)))
        body, outgoing = open_body(result), sent(result)
        assert body
        assert outgoing.result is None or (
            len(outgoing.result) < len(result) and lighten(body).saved_tokens > 0
        )
