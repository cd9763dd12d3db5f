"""A table as data, and its cells as people read them.

A view builds a `Table` of plain values. `draw.py` fits it to a terminal, `formats.py` writes it
for programs and documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from micrometric_cli.render.numbers import DEFAULT_DIGITS, decimals_for, format_number
from micrometric_cli.render.text import printable

Kind = Literal["text", "name", "count", "figure"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """Key of its values in a row, and its heading."""
    kind: Kind = "text"
    """A `name` may be shortened in the middle; `count` and `figure` stand to the right."""
    keep: int = 0
    """Where a terminal is narrow, columns with the smallest number go first; 0 never goes."""
    apart: bool = False
    """Whether its figures are of another unit than the others, and have decimals of their own."""
    heading: str | None = None
    """What stands above it for people, unless that is its name."""

    @property
    def title(self) -> str:
        """What stands above it for people."""
        return self.heading or self.name

    @property
    def right(self) -> bool:
        """Whether its cells stand to the right."""
        return self.kind in ("count", "figure")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to show."""

    columns: list[Column]
    rows: list[dict[str, Any]]
    scale: str | None = None
    """Key of the rows whose figures share a number of decimals, such as the metric."""
    section: str | None = None
    """Key that is shown once for a block of rows."""
    digits: int = DEFAULT_DIGITS
    dull: frozenset[str] = frozenset()
    """Columns without news, such as counts that are all 0; formats for people leave them out."""
    styles: Mapping[str, str] = field(default_factory=dict)
    """Styles of cells with a certain text."""
    caption: tuple[str, ...] = ()
    """What a document must say with it, a sentence each; elsewhere it is said beside."""


def telling(table: Table) -> list[Column]:
    """Return the columns that have something to say."""
    return [column for column in table.columns if column.name not in table.dull]


def section_starts(table: Table) -> set[int]:
    """Return the rows that begin a section; without sections each row is one."""
    if table.section is None:
        return set(range(len(table.rows)))
    names = [row[table.section] for row in table.rows]
    return {i for i, name in enumerate(names) if i == 0 or name != names[i - 1]}


def text_of(value: Any) -> str:
    """Return a value that is no figure as text, safe for a terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value)) or "-"
    return printable(str(value))


def moment_text(moment: datetime) -> str:
    """Return a time in UTC, to the millisecond unless it is a whole second."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(sep=" ", timespec=precision).replace("+00:00", "Z")


def cells_of(table: Table) -> dict[str, list[str]]:
    """Return the cells of each column as text, figures with their digits."""
    decimals = _decimals(table)
    cells: dict[str, list[str]] = {}
    for column in table.columns:
        if column.kind == "figure":
            cells[column.name] = [
                format_number(row[column.name], decimals[_scale(row, column, table)], table.digits)
                for row in table.rows
            ]
        else:
            cells[column.name] = [text_of(row.get(column.name)) for row in table.rows]
    return cells


def _scale(row: dict[str, Any], column: Column, table: Table) -> tuple[Any, str | None]:
    """Return what figures with the same number of decimals have in common."""
    return row[table.scale] if table.scale else None, column.name if column.apart else None


def _decimals(table: Table) -> dict[Any, int | None]:
    figures: dict[Any, list[float]] = {}
    columns = [column for column in table.columns if column.kind == "figure"]
    for row in table.rows:
        for column in columns:
            numbers = figures.setdefault(_scale(row, column, table), [])
            if row[column.name] is not None:
                numbers.append(row[column.name])
    return {scale: decimals_for(numbers, table.digits) for scale, numbers in figures.items()}
