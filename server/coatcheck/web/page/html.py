"""Write HTML so that whatever is put in stays text, unless it was made here."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias
from urllib.parse import urlencode

Child: TypeAlias = "str | int | Iterable[Child] | None"
Value: TypeAlias = str | int | bool | None

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
LINKS = frozenset({"href", "src", "action", "formaction"})
# Controls become their pictures (U+2400 and on); what would turn the order of a line around, or
# is half a character, becomes the sign for what cannot be shown.
_CONTROLS = {number: 0x2400 + number for number in range(32) if chr(number) not in "\n\t"}
_CONTROLS[0x7F] = 0x2421
_TURNING = (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)
_SHOWN = _CONTROLS | dict.fromkeys((*_TURNING, *range(0xD800, 0xE000)), 0xFFFD)


# Keeps a browser from asking for one.
NO_ICON = "data:,"


class Html(str):
    """Markup that was made by this module; any other text is escaped where it is put in."""

    __slots__ = ()


def tag(name: str, /, *children: Child, **attributes: Value) -> Html:
    """Return an element; `class_` and `aria_label` mean class and aria-label.

    Attributes that are None or False are left out, True has no value. Raises: ValueError for a
    link that leads elsewhere than to a path of this server.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{together(*children)}</{name}>")


def together(*children: Child) -> Html:
    """Return children one after the other."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str | int):
            parts.append(escaped(str(child)))
        elif child is not None:
            parts.append(together(*child))
    return Html("".join(parts))


def escaped(text: str) -> str:
    """Return text as it must be written to be shown as it is."""
    return escape(text.translate(_SHOWN), quote=True)


def link_to(path: str, **query: str | int | None) -> str:
    """Return the address of a path of this server; parts of the query that are empty go."""
    asked = {key: str(value) for key, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(asked)}" if asked else path


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = str(value)
    if (
        name in LINKS
        and text != NO_ICON
        and (not text.startswith(("/", "#")) or text.startswith(("//", "/\\")))
    ):
        raise ValueError(f"{name} leads out of this server")
    return f' {name}="{escaped(text)}"'
