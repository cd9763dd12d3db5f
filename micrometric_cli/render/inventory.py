"""The files there are, as a table: a row for each segment, run or directory, and the total."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from micrometric.inventory import Inventory, Stored, together
from micrometric_cli.render.table import Column, Table

_STYLES = {"live": "green", "killed": "red"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def files_table(inventory: Inventory, *, by_run: bool, exact: bool) -> Table:
    """Return the files as a table.

    Args:
        inventory: the files.
        by_run: whether each run is a row instead of each file.
        exact: whether sizes are bytes, as programs want them.
    """
    entries = inventory.runs() if by_run else inventory.files
    rows = [_row(stored, exact=exact) for stored in entries]
    if not exact and len(inventory) > 1:
        rows.append(_row(together(inventory.files), exact=False) | _TOTAL)
    named = (
        [Column("files", "count", keep=7)]
        if by_run
        else [Column("file", "name", keep=9), Column("kind", keep=4)]
    )
    return _table([Column("run", "name"), *named], rows, exact, section=None if by_run else "run")


def tree_table(inventory: Inventory, *, exact: bool) -> Table:
    """Return the directories with files as a table, with all that is below each.

    Args:
        inventory: the files.
        exact: whether directories are whole paths and sizes bytes, as programs want them.
    """
    rows = [
        _row(branch.stored, exact=exact)
        | {"directory": branch.stored.path if exact else "  " * branch.depth + branch.name}
        for branch in inventory.tree()
    ]
    return _table([Column("directory"), Column("files", "count", keep=7)], rows, exact)


def _table(
    named: list[Column], rows: list[dict[str, Any]], exact: bool, section: str | None = None
) -> Table:
    columns = [
        *named,
        Column("rank", "count", keep=3),
        Column("launch", "name", keep=1),
        Column("state", keep=8),
        Column("events", "count", keep=10),
        Column("size", "text" if not exact else "count", keep=10),
        Column("begin", keep=5),
        Column("end", keep=6),
    ]
    empty = [
        column.name
        for column in columns
        if column.name in ("rank", "launch", "state")
        and all(row[column.name] is None for row in rows)
    ]
    return Table(columns, rows, section=section, dull=frozenset(empty), styles=_STYLES)


_TOTAL = {"run": "total", "file": None, "kind": None, "rank": None, "launch": None, "state": None}


def size_text(size: int) -> str:
    """Return a size as people read it, in powers of ten.

    >>> [size_text(size) for size in (0, 999, 1500, 2_000_000)]
    ['0 B', '999 B', '1.5 kB', '2.0 MB']
    """
    amount = float(size)
    for unit in _UNITS:
        if amount < 999.95 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def _row(stored: Stored, *, exact: bool) -> dict[str, Any]:
    return {
        "run": stored.run,
        "files": stored.files,
        "file": stored.path if exact else PurePath(stored.path).name,
        "kind": stored.kind,
        "rank": stored.rank,
        "launch": stored.launch,
        "state": stored.state,
        "events": stored.events,
        "size": stored.size if exact else size_text(stored.size),
        "begin": stored.begin,
        "end": stored.end,
    }
