"""Rows of figures as a prompt, a notebook and Polars show them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from micrometric.engines import check_engine
from micrometric.flat import as_double
from micrometric.printable import printable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_MOST_ROWS = 40
"""Rows that a prompt is shown."""


def polars_frame(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of Polars; a column of several kinds as texts.

    So are whole numbers of which some need more than 64 bits.

    Raises:
        SettingError: Polars is not installed.
    """
    check_engine("polars")
    import polars as pl

    return pl.DataFrame([_series(name, [row[name] for row in rows]) for name in columns])


def _series(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    whole = [abs(value) for value in values if isinstance(value, int)]
    if kinds == {int, float}:
        values = [None if value is None else as_double(value) for value in values]
    elif len(kinds) > 1 or max(whole, default=0) >= 2**63:
        values = [None if value is None else str(value) for value in values]
    return pl.Series(name, values)


def html_table(frame: pd.DataFrame, notes: Iterable[str] = ()) -> str:
    """Return a frame as a table of HTML in which nothing runs; what is missing is left empty.

    Args:
        frame: the rows.
        notes: what must be said with them, a sentence each.
    """
    table = frame.astype(object).where(frame.notna(), "").to_html(index=False)
    return table + "".join(f"\n<p>{html.escape(printable(note))}</p>" for note in notes)


def text_table(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], notes: Iterable[str] = ()
) -> str:
    """Return rows as lines of text for a prompt: numbers with four digits, nothing as `-`.

    Texts from logs are made safe to show; rows beyond the first 40 are counted in a line below.

    Args:
        columns: names of what is shown.
        rows: hold it by these names.
        notes: what must be said with them, a sentence each.
    """
    said = [f"({printable(note)})" for note in notes]
    if not rows:
        return "\n".join(["(no groups)", *said])
    shown = [[_cell(row[name]) for name in columns] for row in rows[:_MOST_ROWS]]
    right = [_all_numbers(row[name] for row in rows[:_MOST_ROWS]) for name in columns]
    lines = [[printable(name) for name in columns], *shown]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]
    if len(rows) > _MOST_ROWS:
        text.append(f"({_MOST_ROWS} of {len(rows)} rows shown; to_pandas() has all)")
    return "\n".join([*text, *said])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return format(value, ".4g") if isinstance(value, float) else printable(str(value))


def _all_numbers(values: Iterable[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)
