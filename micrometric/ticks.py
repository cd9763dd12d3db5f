"""Ticks of axes: round numbers, powers of ten and round times, and what is written beside them."""

from __future__ import annotations

import math

from micrometric.event import FIRST_SECOND, LAST_SECOND, moment_at
from micrometric.pictures import Axis

_STEPS = (1, 2, 2.5, 5, 10)
_WHOLE_STEPS = (1, 2, 5, 10)
_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000,
)  # fmt: skip
_TRIES = 4
"""Ticks that are added where there would be only one."""
_LARGEST = 1e6
_SMALLEST = 1e-4
"""Beyond these, numbers are written with an exponent."""

Ticks = list[tuple[float, str]]


def ticks(axis: Axis, low: float, high: float, most: int) -> Ticks:
    """Return places on an axis, in order, each with its text.

    Args:
        axis: what it measures.
        low: where it begins.
        high: where it ends.
        most: how many ticks there is room for, at least 2.
    """
    if axis.names:
        every = max(1, math.ceil(len(axis.names) / most))
        return [(float(i), axis.names[i]) for i in range(0, len(axis.names), every)]
    if axis.scale == "time":
        return _times(low, high, most)
    if axis.scale == "log" and high / low >= 10:
        return _powers(low, high, most)
    for further in range(_TRIES):
        step = _step(low, high, most + further, _WHOLE_STEPS if axis.whole else _STEPS)
        if axis.whole:
            step = max(1.0, step)
        places = _multiples(low, high, step)
        if len(places) > 1:
            break
    return _written(places, step)


def time_text(seconds: float, width: float) -> str:
    """Return a time as precisely as a span of so many seconds asks for, in UTC."""
    moment = moment_at(seconds)
    if width >= 86400 * 2:
        return f"{moment:%Y-%m-%d}"
    if width >= 600:
        return f"{moment:%H:%M}"
    if width >= 5:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _step(low: float, high: float, most: int, steps: tuple[float, ...] = _STEPS) -> float:
    """Return a round distance that leaves at most so many ticks."""
    # Halves: the distance of the largest doubles is beyond a double.
    rough = (high / 2 - low / 2) / max(1, most - 1) * 2
    if not rough:
        return abs(low) or 1.0
    power = 10.0 ** max(-307, math.floor(math.log10(rough)))
    return next((step * power for step in steps if step * power >= rough * 0.999), 10 * power)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step + 0.0 for number in range(first, min(last, first + 99) + 1)]


def _written(places: list[float], step: float) -> Ticks:
    largest = max(map(abs, places), default=0.0)
    if largest and (largest >= _LARGEST or largest < _SMALLEST):
        digits = max(0, math.ceil(math.log10(largest / step) + 0.3)) if step < largest else 1
        return [(place, _short_exponent(f"{place:.{min(digits, 15)}e}")) for place in places]
    decimals = min(12, max(0, -math.floor(math.log10(step) + 1e-9)))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1  # Steps of 2.5.
    return [(place, f"{place:.{decimals}f}") for place in places]


def _short_exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return "0" if float(mantissa) == 0 else f"{mantissa}e{int(exponent)}"


def _powers(low: float, high: float, most: int) -> Ticks:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    places = [10.0**power for power in range(first, last + 1, every)]
    if len(places) < 3:
        between = [
            digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 2, 5)
        ]
        places = [place for place in between if low * 0.999 <= place <= high * 1.001]
        places = places[:: max(1, math.ceil(len(places) / most))]
    return [(place, f"{place:g}" if 1e-4 <= place < 1e6 else f"{place:.0e}") for place in places]


def _times(low: float, high: float, most: int) -> Ticks:
    width = high - low
    rough = width / max(1, most - 1)
    if rough < 1:
        step = max(1e-3, _step(low, high, most))
    else:
        years = math.ceil(rough / _SECONDS[-1]) * _SECONDS[-1]
        step = next((step for step in _SECONDS if step >= rough), float(years))
    first = math.ceil(low / step)
    places = [number * step for number in range(first, math.floor(high / step) + 1)][:99]
    # The margins of an axis may lead beyond all time.
    places = [place for place in places if FIRST_SECOND <= place <= LAST_SECOND]
    return [(place, time_text(place, width)) for place in places]
