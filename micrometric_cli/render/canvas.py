"""The canvas of a picture on a terminal: marks in signs and dots, with axes and ticks around them.

plotille gives dots in signs of braille. Where the encoding has none, each series has a sign of its
own.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrometric.pictures import Bars, Line, Panel, Points
from micrometric.ticks import ticks
from micrometric_cli.render.axes import Frame, cell_of, x_axis
from micrometric_cli.render.screen import BLOCKS, SIGNS, Screen, coloured, short
from micrometric_cli.render.text import width_of

if TYPE_CHECKING:
    from plotille import Canvas

_SIGN_EVERY = 12
"""Columns from one sign of a series on its line to the next."""
_EMPTY, _FULL = "\u2800", "\u28ff"
"""The first and the last sign of braille."""
LEAST_CANVAS = 4


_Cell = tuple[str, int]
"""A sign, and the series it is of."""


def canvas_lines(panel: Panel, screen: Screen, rows: int) -> list[str]:
    """Return the marks of a panel, so many rows high, with its axes around them."""
    x, y = Frame.of(panel.x, panel.range_x()), Frame.of(panel.y, panel.range_y())
    y_ticks = ticks(panel.y, y.low, y.high, max(2, rows // 3))
    texts = short([text for _, text in y_ticks], max(4, screen.width // 3))
    margin = max(map(width_of, texts), default=0)
    columns = max(LEAST_CANVAS, screen.width - margin - 2)
    drawn = _drawn(panel, x, y, columns, rows, screen)
    at_row = {rows - 1 - cell_of(y.share(place), rows, 4): text
              for (place, _), text in zip(y_ticks, texts, strict=True)}  # fmt: skip
    tick, bar, corner, foot, under = "┤│└┴─" if screen.unicode else "+|++-"
    marked = _quantile_line(panel, x, columns)
    lines = [] if marked is None else [f"{' ' * (margin + 2)}{marked}"]
    for row, line in enumerate(drawn):
        text = at_row.get(row, "")
        edge = tick if text else bar
        lines.append(f"{' ' * (margin - width_of(text))}{text} {edge}{line}".rstrip())
    return [*lines, *x_axis(x, columns, margin, (corner, foot, under), screen)]


def _drawn(panel: Panel, x: Frame, y: Frame, columns: int, rows: int, screen: Screen) -> list[str]:
    """Return the canvas as lines."""
    from plotille import Canvas

    cells = [[(" ", 0)] * columns for _ in range(rows)]
    for index, mark in enumerate(panel.marks):
        # A canvas each, laid over one another: plotille colours by its own view of the terminal.
        # It rounds to dots, of which the last is to be at 1: two across a sign and four down.
        ends = 2 * columns / (2 * columns - 1), 4 * rows / (4 * rows - 1)
        canvas = Canvas(columns, rows, 0, 0, *ends)
        pen = _Pen(canvas, columns, rows, index, screen.unicode)
        match mark:
            case Line():
                _draw_line(mark, x, y, pen)
            case Points():
                for across, up in zip(mark.x, mark.y, strict=True):
                    pen.point(x.share(across), y.share(up))
            case Bars():
                _draw_bars(mark, x, y, pen)
        _lay_over(cells, canvas.plot().split("\n"), index)
    return [_painted(row, screen) for row in cells]


def _lay_over(cells: list[list[_Cell]], lines: list[str], index: int) -> None:
    """Add the signs of a series: dots join those that are there, any other sign covers them."""
    for row, line in zip(cells, lines, strict=True):
        for column, sign in enumerate(line):
            if sign in (" ", _EMPTY):
                continue
            before = row[column][0]
            if _EMPTY <= sign <= _FULL:
                if before != " " and not _EMPTY <= before <= _FULL:
                    continue
                if before != " ":
                    sign = chr(ord(sign) | ord(before))
            row[column] = (sign, index)


def _painted(row: list[_Cell], screen: Screen) -> str:
    if not screen.colour:
        return "".join(sign for sign, _ in row)
    runs = itertools.groupby(row, key=lambda cell: None if cell[0] == " " else cell[1])
    return "".join(
        text if index is None else coloured(text, index, screen)
        for index, cells in runs
        for text in ["".join(sign for sign, _ in cells)]
    )


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws a series in dots or, where there are none, in its sign."""

    canvas: Canvas
    columns: int
    rows: int
    index: int
    has_dots: bool

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a line."""
        if self.has_dots:
            self.canvas.line(x0, y0, x1, y1)
            return
        steps = int(max(abs(x1 - x0) * self.columns, abs(y1 - y0) * self.rows) * 2) + 1
        for step in range(steps + 1):
            share = step / steps
            self.point(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)

    def point(self, x: float, y: float) -> None:
        """Draw the sign of the series."""
        self.sign(x, y, SIGNS[self.index % len(SIGNS)])

    def dots(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a dotted line."""
        first, last = int(x0 * self.columns), int(x1 * self.columns)
        for column in range(first, last + 1):
            share = (column + 0.5) / self.columns
            up = y0 if x1 <= x0 else y0 + (y1 - y0) * min(1, max(0, (share - x0) / (x1 - x0)))
            self.canvas.point(min(1.0, share), up, marker=None if self.has_dots else ".")

    def sign(self, x: float, y: float, sign: str) -> None:
        """Draw any sign."""
        self.canvas.point(x, y, marker=sign)


