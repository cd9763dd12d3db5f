"""What a picture shows: panels with axes and marks, independent of what draws them.

A terminal, matplotlib and a page all draw the same `Picture`, so that they tell the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from micrometric.report import Report

Scale = Literal["linear", "log", "time"]
Number = float | None

# Okabe and Ito's colours, which people of all kinds of sight tell apart, without the yellow that
# is hard to see on white; https://jfly.uni-koeln.de/color/
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8C510A")
"""A colour for each series of a panel, which are never more."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures."""

    label: str
    """With the unit, where one is registered."""
    scale: Scale = "linear"
    """Times are seconds since 1970 UTC."""
    names: tuple[str, ...] = ()
    """Where given, positions 0, 1, … have names."""
    zero: bool = False
    """Whether the axis must begin at 0, as under bars."""
    whole: bool = False
    """Whether only whole numbers make sense, as for counts."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; None in `y` is a gap."""

    name: str
    x: tuple[float, ...]
    y: tuple[Number, ...]
    low: tuple[Number, ...] = ()
    """The band around it, where there is one."""
    high: tuple[Number, ...] = ()
    role: Literal["data", "front"] = "data"
    steps: bool = False
    """Whether it keeps its height up to the next point."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars that touch, one between each two edges, from 0."""

    name: str
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    quantiles: tuple[tuple[str, float], ...] = ()
    """Names and places of lines across."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points, each with what it stands for."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """Quantiles of a group: ends of the whiskers and the box, and the extremes beyond."""

    name: str
    least: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    greatest: float
    count: int


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes beside each other; the other axis has their names."""

    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A number for each row and column, None where there is nothing."""

    cells: tuple[tuple[Number, ...], ...]
    label: str
    """What the numbers are, with the unit."""

    def numbers(self) -> list[float]:
        """Return the numbers that are there."""
        return [cell for row in self.cells for cell in row if cell is not None]


Mark = Line | Bars | Points | Boxes | Grid


@dataclass(frozen=True, slots=True)
class Panel:
    """Marks over two axes."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]

    def range_x(self) -> tuple[float, float]:
        """Return from where to where the x axis reaches."""
        return _range(self.x, [place for mark in self.marks for place in _places_x(mark)])

    def range_y(self) -> tuple[float, float]:
        """Return from where to where the y axis reaches."""
        return _range(self.y, [place for mark in self.marks for place in _places_y(mark)])

    def names(self) -> list[str]:
        """Return what a legend lists: the names of the marks, in order of their colours."""
        return [mark.name for mark in self.marks if isinstance(mark, Line | Bars | Points)]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and what must be said below it."""

    kind: str
    title: str
    panels: tuple[Panel, ...]
    caption: tuple[str, ...] = ()
    """What was aggregated, left out or cannot be shown, a sentence each."""
    front: tuple[dict[str, Any], ...] = ()
    """Of a scatter plot: the Pareto front, the least x first."""
    report: Report = field(default_factory=Report)
    """What reading skipped, assumed and noticed."""

    def save(self, output: str | Path, *, force: bool = False, dark: bool = False) -> None:
        """Write it to a file as the end of its name tells: .png, .svg or .html.

        Args:
            output: the file, which appears once it is whole.
            force: whether to write over what is there.
            dark: whether a .png or .svg is for dark pages; .html is for both.

        Raises:
            SettingError: the name tells no format, or matplotlib is not installed.
            PathError: the file is there already, or cannot be written.
        """
        from micrometric.drawing import save

        save(self, Path(output), force=force, dark=dark)

    def _repr_html_(self) -> str:
        from micrometric.drawing import fragment

        return fragment(self)


def _places_x(mark: Mark) -> Iterator[float]:
    match mark:
        case Line(x=x) | Points(x=x):
            yield from x
        case Bars(edges=edges, quantiles=quantiles):
            yield from edges
            yield from (place for _, place in quantiles)
        case Boxes(boxes=boxes):
            for box in boxes:
                yield from (box.least, box.greatest)
        case Grid(cells=cells):
            yield from (0.0, float(len(cells[0]) - 1))


def _places_y(mark: Mark) -> Iterator[float]:
    match mark:
        case Line(y=y, low=low, high=high):
            yield from (place for place in (*y, *low, *high) if place is not None)
        case Points(y=y):
            yield from y
        case Bars(heights=heights):
            yield from heights
        case Boxes(boxes=boxes):
            yield from (0.0, float(len(boxes) - 1))
        case Grid(cells=cells):
            yield from (0.0, float(len(cells) - 1))


def _range(axis: Axis, places: list[float]) -> tuple[float, float]:
    """Return the least and the greatest place, apart also where all are equal."""
    if axis.names:
        return -0.5, len(axis.names) - 0.5
    low, high = min(places, default=0.0), max(places, default=1.0)
    if axis.zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low < high:
        return low, high
    if axis.scale == "log":
        return low / 2, high * 2
    if axis.zero and not high:
        return 0.0, 1.0
    apart = 0.5 if axis.scale == "time" else abs(low) / 10 or 1.0
    return max(low - apart, -1.7e308), min(high + apart, 1.7e308)


def quantity(name: str, unit: str | None) -> str:
    """Return the label of an axis.

    >>> quantity("latency", "s")
    'latency (s)'
    """
    return f"{name} ({unit})" if unit else name


def is_drawable(number: Any) -> bool:
    """Say whether a figure is a finite number."""
    return number is not None and math.isfinite(number)
