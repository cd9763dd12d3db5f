"""A comparison as a table: one other beside the base, a few across, or dozens of them down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from micrometric.compared import Comparison, column_of
from micrometric.intervals import simultaneous
from micrometric.spelling import identity
from micrometric_cli.render.matrix import matrix, short_names
from micrometric_cli.render.summary import kind_of
from micrometric_cli.render.table import Column, Table

STYLES = {"higher": "bold yellow", "lower": "bold cyan", "unclear": "dim"}
"""By the words, which tell the same without colour; no two of them are red and green."""
_FEW = 4
"""Others that stand across; more of them stand down, unless there are more groups."""
_NAMED = 6
"""Others that are named beside the table."""
_LONG = ("base", "value", "difference", "ratio", "low", "high")


def comparison_table(comparison: Comparison, digits: int) -> Table:
    """Return a comparison for people: a row for each group and figure."""
    if len(comparison.others) == 1:
        return _beside(comparison, digits)
    groups = {tuple(map(identity, row.keys.values())) for row in comparison.rows}
    if len(comparison.others) > max(_FEW, len(groups)):
        return matrix(comparison, digits, STYLES)
    return _across(comparison, digits)


def long_table(comparison: Comparison) -> Table:
    """Return a comparison for programs: a row for each group, figure and other."""
    rows = [{"base_name": comparison.base} | row.row() for row in comparison.rows]
    names = list(rows[0]) if rows else []
    return Table([Column(name, "figure" if name in _LONG else "text") for name in names], rows)


def remarks(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader of the table must know beside it."""
    others = comparison.others
    shown = others if len(others) <= _NAMED else (*others[: _NAMED - 2], "…", others[-1])
    number = f"{len(others)} logs, " * (len(others) > _NAMED)
    yield f"{number}{', '.join(shown)} compared with {comparison.base}"
    if comparison.replication is not None:
        count = comparison.intervals
        each = simultaneous(comparison.level, count)
        together = f" together, {each:.2%} each" if count > 1 else ""
        yield (
            f"{count} interval{'s' * (count != 1)} of the difference of means from "
            f"{comparison.replication}, at {comparison.level:.0%}{together}"
        )
    reasons: dict[str, int] = {}
    for row in comparison.rows:
        if row.reason is not None:
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
    for reason, count in reasons.items():
        yield f"no interval in {count} row{'s' * (count != 1)}: {reason}"


def _beside(comparison: Comparison, digits: int) -> Table:
    rows = [row.row() for row in comparison.rows]
    return Table(
        [
            *_keys(comparison, rows),
            Column("base", "figure", heading=comparison.base),
            Column("value", "figure", heading=comparison.others[0]),
            Column("difference", "figure", keep=9),
            Column("low", "figure", keep=7),
            Column("high", "figure", keep=8),
            Column("ratio", "figure", keep=5, apart=True),
            Column("effect", keep=6),
        ],
        rows,
        scale="metric",
        section="metric",
        digits=digits,
        dull=_dull(rows, "low", "high", "effect"),
        styles=STYLES,
    )


def _across(comparison: Comparison, digits: int) -> Table:
    """Return the base and each other side by side, with differences and effects."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    short = short_names(comparison)
    for row in comparison.rows:
        place = (row.metric, *map(identity, row.keys.values()), row.figure)
        half = row.interval and (row.interval.high - row.interval.low) / 2
        # By numbers: logs may be called like any other column.
        number = comparison.others.index(row.other)
        groups.setdefault(place, row.row()).update(
            {
                f"value {number}": row.after,
                f"difference {number}": row.difference,
                f"half {number}": half,
                f"effect {number}": row.effect,
            }
        )
    rows = list(groups.values())
    columns = [*_keys(comparison, rows), Column("base", "figure", heading=comparison.base)]
    for number, other in enumerate(comparison.others):
        # Where a terminal is narrow the last go first, and of each other its figure last.
        rank, name = len(comparison.others) - number, short[other]
        columns += [
            Column(f"value {number}", "figure", keep=300 + rank, heading=name),
            Column(f"difference {number}", "figure", keep=200 + rank, heading=f"Δ {name}"),
            Column(f"half {number}", "figure", keep=100 + rank, heading=f"± {name}"),
            Column(f"effect {number}", keep=rank, heading=f"effect {name}"),
        ]
    numbers = range(len(comparison.others))
    news = [f"{column} {number}" for column in ("half", "effect") for number in numbers]
    return Table(
        columns,
        rows,
        scale="metric",
        section="metric",
        digits=digits,
        dull=_dull(rows, *news),
        styles=STYLES,
    )


def _keys(comparison: Comparison, rows: list[dict[str, Any]]) -> list[Column]:
    """Return metric, keys, and the figure where there are several."""
    names = map(column_of, comparison.by)
    keys = [Column(name, kind_of(row[name] for row in rows)) for name in names]
    several = len({row["figure"] for row in rows}) > 1
    return [Column("metric", "name"), *keys, *([Column("figure")] if several else [])]


def _dull(rows: list[dict[str, Any]], *names: str) -> frozenset[str]:
    return frozenset(name for name in names if all(row.get(name) is None for row in rows))
