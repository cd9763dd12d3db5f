"""Pictures on a terminal: panels below each other, each with its legend, and the caption.

With colour or without, series are told apart by sign and name, and heatmaps read as numbers.
"""

from __future__ import annotations

import textwrap

from micrometric.pictures import (
    Bars,
    Boxes,
    Grid,
    Line,
    Panel,
    Picture,
    Points,
)
from micrometric_cli.render.axes import Frame, cell_of, log_suffix, x_axis
from micrometric_cli.render.canvas import LEAST_CANVAS, canvas_lines
from micrometric_cli.render.screen import SIGNS, Screen, coloured, fitted, short
from micrometric_cli.render.text import ELLIPSIS, width_of

_LEVELS = " .:-=+*#%@"
_SHADES = (17, 18, 60, 61, 66, 102, 108, 144, 185, 226)
"""From blue to yellow, as cividis is: the lightness grows along it."""
_ALONE = (18, 11)
"""Rows of a canvas alone and among others."""


def picture_lines(picture: Picture, screen: Screen) -> list[str]:
    """Return a picture as lines of text, the caption included."""
    rows = screen.rows or _ALONE[len(picture.panels) > 1]
    lines: list[str] = []
    for panel in picture.panels:
        lines += [*_panel_lines(panel, screen, rows), ""]
    for sentence in picture.caption:
        lines += textwrap.wrap(sentence, screen.width, subsequent_indent="  ")
    # As wide as the sign it stands for.
    return lines if screen.unicode else [line.replace(ELLIPSIS, "~") for line in lines]


def _panel_lines(panel: Panel, screen: Screen, rows: int) -> list[str]:
    title = fitted(panel.title, screen)
    match panel.marks:
        case (Grid() as grid, *_):
            return [title, *_grid_lines(panel, grid, screen)]
        case (Boxes() as boxes, *_):
            return [title, *_boxes_lines(panel, boxes, screen)]
    axis = fitted(f"{panel.y.label}{log_suffix(panel.y)}", screen)
    heads = [title] if axis == title else [title, axis]
    return [*heads, *canvas_lines(panel, screen, rows), *_legend(panel, screen)]


def _legend(panel: Panel, screen: Screen) -> list[str]:
    """Return what each series is called; of bars, the quantiles."""
    lines: list[str] = []
    parts = []
    names = short([getattr(mark, "name", "") for mark in panel.marks], screen.width - 2)
    for index, mark in enumerate(panel.marks):
        if isinstance(mark, Bars):
            parts += [f"{name} {value:.4g}" for name, value in mark.quantiles]
        elif isinstance(mark, Line | Points) and mark.name:
            sign = SIGNS[index % len(SIGNS)]
            parts.append(f"{coloured(sign, index, screen)} {names[index]}")
    room = ""
    for part in parts:
        if room and _bare(room) + 3 + _bare(part) > screen.width:
            lines.append(room)
            room = part
        else:
            room = f"{room}   {part}" if room else part
    return [*lines, room] if room else lines


def _bare(text: str) -> int:
    """Return the width of a text without its colours."""
    import re

    return width_of(re.sub(r"\x1b\[[0-9;]*m", "", text))


def _grid_lines(panel: Panel, grid: Grid, screen: Screen) -> list[str]:
    """Return a heatmap: a number a cell where they fit, else a shade, and the scale."""
    numbers = grid.numbers()
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    heads = list(panel.x.names)
    names = short(list(panel.y.names), max(3, screen.width // 3))
    margin = max(map(width_of, [*names, panel.y.label[: screen.width // 3]]))
    texts = [["-" if cell is None else f"{cell:.3g}" for cell in row] for row in grid.cells]
    widest = max(width_of(text) for row in [*texts, heads] for text in row)
    room = screen.width - margin - 1
    is_written = (widest + 1) * len(heads) <= room
    cell_width = widest + 1 if is_written else max(1, min(3, room // max(1, len(heads))))
    shown = len(heads) if is_written else min(len(heads), room // cell_width)
    label = short([panel.y.label], margin)[0]
    lines = [f"{' ' * margin} {fitted(panel.x.label, screen)}".rstrip()]
    if is_written or max(map(width_of, heads)) <= cell_width:
        lines.append(
            f"{label:<{margin}} " + "".join(f"{head:>{cell_width}}" for head in heads[:shown])
        )
    else:
        lines.append(f"{label:<{margin}} {heads[0]} to {heads[shown - 1]}")
    for name, row, words in zip(names, grid.cells, texts, strict=True):
        line = "".join(
            _cell(number, text, cell_width, (low, high), screen, is_written=is_written)
            for number, text in zip(row[:shown], words[:shown], strict=True)
        )
        lines.append(f"{' ' * (margin - width_of(name))}{name} {line}".rstrip())
    lines += textwrap.wrap(f"{grid.label}: {low:.4g} to {high:.4g}", screen.width)
    if not is_written:
        lines += textwrap.wrap(f"least {_LEVELS[1:]} greatest", screen.width)
    if shown < len(heads):
        lines.append(f"{shown} of {len(heads)} columns fit")
    return lines


def _cell(
    number: float | None,
    text: str,
    width: int,
    ends: tuple[float, float],
    screen: Screen,
    *,
    is_written: bool,
) -> str:
    low, high = ends
    share = 0.5 if number is None or high <= low else (number / 2 - low / 2) / (high / 2 - low / 2)
    level = min(len(_SHADES) - 1, int(share * len(_SHADES)))
    sign = " " if number is None else _LEVELS[max(1, level)]
    body = f"{text:>{width}}" if is_written else sign * width
    if not screen.colour or number is None:
        return body
    ink = 231 if level < 5 else 16
    return f"\x1b[48;5;{_SHADES[level]}m\x1b[38;5;{ink}m{body}\x1b[0m"


def _boxes_lines(panel: Panel, boxes: Boxes, screen: Screen) -> list[str]:
    """Return a line a box, on an axis they share."""
    x = Frame.of(panel.x, panel.range_x())
    names = short([box.name for box in boxes.boxes], max(4, screen.width // 3))
    margin = max(map(width_of, names))
    columns = max(LEAST_CANVAS, screen.width - margin - 2)
    line, fill, middle, dot, edge = "─█┃·│" if screen.unicode else "-=|.|"
    lines = []
    for box, name in zip(boxes.boxes, names, strict=True):
        places = [
            cell_of(x.share(place), columns, 2)
            for place in (box.least, box.p5, box.p25, box.p50, box.p75, box.p95, box.greatest)
        ]
        signs = [" "] * columns
        signs[places[0]] = signs[places[6]] = dot
        signs[places[1] : places[5] + 1] = line * (places[5] + 1 - places[1])
        signs[places[2] : places[4] + 1] = fill * (places[4] + 1 - places[2])
        signs[places[3]] = middle
        drawn = coloured("".join(signs).rstrip(), 0, screen)
        lines.append(f"{' ' * (margin - width_of(name))}{name} {edge}{drawn}")
    corner, foot, under = "└┴─" if screen.unicode else "++-"
    return [*lines, *x_axis(x, columns, margin, (corner, foot, under), screen)]
