"""Pictures as pages that need nothing beside them: the SVG inside, for light and dark, and a table.

A few lines of script show what is under the pointer; without them, all of it is in the table.
"""

from __future__ import annotations

import html
import io
import json
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from micrometric.drawing.figure import DARK, LIGHT, draw, write
from micrometric.pictures import Axis, Bars, Boxes, Grid, Line, Mark, Panel, Picture, Points
from micrometric.printable import printable
from micrometric.ticks import time_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""What a page may load: nothing that is not inside of it."""

_REM = 7
"""Width of an inch of a picture on a page, in letters of the page."""

_Row = tuple[float, float, str]


def page(picture: Picture) -> str:
    """Return a page with a picture; it asks the network for nothing."""
    return document(picture.title, body(picture))


def document(title: str, content: str) -> str:
    """Return a page around its content, which asks the network for nothing.

    Args:
        title: any text.
        content: HTML.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(printable(title))}</title></head>\n"
        f'<body class="mm-page">\n{content}\n</body></html>\n'
    )


def body(picture: Picture) -> str:
    """Return a picture as a part of a page, with all that it needs."""
    return (
        f'<main class="mm-plot"><style>{asset("plot.css")}</style>'
        f"<h1>{html.escape(picture.title)}</h1>{figure_of(picture)}"
        f"<script>{asset('plot.js')}</script></main>"
    )


def figure_of(picture: Picture) -> str:
    """Return a picture as a figure; its style and script stand elsewhere in the page."""
    # What is said below stands there as text.
    bare = replace(picture, caption=())
    light, dark = draw(bare, LIGHT), draw(bare, DARK)
    width = round(light.get_figwidth() * _REM)
    # On a narrow page, pictures beside each other are moved through rather than made small.
    least = width * 11 // 20 if len(picture.panels) > 1 else 0
    svgs = _svg(light, picture, "mm-light"), _svg(dark, picture, "mm-dark")
    marks = json.dumps(_placed(light, picture), ensure_ascii=True, separators=(",", ":"))
    caption = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in picture.caption)
    # A name must not end the script it stands in.
    data = marks.replace("<", "\\u003c").replace("&", "\\u0026")
    return (
        f'<figure class="mm-figure"><div class="mm-canvas" tabindex="0" role="group" '
        f'aria-label="Picture" style="max-width:{width}rem;--mm-least:{least}rem">'
        f"{''.join(svgs)}"
        f'<output aria-live="polite"></output></div>'
        f'<script type="application/json">{data}</script>'
        f"<figcaption>{caption}</figcaption></figure>"
        f"<details><summary>The numbers: {html.escape(picture.title)}</summary>"
        f'<div class="mm-scroll" tabindex="0" role="region" aria-label="Numbers">'
        f"{_table(picture)}</div></details>"
    )


def asset(name: str) -> str:
    """Return a file of style or script beside this module."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _svg(figure: Figure, picture: Picture, name: str) -> str:
    file = io.BytesIO()
    write(figure, file, "svg")
    text = file.getvalue().decode()
    text = text[text.index("<svg") :]
    label = html.escape(f"{picture.kind}: {picture.title}", quote=True)
    return text.replace("<svg", f'<svg class="{name}" role="img" aria-label="{label}"', 1)


def _placed(figure: Figure, picture: Picture) -> list[tuple[float, float, str]]:
    """Return marks with their places in the picture, as shares of its width and height."""
    placed = []
    width, height = figure.bbox.width, figure.bbox.height
    for panel, axes in zip(picture.panels, figure.axes, strict=False):
        for x, y, text in [row for mark in panel.marks for row in _rows(panel, mark)]:
            across, up = axes.transData.transform((x, y))
            placed.append((round(across / width, 4), round(1 - up / height, 4), text))
    return placed


def _rows(panel: Panel, mark: Mark) -> list[_Row]:
    """Return what a mark shows: places, and a text each."""
    match mark:
        case Line(name=name, x=xs, y=ys):
            shown = [(x, y) for x, y in zip(xs, ys, strict=True) if y is not None]
            return [(x, y, _text(name, panel, x, y)) for x, y in shown]
        case Points(x=xs, y=ys, labels=labels):
            places = zip(xs, ys, labels, strict=True)
            return [(x, y, _text(label, panel, x, y)) for x, y, label in places]
        case Bars(edges=edges, heights=heights):
            spans = zip(edges[:-1], edges[1:], heights, strict=True)
            return [
                (low / 2 + high / 2, height, f"{low:.4g} to {high:.4g}: {height:g} events")
                for low, high, height in spans
            ]
        case Boxes(boxes=boxes):
            return [
                (box.p50, float(index), f"{box.name}: median {box.p50:.4g}, middle half "
                 f"{box.p25:.4g} to {box.p75:.4g}, {box.count} events")
                for index, box in enumerate(boxes)
            ]  # fmt: skip
        case Grid(cells=cells, label=label):
            return [
                (float(across), float(down), f"{panel.y.label}={panel.y.names[down]}, "
                 f"{panel.x.label}={panel.x.names[across]}\n{label}: {cell:.6g}")
                for down, row in enumerate(cells)
                for across, cell in enumerate(row)
                if cell is not None
            ]  # fmt: skip


def _text(name: str, panel: Panel, x: float, y: float) -> str:
    lines = [name, f"{panel.x.label}: {_number(panel.x, x)}", f"{panel.y.label}: {y:.6g}"]
    return "\n".join(filter(None, lines))


def _number(axis: Axis, number: float) -> str:
    if axis.names:
        return axis.names[round(number)]
    return time_text(number, 0.0) if axis.scale == "time" else f"{number:.6g}"


def _table(picture: Picture) -> str:
    rows: list[Any] = [
        (panel.title, *text.split("\n"))
        for panel in picture.panels
        for mark in panel.marks
        for _, _, text in _rows(panel, mark)
    ]
    lines = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    title = html.escape(picture.title)
    return f"<table><caption>{title}</caption><tbody>{lines}</tbody></table>"
