"""How the values of keys are spelled as groups, by every engine.

Programs write a number in several ways: 1, 1.0, 1e0. Numbers that are equal are one group; it is
called by the whole number that it is, else by the double in its shortest form. Text and booleans
are no numbers: "1", true and 1 are three groups. So are lists and objects told apart, by their
JSON text with numbers spelled so.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from micrometric.event import finite

_WHOLE = 2**64
"""From here on whole numbers that are doubles are called so: nobody reads 300 digits."""


def spelled(held: Any) -> str:
    """Return JSON data as the text by which it is grouped."""
    return json.dumps(one_number(finite(held)), ensure_ascii=False, separators=(",", ":"))


def respelled(text: str) -> str:
    """Return a JSON text as the one by which it is grouped."""
    # Most keys are texts and digits, which stand in one way only; escapes do not.
    if text.isdigit() and len(text) < 20:
        return text
    if text.startswith('"') and "\\" not in text:
        return text
    try:
        return spelled(json.loads(text))
    except (ValueError, RecursionError):
        return text  # Of a line beyond the limits, which is no event once it is looked at.


def one_number(held: Any) -> Any:
    """Return JSON data in which equal numbers are the same number; booleans stay what they are."""
    if isinstance(held, bool | str) or held is None:
        return held
    if isinstance(held, float):
        return int(held) if abs(held) < _WHOLE and held.is_integer() else held
    if isinstance(held, int):
        return held if abs(held) < _WHOLE else _as_double(held)
    if isinstance(held, list):
        return [one_number(item) for item in held]
    if isinstance(held, dict):
        return {key: one_number(item) for key, item in held.items()}
    return held


def identity(value: Any) -> Hashable:
    """Return what values of a key have in common that are one group; to Python, true is 1."""
    return isinstance(value, bool), value


def _as_double(whole: int) -> float:
    try:
        return float(whole) if float(whole) == whole else whole
    except OverflowError:
        return whole
