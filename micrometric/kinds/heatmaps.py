"""Heatmaps: a figure for each value of one key down and another across."""

from __future__ import annotations

from typing import Any

from micrometric.draft import Draft, Row, ordered, value_text
from micrometric.errors import NoDataError, SettingError
from micrometric.figures import COUNTS, Figures
from micrometric.keys import order_of
from micrometric.pictures import Axis, Grid, Number, Panel, Picture, is_drawable
from micrometric.printable import printable
from micrometric.unknown_keys import refuse_unknown

_MOST = 64
"""Rows and columns that can be told apart."""


def heatmap(draft: Draft) -> Picture:
    """Return a grid for each metric that has both keys."""
    asked = draft.asked
    if asked.rows is None or asked.cols is None:
        raise SettingError(
            "a heatmap needs a key for its rows and one for its columns, such as --rows layer_idx "
            "--cols head"
        )
    keys = draft.keys([asked.rows, asked.cols])
    if len(keys) != 2:
        raise SettingError("rows and columns of a heatmap must be two keys, neither the metric")
    figures = Figures.read([asked.stat, "count", "non_finite", "non_numeric"])
    rows = draft.query.rows(keys, figures)
    refuse_unknown(draft.query, keys, rows)
    down, across = (key.name for key in keys)
    both = [row for row in rows if row[down] is not None and row[across] is not None]
    if rows and not both:
        raise NoDataError(f"no event has both {down!r} and {across!r}; see micrometric tail")
    lacking = sorted({row["metric"] for row in rows} - {row["metric"] for row in both})
    if lacking:
        draft.say(f"without both keys, not drawn: {', '.join(map(printable, lacking))}")
    panels = []
    for metric, found in draft.by_metric(both):
        grid, names = _grid(draft, metric, found, (down, across))
        y, x = Axis(printable(down), names=names[0]), Axis(printable(across), names=names[1])
        panels.append(Panel(printable(metric), x, y, (grid,)))
    draft.say(f"each cell: {asked.stat} of the events there")
    of = f" of {panels[0].title}" if len(panels) == 1 else ""
    title = f"{asked.stat}{of} by {printable(down)} and {printable(across)}"
    return draft.picture("heatmap", title, panels)


def _grid(
    draft: Draft, metric: str, rows: list[Row], keys: tuple[str, str]
) -> tuple[Grid, list[tuple[str, ...]]]:
    kept = [_kept(draft, rows, key) for key in keys]
    cells: dict[tuple[Any, Any], Any] = {
        (order_of(row[keys[0]]), order_of(row[keys[1]])): row[draft.asked.stat] for row in rows
    }
    numbers = tuple(
        tuple(_number(cells.get((order_of(down), order_of(across)))) for across in kept[1])
        for down in kept[0]
    )
    stat = draft.asked.stat
    name = draft.label(metric) if stat not in COUNTS else printable(metric)
    return Grid(numbers, f"{stat} of {name}"), [tuple(map(value_text, one)) for one in kept]


def _number(figure: Any) -> Number:
    return float(figure) if is_drawable(figure) else None


def _kept(draft: Draft, rows: list[Row], key: str) -> list[Any]:
    """Return the values of a key in order: those with the most events where there are too many."""
    sizes: dict[Any, int] = {}
    for row in rows:
        sizes[row[key]] = sizes.get(row[key], 0) + row["count"]
    most = draft.top(_MOST)
    draft.tell_shown(most, len(sizes), f"values of {printable(key)}")
    return ordered(sorted(sizes, key=lambda value: -sizes[value])[:most])
