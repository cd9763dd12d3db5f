"""A summary as a table: a block of rows for each metric, or one key spread over columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from micrometric.errors import SettingError
from micrometric.figures import COUNTS, is_quantile
from micrometric.keys import order_of
from micrometric.spec import hint
from micrometric.summary import TOTAL, Summary
from micrometric_cli.render.table import Column, Kind, Table

_KEEP = {"count": 9, "max": 8, "std": 7, "min": 5, "p95": 4, "p99": 3, "non_finite": 10}
"""Order in which figures go where a terminal is narrow, the smallest first; others are in between,
and the first that is neither a count nor among these never goes."""
_USUAL_KEEP = 6
_OF_THEIR_OWN = ("sum", "rate")
"""Figures that are not of the size of the values."""
_WARNINGS = ("non_finite", "non_numeric")


@dataclass(frozen=True, slots=True)
class Order:
    """In which order groups are shown, and how many."""

    sort: str | None = None
    """A figure or key; after `-` the greatest first. None is by metric and keys."""
    top: int | None = None

    def of(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows to show; those without what is sorted by come last.

        Raises:
            SettingError: there is no such figure or key.
        """
        shown = [*rows]
        if self.sort is not None and rows:
            name = self.sort.removeprefix("-")
            if name not in rows[0]:
                raise SettingError(f"cannot sort by {name!r}{hint(name, rows[0])}")
            known = [row for row in rows if row[name] is not None]
            known.sort(key=lambda row: order_of(row[name]), reverse=self.sort.startswith("-"))
            shown = [*known, *(row for row in rows if row[name] is None)]
        return shown[: self.top]


def summary_table(summary: Summary, digits: int, order: Order | None = None) -> Table:
    """Return a summary as a table, with the totals of a metric after its groups."""
    order = order or Order()
    rows = order.of(summary.rows)
    kinds = {key: kind_of(row[key] for row in rows) for key in summary.by}
    columns = [Column("metric", "name"), *(Column(key, kinds[key]) for key in summary.by)]
    if summary.totals:
        rows = _with_totals(rows, summary.totals)
        columns.append(Column(TOTAL))
    figures = [name for name in summary.figures if name not in _WARNINGS]
    columns += [_titled(_figure(name, figures), name, name, summary) for name in figures]
    columns += [Column(name, "count", keep=10) for name in summary.figures if name in _WARNINGS]
    return Table(
        columns,
        rows,
        scale="metric",
        section="metric" if order.sort is None else None,
        digits=digits,
        dull=frozenset(
            name
            for name in _WARNINGS
            if name in summary.figures and not any(row[name] for row in rows)
        ),
    )


def pivot_table(summary: Summary, key: str, digits: int, order: Order | None = None) -> Table:
    """Return a table with the values of a key side by side, each with its figures.

    Args:
        summary: grouped by the key, among others.
        key: the key that is spread over columns, as it was asked for.
        digits: digits of a figure.
        order: of the groups that are left.
    """
    key = next((name for name in summary.by if name in (f"metadata.{key}", f"dir.{key}")), key)
    by = [name for name in summary.by if name != key]
    values = sorted({_hashable(row[key]) for row in summary.rows}, key=order_of)
    spread = {
        (value, figure): _heading(key, value, figure, alone=len(summary.figures) == 1)
        for value in values
        for figure in summary.figures
    }
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in summary.rows:
        names = ["metric", *by]
        group = groups.setdefault(
            tuple(_hashable(row[name]) for name in names),
            {name: row[name] for name in names} | dict.fromkeys(spread.values()),
        )
        for figure in summary.figures:
            group[spread[_hashable(row[key]), figure]] = row[figure]
    order = order or Order()
    rows = order.of(list(groups.values()))
    # The last columns go first where a terminal is narrow; the first one stays.
    keeps = [0, *range(len(spread), 1, -1)]
    columns = [
        _titled(
            replace(_figure(figure, [figure]), name=heading, keep=keep), heading, figure, summary
        )
        for ((_, figure), heading), keep in zip(spread.items(), keeps, strict=True)
    ]
    return Table(
        [
            Column("metric", "name"),
            *(Column(name, kind_of(row[name] for row in rows)) for name in by),
            *columns,
        ],
        rows,
        scale="metric",
        section="metric" if order.sort is None else None,
        digits=digits,
    )


def kind_of(values: Iterable[Any]) -> Kind:
    """Return how a key stands: numbers to the right, anything else to the left."""
    known = [value for value in values if value is not None]
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in known]
    return "count" if known and all(numbers) else "name"


def _figure(name: str, figures: Sequence[str]) -> Column:
    first = next((one for one in figures if one not in _KEEP), figures[0])
    keep = 0 if name == first else _KEEP.get(name, _USUAL_KEEP)
    kind: Kind = "count" if name in COUNTS else "figure"
    return Column(name, kind, keep=keep, apart=name in _OF_THEIR_OWN)


def _titled(column: Column, heading: str, figure: str, summary: Summary) -> Column:
    """Return a column with a sign before its heading where its figures are approximate."""
    is_rough = summary.approximate and is_quantile(figure)
    return replace(column, heading=f"≈ {heading}") if is_rough else column


def _with_totals(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the total of each metric behind its last one."""
    of_metric = {row["metric"]: row for row in totals}
    last = {row["metric"]: index for index, row in enumerate(rows)}
    keys = [name for name in rows[0] if name not in totals[0]] if rows else []
    told = []
    for index, row in enumerate(rows):
        told.append(row | {TOTAL: None})
        if last[row["metric"]] == index:
            told.append(dict.fromkeys(keys) | of_metric[row["metric"]] | {TOTAL: "all"})
    return told


def _heading(key: str, value: Any, figure: str, *, alone: bool) -> str:
    told = f"{key}={'-' if value is None else value}"
    return told if alone else f"{figure} {told}"


def _hashable(value: Any) -> Any:
    # True is 1 and equals it; as keys of columns they are apart.
    return str(value).lower() if isinstance(value, bool) else value
