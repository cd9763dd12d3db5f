"""Texts from logs, made safe for a terminal, and shortened without becoming ambiguous."""

from __future__ import annotations

from collections.abc import Collection

ELLIPSIS = "…"
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Return a text whose control, format and bidirectional signs are written as escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    if sign in _NAMED:
        return _NAMED[sign]
    code = ord(sign)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def shortened(texts: Collection[str], width: int) -> dict[str, str]:
    """Return each text at most `width` long, longer only where two would look the same.

    The middle gives way: the package at the start and the method at the end tell most.
    """
    short = {text: _squeezed(text, width) for text in texts}
    longest = max(map(len, texts), default=0)
    while width < longest and (clashes := _clashes(short)):
        width += 1
        short.update((text, _squeezed(text, width)) for text in clashes)
    return short


def _squeezed(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    head = max(1, (width - 1) // 3)
    tail = max(1, width - 1 - head)
    return f"{text[:head]}{ELLIPSIS}{text[-tail:]}"


def _clashes(short: dict[str, str]) -> list[str]:
    seen: dict[str, list[str]] = {}
    for text, form in short.items():
        seen.setdefault(form, []).append(text)
    return [text for texts in seen.values() if len(texts) > 1 for text in texts]
