"""Distributions of values: histograms, cumulative shares, and boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from micrometric.bins import Along
from micrometric.draft import Draft, Row, counted, group_name, largest
from micrometric.errors import NoDataError
from micrometric.figures import Figures
from micrometric.pictures import Axis, Bars, Box, Boxes, Line, Panel, Picture
from micrometric.printable import printable
from micrometric.unknown_keys import refuse_unknown

_FINE = 240
"""Bins that are asked for; bars take several of them, so that any of many numbers of bars fits."""
_BARS = (8, 10, 12, 15, 16, 20, 24, 30, 40, 48, 60)
_STEPS = 1000
_GROUPS = 8
_BOXES = 24
_WHOLE = 40
"""Span of whole numbers up to which each has a bar of its own."""
_COUNTED = Figures(("count", "non_finite", "non_numeric"))
_MARKED = ("p5", "p50", "p95")
_BOXED = ("min", "p5", "p25", "p50", "p75", "p95", "max")


def histogram(draft: Draft) -> Picture:
    """Return bars for each group, in a panel each; those of a metric have the same edges."""
    names, rows = _binned(draft, _FINE, Figures(_MARKED))
    panels = []
    for metric, found in draft.by_metric(rows):
        placed = [row for row in found if row["bin"] is not None]
        shown = list(_groups(placed, names))
        _tell_groups(draft, metric, placed)
        edges, bar_of = _edges(placed, log=draft.asked.log_x)
        heights = [_heights(group, bar_of, len(edges) - 1) for group in shown]
        x, y = _value_axis(draft, metric), Axis("events", zero=True, whole=True)
        for group, bars in zip(shown, heights, strict=True):
            figures = group[0]["whole"]
            lines = tuple(
                (name, figures[name])
                for name in _MARKED
                if figures[name] > 0 or not draft.asked.log_x
            )
            name = group_name(group[0], names)
            title = " ".join(filter(None, (printable(metric), name)))
            panels.append(Panel(title, x, y, (Bars(name, edges, bars, lines),)))
    draft.say("marked: the 5th, 50th and 95th percentile of all values")
    return draft.picture("hist", "distribution of values", panels)


def ecdf(draft: Draft) -> Picture:
    """Return the share of events up to each value, a line for each group."""
    names, rows = _binned(draft, _STEPS)
    panels = []
    for metric, found in draft.by_metric(rows):
        placed = [row for row in found if row["bin"] is not None]
        _tell_groups(draft, metric, placed)
        series = [_steps(group, names) for group in _groups(placed, names)]
        y = Axis("share of events", zero=True)
        panels.append(Panel(printable(metric), _value_axis(draft, metric), y, tuple(series)))
    draft.say(f"exact at the greatest value of each of up to {_STEPS:,} bins")
    return draft.picture("ecdf", "share of events up to each value", panels)


def boxes(draft: Draft) -> Picture:
    """Return a box for each group, in a panel for each metric."""
    keys = draft.keys(draft.asked.by)
    names = tuple(key.name for key in keys)
    rows = draft.query.rows(keys, Figures((*_BOXED, *_COUNTED.names)))
    refuse_unknown(draft.query, keys, rows)
    panels = []
    for metric, found in draft.by_metric(rows):
        full = [row for row in found if row["count"]]
        shown = largest(full, draft.top(_BOXES))
        draft.tell_shown(len(shown), len(full), f"groups of {printable(metric)}")
        if draft.asked.log_x:
            shown = [row for row in shown if row["min"] > 0]
            if not shown:
                raise NoDataError(f"every group of {metric!r} has values that are not above 0")
        drawn = tuple(_box(row, group_name(row, names) or "all") for row in shown)
        y = Axis(", ".join(map(printable, names)), names=tuple(box.name for box in drawn))
        x = _value_axis(draft, metric)
        panels.append(Panel(printable(metric), x, y, (Boxes(drawn),)))
    draft.say("box: the middle half, with the median; whiskers: 5th to 95th percentile; "
              "dots: least and greatest")  # fmt: skip
    return draft.picture("box", "distribution of values", panels)


def _box(row: Row, name: str) -> Box:
    least, p5, p25, p50, p75, p95, greatest = (row[figure] for figure in _BOXED)
    return Box(name, least, p5, p25, p50, p75, p95, greatest, row["count"])


def _binned(
    draft: Draft, bins: int, whole: Figures = _COUNTED
) -> tuple[tuple[str, ...], list[Row]]:
    keys = draft.keys(draft.asked.by)
    along = Along("value", bins, draft.top(_GROUPS), log=draft.asked.log_x)
    rows = draft.query.binned(keys, _COUNTED, along, whole)
    refuse_unknown(draft.query, keys, rows)
    below = sum(row["count"] for row in rows if row["bin"] is None)
    if below:
        draft.say(f"not above 0, without a place on a logarithmic axis: {counted(below, 'value')}")
        if not any(row["bin"] is not None for row in rows):
            raise NoDataError("no value is above 0, and only those have a logarithm")
    return tuple(key.name for key in keys), rows


def _value_axis(draft: Draft, metric: str) -> Axis:
    scale: Literal["linear", "log"] = "log" if draft.asked.log_x else "linear"
    return Axis(draft.label(metric), scale)


def _group(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return (row["metric"], *(row[name] for name in names))


def _groups(rows: list[Row], names: Sequence[str]) -> Iterator[list[Row]]:
    """Yield the rows of each group."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(_group(row, names), []).append(row)
    yield from groups.values()


def _tell_groups(draft: Draft, metric: str, rows: list[Row]) -> None:
    if rows:
        draft.tell_shown(draft.top(_GROUPS), rows[0]["groups"], f"groups of {printable(metric)}")


def _edges(rows: list[Row], *, log: bool) -> tuple[tuple[float, ...], dict[int, int]]:
    """Return the edges of the bars, and which bar each fine bin belongs to."""
    low, high = rows[0]["low"], rows[0]["high"]
    if low == high:
        apart = abs(low) / 20 or 0.5
        return (low / 1.1, low * 1.1) if log else (low - apart, low + apart), {0: 0}
    if (
        not log
        and high - low <= _WHOLE
        and all(row["at_low"] == row["at_high"] == int(row["at"]) for row in rows)
    ):
        count = int(high - low) + 1
        places = {row["bin"]: int(row["at"] - low) for row in rows}
        return tuple(low - 0.5 + index for index in range(count + 1)), places
    events = sum(row["events"] for row in rows)
    # Rice's rule.
    bars = min(_BARS, key=lambda count: abs(count - 2 * events ** (1 / 3)))
    merged = _FINE // bars
    shares = [index / bars for index in range(bars + 1)]
    edges = tuple(
        low * (high / low) ** share if log else low * (1 - share) + high * share for share in shares
    )
    return (low, *edges[1:-1], high), {index: index // merged for index in range(_FINE)}


def _heights(rows: list[Row], bar_of: dict[int, int], bars: int) -> tuple[float, ...]:
    heights = [0.0] * bars
    for row in rows:
        heights[bar_of[row["bin"]]] += row["events"]
    return tuple(heights)


def _steps(rows: list[Row], names: Sequence[str]) -> Line:
    """Return the share of a group up to each value."""
    total = sum(row["events"] for row in rows)
    x, y = [rows[0]["at_low"]], [0.0]
    below = 0
    for row in sorted(rows, key=lambda row: int(row["bin"])):
        below += row["events"]
        x.append(row["at_high"])
        y.append(below / total)
    return Line(group_name(rows[0], names), tuple(x), tuple(y), steps=True)
