"""The Pareto front of a picture: a table, or a list for a terminal that is too narrow for it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from micrometric.draft import group_name
from micrometric_cli.render.numbers import DEFAULT_DIGITS
from micrometric_cli.render.summary import kind_of
from micrometric_cli.render.table import Column, Table
from micrometric_cli.render.text import shortened

_NARROWEST_NAME = 6

Front = Sequence[dict[str, Any]]
"""A row for each pair: its keys, then the two metrics; at least one."""


def front_table(front: Front, width: int | None) -> Table:
    """Return a front as a table.

    Args:
        front: the rows.
        width: of the terminal; None is none.
    """
    *names, x, y = front[0]
    columns = [Column(name, kind_of(row[name] for row in front)) for name in names]
    # Names of metrics give way first: the axes above have them in full.
    limit = max(len(x), len(y)) if width is None else max(_NARROWEST_NAME, width // 4)
    forms = shortened({x, y}, limit)
    columns += [Column(forms[name], "figure") for name in (x, y)]
    return Table(columns, [row | {forms[name]: row[name] for name in (x, y)} for row in front])


def front_list(front: Front, width: int) -> list[str]:
    """Return a front as sentences that are no wider than a terminal."""
    *names, x, y = front[0]
    lines = []
    for row in front:
        numbers = f"x {row[x]:.{DEFAULT_DIGITS}g}, y {row[y]:.{DEFAULT_DIGITS}g}"
        told = f"{group_name(row, names)}: {numbers}"
        lines += textwrap.wrap(told, width, subsequent_indent="  ")
    return lines
