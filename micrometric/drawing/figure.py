"""Pictures as matplotlib figures, light or dark.

Figures are built without pyplot, which keeps state for a process and may want a display.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from micrometric.pictures import (
    PALETTE,
    Axis,
    Bars,
    Boxes,
    Grid,
    Line,
    Panel,
    Picture,
    Points,
)
from micrometric.ticks import Ticks, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vP*X"
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":")
_MOST_TICKS = 7
_LETTER = 0.075
"""Inches of a letter beside an axis, about."""
_APART = 0.15
"""Inches between two texts."""
_PLOTTED = 0.75
"""Share of the width of a panel that its axis has, about."""
_MOST_NAMES = 40
_LONGEST_NAME = 48
"""Letters of the longest name beside an axis; of a longer one, the middle gives way."""
_LONGEST_TEXT = 120
_MARKED = 40
"""Points of a line up to which each is marked."""
_WRITTEN_CELLS = 12
"""Rows and columns up to which each cell has its number written in it."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of what is no data."""

    ink: str
    paper: str
    faint: str


LIGHT = Theme("#1f2328", "#ffffff", "#d0d7de")
DARK = Theme("#e6edf3", "#0d1117", "#30363d")


def draw(picture: Picture, theme: Theme = LIGHT) -> Figure:
    """Return a picture as a figure."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    across = 1 if len(picture.panels) == 1 else 2 if len(picture.panels) <= 4 else 3
    down = math.ceil(len(picture.panels) / across)
    with _settings(theme):
        caption = _wrapped(picture.caption, 100 if across == 1 else 78 * across)
        below = 0.19 * (len(caption) + 1)
        sizes = [_height(panel, across) for panel in picture.panels]
        height = max(sizes) * down + below
        width = (7.5, 5.6, 4.6)[across - 1] * across
        layout = ConstrainedLayoutEngine(rect=(0, below / height, 1, 1 - below / height))
        figure = Figure(figsize=(width, height), layout=layout)
        grid = list(figure.subplots(down, across, squeeze=False).flat)
        for panel, axes in zip(picture.panels, grid, strict=False):
            _draw_panel(panel, axes, theme, width / across)
        for axes in grid[len(picture.panels) :]:
            axes.set_axis_off()
        figure.text(0.008, 0.008, "\n".join(caption), fontsize=8, va="bottom", color=theme.ink)
        _take_literally(figure)
    return figure


def write(figure: Figure, file: BinaryIO, format_: str) -> None:
    """Write a figure as png or svg; the same figure gives the same bytes."""
    metadata = {"Date": None} if format_ == "svg" else {"Software": None}
    with _settings(LIGHT):
        paper = figure.get_facecolor()
        figure.savefig(file, format=format_, dpi=150, metadata=metadata, facecolor=paper)


@contextlib.contextmanager
def _settings(theme: Theme) -> Iterator[None]:
    import matplotlib as mpl

    settings = {
        "axes.edgecolor": theme.ink, "axes.labelcolor": theme.ink, "text.color": theme.ink,
        "xtick.color": theme.ink, "ytick.color": theme.ink, "axes.facecolor": theme.paper,
        "figure.facecolor": theme.paper, "legend.facecolor": theme.paper,
        "legend.edgecolor": theme.faint, "grid.color": theme.faint, "axes.grid": False,
        "axes.spines.top": False, "axes.spines.right": False, "font.size": 10,
        "axes.titlesize": 11, "svg.fonttype": "none", "svg.hashsalt": f"micrometric{theme.paper}",
        "axes.unicode_minus": False, "text.usetex": False, "font.family": ["DejaVu Sans"],
    }  # fmt: skip
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Names may have signs that the font lacks; they show as boxes, in SVG as they are.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield


def _height(panel: Panel, across: int) -> float:
    if panel.y.names:
        return min(14.0, max(2.6, 1.4 + 0.32 * len(panel.y.names)))
    return 4.2 if across == 1 else 3.4


def _wrapped(sentences: tuple[str, ...], width: int) -> list[str]:
    return [line for sentence in sentences for line in textwrap.wrap(sentence, width)]


def _take_literally(figure: Figure) -> None:
    """Show dollar signs in names as they are, not as formulas, and long texts in part."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        lines = text.get_text().split("\n")
        text.set_text("\n".join(_shortened(line, _LONGEST_TEXT) for line in lines))


