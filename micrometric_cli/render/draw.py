"""A table on a terminal: which columns fit, how far names are shortened, and the drawing.

What does not fit is left out whole rather than wrapped, and is named, so that nobody takes a part
for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrometric_cli.render.numbers import aligned
from micrometric_cli.render.table import Column, Table, cells_of, section_starts, telling
from micrometric_cli.render.text import printable, shortened, width_of

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

_NARROWEST_NAME = 18
"""Columns of the terminal that a name keeps before a figure has to go."""
_GAP = 2

Cells = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What of a table fits."""

    table: Table
    columns: list[Column]
    cells: Cells
    left_out: list[str]
    """Names of the columns that did not fit."""


def fit(table: Table, width: int | None) -> Fitted:
    """Choose what of a table to show on a terminal; without a width, all of it in full."""
    cells = cells_of(table)
    pointed = cells | {
        column.name: aligned(cells[column.name])
        for column in table.columns
        if column.kind == "figure"
    }
    columns = telling(table)
    if width is None or _total(columns, pointed) <= width:
        return Fitted(table, columns, pointed, [])
    # Flush right takes less room than point under point, and tells the same.
    columns = _without_least(columns, cells, width)
    short = cells | _shortened_names(columns, cells, width)
    while _total(columns, short) > width and any(column.keep for column in columns):
        # Names that would look the same are longer than their share.
        least = min((column for column in columns if column.keep), key=lambda column: column.keep)
        columns = [column for column in columns if column is not least]
        short = cells | _shortened_names(columns, cells, width)
    left_out = [column.title for column in telling(table) if column not in columns]
    return Fitted(table, columns, short, left_out)


def draw(fitted: Fitted, *, repeat: bool = False) -> RichTable:
    """Return what fits as a renderable.

    Args:
        fitted: the table.
        repeat: whether each row names its section; otherwise only the first one does.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column in fitted.columns:
        drawn.add_column(
            Text(printable(column.title), style="bold"),
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="crop",
        )
    starts = section_starts(fitted.table)
    spaced = len(starts) < len(fitted.table.rows)
    for index in range(len(fitted.table.rows)):
        if index and index in starts and spaced:
            drawn.add_section()
        blank = fitted.table.section if index not in starts and not repeat else None
        drawn.add_row(*[_styled(fitted, column, index, blank) for column in fitted.columns])
    return drawn


def _styled(fitted: Fitted, column: Column, index: int, blank: str | None) -> Text:
    from rich.text import Text

    cell = "" if column.name == blank else fitted.cells[column.name][index]
    # Weight and the terminal's own colours only: they are chosen to be read on its background.
    return Text(cell, style="dim" if cell.strip() == "-" else fitted.table.styles.get(cell, ""))


def _without_least(columns: list[Column], cells: Cells, width: int) -> list[Column]:
    """Return the columns that fit with names shortened, without those that matter least."""

    def fits(without: set[str], name_limit: int | None) -> bool:
        kept = [column for column in columns if column.name not in without]
        return _total(kept, cells, name_limit) <= width

    going = sorted((c for c in columns if c.keep), key=lambda column: column.keep)
    gone: list[str] = []
    while not fits(set(gone), _NARROWEST_NAME) and len(gone) < len(going):
        gone.append(going[len(gone)].name)
    # Where a wide column had to go, a narrow one may stay after all, if it costs no name.
    left_out = set(gone)
    for name in reversed(gone):
        if fits(left_out - {name}, None):
            left_out.remove(name)
    return [column for column in columns if column.name not in left_out]


def _shortened_names(columns: Sequence[Column], cells: Cells, width: int) -> Cells:
    names = [column for column in columns if column.kind == "name"]
    others = [column for column in columns if column.kind != "name"]
    room = width - _total(others, cells) - _GAP * len(names if others else names[1:])
    wanted = [_width(column, cells) for column in names]
    short: Cells = {}
    for column, share in zip(names, _shares(wanted, room), strict=True):
        forms = shortened(set(cells[column.name]), max(share, width_of(column.title)))
        short[column.name] = [forms[cell] for cell in cells[column.name]]
    return short


def _total(columns: Sequence[Column], cells: Cells, name_limit: int | None = None) -> int:
    """Return the width of columns and the gaps between them, with names up to a limit."""
    widths = [_width(column, cells) for column in columns]
    if name_limit is not None:
        widths = [
            min(width, max(name_limit, width_of(column.title))) if column.kind == "name" else width
            for column, width in zip(columns, widths, strict=True)
        ]
    return sum(widths) + _GAP * max(0, len(columns) - 1)


def _width(column: Column, cells: Cells) -> int:
    return max(map(width_of, [column.title, *cells[column.name]]))


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """Divide the room among the names: what a short one does not need goes to the others."""
    shares = [0] * len(wanted)
    left = room
    for position, index in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        shares[index] = min(wanted[index], max(1, left // (len(wanted) - position)))
        left -= shares[index]
    return shares