def _draw_line(line: Line, x: Frame, y: Frame, pen: _Pen) -> None:
    for edge in (line.low, line.high):
        for before, after in itertools.pairwise(zip(line.x, edge, strict=False)):
            if before[1] is not None and after[1] is not None:
                pen.dots(
                    x.share(before[0]), y.share(before[1]), x.share(after[0]), y.share(after[1])
                )
    last: tuple[float, float] | None = None
    places = [
        None if up is None else (x.share(across), y.share(up))
        for across, up in zip(line.x, line.y, strict=True)
    ]
    for index, place in enumerate(places):
        if place is None:
            last = None
            continue
        if last is None:
            follows = index + 1 < len(places) and places[index + 1] is not None
            if not follows:
                pen.point(*place)
        elif line.steps:
            pen.line(*last, place[0], last[1])
            pen.line(place[0], last[1], *place)
        else:
            pen.line(*last, *place)
        last = place
    there = [place for place in places if place is not None]
    if len(there) <= pen.columns // _SIGN_EVERY and not line.steps:
        for place in there:
            pen.point(*place)
    elif line.name:
        _sign_line(there, pen)


def _sign_line(places: list[tuple[float, float]], pen: _Pen) -> None:
    """Put the sign of a series on its line here and there, each series elsewhere."""
    free = pen.index * 3 % _SIGN_EVERY
    for x, y in places:
        if x * pen.columns >= free:
            pen.point(x, y)
            free = int(x * pen.columns) + _SIGN_EVERY


def _draw_bars(bars: Bars, x: Frame, y: Frame, pen: _Pen) -> None:
    """Fill columns up to the highest bar in each, to an eighth of a row."""
    places = [x.share(edge) * pen.columns for edge in bars.edges]
    blocks = BLOCKS if pen.has_dots else "#"
    for column in range(pen.columns):
        under = [
            height
            for left, right, height in zip(places[:-1], places[1:], bars.heights, strict=True)
            if left < column + 0.999 and right > column + 0.001
        ]
        filled = y.share(max(under, default=0.0)) * pen.rows
        for row in range(math.ceil(filled)):
            level = min(1.0, filled - row)
            sign = blocks[max(0, math.ceil(level * len(blocks)) - 1)]
            pen.sign((column + 0.5) / pen.columns, (row + 0.5) / pen.rows, sign)


def _quantile_line(panel: Panel, x: Frame, columns: int) -> str | None:
    """Return the names of quantiles above their places, as far as there is room; None of none."""
    marked = [pair for mark in panel.marks if isinstance(mark, Bars) for pair in mark.quantiles]
    line = ""
    for name, value in marked:
        column = cell_of(x.share(value), columns, 2)
        start = max(0, min(columns - len(name), column - len(name) // 2))
        if start > len(line) or not line:
            line = f"{line:<{start}}{name}"
    return line if marked else None
