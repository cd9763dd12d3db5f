"""Axes of a picture on a terminal: where a place lies, and the ticks below."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from micrometric.pictures import Axis
from micrometric.ticks import ticks
from micrometric_cli.render.screen import Screen, short
from micrometric_cli.render.text import width_of

_ROOM = 12
"""Columns for each tick, unless it is a whole number."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an axis lies on the canvas."""

    axis: Axis
    low: float
    high: float

    @classmethod
    def of(cls, axis: Axis, ends: tuple[float, float]) -> Frame:
        """Return where an axis with these ends lies, with room for marks at its edge."""
        low, high = ends
        if axis.scale == "log":
            return cls(axis, low, high)
        if not axis.names and not axis.zero:
            margin = (high / 2 - low / 2) * 0.04
            return cls(axis, low - margin, high + margin)
        return cls(axis, low, high)

    def share(self, place: float) -> float:
        """Return where a place is, from 0 at the low end to 1 at the high one."""
        if self.axis.scale == "log":
            return (math.log(place) - math.log(self.low)) / (
                math.log(self.high) - math.log(self.low)
            )
        return (place / 2 - self.low / 2) / (self.high / 2 - self.low / 2)


def x_axis(
    x: Frame, columns: int, margin: int, signs: tuple[str, str, str], screen: Screen
) -> list[str]:
    """Return the line below the canvas, the texts of its ticks, and what it measures."""
    corner, foot, under = signs
    line, below = [under] * columns, [" "] * (columns + margin + 2)
    end = 0
    each = width_of(f"{x.high:.0f}") + 4 if x.axis.whole else _ROOM
    most = max(2, columns // each)
    for place, text in ticks(x.axis, x.low, x.high, len(x.axis.names) or most):
        column = cell_of(x.share(place), columns, 2)
        (text,) = short([text], max(6, columns // max(1, len(x.axis.names) or 1)))
        start = max(0, margin + 2 + column - width_of(text) // 2)
        start = min(start, len(below) - width_of(text))
        if start < end + (1 if end else 0):
            continue
        line[column] = foot
        below[start : start + width_of(text)] = [text]
        end = start + width_of(text)
        below = [*below[: start + 1], *[""] * (width_of(text) - 1), *below[start + 1 :]]
    label = f"{x.axis.label}{log_suffix(x.axis)}"
    width = columns + margin + 2
    return [
        f"{' ' * (margin + 1)}{corner}{''.join(line)}",
        "".join(below).rstrip(),
        *(part.center(width).rstrip() for part in _parted(label, screen)),
    ]


def _parted(label: str, screen: Screen) -> list[str]:
    """Return a label in lines that are no wider than the screen; a long name is shortened."""
    parts = textwrap.wrap(label, screen.width, break_long_words=False, break_on_hyphens=False)
    return short(parts, screen.width)


def cell_of(share: float, cells: int, dots: int) -> int:
    """Return the cell that a place falls into, each being so many dots wide."""
    return round(share * (cells * dots - 1)) // dots


def log_suffix(axis: Axis) -> str:
    """Return what the label of a logarithmic axis ends with."""
    return ", log" if axis.scale == "log" else ""