def _shortened(text: str, most: int) -> str:
    """Return a text in so many letters; the end tells most, as of a location."""
    if len(text) <= most:
        return text
    head = most // 3
    return f"{text[:head]}…{text[head + 1 - most :]}"


def _draw_panel(panel: Panel, axes: Axes, theme: Theme, width: float) -> None:
    _set_axes(panel, axes, width)
    for index, mark in enumerate(panel.marks):
        match mark:
            case Line():
                _draw_line(mark, axes, index, theme)
            case Bars():
                _draw_bars(mark, axes, index, theme)
            case Points():
                axes.plot(
                    mark.x, mark.y, linestyle="none", marker=_MARKERS[index % len(_MARKERS)],
                    markersize=6, color=PALETTE[index % len(PALETTE)], alpha=0.8,
                    label=mark.name or "_", gid=f"series-{index}",
                )  # fmt: skip
            case Boxes():
                _draw_boxes(mark, axes, theme)
            case Grid():
                _draw_grid(mark, axes)
    axes.set_title(panel.title, loc="left")
    if any(panel.names()):
        axes.legend(fontsize=8, framealpha=0.85)


def _set_axes(panel: Panel, axes: Axes, width: float) -> None:
    places = (panel.x, panel.range_x(), "x"), (panel.y, panel.range_y(), "y")
    for axis, (low, high), name in places:
        low, high = _with_margin(axis, low, high)
        shown = ticks(axis, low, high, _MOST_NAMES if axis.names else _MOST_TICKS)
        if name == "x" and not axis.names:
            shown = _as_fit(axis, (low, high), shown, width)
        if axis.scale == "log":
            getattr(axes, f"set_{name}scale")("log")
        getattr(axes, f"set_{name}lim")(low, high)
        set_ticks = getattr(axes, f"set_{name}ticks")
        names = [_shortened(text, _LONGEST_NAME) for _, text in shown]
        set_ticks([place for place, _ in shown], names)
        set_ticks([], minor=True)
        getattr(axes, f"set_{name}label")(axis.label)
    if panel.y.names:
        axes.invert_yaxis()  # The first is at the top, as in a table.
    if len(panel.x.names) > 8 or any(len(name) > 12 for name in panel.x.names):
        axes.tick_params(axis="x", labelrotation=90 if len(panel.x.names) > 1 else 0)
    if not any(isinstance(mark, Grid) for mark in panel.marks):
        axes.grid(True, linewidth=0.6, zorder=0)
        axes.set_axisbelow(True)


def _as_fit(axis: Axis, ends: tuple[float, float], shown: Ticks, width: float) -> Ticks:
    """Return so many ticks that their texts stand apart in a panel so many inches wide."""
    for most in range(_MOST_TICKS - 1, 1, -1):
        if sum(len(text) * _LETTER + _APART for _, text in shown) <= width * _PLOTTED:
            break
        shown = ticks(axis, *ends, most)
    return shown


