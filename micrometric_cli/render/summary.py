"""A summary as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from micrometric.summary import QUANTILES, Summary
from micrometric_cli.render.table import Column, Kind, Table

_KEEP = {"count": 9, "mean": 0, "std": 7, "min": 5, "p50": 6, "p95": 4, "p99": 3, "max": 8}
"""Order in which figures go where a terminal is narrow, the smallest first."""
_WARNINGS = ("non_finite", "non_numeric")


def summary_table(summary: Summary, digits: int) -> Table:
    """Return a summary as a table: a block of rows for each metric."""
    figures = ("mean", "std", "min", *QUANTILES, "max")
    return Table(
        [
            Column("metric", "name"),
            *(Column(key, kind_of(row[key] for row in summary.rows)) for key in summary.by),
            Column("count", "count", keep=_KEEP["count"]),
            *(Column(name, "figure", keep=_KEEP[name]) for name in figures),
            *(Column(name, "count", keep=10) for name in _WARNINGS),
        ],
        summary.rows,
        scale="metric",
        section="metric",
        digits=digits,
        dull=frozenset(name for name in _WARNINGS if not any(row[name] for row in summary.rows)),
    )


def kind_of(values: Iterable[Any]) -> Kind:
    """Return how a key stands: numbers to the right, anything else to the left."""
    known = [value for value in values if value is not None]
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in known]
    return "count" if known and all(numbers) else "name"
