"""Numbers as people read them: a sensible few digits, and points under points."""

from __future__ import annotations

import math
from collections.abc import Sequence

DEFAULT_DIGITS = 4
_LEAST_DIGITS = 2
"""Digits that a small number of a set keeps, else it is written with an exponent."""
_MORE_DECIMALS = 2
"""Decimals that are added at most for the smaller numbers of a set."""
_MOST_DECIMALS = 8
_LARGEST = 1e9
"""Numbers from here on are written with an exponent."""


def decimals_for(numbers: Sequence[float], digits: int) -> int | None:
    """Return the decimals that show the numbers of one set with about `digits` digits.

    Args:
        numbers: numbers of one scale, such as the figures of one metric.
        digits: digits of the largest; a zero before the point does not count.

    Returns:
        None where all are so small that each needs an exponent.
    """
    plain = [abs(number) for number in numbers if abs(number) < _LARGEST]
    if all(number == int(number) for number in plain):
        return 0
    size = math.floor(math.log10(max(plain)))
    # The zero of 0.4375 does not count, so 1.0 beside it has four decimals as well.
    wanted = max(0, digits - size if size >= 0 else digits - 1 - size)
    if wanted > _MOST_DECIMALS:
        return None
    # Smaller numbers of the set are to keep some digits too, if few decimals more will do; the
    # smallest ones get an exponent.
    needed = [_LEAST_DIGITS - 1 - math.floor(math.log10(number)) for number in plain if number]
    most = min(wanted + _MORE_DECIMALS, _MOST_DECIMALS)
    return max([wanted, *(decimals for decimals in needed if decimals <= most)])


def format_number(number: float | None, decimals: int | None, digits: int = DEFAULT_DIGITS) -> str:
    """Return a number with so many decimals, with an exponent where they would hide it, or by None.

    >>> [format_number(number, 4) for number in (0.4375, 1, 1.44e-07, None)]
    ['0.4375', '1.0000', '1.44e-07', '-']
    """
    if number is None:
        return "-"
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "inf" if number > 0 else "-inf"
    if abs(number) >= _LARGEST or _is_hidden(number, decimals):
        return f"{number:.{max(0, digits - 2)}e}"
    return f"{number:.{decimals or 0}f}"


def _is_hidden(number: float, decimals: int | None) -> bool:
    """Say whether so many decimals leave too little of a number."""
    if number == int(number):
        return False
    return decimals is None or abs(number) < 10.0 ** (_LEAST_DIGITS - 1 - decimals) / 2


def aligned(cells: Sequence[str]) -> list[str]:
    """Return the cells of a column padded so that their points stand under each other."""
    tails = [_tail(cell) for cell in cells]
    widest = max((tail for tail in tails if tail is not None), default=0)
    return [
        cell if tail is None else cell + " " * (widest - tail)
        for cell, tail in zip(cells, tails, strict=True)
    ]


def _tail(cell: str) -> int | None:
    """Return the length of what stands right of the whole part; None for what has no point."""
    if "e" in cell or not cell[-1:].isdigit():
        return None
    _, point, fraction = cell.partition(".")
    return len(point + fraction)
