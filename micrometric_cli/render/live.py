"""A live summary as a table, and recent values as a line of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from micrometric_cli.render.draw import Fitted, fit
from micrometric_cli.render.formats import plain
from micrometric_cli.render.screen import BLOCKS
from micrometric_cli.render.summary import kind_of
from micrometric_cli.render.table import Column, Table

ASCII_LEVELS = "_.-=+*#@"
"""What stands for blocks where the encoding of the output has none."""
_NOT_FINITE = "!"
_SIZES = (16, 8)
"""Recent values shown; the fewer where others would not fit."""
_KEEP = {"count": 9, "rate": 8, "last": 7, "mean": 0, "min": 4, "max": 5, "recent": 6}
"""Order in which columns go where a terminal is narrow, the smallest first."""
_WARNINGS = ("non_finite", "non_numeric")

Rows = list[dict[str, Any]]


def sparkline(values: Sequence[float], levels: str = BLOCKS) -> str:
    """Return a sign a value, the higher the greater it is among them.

    >>> sparkline([0, 1, 2, 7])
    '▁▂▃█'
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_level(value, low, high, levels) for value in values)


def _level(value: float, low: float, high: float, levels: str) -> str:
    if not math.isfinite(value):
        return _NOT_FINITE
    top = len(levels) - 1
    # Halves first: the distance of the largest doubles is beyond a double.
    share = (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
    return levels[int(share * top + 0.5)]


def fit_live(
    rows: Rows, by: Sequence[str], *, digits: int, width: int | None, levels: str = BLOCKS
) -> Fitted:
    """Return what of a live summary fits; a shorter line of recent values before no column.

    Args:
        rows: those of `LiveSummary.rows`.
        by: the keys grouped by.
        digits: digits of a figure.
        width: columns of the terminal, None where lines may be of any length.
        levels: the signs for recent values, from low to high.
    """
    for size in _SIZES:
        fitted = fit(_shown(rows, by, digits, size, levels), width)
        if not fitted.left_out:
            break
    return fitted


def live_table(rows: Rows, by: Sequence[str], time: str) -> Table:
    """Return a live summary for programs: in full, each row with the time of the snapshot."""
    told = [{"time": time, **row, "recent": [plain(x) for x in row["recent"]]} for row in rows]
    return Table([Column("time"), *_columns(rows, by)], told)


def _shown(rows: Rows, by: Sequence[str], digits: int, size: int, levels: str) -> Table:
    """Return a live summary for people: rates to a tenth, recent values as a line."""
    told = [
        row | {"rate": f"{row['rate']:.1f}", "recent": sparkline(row["recent"][-size:], levels)}
        for row in rows
    ]
    return Table(
        _columns(rows, by),
        told,
        scale="metric",
        digits=digits,
        dull=frozenset(name for name in _WARNINGS if not any(row[name] for row in rows)),
    )


def _columns(rows: Rows, by: Sequence[str]) -> list[Column]:
    return [
        Column("metric", "name"),
        *(Column(key, kind_of(row[key] for row in rows)) for key in by),
        Column("count", "count", keep=_KEEP["count"]),
        # A rate is of another unit than the figures, and shares no decimals with them.
        Column("rate", "count", keep=_KEEP["rate"]),
        *(Column(name, "figure", keep=_KEEP[name]) for name in ("last", "mean", "min", "max")),
        Column("recent", "text", keep=_KEEP["recent"]),
        *(Column(name, "count", keep=10) for name in _WARNINGS),
    ]
