"""Events as a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.finder import Paths
from micrometric.flat import FIXED, Flat, under
from micrometric.printable import printable
from micrometric.reader import iter_events
from micrometric.report import Report

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 40
"""Rows that a prompt is shown."""


def read(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    metadata_column: bool = False,
) -> pd.DataFrame:
    """Return the events of some logs as a frame, a row each, in the order they were logged.

    Args:
        paths: files, directories (recursive), globs, URLs of these or `-`; one or several.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        metadata_column: keep metadata as one column of dicts instead of a column for each key.

    Returns:
        Columns `timestamp` (UTC, microseconds), `metric`, `value` (float64 where all values are
        numbers), `location`, `run`, `session`, `rank`, `launch`, then a column for each
        `name=value` key of the paths and each metadata key, called `dir.x` or `metadata.x` where
        `x` is taken. `.attrs` holds `skipped`, the number of lines that are no events, and
        `notes`, sentences about what was assumed, sampled or capped.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        NoDataError: there is no such launch.
    """
    import pandas as pd

    report = Report()
    events = list(
        iter_events(
            paths,
            metrics=metrics,
            location=location,
            where=where,
            since=since,
            until=until,
            launch=launch,
            assume_tz=assume_tz,
            report=report,
        )
    )
    columns: dict[str, Any] = {name: [getattr(event, name) for event in events] for name in FIXED}
    columns["timestamp"] = pd.Series(columns["timestamp"], dtype="datetime64[us, UTC]")
    columns["value"] = _values(columns["value"])
    columns["rank"] = pd.array(columns["rank"], dtype="Int64")
    flat = Flat()
    flat.learn(events)
    for name, source in flat.names().items():
        if not (metadata_column and source[0] == "metadata"):
            columns[name] = [under(event, *source) for event in events]
    if metadata_column:
        columns["metadata"] = [event.metadata for event in events]
    frame = pd.DataFrame(columns)
    frame.attrs["skipped"] = report.skipped
    frame.attrs["notes"] = report.sentences()
    return frame


def html_table(frame: pd.DataFrame) -> str:
    """Return a frame as a table of HTML in which nothing runs; what is missing is left empty."""
    return frame.astype(object).where(frame.notna(), "").to_html(index=False)


def text_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as lines of text for a prompt: numbers with four digits, nothing as `-`.

    Texts from logs are made safe to show; rows beyond the first 40 are counted in a last line.
    """
    if not rows:
        return "(no groups)"
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
    return "\n".join(text)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return format(value, ".4g") if isinstance(value, float) else printable(str(value))


def _all_numbers(values: Iterable[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)


def _values(values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    numeric = all(isinstance(value, bool | int | float) for value in values)
    kind = "float64" if numeric else "object"
    return pd.Series([float(value) for value in values] if numeric else values, dtype=kind)
