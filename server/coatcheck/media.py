"""Make images and binaries beside the text of a result cost less; each change is announced."""

import base64
import hashlib
import io
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import TYPE_CHECKING, Any

from coatcheck import spans
from coatcheck.body import Body
from coatcheck.types import Omission, Reduction

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
# An image is made no smaller than this: every model of the last years reads it unscaled.
LONG_EDGE = 1568
MOST_PIXELS = 50_000_000
MOST_BYTES = 20_000_000
# Long pages are hard to read already; smaller they would be lost.
MOST_ASPECT = 3.0
LEAST_GAIN = 0.15
QUALITY = 80
# A smaller binary is not worth a line and a fetch.
LEAST_BLOB_CHARACTERS = 1_000
BLOB_CHARACTERS_PER_TOKEN = 1.5
NAME_CHARACTERS = 300
UNIT = "original blocks"


@dataclass(frozen=True, slots=True)
class TokenRule:
    """What a model charges for an image: patches of its edge, some more, up to a cap.

    A larger image is scaled by the model's own service to long_edge before it is counted.
    """

    patch: int
    overhead: int
    most_tokens: int
    long_edge: int

    def tokens(self, width: int, height: int) -> int:
        """Return what an image of so many pixels costs."""
        longest = max(width, height)
        shown = min(longest, self.long_edge)
        across = -(-width * shown // (longest * self.patch))
        down = -(-height * shown // (longest * self.patch))
        return min(self.most_tokens, across * down + self.overhead)


# The newest models see most, so they are charged most: the rule for them tells whether tokens
# drop. Source: published measurements of image tokens by size, read 2026-11.
RULE = TokenRule(patch=28, overhead=77, most_tokens=4_005, long_edge=2_044)


@dataclass(frozen=True, slots=True)
class Lighter:
    """The blocks beside the text as they are sent, what is said of the changed ones, the gain."""

    blocks: Sequence[bytes]
    notes: Sequence[str] = ()
    saved_tokens: int = 0

    def beside(self, reduction: Reduction | None, body: Body) -> Reduction | None:
        """Return reduction, or the text as it is, with what is said of the blocks above it."""
        if reduction is None and not self.notes:
            return None
        found = reduction or Reduction(body.text, "media", "trimmed")
        lines = [*map(_embedded, body.embedded), *self.notes, *starmap(_read, body.documents)]
        omissions = list(found.omissions)
        if self.notes:
            total = len(body.others)
            omissions.append(Omission(UNIT, total - len(self.notes), total))
        level = "trimmed" if found.level == "lossless" and omissions else found.level
        text = "\n".join(filter(None, [*lines, found.text]))
        handle = found.handle if found.omissions else ""
        return replace(found, text=text, level=level, omissions=omissions, handle=handle)


def lighten(body: Body) -> Lighter:
    """Return the blocks beside the text of body with images and binaries made lighter.

    An image or a binary that cannot be made lighter, or cannot be read, stays as received.
    """
    blocks, notes, saved = [], [], 0
    for raw in body.others:
        try:
            found = _lighter(raw)
        except Exception as error:  # noqa: BLE001 - law 3: what cannot be read passes
            logger.warning("a block passes as received (%s)", type(error).__name__)
            found = None
        if found is None:
            blocks.append(raw)
            continue
        block, note, gain = found
        blocks += [block] if block else []
        notes.append(note)
        saved += gain
    return Lighter(blocks, notes, saved)


def _lighter(raw: bytes) -> tuple[bytes, str, int] | None:
    """Return the block to send (b"" for none), what to say of it and the tokens it saves."""
    block = spans.loads(raw)
    if not isinstance(block, dict):
        return None
    if block.get("type") == "image":
        return _image(raw, block)
    resource = block.get("resource")
    if block.get("type") == "resource" and isinstance(resource, dict):
        return _blob(resource)
    return None


def _blob(resource: dict[str, Any]) -> tuple[bytes, str, int] | None:
    data = resource.get("blob")
    if not isinstance(data, str) or len(data) < LEAST_BLOB_CHARACTERS:
        return None
    content = base64.b64decode(data, validate=True)
    digest = hashlib.sha256(content).hexdigest()
    mime = _said(resource.get("mimeType") or "application/octet-stream")
    note = f"not shown: {_said(resource.get('uri'))}, {mime}, {len(content):,} bytes"
    return b"", f"{note}, sha256 {digest}", round(len(data) / BLOB_CHARACTERS_PER_TOKEN)


def _embedded(raw: bytes) -> str:
    """Say which resource the text of an embedded one is of."""
    return f"the text of {_named(raw)} stands among the text below"


def _read(raw: bytes, pages: str) -> str:
    """Say which document a text was computed from."""
    return f"computed from {_named(raw)}: the text of {pages}, each after its [page N] line"


def _named(raw: bytes) -> str:
    block = spans.loads(raw)
    resource = block.get("resource", {}) if isinstance(block, dict) else {}
    return f"{_said(resource.get('uri'))} ({_said(resource.get('mimeType') or 'text')})"


def _said(value: object) -> str:
    """Return a name in one line, cut where it is endless."""
    from coatcheck.reducers.cells import safe  # at first use: few results hold a binary

    text = safe(" ".join(str(value or "a resource without a name").split()))
    return text if len(text) <= NAME_CHARACTERS else text[:NAME_CHARACTERS] + "…"


def _image(raw: bytes, block: dict[str, Any]) -> tuple[bytes, str, int] | None:
    """Return a smaller image where the model's rule says that it costs less, and bytes drop."""
    data, mime = block.get("data"), block.get("mimeType")
    if not isinstance(data, str) or mime not in FORMATS or len(data) > MOST_BYTES:
        return None
    content = base64.b64decode(data, validate=True)
    image = _opened(content, FORMATS[mime])
    if image is None:
        return None
    before = RULE.tokens(*image.size)
    scale = LONG_EDGE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    after = RULE.tokens(width, height)
    if scale >= 1 or after > (1 - LEAST_GAIN) * before:
        return None
    smaller, smaller_mime = _encoded(image, width, height)
    if len(smaller) >= len(content):
        return None
    changed = dict(block, data=base64.b64encode(smaller).decode(), mimeType=smaller_mime)
    size = f"{image.width} x {image.height}"
    note = f"an image of {size} ({mime}, {len(content):,} bytes) is shown as {width} x {height}"
    sent = spans.dumps(changed)
    return (sent, note, before - after) if len(sent) < len(raw) else None


def _opened(content: bytes, format_name: str) -> "Image | None":
    """Return an image that is safe and useful to scale; None for all others, and without Pillow."""
    try:
        from PIL import Image as pillow  # at first use: only results with images need it
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
        image = pillow.open(io.BytesIO(content), formats=[format_name])
    is_moving = getattr(image, "n_frames", 1) > 1
    is_huge = image.width * image.height > MOST_PIXELS
    is_long = max(image.size) > MOST_ASPECT * min(image.size)
    is_turned = image.getexif().get(0x0112, 1) != 1
    return None if is_moving or is_huge or is_long or is_turned else image


def _encoded(image: "Image", width: int, height: int) -> tuple[bytes, str]:
    """Return image at a new size in fewest bytes: as PNG, or as JPEG where nothing shines through.

    Sizes that differ little go to PNG, which keeps small writing sharp.
    """
    from PIL import Image as pillow

    has_alpha = "A" in image.getbands() or "transparency" in image.info
    scaled = image.convert("RGBA" if has_alpha else "RGB")
    scaled = scaled.resize((width, height), pillow.Resampling.LANCZOS)
    png, jpeg = io.BytesIO(), io.BytesIO()
    scaled.save(png, "PNG", optimize=True)
    if not has_alpha:
        scaled.save(jpeg, "JPEG", quality=QUALITY)
        if 2 * len(jpeg.getvalue()) < len(png.getvalue()):
            return jpeg.getvalue(), "image/jpeg"
    return png.getvalue(), "image/png"
