"""Texts from logs: made safe for a terminal, and shortened without becoming ambiguous."""

from __future__ import annotations

from collections.abc import Collection
from unicodedata import combining, east_asian_width

from micrometric.printable import is_printable as is_printable
from micrometric.printable import printable as printable

ELLIPSIS = "…"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(sign) else 1 + (east_asian_width(sign) in "WF") for sign in text)


def shortened(texts: Collection[str], width: int) -> dict[str, str]:
    """Return each text at most `width` columns long, longer only where two would look the same.

    The middle gives way: the package at the start and the method at the end tell most.
    """
    short = {text: _squeezed(text, width) for text in texts}
    longest = max(map(width_of, texts), default=0)
    while width < longest and (clashes := _clashes(short)):
        width += 1
        short.update((text, _squeezed(text, width)) for text in clashes)
    return short


def _squeezed(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    room = max(2, width - 1)
    head = _fitting(text, room // 3)
    tail = _fitting(text[::-1], room - width_of(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}"


def _fitting(text: str, room: int) -> str:
    """Return as much of the start of a text as fits."""
    end = min(len(text), room)
    while width_of(text[:end]) > room:
        end -= 1
    return text[:end]


def _clashes(short: dict[str, str]) -> list[str]:
    seen: dict[str, list[str]] = {}
    for text, form in short.items():
        seen.setdefault(form, []).append(text)
    return [text for texts in seen.values() if len(texts) > 1 for text in texts]
