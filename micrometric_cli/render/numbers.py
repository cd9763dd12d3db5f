"""Numbers as people read them: a sensible few digits, and points under points."""

from __future__ import annotations

import math
from collections.abc import Sequence

DEFAULT_DIGITS = 4
_LEAST_DIGITS = 2
"""Digits that the smallest number of a set keeps before it is written with an exponent."""
_MOST_DECIMALS = 8
_LARGEST = 1e9


def decimals_for(numbers: Sequence[float], digits: int) -> int:
    """Return the decimals that show the numbers of one set with about `digits` digits.

    Args:
        numbers: finite numbers of one scale, such as the figures of one metric.
        digits: digits of the largest; a single one before the point comes on top.
    """
    sizes = [abs(number) for number in numbers if number]
    if all(number == int(number) for number in numbers if abs(number) < _LARGEST):
        return 0
    largest, smallest = max(sizes), min(sizes)
    size = math.floor(math.log10(largest))
    # The zero before the point of 0.4375 does not count, so its neighbours show four decimals.
    wanted = digits - max(size, 0) if size >= 0 else digits - 1 - size
    # A smaller number of the set is to keep some digits too, if that takes few decimals more.
    least = _LEAST_DIGITS - 1 - math.floor(math.log10(smallest))
    return max(0, min(max(wanted, min(least, wanted + 2)), _MOST_DECIMALS))


def format_number(number: float | None, decimals: int, digits: int = DEFAULT_DIGITS) -> str:
    """Return a number with so many decimals, with an exponent where they would hide it."""
    if number is None:
        return "-"
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "inf" if number > 0 else "-inf"
    tiny = number != 0 and abs(number) < 10.0 ** (_LEAST_DIGITS - 1 - decimals) / 2
    if tiny or abs(number) >= _LARGEST:
        return f"{number:.{max(0, digits - 2)}e}"
    return f"{number:.{decimals}f}"


def aligned(cells: Sequence[str]) -> list[str]:
    """Return the cells of a column padded so that their points stand under each other."""
    tails = [_tail(cell) for cell in cells]
    widest = max(tails, default=0)
    return [cell + " " * (widest - tail) for cell, tail in zip(cells, tails, strict=True)]


def _tail(cell: str) -> int:
    """Return the length of what stands right of the whole part."""
    if "e" in cell or not cell[-1:].isdigit():
        return 0
    _, point, fraction = cell.partition(".")
    return len(point + fraction)
