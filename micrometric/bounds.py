"""What is read at most: the limits that keep hostile files from taking all memory or all time.

A logger writes nothing near any of them. What is beyond is skipped and counted as any line that
is no event; SECURITY.md lists them for users.
"""

from __future__ import annotations

import re
from collections.abc import Collection

LINE_LIMIT = 256 * 1024 * 1024
"""Bytes of the longest line; as much as a logger holds back while the disk takes nothing."""
NESTING_LIMIT = 128
"""Lists and objects inside each other in a line; Python has a limit too, which varies."""
SURELY_FLAT = 2 * NESTING_LIMIT
"""Bytes that JSON beyond the limit has at least: what is opened is also closed."""
DIGITS_LIMIT = 4300
"""Digits of an integer, as Python has it: its time to read one grows with their square."""
AXES_LIMIT = 16
"""Axes of the lists of a metric; to take lists apart costs a step for each."""
MANIFEST_LIMIT = 64 * 1024 * 1024
"""Bytes of a manifest."""

_SIGNS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
"""A text, whose brackets mean nothing, or a bracket."""


def is_too_deep(line: bytes) -> bool:
    """Say whether JSON is nested beyond the limit, without parsing it."""
    if line.count(b"[") + line.count(b"{") <= NESTING_LIMIT:
        return False
    depth = 0
    for sign in _SIGNS.finditer(line):
        if sign[0] in b"[{":
            depth += 1
            if depth > NESTING_LIMIT:
                return True
        elif sign[0] in b"]}":
            depth -= 1
    return False


def are_moderate(lines: Collection[bytes]) -> bool:
    """Say whether some lines are beyond doubt within the limits; False says nothing.

    Whoever skips data without looking at it, as msgspec can, does not notice what it is.
    """
    if len(max(lines, key=len)) < SURELY_FLAT:
        return True
    return all(
        len(line) <= DIGITS_LIMIT and line.count(b"[") + line.count(b"{") < NESTING_LIMIT
        for line in lines
        if len(line) >= SURELY_FLAT
    )
