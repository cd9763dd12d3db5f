"""Dozens of logs as one matrix: a row for each of them, the groups of a metric across."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from micrometric.compared import Compared, Comparison, column_of
from micrometric.spelling import identity
from micrometric_cli.render.summary import kind_of
from micrometric_cli.render.table import Column, Table

_SIGNS = ("Δ", "±", "effect")
_CELLS = ("value", "difference", "half", "effect")
"""What a row has of a group."""
_Place = tuple[Hashable, ...]


def matrix(comparison: Comparison, digits: int, styles: Mapping[str, str]) -> Table:
    """Return a table with the base and the others down, in a block for each metric and figure.

    Where each metric has one group, its keys are columns; else the groups stand across, each with
    differences and effects as far as there is room.

    Args:
        comparison: with several others.
        digits: digits of a figure.
        styles: of effects.
    """
    heads = _heads(comparison)
    numbers = {place: number for number, place in enumerate(heads)}
    columns = [name for number in numbers.values() for name in _names(number)]
    short = short_names(comparison)
    keys = [] if len(heads) > 1 else [*comparison.by]
    blocks: dict[_Place, dict[str, dict[str, Any]]] = {}
    for row in comparison.rows:
        shared = {"metric": row.metric, "figure": row.figure}
        shared |= {column_of(key): row.keys[key] for key in keys}
        block = blocks.setdefault(
            (row.metric, row.figure),
            {
                name: shared | dict.fromkeys(columns) | {"other": short[name]}
                for name in (comparison.base, *comparison.others)
            },
        )
        value, *signs = _names(numbers[_place(row)] if len(heads) > 1 else 0)
        block[comparison.base] |= {"other": f"{short[comparison.base]} (base)", value: row.before}
        block[row.other] |= dict(zip([value, *signs], _cells(row), strict=True))
    rows = [row for block in blocks.values() for row in block.values()]
    several = len({row["figure"] for row in rows}) > 1
    return Table(
        [
            Column("metric", "name"),
            *(Column(key, kind_of(row[key] for row in rows)) for key in map(column_of, keys)),
            *([Column("figure")] if several else []),
            Column("other", "name", heading=key_of(comparison) or "logs"),
            *_columns([*heads.values()]),
        ],
        rows,
        scale="metric",
        section="metric",
        digits=digits,
        dull=frozenset(name for name in columns if all(row[name] is None for row in rows)),
        styles=styles,
    )


def key_of(comparison: Comparison) -> str | None:
    """Return the key whose values are compared, None where it is logs."""
    parts = [name.partition("=") for name in (comparison.base, *comparison.others)]
    values = {value for _, _, value in parts}
    is_key = len({key for key, _, _ in parts}) == 1 and len(values) == len(parts)
    return parts[0][0] if is_key else None


def short_names(comparison: Comparison) -> dict[str, str]:
    """Return the names of all logs, without the key where all are values of one."""
    key = key_of(comparison)
    names = (comparison.base, *comparison.others)
    return {name: name if key is None else name.removeprefix(f"{key}=") for name in names}


def _heads(comparison: Comparison) -> dict[_Place, list[str]]:
    """Return the headings of each group: of its figure, then of the `_SIGNS`.

    One where each metric has one group, whose keys are told in the rows.
    """
    groups: dict[str, set[_Place]] = {}
    heads: dict[_Place, list[str]] = {}
    for row in comparison.rows:
        groups.setdefault(row.metric, set()).add(_place(row))
        shown = [f"{key}={'-' if held is None else held}" for key, held in row.keys.items()]
        short = " ".join(shown).partition("=")[2] if len(shown) == 1 else " ".join(shown)
        heads[_place(row)] = [" ".join(shown), *(f"{sign} {short}" for sign in _SIGNS)]
    if all(len(places) == 1 for places in groups.values()):
        figures = {row.figure for row in comparison.rows}
        return {(): [figures.pop() if len(figures) == 1 else "value", *_SIGNS]}
    return heads


def _place(row: Compared) -> _Place:
    return tuple(map(identity, row.keys.values()))


def _names(number: int) -> list[str]:
    """Return what the columns of a group are called; their headings may be those of others."""
    return [f"{cell} {number}" for cell in _CELLS]


def _cells(row: Compared) -> tuple[Any, ...]:
    half = row.interval and (row.interval.high - row.interval.low) / 2
    return row.after, row.difference, half, row.effect


def _columns(groups: list[list[str]]) -> list[Column]:
    """Return the columns of figures; where a terminal is narrow, the signs of the last go first."""
    columns = []
    for number, (value, difference, half, effect) in enumerate(groups):
        rank, names = len(groups) - number, _names(number)
        columns += [
            Column(names[0], "figure", keep=3000 + rank if number else 0, heading=value),
            Column(names[1], "figure", keep=2000 + rank, heading=difference),
            Column(names[2], "figure", keep=1000 + rank, heading=half),
            Column(names[3], keep=rank, heading=effect),
        ]
    return columns