def _with_margin(axis: Axis, low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis with room for marks at its edge; from 0, none below."""
    if axis.names:
        return low, high
    if axis.scale == "log":
        factor = (high / low) ** 0.04
        return low / factor, high * factor
    margin = (high / 2 - low / 2) * 0.08
    return (low if axis.zero and low >= 0 else low - margin), high + margin


def _draw_line(line: Line, axes: Axes, index: int, theme: Theme) -> None:
    y = [math.nan if value is None else value for value in line.y]
    if line.role == "front":
        axes.plot(line.x, y, color=theme.ink, linewidth=1.2, linestyle="--", marker="o",
                  markersize=9, markerfacecolor="none", label=line.name, gid="front")  # fmt: skip
        return
    colour = PALETTE[index % len(PALETTE)]
    alone = _is_sparse(line)
    if line.low:
        low, high = (
            [math.nan if value is None else value for value in side]
            for side in (line.low, line.high)
        )
        axes.fill_between(
            line.x, low, high, color=colour, alpha=0.18, linewidth=0,
            gid=f"band-{index}",
        )  # fmt: skip
    axes.plot(
        line.x, y, color=colour, linewidth=1.6, label=line.name or "_",
        linestyle=_DASHES[index // 2 % len(_DASHES)], gid=f"series-{index}",
        drawstyle="steps-post" if line.steps else "default",
        marker=_MARKERS[index % len(_MARKERS)] if alone else None, markersize=5,
    )  # fmt: skip


def _is_sparse(line: Line) -> bool:
    """Say whether each point is to be marked: few points, or some that no line would show."""
    there = [value is not None for value in line.y]
    lonely = any(
        is_there
        and not (index and there[index - 1])
        and not (index + 1 < len(there) and there[index + 1])
        for index, is_there in enumerate(there)
    )
    return (sum(there) <= _MARKED and not line.steps) or lonely


def _draw_bars(bars: Bars, axes: Axes, index: int, theme: Theme) -> None:
    axes.stairs(bars.heights, bars.edges, fill=True, color=PALETTE[index % len(PALETTE)],
                gid=f"series-{index}", label="_")  # fmt: skip
    for place, (name, value) in enumerate(bars.quantiles):
        axes.axvline(value, color=theme.ink, linewidth=1, linestyle=_DASHES[(place + 1) % 4],
                     gid=name, label=f"{name} {value:.4g}")  # fmt: skip
    axes.legend(fontsize=8, handlelength=1.5, framealpha=0.85)


def _draw_boxes(boxes: Boxes, axes: Axes, theme: Theme) -> None:
    from matplotlib.patches import Rectangle

    for index, box in enumerate(boxes.boxes):
        colour = PALETTE[0]
        for low, high in ((box.p5, box.p25), (box.p75, box.p95)):
            axes.plot([low, high], [index, index], color=colour, linewidth=1.4)
        axes.add_patch(
            Rectangle((box.p25, index - 0.3), box.p75 - box.p25, 0.6, facecolor=colour,
                      alpha=0.35, edgecolor=colour, gid=f"box-{index}")
        )  # fmt: skip
        axes.plot([box.p50, box.p50], [index - 0.3, index + 0.3], color=theme.ink, linewidth=2)
        axes.plot([box.least, box.greatest], [index, index], linestyle="none", marker="o",
                  markersize=4, color=colour)  # fmt: skip


def _draw_grid(grid: Grid, axes: Axes) -> None:
    import numpy as np

    cells = np.array(
        [[math.nan if cell is None else cell for cell in row] for row in grid.cells], dtype=float
    )
    image = axes.imshow(cells, cmap="cividis", aspect="auto", interpolation="nearest")
    bar = axes.figure.colorbar(image, ax=axes, aspect=30, pad=0.02)
    bar.set_label(grid.label)
    numbers = grid.numbers()
    if len(grid.cells) > _WRITTEN_CELLS or len(grid.cells[0]) > _WRITTEN_CELLS or not numbers:
        return
    middle = min(numbers) / 2 + max(numbers) / 2
    for down, row in enumerate(grid.cells):
        for across, cell in enumerate(row):
            text, dark = ("-", False) if cell is None else (f"{cell:.3g}", cell > middle)
            axes.text(across, down, text, ha="center", va="center", fontsize=8,
                      color="black" if dark else "grey" if cell is None else "white")  # fmt: skip
