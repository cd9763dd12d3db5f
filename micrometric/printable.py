"""Texts from logs made safe to show."""

from __future__ import annotations

import re
from unicodedata import category

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
BLANK = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef"
)
"""What Python calls printable and nobody sees: fillers, variation selectors, empty signs; for a
class of `re`."""
_MARKS = ("Mn", "Me")
"""Categories of signs that are drawn over the one before, and take no room of their own."""
_MOST_MARKS = 4
"""Of these that may follow each other; no letter of a living script needs more."""
_blank = re.compile(f"[{BLANK}]")
_in_doubt = re.compile(rf"[{BLANK}]|[^\w\x00-\x7f]{{{_MOST_MARKS + 1}}}")


def printable(text: str) -> str:
    """Return a text in which signs that command, mislead or cannot be seen are escapes.

    These are control and format signs, those that turn the direction of text, invisible ones, and
    marks on a letter beyond a few.
    """
    if text.isprintable() and _in_doubt.search(text) is None:
        return text
    signs = []
    marks = 0
    for sign in text:
        marks = 0 if sign.isascii() or category(sign) not in _MARKS else marks + 1
        is_seen = sign.isprintable() and marks <= _MOST_MARKS and _blank.match(sign) is None
        signs.append(sign if is_seen else _escaped(sign))
    return "".join(signs)


def is_printable(text: str) -> bool:
    """Say whether a text may be shown as it is."""
    return text.isprintable() and (_in_doubt.search(text) is None or printable(text) == text)


def _escaped(sign: str) -> str:
    code = ord(sign)
    if sign in _NAMED:
        return _NAMED[sign]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
