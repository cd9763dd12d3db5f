"""A summary as a table."""

from __future__ import annotations

from micrometric.summary import QUANTILES, Summary
from micrometric_cli.render.table import Column, Table

_KEEP = {"count": 9, "mean": 0, "std": 4, "min": 5, "p50": 7, "p95": 6, "p99": 3, "max": 8}
"""Order in which figures go where a terminal is narrow, the smallest first."""
_COUNTS = ("non_finite", "non_numeric")


def summary_table(summary: Summary, digits: int) -> Table:
    """Return a summary as a table: a block of rows for each metric."""
    columns = [Column("metric", "name"), *(Column(key, "name") for key in summary.by)]
    columns.append(Column("count", "count", keep=_KEEP["count"]))
    columns += [
        Column(name, "figure", keep=_KEEP[name])
        for name in ("mean", "std", "min", *QUANTILES, "max")
    ]
    columns += [Column(name, "count", keep=1) for name in _COUNTS]
    return Table(
        columns,
        summary.rows,
        scale="metric",
        section="metric",
        digits=digits,
        dull={name for name in _COUNTS if not any(row[name] for row in summary.rows)},
    )


def why_empty(*, filtered: bool) -> str:
    """Return the sentence for a summary without rows."""
    if filtered:
        return "no events pass the filters; drop one of them, or see micrometric list"
    return "there are no events yet"
