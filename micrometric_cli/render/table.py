"""A table as data, and what a terminal, a document or a program makes of it.

A renderer builds a `Table` of plain values; `draw` fits it to a width, and `formats.py` writes it
for machines with the same values in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from micrometric_cli.render.numbers import (
    DEFAULT_DIGITS,
    aligned,
    decimals_for,
    format_number,
)
from micrometric_cli.render.text import printable, shortened

if TYPE_CHECKING:
    from rich.table import Table as RichTable

Kind = Literal["text", "name", "count", "figure"]
_NARROWEST_NAME = 20
"""Columns of a name that are kept before a figure has to go."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """Key of its values in a row, and its heading."""
    kind: Kind = "text"
    """`name` may be shortened in the middle; figures share their digits by `scale`."""
    keep: int = 0
    """Columns with the smallest number go first where a terminal is narrow; 0 never goes."""


@dataclass(slots=True)
class Table:
    """Rows to show."""

    columns: list[Column]
    rows: list[dict[str, Any]]
    scale: str | None = None
    """Key of the rows whose figures share a number of decimals, such as the metric."""
    section: str | None = None
    """Key that is shown once for a block of rows."""
    digits: int = DEFAULT_DIGITS
    dull: set[str] = field(default_factory=set)
    """Columns without news, such as counts that are all 0; formats for people leave them out."""
    left_out: list[str] = field(default_factory=list)
    """Columns that the last drawing left out for want of width."""


def telling(table: Table) -> list[Column]:
    """Return the columns that have something to say."""
    return [column for column in table.columns if column.name not in table.dull]


def text_of(value: Any) -> str:
    """Return a value that is no figure as text, safe for a terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        fraction = "microseconds" if value.microsecond else "seconds"
        return value.isoformat(sep=" ", timespec=fraction).replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value)) or "-"
    return printable(str(value))


def cells_of(table: Table) -> dict[str, list[str]]:
    """Return the cells of each column as text, figures with their digits."""
    decimals = _decimals(table)
    cells: dict[str, list[str]] = {}
    for column in table.columns:
        if column.kind == "figure":
            cells[column.name] = [
                format_number(row[column.name], decimals[_scale(row, table)], table.digits)
                for row in table.rows
            ]
        else:
            cells[column.name] = [text_of(row.get(column.name)) for row in table.rows]
    return cells


def _scale(row: dict[str, Any], table: Table) -> Any:
    return row[table.scale] if table.scale else None


def _decimals(table: Table) -> dict[Any, int]:
    figures: dict[Any, list[float]] = {}
    names = [column.name for column in table.columns if column.kind == "figure"]
    for row in table.rows:
        numbers = figures.setdefault(_scale(row, table), [])
        numbers += [row[name] for name in names if row[name] is not None]
    return {scale: decimals_for(numbers, table.digits) for scale, numbers in figures.items()}


def draw(table: Table, width: int | None) -> RichTable:
    """Return the table for a terminal; without a width everything is shown in full.

    Columns that do not fit are left out and noted in `table.left_out`.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    cells = cells_of(table)
    for column in table.columns:
        if column.kind == "figure":
            cells[column.name] = aligned(cells[column.name])
    columns = _fit(table, cells, width)
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        right = column.kind in ("figure", "count")
        drawn.add_column(
            Text(column.name), justify="right" if right else "left", no_wrap=True, overflow="fold"
        )
    for index, row in enumerate(table.rows):
        fresh = not (
            table.section and index and row[table.section] == table.rows[index - 1][table.section]
        )
        if fresh and index and table.section:
            drawn.add_section()
        shown = [
            ""
            if width is not None and column.name == table.section and not fresh
            else cells[column.name][index]
            for column in columns
        ]
        drawn.add_row(*map(_styled, shown))
    return drawn


def _styled(cell: str) -> Any:
    from rich.text import Text

    # Only weight, no colour of its own: it must be read on light and on dark.
    return Text(cell, style="dim" if cell == "-" else "")


def _fit(table: Table, cells: dict[str, list[str]], width: int | None) -> list[Column]:
    """Choose the columns that fit and shorten the names in `cells` to the room they get."""
    columns = telling(table)
    table.left_out = []
    if width is None:
        return columns
    while (room := _room(columns, cells, width)) < _needed(columns, cells, _NARROWEST_NAME):
        going = min((c for c in columns if c.keep), key=lambda c: c.keep, default=None)
        if going is None:
            break
        columns.remove(going)
        table.left_out.insert(0, going.name)
    names = [column for column in columns if column.kind == "name"]
    for column, share in zip(names, _shares(names, cells, room), strict=True):
        short = shortened(set(cells[column.name]), max(share, len(column.name)))
        cells[column.name] = [short[cell] for cell in cells[column.name]]
    return columns


def _width_of(column: Column, cells: dict[str, list[str]]) -> int:
    return max([len(column.name), *map(len, cells[column.name])])


def _room(columns: Sequence[Column], cells: dict[str, list[str]], width: int) -> int:
    """Return what the names may take after all other columns and the gaps."""
    others = sum(_width_of(column, cells) for column in columns if column.kind != "name")
    return width - others - _GAP * len(columns)


def _needed(columns: Sequence[Column], cells: dict[str, list[str]], narrowest: int) -> int:
    return sum(
        min(narrowest, _width_of(column, cells)) for column in columns if column.kind == "name"
    )


def _shares(names: Sequence[Column], cells: dict[str, list[str]], room: int) -> list[int]:
    """Divide the room among the names: what a short one does not need goes to the others."""
    wanted = [_width_of(column, cells) for column in names]
    shares = [0] * len(names)
    left = room
    for position, index in enumerate(sorted(range(len(names)), key=wanted.__getitem__)):
        shares[index] = min(wanted[index], max(1, left // (len(names) - position)))
        left -= shares[index]
    return shares
